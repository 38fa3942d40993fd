#pragma once

#include <redoubt/app/lab/socket.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace redoubt::lab {

/// Replies that are held back now and then, with all that is behind them on their
/// connection; other connections do not notice.
struct stalls {
  /// Part of the commands whose reply is held back.
  double share = 0;
  std::chrono::microseconds time{0};
  uint64_t seed = 1;
};

/// A Redis server on 127.0.0.1 that needs a fixed time for each command and does
/// one after the other, in the order in which they came, whatever connection they
/// came over: overload that can be counted on. Each command is answered `+OK`.
/// What connections say to introduce themselves, and PING, is answered in its turn
/// as well but costs no time.
///
/// Runs on a thread of its own.
class slow_server {
public:
  explicit slow_server(std::chrono::microseconds per_command,
                       const stalls& held_back = {});

  slow_server(const slow_server&) = delete;
  slow_server& operator=(const slow_server&) = delete;

  /// Closes all connections and joins the thread.
  ~slow_server();

  uint16_t port() const noexcept { return port_; }

  /// Commands that took their time so far, whoever still waited for them.
  uint64_t served() const noexcept { return served_; }

private:
  using clock = std::chrono::steady_clock;
  class client;

  /// A command that waits for its answer.
  struct job {
    std::weak_ptr<client> from;
    std::string answer;
    bool takes_time = true;
  };

  void run();
  void take_commands(const std::shared_ptr<client>& from);
  void work_off(clock::time_point now);

  const std::chrono::microseconds per_command_;
  const stalls stalls_;
  uint16_t port_ = 0;
  unique_fd reservation_;
  unique_fd listener_;
  unique_fd wake_;
  std::atomic<uint64_t> served_ = 0;
  std::atomic<bool> stopping_ = false;

  // -- the server's thread only
  std::vector<std::shared_ptr<client>> clients_;
  std::deque<job> jobs_;
  std::mt19937_64 random_;
  /// When the first job is done.
  clock::time_point done_at_{};

  std::thread thread_;
};

} // namespace redoubt::lab
