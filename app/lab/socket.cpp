#include <redoubt/app/lab/socket.hpp>

#include <arpa/inet.h>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>

namespace redoubt::lab {

namespace {

/// A socket address of either kind, as the system calls want it.
struct raw_address {
  sockaddr_storage storage{};
  socklen_t size = 0;

  const sockaddr* get() const noexcept {
    return reinterpret_cast<const sockaddr*>(&storage);
  }
};

raw_address raw(const address& where) noexcept {
  raw_address result;
  if (where.path.empty()) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(where.port);
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    std::memcpy(&result.storage, &in, sizeof(in));
    result.size = sizeof(in);
  } else {
    sockaddr_un un{};
    un.sun_family = AF_UNIX;
    where.path.copy(un.sun_path, sizeof(un.sun_path) - 1);
    std::memcpy(&result.storage, &un, sizeof(un));
    result.size = sizeof(un);
  }
  return result;
}

unique_fd open_socket(const address& where) noexcept {
  auto family = where.path.empty() ? AF_INET : AF_UNIX;
  unique_fd result{
    ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (result && family == AF_INET) {
    int on = 1;
    // Slices must leave as they are written, not when Nagle likes.
    ::setsockopt(result.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  }
  return result;
}

unique_fd bound_socket(const address& where) {
  auto result = open_socket(where);
  if (!result)
    throw_errno("socket");
  int on = 1;
  ::setsockopt(result.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  auto at = raw(where);
  if (::bind(result.get(), at.get(), at.size) != 0)
    throw_errno("bind");
  return result;
}

} // namespace

void unique_fd::close() noexcept {
  if (fd_ >= 0)
    ::close(std::exchange(fd_, -1));
}

void unique_fd::close_with_reset() noexcept {
  linger at_once{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  close();
}

address address::unix_socket(std::string path) {
  if (path.size() >= sizeof(sockaddr_un::sun_path))
    throw std::length_error{"path of a unix socket is too long: " + path};
  return {0, std::move(path)};
}

void throw_errno(const char* what) {
  throw std::system_error{errno, std::generic_category(), what};
}

unique_fd reserve_port(uint16_t& port) {
  auto result = bound_socket(address::tcp(0));
  sockaddr_in in{};
  socklen_t size = sizeof(in);
  if (::getsockname(result.get(), reinterpret_cast<sockaddr*>(&in), &size) != 0)
    throw_errno("getsockname");
  port = ntohs(in.sin_port);
  return result;
}

unique_fd listen_on(const address& where, int backlog) {
  auto result = bound_socket(where);
  if (::listen(result.get(), backlog) != 0)
    throw_errno("listen");
  return result;
}

unique_fd dial(const address& where) noexcept {
  auto result = open_socket(where);
  auto at = raw(where);
  if (!result
      || (::connect(result.get(), at.get(), at.size) != 0
          && errno != EINPROGRESS))
    return {};
  return result;
}

int dial_error(const unique_fd& socket) noexcept {
  int error = 0;
  socklen_t size = sizeof(error);
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0)
    return errno;
  return error;
}

unique_fd accept_from(const unique_fd& listener) noexcept {
  unique_fd result{
    ::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
  if (result) {
    int on = 1;
    ::setsockopt(result.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  }
  return result;
}

std::string make_private_folder() {
  auto name = std::filesystem::temp_directory_path() / "redoubt-XXXXXX";
  auto text = name.string();
  if (::mkdtemp(text.data()) == nullptr)
    throw_errno("mkdtemp");
  return text;
}

} // namespace redoubt::lab
