#include <redoubt/actors/reactor/transport.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

namespace redoubt {

namespace {

void set(int fd, int level, int name, int value) noexcept {
  // Options are a help, not a condition: what the system does not know, it does
  // without.
  ::setsockopt(fd, level, name, &value, sizeof value);
}

opening connect_to(int fd, const sockaddr* address, socklen_t size) {
  if (::connect(fd, address, size) == 0 || errno == EINPROGRESS)
    return {fd, 0};
  auto code = errno;
  ::close(fd);
  return {-1, code};
}

/// Dialling a local port that nobody listens on may connect a socket to itself,
/// if the system gives it that very port. It would answer us in our own words.
bool is_own_echo(int fd) noexcept {
  sockaddr_storage mine{};
  sockaddr_storage peer{};
  socklen_t size = sizeof mine;
  socklen_t peer_size = sizeof peer;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&mine), &size) != 0
      || ::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &peer_size) != 0)
    return false;
  return (mine.ss_family == AF_INET || mine.ss_family == AF_INET6)
         && size == peer_size && std::memcmp(&mine, &peer, size) == 0;
}

class kernel_sockets final : public transport {
public:
  opening open_tcp(const std::string& address, uint16_t port,
                   std::chrono::milliseconds silence) override {
    sockaddr_storage storage{};
    socklen_t size = 0;
    auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
    auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
    if (::inet_pton(AF_INET, address.c_str(), &v4.sin_addr) == 1) {
      v4.sin_family = AF_INET;
      v4.sin_port = htons(port);
      size = sizeof(sockaddr_in);
    } else if (::inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr) == 1) {
      v6.sin6_family = AF_INET6;
      v6.sin6_port = htons(port);
      size = sizeof(sockaddr_in6);
    } else {
      return {-1, EINVAL};
    }
    auto fd = ::socket(storage.ss_family,
                       SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
      return {-1, errno};
    set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(silence.count()));
    return connect_to(fd, reinterpret_cast<sockaddr*>(&storage), size);
  }

  opening open_unix(const std::string& path) override {
    sockaddr_un address{};
    if (path.size() >= sizeof address.sun_path)
      return {-1, ENAMETOOLONG};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    auto fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
      return {-1, errno};
    return connect_to(fd, reinterpret_cast<sockaddr*>(&address),
                      sizeof address);
  }

  int connect_result(int fd) noexcept override {
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
      return errno;
    return error == 0 && is_own_echo(fd) ? ECONNREFUSED : error;
  }

  ssize_t receive(int fd, char* to, size_t size) noexcept override {
    return ::recv(fd, to, size, 0);
  }

  ssize_t send(int fd, const iovec* parts, size_t count) noexcept override {
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(parts);
    message.msg_iovlen = count;
    return ::sendmsg(fd, &message, MSG_NOSIGNAL);
  }

  void close(int fd) noexcept override { ::close(fd); }

  void close_with_reset(int fd) noexcept override {
    linger now{1, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    ::close(fd);
  }
};

} // namespace

transport& system_transport() noexcept {
  static kernel_sockets instance;
  return instance;
}

std::string error_text(int code) {
  return std::generic_category().message(code);
}

bool is_address(const std::string& host) noexcept {
  in6_addr room;
  return ::inet_pton(AF_INET, host.c_str(), &room) == 1
         || ::inet_pton(AF_INET6, host.c_str(), &room) == 1;
}

} // namespace redoubt
