#define CAF_SUITE connection_dial

#include <redoubt/tests/wire/connection_fixture.hpp>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

using namespace redoubt;
using namespace redoubt::test;
using namespace std::chrono_literals;

namespace {

/// What a resolver was asked.
struct questions {
  std::mutex mutex;
  std::vector<resolve> all;
};

/// A resolver that knows one answer, or none.
class fake_resolver : public resolver_actor::base {
public:
  fake_resolver(caf::actor_config& cfg, std::optional<resolved> knows,
                std::shared_ptr<questions> to)
    : resolver_actor::base(cfg), knows_(std::move(knows)), to_(std::move(to)) {}

  behavior_type make_behavior() override {
    return {
      [this](resolve& x) {
        {
          std::lock_guard guard{to_->mutex};
          to_->all.push_back(x);
          to_->all.back().sink = nullptr;
        }
        if (!knows_)
          return;
        auto answer = *knows_;
        answer.id = x.id;
        send(x.sink, answer);
      },
      [](io_event&) {},
      [](tick&) {},
    };
  }

private:
  std::optional<resolved> knows_;
  std::shared_ptr<questions> to_;
};

/// A port of 127.0.0.2 whose backlog is full: who connects hangs.
class hanging_port {
public:
  explicit hanging_port(uint16_t port) : address_(to_address(port)) {
    listener_ = make_socket();
    int on = 1;
    ::setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    CAF_REQUIRE(::bind(listener_.get(), raw(address_), sizeof address_) == 0);
    CAF_REQUIRE(::listen(listener_.get(), 0) == 0);
    for (int i = 0; i < 4; ++i) {
      guests_.push_back(make_socket());
      ::connect(guests_.back().get(), raw(address_), sizeof address_);
    }
  }

private:
  static lab::unique_fd make_socket() {
    return lab::unique_fd{
      ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  }

  static sockaddr_in to_address(uint16_t port) {
    sockaddr_in x{};
    x.sin_family = AF_INET;
    x.sin_port = htons(port);
    ::inet_pton(AF_INET, "127.0.0.2", &x.sin_addr);
    return x;
  }

  static const sockaddr* raw(const sockaddr_in& x) {
    return reinterpret_cast<const sockaddr*>(&x);
  }

  sockaddr_in address_;
  lab::unique_fd listener_;
  std::vector<lab::unique_fd> guests_;
};

struct fixture : connection_fixture {
  ~fixture() override {
    if (config.resolver)
      caf::anon_send_exit(config.resolver, caf::exit_reason::kill);
  }

  /// A name that resolves to these, or to an error, or never.
  void name_is(std::optional<resolved> known) {
    config.server.host = "redis.example";
    config.resolver = sys.spawn<fake_resolver>(std::move(known), asked);
  }

  void name_is(std::vector<std::string> addresses) {
    name_is(resolved{0, std::move(addresses), ""});
  }

  link_closed failed(errc cause) {
    auto end = end_of_first(cause);
    CAF_CHECK(!end.was_ready);
    CAF_CHECK(!first().so_far().up.has_value());
    return end;
  }

  bool saw(const std::vector<connection_state>& states) {
    return first().so_far().progress == states;
  }

  std::shared_ptr<questions> asked = std::make_shared<questions>();
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(connection_dial_tests, fixture)

// -- an address ---------------------------------------------------------------

CAF_TEST(a port that refuses fails the dial) {
  auto port = lab::reserve_port(config.server.port);
  dial();
  auto end = failed(errc::connect_failed);
  CAF_CHECK_EQUAL(end.text, "Connection refused");
  CAF_CHECK(saw({connection_state::connecting}));
}

CAF_TEST(an address that cannot be reached fails the dial) {
  // A broadcast address is no place to connect to, on any machine.
  config.server.host = "255.255.255.255";
  dial();
  failed(errc::connect_failed);
}

CAF_TEST(a port that hangs fails the dial at the connect timeout) {
  auto port = lab::reserve_port(config.server.port);
  hanging_port hole{config.server.port};
  config.server.host = "127.0.0.2";
  config.pool.connect_timeout = 100ms;
  stopwatch watch;
  dial();
  auto end = failed(errc::connect_failed);
  CAF_CHECK_EQUAL(end.text, "timed out");
  CAF_CHECK(watch.elapsed() >= 100ms);
  CAF_CHECK(watch.elapsed() < 3s);
}

CAF_TEST(a dial that hangs can be called off) {
  auto port = lab::reserve_port(config.server.port);
  hanging_port hole{config.server.port};
  config.server.host = "127.0.0.2";
  dial();
  CAF_REQUIRE(
    first().notes->wait([](const told& x) { return !x.progress.empty(); }));
  close_with(errc::shutting_down);
  failed(errc::shutting_down);
}

CAF_TEST(a readiness of another time is not taken for a connection) {
  auto port = lab::reserve_port(config.server.port);
  hanging_port hole{config.server.port};
  config.server.host = "127.0.0.2";
  config.pool.connect_timeout = 100ms;
  dial();
  caf::anon_send(subject, io_event{});
  auto end = failed(errc::connect_failed);
  CAF_CHECK_EQUAL(end.text, "timed out");
  CAF_CHECK(saw({connection_state::connecting}));
}

// A sanitizer wants descriptors for its own checks.
#ifndef __SANITIZE_ADDRESS__

CAF_TEST(no descriptor left is a resource error) {
  scripted_peer peer;
  rlimit old{};
  ::getrlimit(RLIMIT_NOFILE, &old);
  auto few = old;
  few.rlim_cur = 256;
  ::setrlimit(RLIMIT_NOFILE, &few);
  std::vector<lab::unique_fd> all;
  do
    all.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  while (all.back());
  dial(peer);
  auto heard = first().is_closed();
  all.clear();
  ::setrlimit(RLIMIT_NOFILE, &old);
  CAF_REQUIRE(heard);
  auto end = failed(errc::resource_error);
  CAF_CHECK_EQUAL(end.text, "Too many open files");
}

#endif

// -- a unix socket ------------------------------------------------------------

CAF_TEST(a unix socket is served as a port is) {
  scripted_peer peer{echo, {.unix_socket = true}};
  open(peer);
  get(first(), 1, 3);
  CAF_CHECK(first().has_replies(3));
  CAF_CHECK_EQUAL(first().heard(), "1=\"k1\" 2=\"k2\" 3=\"k3\"");
}

CAF_TEST(a unix socket that is missing fails the dial) {
  config.server.kind = endpoint::transport::unix_socket;
  config.server.path = lab::make_private_folder() + "/missing.sock";
  dial();
  auto end = failed(errc::connect_failed);
  CAF_CHECK_EQUAL(end.text, "No such file or directory");
  std::filesystem::remove_all(
    std::filesystem::path{config.server.path}.parent_path());
}

CAF_TEST(a unix socket that nobody listens on fails the dial) {
  auto folder = lab::make_private_folder();
  config.server.kind = endpoint::transport::unix_socket;
  config.server.path = folder + "/dead.sock";
  lab::listen_on(lab::address::unix_socket(config.server.path)).close();
  dial();
  auto end = failed(errc::connect_failed);
  CAF_CHECK_EQUAL(end.text, "Connection refused");
  std::filesystem::remove_all(folder);
}

CAF_TEST(a path too long for a unix socket fails the dial) {
  config.server.kind = endpoint::transport::unix_socket;
  config.server.path = "/" + std::string(200, 'x');
  dial();
  auto end = failed(errc::connect_failed);
  CAF_CHECK_EQUAL(end.text, "File name too long");
}

// -- a name -------------------------------------------------------------------

CAF_TEST(a name is resolved and then connected to) {
  scripted_peer peer{echo};
  config.pool.resolve_timeout = 1234ms;
  name_is({"127.0.0.1"});
  open(peer);
  CAF_CHECK(saw({connection_state::resolving, connection_state::connecting,
                 connection_state::handshaking}));
  std::lock_guard guard{asked->mutex};
  CAF_REQUIRE_EQUAL(asked->all.size(), 1u);
  auto& question = asked->all[0];
  CAF_CHECK_EQUAL(question.host, "redis.example");
  CAF_CHECK_EQUAL(question.timeout.count(), 1234);
}

CAF_TEST(an address that refuses is passed over for the next) {
  scripted_peer peer{echo};
  name_is({"::1", "127.0.0.2", "127.0.0.1"});
  open(peer);
  get(first(), 1);
  CAF_CHECK(first().has_replies(1));
  CAF_CHECK(saw({connection_state::resolving, connection_state::connecting,
                 connection_state::handshaking}));
  CAF_CHECK_EQUAL(peer.connections(), 1u);
}

CAF_TEST(an address that hangs leaves time for the next) {
  scripted_peer peer{echo};
  hanging_port hole{peer.port()};
  config.pool.connect_timeout = 2s;
  name_is({"127.0.0.2", "127.0.0.1"});
  stopwatch watch;
  dial(peer);
  CAF_CHECK(first().is_up());
  CAF_CHECK(watch.elapsed() < 2s);
}

CAF_TEST(addresses of which none is any good fail the dial) {
  auto port = lab::reserve_port(config.server.port);
  name_is({"::1", "no address", "127.0.0.2", "127.0.0.1"});
  dial();
  auto end = failed(errc::connect_failed);
  CAF_CHECK_EQUAL(end.text, "Connection refused");
}

CAF_TEST(a name that does not resolve fails the dial) {
  name_is(resolved{0, {}, "Domain name not found"});
  dial();
  auto end = failed(errc::resolve_failed);
  CAF_CHECK_EQUAL(end.text, "Domain name not found");
  CAF_CHECK(saw({connection_state::resolving}));
}

CAF_TEST(a resolver that never answers fails the dial) {
  config.pool.resolve_timeout = 50ms;
  name_is(std::nullopt);
  stopwatch watch;
  dial();
  failed(errc::resolve_failed);
  CAF_CHECK(watch.elapsed() >= 50ms);
  CAF_CHECK(watch.elapsed() < 3s);
}

CAF_TEST(a lookup can be called off) {
  name_is(std::nullopt);
  dial();
  CAF_REQUIRE(
    first().notes->wait([](const told& x) { return !x.progress.empty(); }));
  close_with(errc::shutting_down);
  failed(errc::shutting_down);
}

CAF_TEST(a late answer of the resolver starts nothing) {
  scripted_peer peer{echo};
  open(peer);
  caf::anon_send(subject, resolved{7, {"127.0.0.2"}, ""});
  caf::anon_send(subject, resolved{7, {}, "too late"});
  get(first(), 1);
  CAF_CHECK(first().has_replies(1));
  CAF_CHECK(!first().so_far().closed.has_value());
  CAF_CHECK_EQUAL(peer.connections(), 1u);
}

CAF_TEST_FIXTURE_SCOPE_END()
