#pragma once

#include <redoubt/bench/contenders/hiredis_common.hpp>
#include <redoubt/bench/measure/contender.hpp>

#include <hiredis/async.h>

#include <cstdint>
#include <functional>

namespace redoubt::bench {

/// One asynchronous context of hiredis on an epoll loop of its own.
class hiredis_loop {
public:
  explicit hiredis_loop(const endpoint& server);
  hiredis_loop(const hiredis_loop&) = delete;
  hiredis_loop& operator=(const hiredis_loop&) = delete;
  ~hiredis_loop();

  redisAsyncContext* context() noexcept { return context_; }

  /// Readable whenever `turn` has something to do.
  int descriptor() const noexcept { return epoll_; }

  /// Calls `on_ready` whenever `fd` is readable.
  void watch(int fd, std::function<void()> on_ready);

  /// Waits for readiness once, and handles it.
  void turn();

private:
  static hiredis_loop& self(void* x) { return *static_cast<hiredis_loop*>(x); }

  void want(uint32_t what, bool on);

  redisAsyncContext* context_ = nullptr;
  int epoll_ = -1;
  int watched_ = -1;
  std::function<void()> on_ready_;
  uint32_t wanted_ = 0;
};

} // namespace redoubt::bench
