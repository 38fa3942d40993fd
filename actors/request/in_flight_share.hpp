#pragma once

#include <redoubt/messages/caf_api.hpp>

#include <algorithm>
#include <cstdint>

namespace redoubt {

/// What a request actor may have in flight while the breaker's ramp lasts. Units
/// come and go one by one: the supervisor leases some, recalls some, and what is
/// recalled goes back as soon as nothing in flight stands on it. So the sum over
/// all request actors never exceeds what was leased.
class in_flight_share {
public:
  using time_point = api::time_point;

  /// Another generation of the breaker began: nothing is leased yet.
  void begin() noexcept { *this = {}; }

  /// Leases so many units, and wants so many back.
  void lease(uint64_t n, uint64_t recalled) noexcept {
    units_ += n;
    recalled_ += recalled;
  }

  /// The ramp ends then: the same for all request actors, whether or not anybody
  /// is left to tell them.
  void end_at(time_point until) noexcept { until_ = until; }

  time_point until() const noexcept { return until_; }

  /// Nobody leases anything: closed, and not on the ramp.
  bool over() const noexcept { return until_ == time_point{}; }

  bool in_force(time_point now) const noexcept { return now < until_; }

  /// Whether one more may be sent by somebody who has `in_flight`.
  bool admits(uint64_t in_flight, time_point now) const noexcept {
    return !in_force(now) || in_flight + std::min(recalled_, units_) < units_;
  }

  /// Lets go of recalled units that nothing in flight stands on; answers how
  /// many.
  uint64_t give_back(uint64_t in_flight) noexcept {
    auto idle = units_ - std::min(units_, in_flight);
    auto n = std::min(recalled_, idle);
    units_ -= n;
    recalled_ -= n;
    returned_ += n;
    return n;
  }

  /// Units that went back since the ramp began.
  uint64_t returned() const noexcept { return returned_; }

private:
  uint64_t units_ = 0;
  uint64_t recalled_ = 0;
  uint64_t returned_ = 0;
  time_point until_{};
};

} // namespace redoubt
