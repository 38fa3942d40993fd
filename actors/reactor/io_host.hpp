#pragma once

#include <redoubt/actors/pinned.hpp>
#include <redoubt/actors/reactor/transport.hpp>

#include <sys/epoll.h>

#include <array>
#include <cstdint>
#include <vector>

namespace redoubt {

/// Something with a file descriptor on an `io_host`. All calls on its thread.
class io_handler {
public:
  virtual ~io_handler() = default;

  /// The descriptor is ready for `events` (EPOLLIN …). An actor sends itself an
  /// `io_event` here, so that its work is done, and its exceptions are caught,
  /// in a message handler.
  virtual void on_ready(uint32_t events) noexcept = 0;

  /// Writes what was gathered since the last flush. Called once per turn of the
  /// host after `mark_dirty`.
  virtual void flush() noexcept = 0;

private:
  friend class io_host;
  bool dirty_ = false;
};

/// What a connection needs of the thread it lives on. The members are for that
/// thread.
class io_host : public executor {
public:
  using executor::executor;

  virtual transport& sockets() noexcept = 0;

  virtual void watch(int fd, uint32_t events, io_handler* handler) = 0;
  virtual void rewatch(int fd, uint32_t events, io_handler* handler) = 0;
  /// No call to `handler` follows, not even for readiness already fetched.
  virtual void unwatch(int fd, io_handler* handler) noexcept = 0;

  /// `handler` is flushed at the end of the turn.
  void mark_dirty(io_handler* handler) {
    if (handler->dirty_)
      return;
    dirty_.push_back(handler);
    handler->dirty_ = true;
  }

  /// Room for one read, shared by all connections of this host.
  std::array<char, 64 * 1024>& read_buffer() noexcept { return read_buffer_; }

protected:
  bool anyone_dirty() const noexcept { return !dirty_.empty(); }

  void flush_dirty() noexcept {
    // A flush marks nobody dirty, but it may unwatch.
    while (!dirty_.empty()) {
      auto handler = dirty_.back();
      dirty_.pop_back();
      handler->dirty_ = false;
      handler->flush();
    }
  }

  /// `handler` is not flushed any more.
  void forget_dirty(io_handler* handler) noexcept {
    if (!handler->dirty_)
      return;
    handler->dirty_ = false;
    std::erase(dirty_, handler);
  }

private:
  std::vector<io_handler*> dirty_;
  std::array<char, 64 * 1024> read_buffer_;
};

} // namespace redoubt
