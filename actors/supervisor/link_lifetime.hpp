#pragma once

#include <redoubt/actors/random.hpp>
#include <redoubt/messages/caf_api.hpp>

#include <chrono>
#include <cstdint>

namespace redoubt {

/// When a connection is old enough to be replaced. Times are spread, so that
/// connections that came up together do not all go together.
class link_lifetime {
public:
  using time_point = api::time_point;

  /// A lifetime of 0 never ends.
  link_lifetime(std::chrono::milliseconds lifetime, uint64_t seed) noexcept
    : lifetime_(lifetime), random_(seed) {}

  /// The end of a connection that is ready since `now`, or that shall be let alone
  /// once more: 80 to 100 % of the lifetime from now. `time_point::max()` if never.
  time_point draw(time_point now) noexcept {
    if (lifetime_.count() == 0)
      return time_point::max();
    return now + random_.between(lifetime_ * 4 / 5, lifetime_);
  }

private:
  std::chrono::milliseconds lifetime_;
  random_source random_;
};

} // namespace redoubt
