#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace redoubt::transport {

/// A socket that was told to connect.
struct opening {
  /// -1 if it failed at once.
  int fd = -1;
  /// errno of the failure, or 0.
  int error = 0;
};

/// Starts to connect to a numeric IPv4 or IPv6 address. Does not block.
/// `silence` bounds how long the kernel lets sent bytes go unacknowledged.
opening open_tcp(const std::string& address, uint16_t port,
                 std::chrono::milliseconds silence);

/// Starts to connect to a Unix socket. Does not block.
opening open_unix(const std::string& path);

/// errno of the connection attempt on `fd` once it is writable; 0 if it stands.
int connect_result(int fd) noexcept;

/// The system's words for an errno.
std::string error_text(int code);

/// True if `host` is an IPv4 or IPv6 address, so that there is no name to
/// resolve.
bool is_address(const std::string& host) noexcept;

/// Closes with RST, so that the peer does not take what is still on its way for
/// an orderly end.
void close_with_reset(int fd) noexcept;

} // namespace redoubt::transport
