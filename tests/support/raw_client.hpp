#pragma once

#include <redoubt/app/lab/socket.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <poll.h>
#include <string>
#include <sys/socket.h>

namespace redoubt::test {

/// A client of 127.0.0.1 that knows nothing but sockets. It tells how its
/// connection came about and how it ended.
class raw_client {
public:
  enum class state { connecting, open, refused, fin, reset };

  explicit raw_client(uint16_t port)
    : socket_(lab::dial(lab::address::tcp(port))) {
    if (!socket_)
      state_ = state::refused;
    else if (wait(POLLOUT, std::chrono::milliseconds{200}))
      settle(lab::dial_error(socket_));
  }

  state how() const noexcept { return state_; }

  bool connects(std::chrono::milliseconds limit) {
    return wait(POLLOUT, limit) && lab::dial_error(socket_) == 0;
  }

  /// Sends what the kernel takes at once; answers whether that was all.
  bool send(const std::string& bytes) {
    auto n = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    return n == static_cast<ssize_t>(bytes.size());
  }

  /// Sends until nobody takes any more; answers how much that was.
  size_t flood() {
    const std::string junk(1 << 16, 'x');
    size_t taken = 0;
    while (wait(POLLOUT, std::chrono::milliseconds{100})
           && taken < (64u << 20)) {
      auto n = ::send(socket_.get(), junk.data(), junk.size(), MSG_NOSIGNAL);
      taken += static_cast<size_t>(std::max<ssize_t>(n, 0));
    }
    return taken;
  }

  /// Bytes that one read brings within `limit`; none at the stream's end.
  std::string read(std::chrono::milliseconds limit = std::chrono::seconds{5}) {
    if (!wait(POLLIN, limit))
      return {};
    std::string buffer(1 << 16, '\0');
    auto got = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (got == 0)
      state_ = state::fin;
    else if (got < 0)
      state_ = state::reset;
    buffer.resize(static_cast<size_t>(std::max<ssize_t>(got, 0)));
    return buffer;
  }

  /// Reads until `size` bytes are there, or the end of the stream.
  std::string read_all(size_t size) {
    std::string result;
    while (result.size() < size && how() == state::open) {
      auto more = read();
      if (more.empty() && how() == state::open)
        break;
      result += more;
    }
    return result;
  }

  /// Reads to the end and tells how it came.
  state end() {
    while (how() == state::open && wait(POLLIN, std::chrono::seconds{5}))
      read();
    return how();
  }

  void reset() { socket_.close_with_reset(); }

private:
  void settle(int error) {
    // A reset may be there before we look.
    state_ = error == 0            ? state::open
             : error == ECONNRESET ? state::reset
                                   : state::refused;
  }

  bool wait(short events, std::chrono::milliseconds limit) {
    pollfd item{socket_.get(), events, 0};
    return ::poll(&item, 1, static_cast<int>(limit.count())) > 0;
  }

  lab::unique_fd socket_;
  state state_ = state::connecting;
};

} // namespace redoubt::test
