#pragma once

#include <redoubt/actors/supervisor/circuit_breaker.hpp>

#include <redoubt/tests/unit/call_log.hpp>

#include <algorithm>
#include <array>
#include <optional>

namespace redoubt {

/// The rules of the circuit breaker once more, written from its documentation
/// and as plainly as can be: the window is a list of calls, every permit is a
/// thing of its own. Slow, and without the jitter, which `adopt_open_wait`
/// takes over from the real one.
class breaker_model {
public:
  using time_point = api::time_point;
  using transition = circuit_breaker::transition;
  using moved = std::optional<transition>;
  using link = circuit_breaker::link_event;

  static constexpr size_t most_permits = 8;

  explicit breaker_model(const breaker_options& options)
    : options_(options), calls_(options) {}

  breaker_status status(time_point now) const {
    breaker_status result;
    result.state = state_;
    result.mode = mode();
    result.generation = generation_;
    result.cause = cause_;
    result.forced = by_hand_.has_value();
    result.calls_in_window = calls_.count(now);
    result.failures_in_window = calls_.count_failed(now);
    result.slow_calls_in_window = calls_.count_slow(now);
    result.consecutive_failures = run_;
    result.trips = trips_;
    result.would_be_trips = would_be_trips_;
    result.ramp = ramp();
    return result;
  }

  moved record(const circuit_breaker::tally& x, time_point now) {
    if (!counts() || x.generation != generation_)
      return {};
    if (state_ == breaker_state::half_open)
      return record_trials(x, now);
    if (state_ == breaker_state::open)
      return {};
    auto slow = options_.slow_call > options_.slow_call.zero() ? x.slow : 0;
    calls_.note({x.successes, x.failures, slow}, x.run, now);
    run_ = x.successes > 0 ? x.run : run_ + x.run;
    return judge(x.failures > 0, slow > 0, now);
  }

  moved record(link x, time_point now) {
    if (!counts())
      return {};
    auto& last = x == link::lost ? lost_ : dial_failed_;
    auto lumped = last && now < *last + options_.lump;
    if (!lumped)
      last = now;
    if (state_ == breaker_state::half_open && x == link::lost)
      return half_open_failed(breaker_cause::trial_failed, now);
    if (state_ != breaker_state::closed || lumped)
      return {};
    calls_.note({0, 1, 0}, 1, now);
    ++run_;
    return judge(true, false, now);
  }

  moved connection_ready(time_point now) {
    if (state_ == breaker_state::open && !forced())
      return half_open(breaker_cause::connection_ready, now);
    return {};
  }

  moved tick(time_point now, bool connected) {
    ramp_seen_ = now;
    if (state_ == breaker_state::open && !forced() && now >= open_until_) {
      if (connected)
        return half_open(breaker_cause::open_wait_elapsed, now);
      awaits_link_ = true;
    }
    if (state_ != breaker_state::half_open)
      return {};
    if (count(permit::owed) > 0 && now >= owed_until())
      return half_open_failed(breaker_cause::probe_failed, now);
    if (now - half_open_since_ >= options_.half_open_max)
      return half_open_failed(breaker_cause::half_open_timeout, now);
    if (probed_ && now >= lease_end_) {
      move(most_permits, permit::idle, permit::owed, now);
      move(most_permits, permit::leased, permit::owed, now);
      if (now >= lease_end_ + 2 * options_.lease)
        move(most_permits, permit::flying, permit::owed, now);
    }
    return {};
  }

  time_point next_tick() const {
    auto result = time_point::max();
    if (state_ == breaker_state::open && !forced() && !awaits_link_)
      return open_until_;
    if (auto step = ramp_step())
      return ramp_began_ + (static_cast<int>(*step) + 1) * options_.ramp_step;
    if (state_ != breaker_state::half_open)
      return result;
    result = half_open_since_ + options_.half_open_max;
    if (count(permit::owed) > 0)
      result = std::min(result, owed_until());
    if (probed_ && count(permit::idle) + count(permit::leased) > 0)
      result = std::min(result, lease_end_);
    if (count(permit::flying) > 0)
      result = std::min(result, lease_end_ + 2 * options_.lease);
    return result;
  }

  bool wants_probe() const {
    return state_ == breaker_state::half_open && !probing_
           && count(permit::owed) > 0;
  }

  void probe_started() { probing_ = probing_ || wants_probe(); }

  moved probe_finished(uint64_t generation, bool success, time_point now) {
    if (generation != generation_ || !probing_)
      return {};
    if (!success)
      return half_open_failed(breaker_cause::probe_failed, now);
    probing_ = false;
    move(1, permit::owed, permit::proven, now);
    owed_since_ = now;
    if (!probed_)
      lease_end_ = now + options_.lease;
    probed_ = true;
    return close_if_proven(now);
  }

  uint32_t permits_available() const {
    if (state_ != breaker_state::half_open || !probed_)
      return 0;
    return static_cast<uint32_t>(count(permit::idle));
  }

  uint32_t lease(uint32_t n, time_point now) {
    if (permits_available() == 0)
      return 0;
    auto result = move(n, permit::idle, permit::leased, now);
    if (result > 0)
      lease_end_ = std::max(lease_end_, now + options_.lease);
    return static_cast<uint32_t>(result);
  }

  void forget_leases(time_point now) {
    if (state_ != breaker_state::half_open)
      return;
    move(most_permits, permit::leased, permit::owed, now);
    move(most_permits, permit::flying, permit::owed, now);
  }

  moved force(breaker_state to, time_point now) {
    by_hand_ = breaker_mode::forced;
    on_ramp_ = on_ramp_ && to != breaker_state::closed;
    if (state_ == to)
      return {};
    return enter(to, breaker_cause::operator_request, now);
  }

  moved release(time_point now, bool connected) {
    auto was_by_hand = by_hand_.has_value();
    by_hand_.reset();
    if (!was_by_hand || state_ == breaker_state::closed)
      return {};
    if (mode() != breaker_mode::automatic)
      return enter(breaker_state::closed, breaker_cause::operator_request, now);
    if (connected)
      return half_open(breaker_cause::operator_request, now);
    open_until_ = now;
    awaits_link_ = false;
    return {};
  }

  moved reset(time_point now) {
    auto result = force(breaker_state::closed, now);
    by_hand_.reset();
    calls_.clear();
    run_ = trips_ = would_be_trips_ = failed_half_opens_ = 0;
    lost_ = dial_failed_ = std::nullopt;
    return result;
  }

  moved enable(bool on, time_point now) {
    options_.enabled = on;
    return obey(now);
  }

  moved observe(bool on, time_point now) {
    options_.metrics_only = on;
    return obey(now);
  }

  moved by_hand(breaker_mode x, time_point now) {
    by_hand_ = x;
    return obey(now);
  }

  double ramp() const {
    auto step = ramp_step();
    return step ? options_.ramp[*step] : 1.0;
  }

  time_point ramp_until() const {
    if (!ramp_step())
      return time_point{};
    return ramp_began_
           + static_cast<int>(options_.ramp.size()) * options_.ramp_step;
  }

  /// The wait that begins now if it is one that the rules allow.
  bool adopt_open_wait(time_point now, time_point until) {
    auto wait = options_.open_base;
    for (uint64_t i = 0; i < std::min<uint64_t>(failed_half_opens_, 9); ++i)
      wait = std::min(2 * wait, options_.open_max);
    open_until_ = until;
    return until >= now + wait * 8 / 10 && until <= now + wait * 12 / 10;
  }

private:
  enum class permit { idle, leased, flying, owed, proven };

  breaker_mode mode() const {
    if (by_hand_)
      return *by_hand_;
    if (!options_.enabled)
      return breaker_mode::disabled;
    return options_.metrics_only ? breaker_mode::metrics_only
                                 : breaker_mode::automatic;
  }

  bool forced() const { return mode() == breaker_mode::forced; }

  bool counts() const {
    // What an operator forced counts only if it would otherwise.
    return mode() != breaker_mode::disabled && (!forced() || options_.enabled);
  }

  moved obey(time_point now) {
    if (!counts()) {
      calls_.clear();
      run_ = 0;
    }
    if (mode() == breaker_mode::automatic && state_ == breaker_state::half_open)
      return close_if_proven(now);
    if (mode() == breaker_mode::automatic || forced())
      return {};
    on_ramp_ = false;
    if (state_ == breaker_state::closed)
      return {};
    return enter(breaker_state::closed, breaker_cause::operator_request, now);
  }

  /// Number of the ramp's step, as of the latest tick.
  std::optional<size_t> ramp_step() const {
    if (!on_ramp_)
      return {};
    auto step = static_cast<size_t>(
      std::max(ramp_seen_ - ramp_began_, api::duration{0})
      / options_.ramp_step);
    if (step >= options_.ramp.size())
      return {};
    return step;
  }

  size_t count(permit x) const {
    auto end = permits_.begin() + options_.half_open_permits;
    return static_cast<size_t>(std::count(permits_.begin(), end, x));
  }

  uint64_t move(uint64_t n, permit from, permit to, time_point now) {
    if (to == permit::owed && count(permit::owed) == 0)
      owed_since_ = now;
    uint64_t moved = 0;
    for (size_t i = 0; i < options_.half_open_permits && moved < n; ++i)
      if (permits_[i] == from) {
        permits_[i] = to;
        ++moved;
      }
    return moved;
  }

  time_point owed_until() const {
    return owed_since_ + 2 * options_.probe_timeout;
  }

  moved record_trials(const circuit_breaker::tally& x, time_point now) {
    if (x.failures > 0)
      return half_open_failed(breaker_cause::trial_failed, now);
    move(x.admitted, permit::leased, permit::flying, now);
    auto rest = x.successes;
    rest -= move(rest, permit::flying, permit::proven, now);
    rest -= move(rest, permit::idle, permit::proven, now);
    beyond_permits_ += rest;
    slow_trials_ += std::min(x.slow, x.successes);
    move(x.returned, permit::flying, permit::owed, now);
    return close_if_proven(now);
  }

  moved close_if_proven(time_point now) {
    auto proven = count(permit::proven) + beyond_permits_;
    if (proven < options_.half_open_permits)
      return {};
    auto slow = static_cast<double>(slow_trials_) / static_cast<double>(proven);
    if (options_.slow_call > options_.slow_call.zero()
        && slow >= options_.slow_call_rate)
      return half_open_failed(breaker_cause::slow_call_rate, now);
    return enter(breaker_state::closed, breaker_cause::trials_succeeded, now);
  }

  moved judge(bool failed, bool slow, time_point now) {
    auto x = status(now);
    auto part = [&](uint64_t n) {
      return static_cast<double>(n) / static_cast<double>(x.calls_in_window);
    };
    auto enough = x.calls_in_window >= options_.minimum_calls;
    auto cause = breaker_cause::none;
    if (slow && enough
        && part(x.slow_calls_in_window) >= options_.slow_call_rate)
      cause = breaker_cause::slow_call_rate;
    if (failed && options_.consecutive_failures > 0
        && run_ >= options_.consecutive_failures)
      cause = breaker_cause::consecutive_failures;
    if (failed && enough && options_.failure_rate > 0
        && part(x.failures_in_window) >= options_.failure_rate)
      cause = breaker_cause::failure_rate;
    if (forced() || cause == breaker_cause::none)
      return {};
    if (mode() == breaker_mode::metrics_only)
      return would_open(cause, x);
    ++trips_;
    if (now >= closed_since_ + options_.stable_after)
      failed_half_opens_ = 0;
    return enter(breaker_state::open, cause, now);
  }

  moved would_open(breaker_cause cause, const breaker_status& x) {
    ++would_be_trips_;
    calls_.clear();
    run_ = 0;
    return transition{breaker_state::closed,
                      breaker_state::open,
                      cause,
                      generation_,
                      x.calls_in_window,
                      x.failures_in_window,
                      x.slow_calls_in_window,
                      true};
  }

  moved half_open(breaker_cause cause, time_point now) {
    permits_.fill(permit::idle);
    permits_[0] = permit::owed;
    owed_since_ = now;
    beyond_permits_ = slow_trials_ = 0;
    half_open_since_ = now;
    probed_ = false;
    return enter(breaker_state::half_open, cause, now);
  }

  moved half_open_failed(breaker_cause cause, time_point now) {
    ++failed_half_opens_;
    return enter(breaker_state::open, cause, now);
  }

  moved enter(breaker_state to, breaker_cause cause, time_point now) {
    auto x = status(now);
    transition result{state_,
                      to,
                      cause,
                      generation_ + 1,
                      x.calls_in_window,
                      x.failures_in_window,
                      x.slow_calls_in_window,
                      false};
    ++generation_;
    on_ramp_ = cause == breaker_cause::trials_succeeded;
    ramp_began_ = ramp_seen_ = now;
    state_ = to;
    cause_ = cause;
    probing_ = false;
    awaits_link_ = false;
    if (to == breaker_state::closed) {
      calls_.clear();
      run_ = 0;
      closed_since_ = now;
    }
    return result;
  }

  breaker_options options_;
  breaker_state state_ = breaker_state::closed;
  breaker_cause cause_ = breaker_cause::none;
  std::optional<breaker_mode> by_hand_;
  uint64_t generation_ = 0;
  call_log calls_;
  uint64_t run_ = 0;
  uint64_t trips_ = 0;
  uint64_t would_be_trips_ = 0;
  bool on_ramp_ = false;
  time_point ramp_began_{};
  time_point ramp_seen_{};
  uint64_t failed_half_opens_ = 0;
  std::optional<time_point> lost_;
  std::optional<time_point> dial_failed_;
  time_point closed_since_{};
  time_point open_until_{};
  bool awaits_link_ = false;
  std::array<permit, most_permits> permits_{};
  uint64_t beyond_permits_ = 0;
  uint64_t slow_trials_ = 0;
  time_point half_open_since_{};
  bool probed_ = false;
  bool probing_ = false;
  time_point owed_since_{};
  time_point lease_end_{};
};

} // namespace redoubt
