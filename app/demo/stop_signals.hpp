#pragma once

#include <chrono>
#include <csignal>

namespace redoubt::demo {

/// Takes SIGINT, SIGTERM and SIGHUP as values instead of deaths, so that the
/// demo can clean up. Make it before any thread: they inherit the mask. SIGPIPE
/// is held back too, since hiredis writes to sockets that may be closed.
class stop_signals {
public:
  stop_signals();

  stop_signals(const stop_signals&) = delete;
  stop_signals& operator=(const stop_signals&) = delete;
  ~stop_signals();

  /// Waits until `when`, or until a signal came. Answers whether one has.
  bool wait_until(std::chrono::steady_clock::time_point when);

  /// The signal that came, or 0.
  int received() const noexcept { return received_; }

private:
  sigset_t stops_;
  sigset_t before_;
  int received_ = 0;
};

} // namespace redoubt::demo
