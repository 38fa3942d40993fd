#define CAF_SUITE faults_server

// What a server may do to a service: load, hang, pause, be busy, send it away.

#include <redoubt/tests/redis/faulty.hpp>

#include <redoubt/tests/support/raw_client.hpp>
#include <redoubt/tests/support/scripted_peer.hpp>

#include <string>
#include <vector>

using namespace redoubt;
using namespace redoubt::test;
using namespace std::chrono_literals;

namespace {

using words = std::vector<std::string>;

/// Straight to the server; the gate is not needed here.
struct direct : faulty_service {
  explicit direct(lab::redis_options settings = {})
    : faulty_service(std::move(settings)) {
    options = options_for(server);
    options.pool.connections = 1;
  }
};

lab::redis_options with(words arguments, bool may_be_loading = false) {
  lab::redis_options x;
  x.arguments = std::move(arguments);
  x.may_be_loading = may_be_loading;
  return x;
}

/// A command as a client sends it that does not wait for the answer.
std::string wire_of(const words& x) {
  return std::string{command{x}.wire()};
}

/// How often the server was asked to run a command.
bool ran(lab::private_redis& server, const std::string& name) {
  return server.command({"INFO", "commandstats"}).find("cmdstat_" + name + ":")
         != std::string::npos;
}

} // namespace

CAF_TEST(a server that loads after a restart turns counters away until it is done) {
  direct x{with({"--enable-debug-command", "yes", "--key-load-delay", "300",
                 "--loading-process-events-interval-bytes", "1024"},
                true)};
  x.start();
  x.server.command({"DEBUG", "POPULATE", "5000"});
  CAF_REQUIRE_EQUAL(x.server.command({"SAVE"}), "OK");
  x.server.kill();
  x.server.start();
  CAF_REQUIRE(x.server.command({"GET", "n"}).starts_with("LOADING"));
  auto refused = eventually([&] {
    auto got = x.ask(command{"INCR", "n"}, once(300ms));
    CAF_CHECK(got.ok() || got.why->outcome == fate::not_sent
              || got.why->outcome == fate::refused);
    return !got.ok() && got.why->code == errc::loading;
  });
  CAF_CHECK(refused);
  CAF_CHECK(x.comes([](auto& y) { return y.breaker.failures_in_window > 0; }));
  // All who were turned away did not run.
  CAF_CHECK_EQUAL(x.ask(command{"INCR", "n"}, patient()).value.number(), 1);
  CAF_CHECK_EQUAL(x.server.command({"DBSIZE"}), "5001");
}

CAF_TEST(a link that the server closes for idleness is replaced unnoticed) {
  direct x;
  x.start();
  CAF_REQUIRE(x.ask(command{"INCR", "n"}).ok());
  x.server.command({"CONFIG", "SET", "timeout", "1"});
  for (uint64_t i = 1; i <= 2; ++i) {
    CAF_REQUIRE(x.comes([&](auto& y) { return y.connections_lost >= i; }));
    CAF_CHECK_EQUAL(x.ask(command{"INCR", "n"}).value.number(),
                    static_cast<int64_t>(i + 1));
  }
  auto y = x.status();
  CAF_CHECK_EQUAL(y.requests.failed_unknown + y.requests.failed_not_sent, 0u);
}

CAF_TEST(a server that is paused or asleep leaves a counter unknown) {
  struct row {
    words stall;
    std::chrono::milliseconds lasts;
  };
  const std::vector<row> rows{
    {{"CLIENT", "PAUSE", "700", "ALL"}, 700ms},
    {{"CLIENT", "PAUSE", "700", "WRITE"}, 700ms},
    {{"DEBUG", "SLEEP", "0.7"}, 700ms},
  };
  for (auto& row : rows) {
    CAF_MESSAGE(row.stall[0] << ' ' << row.stall[1]);
    direct x{with({"--enable-debug-command", "yes"})};
    x.start();
    CAF_REQUIRE(x.ask(command{"INCR", "n"}).ok());
    raw_client operator_{x.server.port()};
    raw_client guest{x.server.port()};
    auto since = stopwatch_clock::now();
    CAF_REQUIRE(operator_.send(wire_of(row.stall)));
    if (row.stall[0] == "CLIENT")
      CAF_REQUIRE_EQUAL(operator_.read(), "+OK\r\n");
    else
      // Once it sleeps nobody is answered.
      CAF_REQUIRE(eventually([&] {
        return guest.send(wire_of({"PING"})) && guest.read(20ms).empty();
      }));
    auto o = one_attempt(150ms);
    o.use_breaker = true;
    failed_as(x.ask(command{"INCR", "n"}, o), errc::attempt_timeout,
              fate::unknown);
    CAF_CHECK(stopwatch_clock::now() - since < row.lasts);
    CAF_CHECK(
      x.comes([](auto& y) { return y.breaker.failures_in_window > 0; }));
    // What may be sent again waits until it is over.
    CAF_CHECK(x.ask(command{"SET", "k", "v"}, patient()).ok());
    CAF_CHECK(stopwatch_clock::now() - since >= row.lasts);
    // The one that nobody knows of ran, or it did not.
    auto after = x.ask(command{"INCR", "n"});
    CAF_REQUIRE(after.ok());
    auto n = after.value.number();
    CAF_CHECK(n == 2 || n == 3);
  }
}

CAF_TEST(a healthy PING does not hide that writes are stalled) {
  direct x;
  x.options.pool.connections = 2;
  x.options.pool.ping_interval = 100ms;
  x.options.pool.ping_timeout = 100ms;
  x.options.client.timeouts.attempt = 100ms;
  x.start();
  CAF_REQUIRE(x.comes([](auto& y) { return y.connections.size() == 2; }));
  CAF_REQUIRE_EQUAL(x.server.command({"CLIENT", "PAUSE", "60000", "WRITE"}),
                    "OK");
  request_options o;
  o.deadline = 1s;
  for (int i = 0; i < 5; ++i) {
    auto lost = x.ask(command{"INCR", "n"}, o);
    CAF_REQUIRE(lost.why.has_value());
    if (lost.why->code == errc::circuit_open)
      break;
    CAF_CHECK_EQUAL(to_string(lost.why->outcome), to_string(fate::unknown));
  }
  // The server is well, and says so, once nothing stalls the link that is asked.
  CAF_CHECK(eventually([&] {
    health_query question{1s};
    return x.me->query<health_report>(x.rt->supervisor(), question).healthy();
  }));
  CAF_CHECK(x.comes(
    [](auto& y) { return y.breaker.trips > 0 && y.connections_lost > 0; }));
  CAF_REQUIRE_EQUAL(x.server.command({"CLIENT", "UNPAUSE"}), "OK");
  CAF_CHECK(x.ask(command{"SET", "k", "v"}, patient()).ok());
}

CAF_TEST(a script that never ends is unknown and others are turned away) {
  direct x{with({"--busy-reply-threshold", "50"})};
  x.options.pool.connections = 2;
  x.start();
  auto script = x.ask(command{"EVAL", "while true do end", 0},
                      one_attempt(200ms));
  failed_as(script, errc::attempt_timeout, fate::unknown);
  auto second = x.rt->client();
  auto refused = eventually([&] {
    auto got = x.me->ask(second, command{"INCR", "n"}, one_attempt(200ms));
    return !got.ok() && got.why->code == errc::busy
           && got.why->outcome == fate::refused;
  });
  CAF_CHECK(refused);
  // Nobody ended it but the operator.
  auto asked = x.server.command({"INFO", "commandstats"});
  CAF_CHECK(asked.starts_with("BUSY "));
  CAF_CHECK_EQUAL(x.server.command({"SCRIPT", "KILL"}), "OK");
  CAF_CHECK(eventually([&] { return x.server.command({"PING"}) == "PONG"; }));
  CAF_CHECK(x.me->ask(second, command{"INCR", "n"}, patient()).ok());
  auto stats = x.server.command({"INFO", "commandstats"});
  CAF_CHECK(stats.find("cmdstat_script|kill:calls=1,") != std::string::npos);
  CAF_CHECK(ran(x.server, "eval"));
}

CAF_TEST(the address of a redirection is never dialled) {
  scripted_peer elsewhere;
  auto target = " 127.0.0.1:" + std::to_string(elsewhere.port());
  const words redirections{"MOVED 1111" + target,
                           "ASK 1111" + target,
                           "MOVED 1111",
                           "ASK",
                           "MOVED ",
                           "MOVED 1111 " + std::string(300, 'x')};
  size_t i = 0;
  scripted_peer peer{[&](const argv& all) -> std::optional<peer_answer> {
    if (all[0] == "GET")
      return "-" + redirections[i++] + "\r\n";
    return {};
  }};
  runtime rt{options_for(peer.port())};
  auto client = rt.client();
  CAF_REQUIRE(!rt.wait_ready(5s));
  caller me{rt};
  for (auto& each : redirections) {
    auto x = me.ask(client, command{"GET", "k"});
    CAF_REQUIRE(x.ok());
    CAF_CHECK(x.value.is_error());
    CAF_CHECK_EQUAL(x.value.text(), each);
  }
  CAF_CHECK_EQUAL(elsewhere.connections(), 0u);
  auto x = me.status(rt);
  CAF_CHECK_EQUAL(x.connections_lost, 0u);
  CAF_CHECK_EQUAL(x.breaker.failures_in_window, 0u);
}
