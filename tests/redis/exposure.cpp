// What an attacker finds: no port of ours, and no way for data to become a command.
#define CAF_SUITE exposure

#include <redoubt/messages/script.hpp>

#include <redoubt/tests/support/service.hpp>

#include <redoubt/tests/support/check.hpp>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

using namespace redoubt;
using namespace redoubt::test;
using namespace std::chrono_literals;

namespace {

/// Inodes of the sockets of this process.
std::set<std::string> own_sockets() {
  std::set<std::string> result;
  std::error_code gone;
  for (auto& each : std::filesystem::directory_iterator{"/proc/self/fd"}) {
    auto what = std::filesystem::read_symlink(each.path(), gone).string();
    if (what.starts_with("socket:["))
      result.insert(what.substr(8, what.size() - 9));
  }
  return result;
}

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream in{line};
  std::vector<std::string> result;
  for (std::string x; in >> x;)
    result.push_back(x);
  return result;
}

/// Sockets of this process to which others may connect, as the kernel lists them.
std::set<std::string> listening_sockets() {
  std::set<std::string> result;
  auto own = own_sockets();
  auto look = [&](const char* table, size_t state_at, const char* state,
                  size_t inode_at) {
    std::ifstream in{table};
    for (std::string line; std::getline(in, line);) {
      auto x = words_of(line);
      if (x.size() > inode_at && x[state_at] == state
          && own.contains(x[inode_at]))
        result.insert(line);
    }
  };
  // 0A is TCP_LISTEN, 00010000 is the flag of a socket that accepts.
  look("/proc/self/net/tcp", 3, "0A", 9);
  look("/proc/self/net/tcp6", 3, "0A", 9);
  look("/proc/self/net/unix", 3, "00010000", 6);
  return result;
}

/// A socket that listens where nobody else looks, until the end of the scope.
class listener {
public:
  explicit listener(int family) : fd_(::socket(family, SOCK_STREAM, 0)) {
    sockaddr_storage where{};
    where.ss_family = static_cast<sa_family_t>(family);
    auto size = sizeof(sockaddr_in);
    if (family == AF_INET6) {
      reinterpret_cast<sockaddr_in6&>(where).sin6_addr = in6addr_loopback;
      size = sizeof(sockaddr_in6);
    } else if (family == AF_INET) {
      reinterpret_cast<sockaddr_in&>(where).sin_addr.s_addr = htonl(
        INADDR_LOOPBACK);
    } else {
      // The kernel finds a name.
      size = sizeof(sa_family_t);
    }
    ready_ = ::bind(fd_, reinterpret_cast<sockaddr*>(&where),
                    static_cast<socklen_t>(size))
               == 0
             && ::listen(fd_, 1) == 0;
  }

  ~listener() { ::close(fd_); }

  listener(const listener&) = delete;
  listener& operator=(const listener&) = delete;

  bool ready() const { return ready_; }

private:
  int fd_;
  bool ready_;
};

/// What becomes a command of its own wherever its length is not heeded.
const std::vector<std::string>& poisons() {
  static const std::vector<std::string> all{
    "\r\n*1\r\n$8\r\nFLUSHALL\r\n",
    "x\r\nFLUSHALL\r\n",
    "\nFLUSHALL\n",
    "$8\r\nFLUSHALL\r\n",
    std::string("\0\r\nFLUSHALL\r\n", 13),
    "\"\r\nFLUSHALL\r\n\"",
    "*1\r\n$8\r\nFLUSHALL\r\n",
  };
  return all;
}

} // namespace

CAF_TEST(a listening socket of this process is seen) {
  auto before = listening_sockets().size();
  std::array<int, 3> families{AF_INET, AF_INET6, AF_UNIX};
  for (auto family : families) {
    listener x{family};
    // Not every machine has IPv6.
    if (x.ready() || family != AF_INET6)
      CAF_CHECK_EQUAL(listening_sockets().size(), before + 1);
  }
  CAF_CHECK_EQUAL(listening_sockets().size(), before);
}

CAF_TEST(a runtime opens no socket that others may connect to) {
  lab::private_redis server;
  auto before = listening_sockets();
  auto sockets = own_sockets().size();
  std::string error;
  for (auto& url : {"redis://127.0.0.1:" + std::to_string(server.port()),
                    "redis://localhost:" + std::to_string(server.port()),
                    "unix://" + server.socket_path()}) {
    runtime_options o;
    o.server = parse_endpoint(url, error).value();
    o.threads.reactors = 2;
    runtime rt{o};
    auto client = rt.client();
    auto other = rt.client();
    caller me{rt};
    CAF_REQUIRE(me.ask(client, command{"PING"}).ok());
    CAF_REQUIRE(me.ask(other, command{"PING"}).ok());
    // Its own are there, and lead to the server.
    CAF_CHECK_GREATER(own_sockets().size(), sockets);
    CAF_CHECK(listening_sockets() == before);
  }
  CAF_CHECK(listening_sockets() == before);
}

CAF_TEST(keys and values that look like commands stay data) {
  lab::private_redis server;
  runtime rt{options_for(server)};
  auto client = rt.client();
  caller me{rt};
  server.command({"SET", "witness", "is here"});
  for (auto& x : poisons()) {
    CAF_CHECK(me.ask(client, command{"SET", x, x}).ok());
    CAF_CHECK(me.ask(client, command{"GET", x}).value.text() == x);
    CAF_CHECK(me.ask(client, command{"HSET", "hash", x, x}).ok());
    pipeline many;
    many.commands = {command{"SET", x, x}, command{"GET", x}};
    auto [outcomes, why] = me.ask_many(client, many);
    CAF_REQUIRE(!why && outcomes.size() == 2);
    CAF_CHECK(std::get<reply>(outcomes[1]).text() == x);
    transaction whole;
    whole.commands = {command{"RPUSH", "list", x}, command{"GET", x}};
    auto [members, fault] = me.ask_many(client, whole);
    CAF_REQUIRE(!fault && members.size() == 2);
    CAF_CHECK(std::get<reply>(members[1]).text() == x);
    static const script echo{"return {KEYS[1], ARGV[1]}"};
    auto told = me.ask(client, echo.call({x}, {x}));
    CAF_REQUIRE(told.ok());
    CAF_REQUIRE_EQUAL(told.value.elements().size(), 2u);
    CAF_CHECK(told.value.elements()[1].text() == x);
    // Nor does the name of a command become two.
    auto named = me.ask(client, command{"GET" + x, "witness"});
    CAF_CHECK(!named.ok() || named.value.is_error());
  }
  CAF_CHECK_EQUAL(server.command({"GET", "witness"}), "is here");
  auto stats = server.command({"INFO", "commandstats"});
  CAF_CHECK(stats.find("cmdstat_get:") != std::string::npos);
  CAF_CHECK(stats.find("cmdstat_flushall") == std::string::npos);
}

CAF_TEST(every two bytes make the round trip as key and as value) {
  lab::private_redis server;
  auto o = options_for(server);
  o.client.timeouts.request = 60s;
  o.client.timeouts.attempt = 30s;
  runtime rt{o};
  auto client = rt.client();
  caller me{rt};
  for (int first = 0; first < 256; ++first) {
    pipeline all;
    std::vector<std::string> sent;
    for (int second = 0; second < 256; ++second) {
      std::string x{static_cast<char>(first), static_cast<char>(second)};
      all.commands.push_back(command{"SET", x, x});
      all.commands.push_back(command{"GET", x});
      sent.push_back(std::move(x));
    }
    auto [outcomes, why] = me.ask_many(client, all);
    CAF_REQUIRE(!why && outcomes.size() == 512);
    auto wrong = 0;
    for (size_t i = 0; i < sent.size(); ++i) {
      auto got = std::get_if<reply>(&outcomes[2 * i + 1]);
      wrong += got == nullptr || got->text() != sent[i] ? 1 : 0;
    }
    CAF_REQUIRE_EQUAL(wrong, 0);
  }
  CAF_CHECK_EQUAL(server.command({"DBSIZE"}), "65536");
}
