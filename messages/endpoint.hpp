#pragma once

#include <redoubt/messages/secret.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace redoubt {

/// Where a Redis server is and who we are to it.
///
/// Written as `redis://[user[:password]@]host[:port][/db]` (IPv6 literals in
/// brackets) or `unix://[user[:password]@]/path/to/socket?db=N`. User, password
/// and the path of a socket may be percent-encoded. `redis://:password@host` and `redis://password@host` name
/// the password of the default user, as redis-cli has it.
struct endpoint {
  enum class transport : uint8_t { tcp, unix_socket };

  transport kind = transport::tcp;
  /// Host name, IPv4 or IPv6 address (without brackets). TCP only.
  std::string host = "127.0.0.1";
  uint16_t port = 6379;
  /// Path of the socket. Unix sockets only.
  std::string path;
  /// Database to SELECT.
  uint32_t db = 0;
  /// ACL user; empty for the default user.
  std::string user;
  secret password;

  bool operator==(const endpoint&) const = default;
};

/// Reads an endpoint from a URL. On bad input answers nothing and says in
/// `error` what is wrong and what is allowed, without any part of the
/// credentials.
std::optional<endpoint> parse_endpoint(std::string_view url,
                                       std::string& error);

/// The endpoint as a URL without credentials, for logs and status.
std::string to_string(const endpoint& x);

} // namespace redoubt
