#pragma once

#include <redoubt/messages/options.hpp>

#include <algorithm>
#include <chrono>

namespace redoubt {

/// Decides when an idle link is asked for a sign of life, and when a silent one
/// is dead. A value: it is told what was read and what is awaited.
class liveness {
public:
  using time_point = api::time_point;

  liveness(const pool_options& options, time_point now) noexcept
    : options_(options), last_read_(now) {}

  /// Bytes arrived.
  void read(time_point now) noexcept { last_read_ = now; }

  /// The oldest thing that awaits a reply.
  struct awaited {
    time_point since;
    std::chrono::milliseconds patience;
    /// It is our own PING.
    bool ping = false;
  };

  enum class verdict : uint8_t { alive, send_ping, dead };

  /// `oldest` is null if nothing awaits a reply.
  verdict check(const awaited* oldest, time_point now) const noexcept {
    if (oldest == nullptr)
      return now - last_read_ >= options_.ping_interval ? verdict::send_ping
                                                        : verdict::alive;
    auto silent_since = std::max(oldest->since, last_read_);
    auto limit = oldest->ping ? options_.ping_timeout
                              : oldest->patience * options_.dead_link_factor;
    return now - silent_since >= limit ? verdict::dead : verdict::alive;
  }

  /// How often to check: a quarter of the shorter of the two ping times, within
  /// 5 and 250 ms. A dead link is noticed that much late at most.
  std::chrono::milliseconds interval() const noexcept {
    using namespace std::chrono_literals;
    return std::clamp(
      std::min(options_.ping_timeout, options_.ping_interval) / 4, 5ms, 250ms);
  }

private:
  pool_options options_;
  time_point last_read_;
};

} // namespace redoubt
