#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace redoubt::test {

/// A name server on a port of 127.0.0.1 that knows a few IPv4 addresses; all
/// other names do not exist. It serves on a thread of its own.
class name_server {
public:
  using zone = std::map<std::string, std::vector<std::string>>;

  /// Never answers for the name `ignored`.
  explicit name_server(zone names, std::string ignored = {})
    : names_(std::move(names)), ignored_(std::move(ignored)) {
    fd_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    wake_ = eventfd(0, EFD_CLOEXEC);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof where;
    auto raw = reinterpret_cast<sockaddr*>(&where);
    if (fd_ < 0 || wake_ < 0 || bind(fd_, raw, size) != 0
        || getsockname(fd_, raw, &size) != 0)
      throw std::system_error(errno, std::generic_category(), "name server");
    port_ = ntohs(where.sin_port);
    thread_ = std::thread{[this] { serve(); }};
  }

  name_server(const name_server&) = delete;
  name_server& operator=(const name_server&) = delete;

  ~name_server() {
    uint64_t one = 1;
    [[maybe_unused]] auto n = ::write(wake_, &one, sizeof one);
    thread_.join();
    ::close(wake_);
    ::close(fd_);
  }

  /// `address:port`.
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

  /// From now on the name has these addresses, or does not exist if there are
  /// none.
  void change(const std::string& name, std::vector<std::string> addresses) {
    std::lock_guard guard{mutex_};
    if (addresses.empty())
      names_.erase(name);
    else
      names_[name] = std::move(addresses);
  }

  /// Questions that it received.
  size_t queries() const { return queries_; }

  void speak() { manner_ = manner::speaks; }
  void fall_silent() { manner_ = manner::silent; }

  /// Answers with bytes that mean nothing.
  void babble() { manner_ = manner::babbles; }

private:
  enum class manner { speaks, silent, babbles };

  static constexpr size_t header_size = 12;

  void serve() {
    std::array<pollfd, 2> fds{pollfd{fd_, POLLIN, 0}, pollfd{wake_, POLLIN, 0}};
    for (;;) {
      ::poll(fds.data(), fds.size(), -1);
      if (fds[1].revents != 0)
        return;
      std::array<char, 1500> room;
      sockaddr_in from{};
      socklen_t size = sizeof from;
      auto raw = reinterpret_cast<sockaddr*>(&from);
      auto n = recvfrom(fd_, room.data(), room.size(), 0, raw, &size);
      if (n < static_cast<ssize_t>(header_size + 5))
        continue;
      ++queries_;
      auto text = answer_to({room.data(), static_cast<size_t>(n)});
      if (!text.empty())
        sendto(fd_, text.data(), text.size(), 0, raw, size);
    }
  }

  std::string answer_to(const std::string& query) const {
    if (manner_ == manner::silent)
      return {};
    if (manner_ == manner::babbles)
      return query.substr(0, 2) + std::string(30, '\xff');
    // RFC 1035, 4.1: a header, then the name as labels, type and class.
    std::string name;
    auto i = header_size;
    while (i < query.size() && query[i] != 0) {
      auto length = static_cast<size_t>(query[i]);
      name += (name.empty() ? "" : ".") + query.substr(i + 1, length);
      i += length + 1;
    }
    auto question = query.substr(header_size, i + 5 - header_size);
    if (name == ignored_ || question.size() < 5)
      return {};
    auto is_a = question[question.size() - 3] == 1;
    std::lock_guard guard{mutex_};
    auto known = names_.find(name);
    std::string records;
    uint16_t count = 0;
    if (known != names_.end() && is_a)
      for (auto& each : known->second) {
        // A pointer to the name, A, IN, a minute to live, four bytes.
        static constexpr char fixed[] = "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4";
        in_addr address{};
        inet_pton(AF_INET, each.c_str(), &address);
        records.append(fixed, sizeof fixed - 1);
        records.append(reinterpret_cast<const char*>(&address), 4);
        ++count;
      }
    std::string result = query.substr(0, 2);
    result += "\x81";                                  // An answer.
    result += known == names_.end() ? '\x83' : '\x80'; // NXDOMAIN or NOERROR.
    result += {'\0', '\1', '\0', static_cast<char>(count), 0, 0, 0, 0};
    return result + question + records;
  }

  mutable std::mutex mutex_;
  zone names_;
  const std::string ignored_;
  std::atomic<manner> manner_ = manner::speaks;
  std::atomic<size_t> queries_ = 0;
  int fd_ = -1;
  int wake_ = -1;
  uint16_t port_ = 0;
  std::thread thread_;
};

} // namespace redoubt::test
