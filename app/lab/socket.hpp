#pragma once

#include <cstdint>
#include <string>
#include <utility>

namespace redoubt::lab {

/// Owns a file descriptor.
class unique_fd {
public:
  unique_fd() = default;

  explicit unique_fd(int fd) noexcept : fd_(fd) {}

  unique_fd(unique_fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

  unique_fd& operator=(unique_fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    other.close();
    return *this;
  }

  ~unique_fd() { close(); }

  int get() const noexcept { return fd_; }

  explicit operator bool() const noexcept { return fd_ >= 0; }

  void close() noexcept;

  /// Closes a TCP connection with RST instead of FIN. A unix socket knows no
  /// RST: its peer reads the end of the stream.
  void close_with_reset() noexcept;

private:
  int fd_ = -1;
};

/// Where a server listens: a port of 127.0.0.1, or a unix socket.
struct address {
  uint16_t port = 0;
  std::string path;

  static address tcp(uint16_t port) { return {port, {}}; }

  /// Throws `std::length_error` if the system allows no path of that length.
  static address unix_socket(std::string path);
};

/// Throws `std::system_error` from `errno`.
[[noreturn]] void throw_errno(const char* what);

/// Binds a free port of 127.0.0.1 without listening, and says which. As long
/// as the socket lives the port refuses connections and nobody else gets it
/// (neither by bind nor as the source of a connection), but whoever sets
/// SO_REUSEADDR may listen on it, as redis-server does.
unique_fd reserve_port(uint16_t& port);

/// Listens, non-blocking. A TCP port may be one that `reserve_port` holds.
unique_fd listen_on(const address& where, int backlog = 511);

/// Starts a connection, non-blocking. An empty result means that it failed at
/// once; otherwise it is decided when the socket becomes writable.
unique_fd dial(const address& where) noexcept;

/// The error that a dial ended with, 0 for success.
int dial_error(const unique_fd& socket) noexcept;

/// Accepts one connection, non-blocking; empty if there is none.
unique_fd accept_from(const unique_fd& listener) noexcept;

/// Makes a folder of its own in the system's folder for temporary files.
std::string make_private_folder();

} // namespace redoubt::lab
