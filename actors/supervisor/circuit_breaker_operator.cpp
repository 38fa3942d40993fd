// What operators set by hand, and new options.

#include <redoubt/actors/supervisor/circuit_breaker.hpp>

#include <utility>

namespace redoubt {

std::optional<circuit_breaker::transition>
circuit_breaker::force_open(time_point now) {
  hold_ = hold::open;
  if (state_ == breaker_state::open)
    return std::nullopt;
  return enter(breaker_state::open, breaker_cause::operator_request, now);
}

std::optional<circuit_breaker::transition>
circuit_breaker::force_close(time_point now) {
  hold_ = hold::closed;
  step_.reset();
  if (state_ == breaker_state::closed)
    return std::nullopt;
  return enter(breaker_state::closed, breaker_cause::operator_request, now);
}

std::optional<circuit_breaker::transition>
circuit_breaker::disable(time_point now) {
  hold_ = hold::disabled;
  return follow_mode(now);
}

std::optional<circuit_breaker::transition>
circuit_breaker::metrics_only(time_point now) {
  hold_ = hold::metrics_only;
  return follow_mode(now);
}

std::optional<circuit_breaker::transition>
circuit_breaker::release(time_point now, bool connected) {
  if (std::exchange(hold_, hold::none) == hold::none
      || state_ == breaker_state::closed)
    return std::nullopt;
  if (mode() != breaker_mode::automatic)
    return enter(breaker_state::closed, breaker_cause::operator_request, now);
  if (connected)
    return enter(breaker_state::half_open, breaker_cause::operator_request,
                 now);
  open_until_ = now;
  awaits_link_ = false;
  return std::nullopt;
}

std::optional<circuit_breaker::transition>
circuit_breaker::reset(time_point now) {
  std::optional<transition> result;
  if (state_ != breaker_state::closed)
    result = enter(breaker_state::closed, breaker_cause::operator_request, now);
  hold_ = hold::none;
  step_.reset();
  window_.clear();
  run_ = 0;
  trips_ = 0;
  would_be_trips_ = 0;
  failed_half_opens_ = 0;
  last_lost_.reset();
  last_dial_failed_.reset();
  return result;
}

std::optional<circuit_breaker::transition>
circuit_breaker::options(const breaker_options& x, time_point now) {
  options_ = x;
  window_.resize(x);
  if (step_ && *step_ >= x.ramp.size())
    step_.reset();
  return follow_mode(now);
}

// -- who decides --------------------------------------------------------------

breaker_mode circuit_breaker::mode() const noexcept {
  switch (hold_) {
    case hold::open:
    case hold::closed: return breaker_mode::forced;
    case hold::disabled: return breaker_mode::disabled;
    case hold::metrics_only: return breaker_mode::metrics_only;
    case hold::none: break;
  }
  if (!options_.enabled)
    return breaker_mode::disabled;
  return options_.metrics_only ? breaker_mode::metrics_only
                               : breaker_mode::automatic;
}

bool circuit_breaker::forced() const noexcept {
  return mode() == breaker_mode::forced;
}

bool circuit_breaker::counts() const noexcept {
  return hold_ == hold::metrics_only
         || (options_.enabled && hold_ != hold::disabled);
}

/// Closes if nobody decides any more.
std::optional<circuit_breaker::transition>
circuit_breaker::follow_mode(time_point now) {
  if (!counts()) {
    window_.clear();
    run_ = 0;
  }
  if (forced())
    return std::nullopt;
  if (mode() == breaker_mode::automatic)
    return close_if_proven(now);
  step_.reset();
  if (state_ == breaker_state::closed)
    return std::nullopt;
  return enter(breaker_state::closed, breaker_cause::operator_request, now);
}

} // namespace redoubt
