#define CAF_SUITE rescue

#include <redoubt/app/lab/fault_gate.hpp>
#include <redoubt/tests/support/service.hpp>
#include <redoubt/tests/support/wait.hpp>

#include <redoubt/tests/support/check.hpp>

using namespace redoubt;
using namespace redoubt::test;
using namespace std::chrono_literals;

namespace {

request_options patient(std::chrono::milliseconds deadline) {
  request_options o;
  o.deadline = deadline;
  o.on_open = on_open_policy::wait;
  return o;
}

bool connected(caller& me, runtime& rt, size_t n) {
  return eventually([&] {
    auto x = me.status(rt);
    size_t ready = 0;
    for (auto& each : x.connections)
      ready += each.state == connection_state::ready ? 1 : 0;
    return ready == n && x.breaker.state == breaker_state::closed;
  });
}

} // namespace

namespace {

struct seen_events {
  std::mutex mutex;
  std::vector<event> events;
};

class event_listener : public subscriber_actor::base {
public:
  event_listener(caf::actor_config& cfg, std::shared_ptr<seen_events> to)
    : subscriber_actor::base(cfg), to_(std::move(to)) {}

  behavior_type make_behavior() override {
    return {[this](const event& x) {
      std::lock_guard guard{to_->mutex};
      to_->events.push_back(x);
    }};
  }

private:
  std::shared_ptr<seen_events> to_;
};

} // namespace

CAF_TEST(a killed server fails requests by fate and a restarted one serves again) {
  lab::private_redis server;
  runtime rt{options_for(server)};
  auto client = rt.client();
  caller me{rt};
  CAF_REQUIRE(me.ask(client, command{"INCR", "n"}).ok());
  server.kill();
  request_options o;
  o.deadline = 300ms;
  auto lost = me.ask(client, command{"INCR", "n"}, o);
  CAF_REQUIRE(lost.why.has_value());
  CAF_CHECK(lost.why->outcome == fate::not_sent
            || lost.why->outcome == fate::unknown);
  server.start();
  auto back = me.ask(client, command{"INCR", "n"}, patient(5s));
  CAF_REQUIRE(back.ok());
  CAF_CHECK(connected(me, rt, 2));
  CAF_CHECK(me.ask(client, command{"GET", "n"}).ok());
}

CAF_TEST(redis may be down from the start) {
  lab::private_redis server;
  server.kill();
  runtime rt{options_for(server)};
  auto client = rt.client();
  caller me{rt};
  auto error = rt.wait_ready(100ms);
  CAF_REQUIRE(error);
  auto reason = caller::translate(error);
  CAF_CHECK(reason.code == errc::connect_failed);
  CAF_CHECK_EQUAL(reason.last_message, "Connection refused");
  auto waiting = me.self()->request(client, caf::infinite, command{"PING"},
                                    patient(10s));
  // The breaker opens on dials alone, and then a request fails at once.
  CAF_CHECK(eventually(
    [&] { return me.status(rt).breaker.state == breaker_state::open; }));
  auto fast = me.ask(client, command{"GET", "k"});
  CAF_REQUIRE(fast.why.has_value());
  CAF_CHECK(fast.why->code == errc::circuit_open);
  CAF_CHECK(fast.why->outcome == fate::not_sent);
  CAF_CHECK(fast.why->last_message.find("Connection refused")
            != std::string::npos);
  server.start();
  waiting.receive([](reply& x) { CAF_CHECK_EQUAL(x.text(), "PONG"); },
                  [](caf::error& e) { CAF_FAIL(to_string(*failure_of(e))); });
  CAF_CHECK(!rt.wait_ready(5s));
}

CAF_TEST(a short loss of all connections costs no request) {
  lab::private_redis server;
  lab::fault_gate gate{lab::address::tcp(server.port())};
  runtime rt{options_for(gate.port())};
  auto client = rt.client();
  caller me{rt};
  CAF_REQUIRE(connected(me, rt, 2));
  // Few losses among many requests: neither the breaker nor the restart
  // intensity has a reason to speak up.
  for (int i = 0; i < 4; ++i) {
    for (int n = 0; n < 20; ++n)
      CAF_CHECK(me.ask(client, command{"GET", "k"}).ok());
    gate.refuse();
    gate.reset_all();
    auto answer = me.self()->request(client, caf::infinite,
                                     command{"GET", "k"});
    CAF_CHECK(eventually([&] {
      return me.status(rt).connections_lost >= static_cast<uint64_t>(2 * i + 1);
    }));
    gate.pass();
    answer.receive([](reply&) {},
                   [](caf::error& e) { CAF_FAIL(to_string(*failure_of(e))); });
    CAF_CHECK(connected(me, rt, 2));
  }
}

CAF_TEST(connections killed by the server are replaced unnoticed) {
  lab::private_redis server;
  runtime rt{options_for(server)};
  auto client = rt.client();
  caller me{rt};
  CAF_REQUIRE(connected(me, rt, 2));
  for (int i = 1; i <= 5; ++i) {
    server.command({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
    CAF_CHECK(me.ask(client, command{"GET", "k"}).ok());
    CAF_CHECK(connected(me, rt, 2));
  }
  CAF_CHECK(me.status(rt).restarts >= 5);
}

CAF_TEST(a frozen server makes a counter unknown and is rejoined when it thaws) {
  lab::private_redis server;
  runtime rt{options_for(server)};
  auto client = rt.client();
  caller me{rt};
  CAF_REQUIRE(connected(me, rt, 2));
  server.stop();
  auto lost = me.ask(client, command{"INCR", "n"});
  CAF_REQUIRE(lost.why.has_value());
  CAF_CHECK(lost.why->outcome == fate::unknown);
  CAF_CHECK(lost.why->code == errc::attempt_timeout);
  auto health = me.query<health_report>(rt.supervisor(), health_query{200ms});
  CAF_CHECK_EQUAL(health.status, "unhealthy");
  CAF_CHECK(!health.error_type.empty());
  server.cont();
  CAF_CHECK(me.ask(client, command{"INCR", "n"}, patient(10s)).ok());
  // What was unknown ran, or it did not; it ran at most once.
  auto n = std::stoi(server.command({"GET", "n"}));
  CAF_CHECK(n == 1 || n == 2);
}

CAF_TEST(packets that vanish end in an attempt timeout and then a new connection) {
  lab::private_redis server;
  lab::fault_gate gate{lab::address::tcp(server.port())};
  runtime rt{options_for(gate.port())};
  auto client = rt.client();
  caller me{rt};
  CAF_REQUIRE(connected(me, rt, 2));
  gate.hold();
  auto lost = me.ask(client, command{"INCR", "n"});
  CAF_REQUIRE(lost.why.has_value());
  CAF_CHECK(lost.why->outcome == fate::unknown);
  // A link that stays silent is given up.
  CAF_CHECK(eventually([&] { return me.status(rt).connections_lost > 0; }));
  gate.reset_all();
  gate.pass();
  CAF_CHECK(me.ask(client, command{"INCR", "n"}, patient(10s)).ok());
}

CAF_TEST(a wrong password fails at once and leaks into no message) {
  lab::redis_options settings;
  settings.password = "the-right-one";
  lab::private_redis server{settings};
  auto o = options_for(server);
  o.server.password = secret{"s3cr3t-canary"};
  runtime rt{o};
  auto client = rt.client();
  caller me{rt};
  auto error = rt.wait_ready(5s);
  CAF_REQUIRE(error);
  CAF_CHECK(failure_of(error)->code == errc::auth_failed);
  auto x = me.ask(client, command{"GET", "k"});
  CAF_REQUIRE(x.why.has_value());
  CAF_CHECK(x.why->code == errc::auth_failed);
  CAF_CHECK(to_string(*x.why).find("canary") == std::string::npos);
  CAF_CHECK(me.status(rt).breaker.state == breaker_state::closed);
  // The server takes the password from now on: nobody has to do anything here.
  server.command({"CONFIG", "SET", "requirepass", "s3cr3t-canary"});
  CAF_CHECK(!rt.wait_ready(5s));
  CAF_CHECK(eventually([&] {
    return me.ask(client, command{"GET", "k"}).ok();
  }));
}

CAF_TEST(an ACL user without the right to CLIENT is served) {
  lab::private_redis server;
  server.command(
    {"ACL", "SETUSER", "app", "on", ">pw", "~*", "+get", "+set", "+ping"});
  auto o = options_for(server);
  o.server.user = "app";
  o.server.password = secret{"pw"};
  runtime rt{o};
  auto client = rt.client();
  caller me{rt};
  CAF_CHECK(!rt.wait_ready(5s));
  CAF_CHECK(me.ask(client, command{"SET", "k", "v"}).ok());
  auto denied = me.ask(client, command{"INCR", "n"});
  CAF_REQUIRE(denied.ok());
  CAF_CHECK(denied.value.is_error());
}

CAF_TEST(a server with too many clients is asked again until it has room) {
  lab::redis_options settings;
  settings.arguments = {"--maxclients", "2"};
  lab::private_redis server{settings};
  auto o = options_for(server);
  o.pool.connections = 1;
  std::optional<runtime> first{std::in_place, o};
  CAF_REQUIRE(!first->wait_ready(5s));
  server.command({"PING"});
  runtime second{o};
  auto error = second.wait_ready(500ms);
  CAF_REQUIRE(error);
  CAF_CHECK(failure_of(error)->code == errc::too_many_clients);
  first.reset();
  CAF_CHECK(!second.wait_ready(5s));
}

CAF_TEST(subscribers hear of the breaker and of connections) {
  lab::private_redis server;
  runtime rt{options_for(server)};
  auto log = std::make_shared<seen_events>();
  subscriber_actor listener = rt.system().spawn<event_listener>(log);
  caf::anon_send(rt.supervisor(), subscribe{listener});
  auto saw = [&](auto predicate) {
    return eventually([&] {
      std::lock_guard guard{log->mutex};
      return std::any_of(log->events.begin(), log->events.end(), predicate);
    });
  };
  caller me{rt};
  CAF_REQUIRE(connected(me, rt, 2));
  server.kill();
  CAF_CHECK(saw([](const event& x) {
    return x.kind == event_kind::connection_closed
           && x.error == errc::disconnected;
  }));
  CAF_CHECK(saw([](const event& x) {
    return x.kind == event_kind::breaker_changed && x.to == breaker_state::open
           && x.cause == breaker_cause::consecutive_failures;
  }));
  server.start();
  CAF_CHECK(saw([](const event& x) {
    return x.kind == event_kind::breaker_changed
           && x.to == breaker_state::closed;
  }));
  caf::anon_send_exit(listener, caf::exit_reason::kill);
}

CAF_TEST(an operator opens and releases the breaker) {
  lab::private_redis server;
  runtime rt{options_for(server)};
  auto client = rt.client();
  caller me{rt};
  CAF_REQUIRE(connected(me, rt, 2));
  auto x = me.query<breaker_status>(rt.supervisor(),
                                    force_breaker{force_breaker::action::open});
  CAF_CHECK(x.state == breaker_state::open);
  CAF_CHECK(x.forced);
  auto rejected = me.ask(client, command{"GET", "k"});
  CAF_REQUIRE(rejected.why.has_value());
  CAF_CHECK(rejected.why->code == errc::circuit_open);
  me.query<breaker_status>(rt.supervisor(),
                           force_breaker{force_breaker::action::release});
  CAF_CHECK(me.ask(client, command{"GET", "k"}, patient(5s)).ok());
}
