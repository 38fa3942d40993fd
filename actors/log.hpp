#pragma once

#include <redoubt/messages/caf_api.hpp>

#include <spdlog/logger.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace redoubt {

/// The logger of one part of the runtime, named `redoubt.<part>`. Services set
/// its level and sinks through spdlog's registry, before or after the runtime is
/// made. Lines tell of state changes and failures, never of arguments, replies
/// or secrets.
std::shared_ptr<spdlog::logger> logger_for(std::string_view part);

/// Lets a few lines per second and cause through and counts the rest, so that a
/// failing endpoint cannot flood a log. A value; `now` comes from outside.
class rate_limiter {
public:
  explicit rate_limiter(uint32_t lines_per_second) : limit_(lines_per_second) {}

  /// True if a line for `cause` may be written. `suppressed` then says how many
  /// were held back since the last one of this cause.
  bool admit(uint32_t cause, api::time_point now, uint64_t& suppressed) {
    auto& x = entry_for(cause);
    if (now - x.since >= std::chrono::seconds(1)) {
      x.since = now;
      x.written = 0;
    }
    if (x.written >= limit_) {
      ++x.suppressed;
      return false;
    }
    ++x.written;
    suppressed = std::exchange(x.suppressed, 0);
    return true;
  }

private:
  struct entry {
    uint32_t cause;
    api::time_point since;
    uint32_t written = 0;
    uint64_t suppressed = 0;
  };

  entry& entry_for(uint32_t cause) {
    for (auto& x : entries_)
      if (x.cause == cause)
        return x;
    return entries_.emplace_back(entry{cause, api::time_point{}, 0, 0});
  }

  uint32_t limit_;
  std::vector<entry> entries_;
};

} // namespace redoubt
