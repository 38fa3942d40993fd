#pragma once

#include <redoubt/app/lab/socket.hpp>

#include <chrono>

namespace redoubt::bench {

/// A descriptor that becomes readable again and again. Who keeps a rate wakes by
/// it, in an event loop: for us and for hiredis the same.
class interval_timer {
public:
  /// Throws `std::system_error` if there is none to be had.
  explicit interval_timer(std::chrono::microseconds period);

  int fd() const noexcept { return fd_.get(); }

  /// Makes it unreadable until it fires again.
  void drain() const noexcept;

private:
  lab::unique_fd fd_;
};

/// Short beside the latencies that are measured, long beside a wake-up.
constexpr std::chrono::microseconds open_loop_pace{50};

} // namespace redoubt::bench
