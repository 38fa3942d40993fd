#include <redoubt/actors/supervisor/circuit_breaker.hpp>

#include <algorithm>
#include <utility>

namespace redoubt {

namespace {

/// Takes `n`, but never more than there is: a tally may claim more than was
/// leased, or what was taken back meanwhile.
uint64_t take(uint64_t n, uint64_t& from) noexcept {
  n = std::min(n, from);
  from -= n;
  return n;
}

/// The supervisor ends a probe at its deadline; only if it could not even send
/// one does the breaker end half-open by itself.
constexpr int probe_patience = 2;

/// How long admitted requests may stay unanswered, in leases: with the defaults
/// 400 ms, about an attempt timeout.
constexpr int answer_patience = 2;

/// The open wait is at its maximum long before: 2^32 ms are 49 days.
constexpr uint32_t most_doublings = 32;

/// The quotient, not a product: 7 / 100 is the double that 0.07 names, while
/// 0.07 * 100 is more than 7.
double share(uint64_t part, uint64_t all) noexcept {
  return static_cast<double>(part) / static_cast<double>(all);
}

} // namespace

circuit_breaker::circuit_breaker(const breaker_options& options, uint64_t seed)
  : options_(options), random_(seed), window_(options) {
}

breaker_status circuit_breaker::status(time_point now) const {
  auto calls = window_.sum(now);
  breaker_status result;
  result.state = state_;
  result.mode = mode();
  result.generation = generation_;
  result.cause = cause_;
  result.forced = hold_ != hold::none;
  result.calls_in_window = calls.calls();
  result.failures_in_window = calls.failures;
  result.slow_calls_in_window = calls.slow;
  result.consecutive_failures = run_;
  result.trips = trips_;
  result.would_be_trips = would_be_trips_;
  result.ramp = ramp();
  return result;
}

// -- what happened ------------------------------------------------------------

std::optional<circuit_breaker::transition>
circuit_breaker::record(const tally& x, time_point now) {
  if (!counts() || x.generation != generation_ || state_ == breaker_state::open)
    return std::nullopt;
  if (state_ == breaker_state::half_open)
    return record_trials(x, now);
  // Whoever reports may not know yet that nobody counts slow calls any more.
  auto slow = options_.slow_call.count() > 0
                ? std::min(x.slow, saturating_add(x.successes, x.failures))
                : 0;
  window_.add({x.successes, x.failures, slow}, x.run, now);
  run_ = x.successes > 0 ? x.run : saturating_add(run_, x.run);
  return trip_if_due(x.failures > 0, slow > 0, now);
}

std::optional<circuit_breaker::transition>
circuit_breaker::record(link_event x, time_point now) {
  if (!counts())
    return std::nullopt;
  auto first = first_of_its_lump(x, now);
  if (state_ == breaker_state::half_open && x == link_event::lost)
    return reopen(breaker_cause::trial_failed, now);
  if (state_ != breaker_state::closed || !first)
    return std::nullopt;
  window_.add({0, 1, 0}, 1, now);
  run_ = saturating_add(run_, 1);
  return trip_if_due(true, false, now);
}

std::optional<circuit_breaker::transition>
circuit_breaker::connection_ready(time_point now) {
  if (state_ != breaker_state::open || forced())
    return std::nullopt;
  return enter(breaker_state::half_open, breaker_cause::connection_ready, now);
}

std::optional<circuit_breaker::transition>
circuit_breaker::tick(time_point now, bool connected) {
  if (state_ == breaker_state::half_open) {
    if (probes_owed_ > 0 && now >= probe_until_)
      return reopen(breaker_cause::probe_failed, now);
    if (now >= half_open_since_ + options_.half_open_max)
      return reopen(breaker_cause::half_open_timeout, now);
    take_back_permits(now);
    return std::nullopt;
  }
  climb(now);
  if (state_ == breaker_state::closed || forced() || now < open_until_)
    return std::nullopt;
  awaits_link_ = !connected;
  if (!connected)
    return std::nullopt;
  return enter(breaker_state::half_open, breaker_cause::open_wait_elapsed, now);
}

circuit_breaker::time_point circuit_breaker::next_tick() const noexcept {
  auto result = time_point::max();
  if (state_ == breaker_state::open && !forced() && !awaits_link_)
    return open_until_;
  if (step_)
    return step_until_;
  if (state_ != breaker_state::half_open)
    return result;
  result = half_open_since_ + options_.half_open_max;
  if (probes_owed_ > 0)
    result = std::min(result, probe_until_);
  if (probed_ && unused_ + permits_left() > 0)
    result = std::min(result, lease_until_);
  if (in_flight_ > 0)
    result = std::min(result, answers_until());
  return result;
}

// -- probes and permits -------------------------------------------------------

bool circuit_breaker::wants_probe() const noexcept {
  return state_ == breaker_state::half_open && probes_owed_ > 0
         && !probe_under_way_;
}

void circuit_breaker::probe_started() noexcept {
  if (wants_probe())
    probe_under_way_ = true;
}

std::optional<circuit_breaker::transition>
circuit_breaker::probe_finished(uint64_t generation, bool success,
                                time_point now) {
  // Only half-open has a probe under way.
  if (generation != generation_ || !probe_under_way_)
    return std::nullopt;
  if (!success)
    return reopen(breaker_cause::probe_failed, now);
  probe_under_way_ = false;
  --probes_owed_;
  probe_until_ = now + probe_patience * options_.probe_timeout;
  if (!probed_) {
    probed_ = true;
    // Permits that nobody asks for run out like those that nobody uses.
    lease_until_ = now + options_.lease;
  }
  return succeed(1, now);
}

uint32_t circuit_breaker::permits_available() const noexcept {
  if (state_ != breaker_state::half_open || !probed_)
    return 0;
  return static_cast<uint32_t>(permits_left());
}

uint32_t circuit_breaker::lease(uint32_t n, time_point now) noexcept {
  n = std::min(n, permits_available());
  if (n > 0) {
    unused_ += n;
    lease_until_ = std::max(lease_until_, now + options_.lease);
  }
  return n;
}

void circuit_breaker::forget_leases(time_point now) noexcept {
  if (state_ != breaker_state::half_open)
    return;
  auto leased = std::exchange(unused_, 0) + std::exchange(in_flight_, 0);
  owe_probes(leased, now);
}

// -- the ramp -----------------------------------------------------------------

double circuit_breaker::ramp() const noexcept {
  return step_ ? options_.ramp[*step_] : 1.0;
}

circuit_breaker::time_point circuit_breaker::ramp_until() const noexcept {
  if (!step_)
    return time_point{};
  auto further = options_.ramp.size() - 1 - *step_;
  return step_until_ + static_cast<int64_t>(further) * options_.ramp_step;
}

uint64_t circuit_breaker::ramp_allowance(uint64_t usual) const noexcept {
  auto part = static_cast<uint64_t>(ramp() * static_cast<double>(usual));
  return std::max<uint64_t>(part, options_.half_open_permits);
}

void circuit_breaker::climb(time_point now) noexcept {
  while (step_ && now >= step_until_) {
    step_until_ += options_.ramp_step;
    if (++*step_ == options_.ramp.size())
      step_.reset();
  }
}

// -- transitions --------------------------------------------------------------

std::optional<circuit_breaker::transition>
circuit_breaker::enter(breaker_state to, breaker_cause cause, time_point now) {
  ++generation_;
  auto result = made_of(to, cause, now);
  state_ = to;
  cause_ = cause;
  probe_under_way_ = false;
  step_.reset();
  switch (to) {
    case breaker_state::closed:
      window_.clear();
      run_ = 0;
      closed_since_ = now;
      if (cause == breaker_cause::trials_succeeded && !options_.ramp.empty()) {
        step_ = 0;
        step_until_ = now + options_.ramp_step;
      }
      break;
    case breaker_state::open:
      open_until_ = now + open_wait();
      awaits_link_ = false;
      break;
    case breaker_state::half_open: await_trials(now); break;
  }
  return result;
}

circuit_breaker::transition
circuit_breaker::made_of(breaker_state to, breaker_cause cause,
                         time_point now) const noexcept {
  auto calls = window_.sum(now);
  return {.from = state_,
          .to = to,
          .cause = cause,
          .generation = generation_,
          .calls_in_window = calls.calls(),
          .failures_in_window = calls.failures,
          .slow_calls_in_window = calls.slow};
}

std::optional<circuit_breaker::transition>
circuit_breaker::trip_if_due(bool failed, bool slow, time_point now) {
  if (forced() || !(failed || slow))
    return std::nullopt;
  auto calls = window_.sum(now);
  auto enough = calls.calls() >= options_.minimum_calls;
  if (failed && enough && options_.failure_rate > 0
      && share(calls.failures, calls.calls()) >= options_.failure_rate)
    return trip(breaker_cause::failure_rate, now);
  if (failed && options_.consecutive_failures > 0
      && run_ >= options_.consecutive_failures)
    return trip(breaker_cause::consecutive_failures, now);
  if (slow && enough
      && share(calls.slow, calls.calls()) >= options_.slow_call_rate)
    return trip(breaker_cause::slow_call_rate, now);
  return std::nullopt;
}

std::optional<circuit_breaker::transition>
circuit_breaker::trip(breaker_cause cause, time_point now) {
  if (mode() == breaker_mode::metrics_only) {
    would_be_trips_ = saturating_add(would_be_trips_, 1);
    auto result = made_of(breaker_state::open, cause, now);
    result.would_be = true;
    window_.clear();
    run_ = 0;
    return result;
  }
  trips_ = saturating_add(trips_, 1);
  if (now - closed_since_ >= options_.stable_after)
    failed_half_opens_ = 0;
  return enter(breaker_state::open, cause, now);
}

std::optional<circuit_breaker::transition>
circuit_breaker::reopen(breaker_cause cause, time_point now) {
  failed_half_opens_ = std::min(failed_half_opens_ + 1, most_doublings);
  return enter(breaker_state::open, cause, now);
}

std::optional<circuit_breaker::transition>
circuit_breaker::record_trials(const tally& x, time_point now) {
  if (x.failures > 0)
    return reopen(breaker_cause::trial_failed, now);
  in_flight_ += take(x.admitted, unused_);
  // Successes first: a tally that ends more requests than are in flight is of
  // permits taken back meanwhile, and those are owed already.
  take(x.successes, in_flight_);
  owe_probes(take(x.returned, in_flight_), now);
  slow_trials_ = saturating_add(slow_trials_, std::min(x.slow, x.successes));
  return succeed(x.successes, now);
}

std::optional<circuit_breaker::transition>
circuit_breaker::succeed(uint64_t trials, time_point now) {
  proven_ = saturating_add(proven_, trials);
  return close_if_proven(now);
}

std::optional<circuit_breaker::transition>
circuit_breaker::close_if_proven(time_point now) {
  if (state_ != breaker_state::half_open
      || proven_ < options_.half_open_permits)
    return std::nullopt;
  // It would trip again at once.
  if (options_.slow_call.count() > 0
      && share(slow_trials_, proven_) >= options_.slow_call_rate)
    return reopen(breaker_cause::slow_call_rate, now);
  return enter(breaker_state::closed, breaker_cause::trials_succeeded, now);
}

// -- bookkeeping --------------------------------------------------------------

bool circuit_breaker::first_of_its_lump(link_event x, time_point now) noexcept {
  auto& last = x == link_event::lost ? last_lost_ : last_dial_failed_;
  if (last && now - *last < options_.lump)
    return false;
  last = now;
  return true;
}

std::chrono::nanoseconds circuit_breaker::open_wait() noexcept {
  auto wait = options_.open_base;
  for (uint32_t i = 0; i < failed_half_opens_ && wait < options_.open_max; ++i)
    wait *= 2;
  // ±20 %, so that processes that opened together do not try together.
  std::chrono::nanoseconds exact = std::min(wait, options_.open_max);
  return random_.between(exact * 4 / 5, exact * 6 / 5);
}

void circuit_breaker::await_trials(time_point now) noexcept {
  half_open_since_ = now;
  proven_ = 0;
  slow_trials_ = 0;
  unused_ = 0;
  in_flight_ = 0;
  probes_owed_ = 0;
  probed_ = false;
  owe_probes(1, now);
}

void circuit_breaker::owe_probes(uint64_t n, time_point now) noexcept {
  // The patience for probes begins when the first one is owed.
  if (probes_owed_ == 0)
    probe_until_ = now + probe_patience * options_.probe_timeout;
  probes_owed_ += n;
}

void circuit_breaker::take_back_permits(time_point now) noexcept {
  if (!probed_ || now < lease_until_)
    return;
  auto left = permits_left();
  owe_probes(left + std::exchange(unused_, 0), now);
  if (now >= answers_until())
    owe_probes(std::exchange(in_flight_, 0), now);
}

circuit_breaker::time_point circuit_breaker::answers_until() const noexcept {
  return lease_until_ + answer_patience * options_.lease;
}

uint64_t circuit_breaker::permits_left() const noexcept {
  auto gone = saturating_add(proven_, unused_ + in_flight_ + probes_owed_);
  auto permits = uint64_t{options_.half_open_permits};
  return permits > gone ? permits - gone : 0;
}

} // namespace redoubt
