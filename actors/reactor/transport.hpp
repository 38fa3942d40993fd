#pragma once

#include <sys/types.h>
#include <sys/uio.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace redoubt {

/// A socket that was told to connect.
struct opening {
  /// -1 if it failed at once.
  int fd = -1;
  /// errno of the failure, or 0.
  int error = 0;
};

/// What carries a connection's bytes: the kernel's sockets, or in simulations a
/// network of our own. Nothing here blocks. One thread.
class transport {
public:
  virtual ~transport() = default;

  /// Starts to connect to a numeric IPv4 or IPv6 address. `silence` bounds how
  /// long sent bytes may go unacknowledged.
  virtual opening open_tcp(const std::string& address, uint16_t port,
                           std::chrono::milliseconds silence) = 0;

  /// Starts to connect to a Unix socket.
  virtual opening open_unix(const std::string& path) = 0;

  /// errno of the connection attempt on `fd` once it is writable; 0 if it stands.
  virtual int connect_result(int fd) noexcept = 0;

  /// As recv(2).
  virtual ssize_t receive(int fd, char* to, size_t size) noexcept = 0;

  /// As writev(2), without raising SIGPIPE.
  virtual ssize_t send(int fd, const iovec* parts, size_t count) noexcept = 0;

  virtual void close(int fd) noexcept = 0;

  /// Closes with RST, so that the peer does not take what is still on its way for
  /// an orderly end.
  virtual void close_with_reset(int fd) noexcept = 0;
};

/// The kernel's sockets. It has no state; any thread.
transport& system_transport() noexcept;

/// The system's words for an errno.
std::string error_text(int code);

/// True if `host` is an IPv4 or IPv6 address, so that there is no name to
/// resolve.
bool is_address(const std::string& host) noexcept;

} // namespace redoubt
