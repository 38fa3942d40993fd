#pragma once

#include <redoubt/tests/unit/circuit_breaker_model.hpp>

#include <chrono>
#include <string>

namespace redoubt {

/// One step of a test.
enum class breaker_step : uint8_t {
  // What happens to the endpoint …
  success,
  failure,
  failed_then_well,
  well_then_failed,
  nothing,
  stale,
  lost,
  dial_failed,
  ready,
  probe_starts,
  probe_succeeds,
  probe_fails,
  stale_probe,
  lease_one,
  lease_all,
  admitted,
  admitted_and_succeeded,
  returned,
  greedy,
  slow,
  slow_failure,
  // … time …
  tick,
  tick_unconnected,
  wait_1ms,
  wait_lump,
  wait_bucket,
  wait_for_tick,
  // … and operators; only in random walks from `first_rare` on.
  force_open,
  force_close,
  release,
  release_unconnected,
  reset,
  first_rare,
  switch_off = first_rare,
  switch_on,
  observe,
  observe_no_more,
  disable,
  metrics_only,
  forget_leases,
  wait_ramp_step,
  wait_stable,
  wait_long,
  end,
};

/// A breaker and its model, side by side.
class breaker_twins {
public:
  using link = circuit_breaker::link_event;
  using state = breaker_state;
  using tally = circuit_breaker::tally;
  using moved = std::optional<circuit_breaker::transition>;

  explicit breaker_twins(const breaker_options& options, uint64_t seed = 42)
    : real_(options, seed), model_(options) {}

  /// Lets `x` happen to both. Empty if they agree in all that can be seen.
  std::string apply(breaker_step x) {
    auto from = real_.state();
    auto generation = real_.generation();
    changed_.reset();
    complaint_ = "";
    perform(x);
    auto made = changed_ && !changed_->would_be;
    if (made && !legal(*changed_, from, generation))
      complaint_ = "illegal transition";
    if (changed_ && changed_->would_be
        && real_.status(now_).mode != breaker_mode::metrics_only)
      complaint_ = "a transition that was not made";
    if (!made && (real_.state() != from || real_.generation() != generation))
      complaint_ = "silent transition";
    if (made && changed_->to == state::half_open)
      leased_ = 0;
    if (leased_ > real_.options().half_open_permits)
      complaint_ = "more permits leased than there are";
    compare();
    return complaint_;
  }

  const circuit_breaker& real() const { return real_; }
  api::time_point now() const { return now_; }

private:
  void perform(breaker_step x) {
    auto g = real_.generation();
    switch (x) {
      case breaker_step::success: return record({g, 1, 0, 0, 0, 0});
      case breaker_step::failure: return record({g, 0, 1, 1, 0, 0});
      case breaker_step::failed_then_well: return record({g, 1, 1, 0, 0, 0});
      case breaker_step::well_then_failed: return record({g, 1, 1, 1, 0, 0});
      case breaker_step::nothing: return record({g, 0, 0, 0, 0, 0});
      case breaker_step::stale:
        record({g + 1, 9, 9, 9, 9, 9, 9});
        return record({g - 1, 9, 9, 9, 9, 9, 9});
      case breaker_step::lease_one: return lease(1);
      case breaker_step::lease_all: return lease(99);
      case breaker_step::admitted: return record({g, 0, 0, 0, 1, 0});
      case breaker_step::admitted_and_succeeded:
        return record({g, 1, 0, 0, 1, 0});
      case breaker_step::returned: return record({g, 0, 0, 0, 0, 1});
      case breaker_step::greedy: return record({g, 0, 0, 0, 99, 99});
      case breaker_step::slow: return record({g, 1, 0, 0, 0, 0, 1});
      case breaker_step::slow_failure: return record({g, 0, 1, 1, 0, 0, 1});
      case breaker_step::wait_ramp_step:
        now_ += std::chrono::milliseconds{15};
        return;
      case breaker_step::wait_1ms: now_ += std::chrono::milliseconds{1}; return;
      case breaker_step::wait_lump:
        now_ += std::chrono::milliseconds{30};
        return;
      case breaker_step::wait_bucket:
        now_ += std::chrono::milliseconds{100};
        return;
      case breaker_step::wait_stable:
        now_ += std::chrono::milliseconds{300};
        return;
      case breaker_step::wait_long: now_ += std::chrono::hours{24}; return;
      case breaker_step::wait_for_tick: return wait_for_tick();
      default: return perform_on_both(x);
    }
  }

  // What has the same name in both.
  void perform_on_both(breaker_step x) {
    auto both = [&](auto f) { agree(f(real_), f(model_)); };
    auto g = real_.generation();
    switch (x) {
      case breaker_step::lost:
        return both([&](auto& b) { return b.record(link::lost, now_); });
      case breaker_step::dial_failed:
        return both([&](auto& b) { return b.record(link::dial_failed, now_); });
      case breaker_step::ready:
        return both([&](auto& b) { return b.connection_ready(now_); });
      case breaker_step::tick:
        return both([&](auto& b) { return b.tick(now_, true); });
      case breaker_step::tick_unconnected:
        return both([&](auto& b) { return b.tick(now_, false); });
      case breaker_step::probe_starts:
        real_.probe_started();
        return model_.probe_started();
      case breaker_step::probe_succeeds:
        return both([&](auto& b) { return b.probe_finished(g, true, now_); });
      case breaker_step::probe_fails:
        return both([&](auto& b) { return b.probe_finished(g, false, now_); });
      case breaker_step::stale_probe:
        return both(
          [&](auto& b) { return b.probe_finished(g - 1, false, now_); });
      case breaker_step::release:
        return both([&](auto& b) { return b.release(now_, true); });
      case breaker_step::release_unconnected:
        return both([&](auto& b) { return b.release(now_, false); });
      case breaker_step::reset:
        return both([&](auto& b) { return b.reset(now_); });
      case breaker_step::force_open:
        return agree(real_.force_open(now_), model_.force(state::open, now_));
      case breaker_step::force_close:
        return agree(real_.force_close(now_),
                     model_.force(state::closed, now_));
      case breaker_step::forget_leases:
        real_.forget_leases(now_);
        return model_.forget_leases(now_);
      case breaker_step::disable:
        return agree(real_.disable(now_),
                     model_.by_hand(breaker_mode::disabled, now_));
      case breaker_step::metrics_only:
        return agree(real_.metrics_only(now_),
                     model_.by_hand(breaker_mode::metrics_only, now_));
      case breaker_step::observe: return observe(true);
      case breaker_step::observe_no_more: return observe(false);
      default: return enable(x == breaker_step::switch_on);
    }
  }

  void record(const tally& x) {
    agree(real_.record(x, now_), model_.record(x, now_));
  }

  void lease(uint32_t n) {
    auto leased = real_.lease(n, now_);
    leased_ += leased;
    if (leased != model_.lease(n, now_))
      complaint_ = "permits leased differ";
  }

  void enable(bool on) {
    auto options = real_.options();
    options.enabled = on;
    agree(real_.options(options, now_), model_.enable(on, now_));
  }

  void observe(bool on) {
    auto options = real_.options();
    options.metrics_only = on;
    agree(real_.options(options, now_), model_.observe(on, now_));
  }

  void wait_for_tick() {
    if (real_.next_tick() != api::time_point::max())
      now_ = std::max(now_, real_.next_tick());
  }

  void agree(const moved& real, const moved& model) {
    if (real != model)
      complaint_ = "transitions differ";
    // `stale` is two events, neither of which may move anything.
    changed_ = changed_ ? changed_ : real;
    if (real && real->to == state::open && !real->would_be
        && !real_.status(now_).forced
        && !model_.adopt_open_wait(now_, real_.next_tick()))
      complaint_ = "open wait out of range";
  }

  static bool legal(const circuit_breaker::transition& x, state from,
                    uint64_t generation) {
    using cause = breaker_cause;
    if (x.from != from || x.from == x.to || x.generation != generation + 1)
      return false;
    if (x.cause == cause::operator_request)
      return x.to != state::half_open || x.from == state::open;
    if (x.from == state::closed)
      return x.to == state::open
             && (x.cause == cause::failure_rate
                 || x.cause == cause::consecutive_failures
                 || x.cause == cause::slow_call_rate);
    if (x.from == state::open)
      return x.to == state::half_open
             && (x.cause == cause::open_wait_elapsed
                 || x.cause == cause::connection_ready);
    if (x.to == state::closed)
      return x.cause == cause::trials_succeeded;
    return x.cause == cause::probe_failed || x.cause == cause::trial_failed
           || x.cause == cause::slow_call_rate
           || x.cause == cause::half_open_timeout;
  }

  void compare() {
    if (real_.status(now_) != model_.status(now_))
      complaint_ = "status differs";
    if (real_.wants_probe() != model_.wants_probe())
      complaint_ = "wish for a probe differs";
    if (real_.permits_available() != model_.permits_available())
      complaint_ = "permits available differ";
    if (real_.ramp_until() != model_.ramp_until())
      complaint_ = "end of the ramp differs";
    if (real_.next_tick() != model_.next_tick())
      complaint_ = "next tick differs";
  }

  circuit_breaker real_;
  breaker_model model_;
  api::time_point now_{std::chrono::seconds{1000}};
  uint64_t leased_ = 0;
  moved changed_;
  const char* complaint_ = "";
};

} // namespace redoubt
