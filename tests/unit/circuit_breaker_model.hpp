#pragma once

#include <redoubt/actors/supervisor/circuit_breaker.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

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

  explicit breaker_model(const breaker_options& options) : options_(options) {}

  breaker_status status(time_point now) const {
    breaker_status result;
    result.state = state_;
    result.generation = generation_;
    result.cause = cause_;
    result.forced = forced_;
    result.calls_in_window = sum(now, true);
    result.failures_in_window = sum(now, false);
    result.consecutive_failures = run_;
    result.trips = trips_;
    return result;
  }

  moved record(const circuit_breaker::tally& x, time_point now) {
    if (!options_.enabled || x.generation != generation_)
      return {};
    if (state_ == breaker_state::half_open)
      return record_trials(x, now);
    if (state_ == breaker_state::open)
      return {};
    note(x.successes, x.failures, now);
    run_ = x.successes > 0 ? x.run : run_ + x.run;
    return x.failures > 0 ? judge(now) : moved{};
  }

  moved record(link x, time_point now) {
    if (!options_.enabled)
      return {};
    auto& last = x == link::lost ? lost_ : dial_failed_;
    auto lumped = last && now < *last + options_.lump;
    if (!lumped)
      last = now;
    if (state_ == breaker_state::half_open && x == link::lost)
      return half_open_failed(breaker_cause::trial_failed, now);
    if (state_ != breaker_state::closed || lumped)
      return {};
    note(0, 1, now);
    ++run_;
    return judge(now);
  }

  moved connection_ready(time_point now) {
    if (state_ == breaker_state::open && !forced_)
      return half_open(breaker_cause::connection_ready, now);
    return {};
  }

  moved tick(time_point now, bool connected) {
    if (state_ == breaker_state::open && !forced_ && now >= open_until_) {
      if (connected)
        return half_open(breaker_cause::open_wait_elapsed, now);
      awaits_link_ = true;
    }
    if (state_ != breaker_state::half_open)
      return {};
    if (count(permit::owed) > 0 && now >= owed_until())
      return half_open_failed(breaker_cause::probe_failed, now);
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
    if (state_ == breaker_state::open && !forced_ && !awaits_link_)
      return open_until_;
    if (state_ != breaker_state::half_open)
      return result;
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

  moved force(breaker_state to, time_point now) {
    forced_ = true;
    if (state_ == to)
      return {};
    return enter(to, breaker_cause::operator_request, now);
  }

  moved release(time_point now, bool connected) {
    auto was_forced = forced_;
    forced_ = false;
    if (!was_forced || state_ == breaker_state::closed)
      return {};
    if (!options_.enabled)
      return enter(breaker_state::closed, breaker_cause::operator_request, now);
    if (connected)
      return half_open(breaker_cause::operator_request, now);
    open_until_ = now;
    awaits_link_ = false;
    return {};
  }

  moved reset(time_point now) {
    auto result = force(breaker_state::closed, now);
    forced_ = false;
    calls_.clear();
    run_ = trips_ = failed_half_opens_ = 0;
    lost_ = dial_failed_ = std::nullopt;
    return result;
  }

  moved enable(bool on, time_point now) {
    options_.enabled = on;
    if (on)
      return {};
    calls_.clear();
    run_ = 0;
    if (forced_ || state_ == breaker_state::closed)
      return {};
    return enter(breaker_state::closed, breaker_cause::operator_request, now);
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

  struct call {
    int64_t bucket;
    uint64_t successes;
    uint64_t failures;
  };

  int64_t bucket(time_point now) const {
    return now.time_since_epoch() / options_.bucket;
  }

  bool in_window(const call& x, time_point now) const {
    return x.bucket > bucket(now) - int64_t{options_.buckets};
  }

  void note(uint64_t successes, uint64_t failures, time_point now) {
    std::erase_if(calls_, [&](auto& x) { return !in_window(x, now); });
    calls_.push_back({bucket(now), successes, failures});
  }

  uint64_t sum(time_point now, bool all) const {
    uint64_t result = 0;
    for (auto& x : calls_)
      if (in_window(x, now))
        result += x.failures + (all ? x.successes : 0);
    return result;
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
    move(x.returned, permit::flying, permit::owed, now);
    return close_if_proven(now);
  }

  moved close_if_proven(time_point now) {
    auto proven = count(permit::proven) + beyond_permits_;
    if (proven < options_.half_open_permits)
      return {};
    return enter(breaker_state::closed, breaker_cause::trials_succeeded, now);
  }

  moved judge(time_point now) {
    auto calls = sum(now, true);
    auto failures = sum(now, false);
    auto by_rate = calls >= options_.minimum_calls
                   && static_cast<double>(failures) / static_cast<double>(calls)
                        >= options_.failure_rate;
    auto by_run = options_.consecutive_failures > 0
                  && run_ >= options_.consecutive_failures;
    if (forced_ || (!by_rate && !by_run))
      return {};
    ++trips_;
    if (now >= closed_since_ + options_.stable_after)
      failed_half_opens_ = 0;
    return enter(breaker_state::open,
                 by_rate ? breaker_cause::failure_rate
                         : breaker_cause::consecutive_failures,
                 now);
  }

  moved half_open(breaker_cause cause, time_point now) {
    permits_.fill(permit::idle);
    permits_[0] = permit::owed;
    owed_since_ = now;
    beyond_permits_ = 0;
    probed_ = false;
    return enter(breaker_state::half_open, cause, now);
  }

  moved half_open_failed(breaker_cause cause, time_point now) {
    ++failed_half_opens_;
    return enter(breaker_state::open, cause, now);
  }

  moved enter(breaker_state to, breaker_cause cause, time_point now) {
    transition result{
      state_, to, cause, generation_ + 1, sum(now, true), sum(now, false)};
    ++generation_;
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
  bool forced_ = false;
  uint64_t generation_ = 0;
  std::vector<call> calls_;
  uint64_t run_ = 0;
  uint64_t trips_ = 0;
  uint64_t failed_half_opens_ = 0;
  std::optional<time_point> lost_;
  std::optional<time_point> dial_failed_;
  time_point closed_since_{};
  time_point open_until_{};
  bool awaits_link_ = false;
  std::array<permit, most_permits> permits_{};
  uint64_t beyond_permits_ = 0;
  bool probed_ = false;
  bool probing_ = false;
  time_point owed_since_{};
  time_point lease_end_{};
};

} // namespace redoubt
