#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <thread>

namespace redoubt::lab {

/// Tells when a server is back: while armed it dials 127.0.0.1 every
/// millisecond, sends PING and notes when the first +PONG came. It knows no
/// client library, so that what it says judges all of them alike.
///
/// Runs on a thread of its own. Probes are closed by RST, which leaves no
/// TIME_WAIT behind; at most 64 are on their way at a time, and where none of so many
/// is answered it dials more slowly, down to every 16 ms.
class prober {
public:
  using clock = std::chrono::steady_clock;
  using time_point = clock::time_point;

  /// Probes `port` when armed, for no longer than `limit` at a stretch.
  explicit prober(uint16_t port,
                  std::chrono::milliseconds limit = std::chrono::seconds{60});

  prober(const prober&) = delete;
  prober& operator=(const prober&) = delete;
  ~prober();

  /// Forgets what was seen and starts to probe. Only probes that were dialled
  /// after `down_since` count.
  void arm(time_point down_since = clock::now());

  /// Stops probing; what was seen stays.
  void disarm();

  /// When the first +PONG came since `arm`.
  std::optional<time_point> first_pong() const;

  /// Waits for the first +PONG.
  std::optional<time_point> wait(std::chrono::milliseconds timeout) const;

private:
  void run();
  void probe(uint64_t round, time_point from, time_point until);
  bool wanted(uint64_t round) const;

  const uint16_t port_;
  const std::chrono::milliseconds limit_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  bool stopping_ = false;
  bool armed_ = false;
  // Counts calls of `arm`, so that an old round ends when a new one starts.
  uint64_t round_ = 0;
  time_point down_since_{};
  std::optional<time_point> first_pong_;
  std::thread thread_;
};

} // namespace redoubt::lab
