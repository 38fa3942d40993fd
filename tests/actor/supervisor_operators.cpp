#define CAF_SUITE supervisor_operators

#include "supervisor_fixture.hpp"

using namespace redoubt_test;

namespace {

constexpr auto info = "# Server\r\nredis_version:7.0.15\r\n\r\n"
                      "# Clients\r\nconnected_clients:12\r\n"
                      "# Memory\r\nused_memory:1048576\r\n"
                      "used_memory_human:1.00M\r\n";

/// A service that made the mistake to link to us.
class linked_service : public caf::event_based_actor {
public:
  linked_service(caf::actor_config& cfg, const supervisor_internal& to)
    : caf::event_based_actor(cfg) {
    link_to(to);
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(supervisor_operators_tests, supervisor_fixture)

// -- status -------------------------------------------------------------------

CAF_TEST(the status tells of connections and dials) {
  options().server.host = "redis.example";
  options().server.user = "app";
  options().server.password = secret{"hunter2"};
  start();
  join();
  come_up(0, 41);
  pass(1s);
  end(1, errc::connect_failed, "Connection refused");
  auto hanging = dials.size() - 1;
  tell(link_progress{dials[hanging]->link, connection_state::handshaking});
  auto x = status();
  CAF_CHECK_EQUAL(x.server, "redis://redis.example:6379");
  CAF_CHECK(x.uptime == 1s);
  CAF_CHECK_EQUAL(x.connections_wanted, 2u);
  CAF_CHECK_EQUAL(x.clients, 1u);
  CAF_CHECK_EQUAL(x.dials, dials.size());
  CAF_CHECK_EQUAL(x.dials_failed, 1u);
  CAF_CHECK_EQUAL(x.connections_lost, 0u);
  CAF_CHECK_EQUAL(x.restarts, 0u);
  CAF_CHECK(!x.degraded);
  CAF_CHECK(!x.draining);
  CAF_CHECK(x.last_error == errc::connect_failed);
  CAF_CHECK_EQUAL(x.last_error_text, "Connection refused");
  CAF_REQUIRE_EQUAL(x.connections.size(), dials.size() - 1);
  auto& first = x.connections.front();
  CAF_CHECK_EQUAL(first.id, dials[0]->link);
  CAF_CHECK_EQUAL(first.reactor, 0u);
  CAF_CHECK(first.state == connection_state::ready);
  CAF_CHECK_EQUAL(first.client_id, 41);
  CAF_CHECK(first.age == 1s);
  CAF_CHECK(x.connections.back().state == connection_state::handshaking);
}

CAF_TEST(the status adds up what all request actors reported last) {
  start();
  auto one = report_of(join());
  auto other = report_of(join());
  one.counters.succeeded = 5;
  one.counters.queued = 3;
  other.counters.succeeded = 7;
  other.counters.in_flight = 2;
  tell(one);
  tell(other);
  one.counters.succeeded = 6;
  one.counters.queued = 0;
  tell(one);
  request_counters sum;
  sum.succeeded = 13;
  sum.in_flight = 2;
  CAF_CHECK(status().requests == sum);
}

CAF_TEST(a service that dies does not take a linked supervisor along) {
  start_connected();
  auto service = sys.spawn<linked_service>(subject);
  consume_messages();
  caf::anon_send_exit(service, caf::exit_reason::user_shutdown);
  consume_messages();
  CAF_CHECK_EQUAL(status().connections.size(), 1u);
}

// -- health -------------------------------------------------------------------

CAF_TEST(a healthy server is told of with its figures) {
  start_connected();
  auto health = ask(health_query{});
  CAF_REQUIRE_EQUAL(dials[0]->units.size(), 2u);
  CAF_CHECK_EQUAL(wire(0, 0), "*1\r\n$4\r\nPING\r\n");
  CAF_CHECK_EQUAL(wire(0, 1), "*1\r\n$4\r\nINFO\r\n");
  CAF_CHECK_EQUAL(dials[0]->owners, std::vector{owner_number});
  pass(3ms);
  answer(0, reply::status("PONG"));
  pass(4ms);
  CAF_CHECK(!answered());
  answer(0, reply::string(info));
  auto x = expect_answer<health_report>(health);
  CAF_CHECK_EQUAL(x.status, "healthy");
  CAF_CHECK(x.healthy());
  CAF_CHECK_EQUAL(x.ping_time_ms, 3.0);
  CAF_CHECK_EQUAL(x.connected_clients, 12u);
  CAF_CHECK_EQUAL(x.used_memory, 1048576u);
  CAF_CHECK_EQUAL(x.used_memory_human, "1.00M");
  CAF_CHECK_EQUAL(x.redis_version, "7.0.15");
  CAF_CHECK_EQUAL(x.error, "");
  CAF_CHECK_EQUAL(x.error_type, "");
}

CAF_TEST(a health check goes past an open breaker) {
  start_connected();
  force(force_breaker::action::open);
  auto health = ask(health_query{});
  CAF_REQUIRE_EQUAL(dials[0]->units.size(), 2u);
  answer(0, reply::status("PONG"));
  answer(0, reply::string(info));
  CAF_CHECK(expect_answer<health_report>(health).healthy());
}

CAF_TEST(an error of the server makes it unhealthy in its own words) {
  start_connected();
  auto health = ask(health_query{});
  answer(0, reply::error("LOADING Redis is loading the dataset in memory"));
  auto x = expect_answer<health_report>(health);
  CAF_CHECK(!x.healthy());
  CAF_CHECK_EQUAL(x.error, "LOADING Redis is loading the dataset in memory");
  CAF_CHECK_EQUAL(x.error_type, "loading");
  // The rest of the answer is for nobody.
  answer(0, reply::error("LOADING Redis is loading the dataset in memory"));
  CAF_CHECK(!answered());
}

CAF_TEST(an error to INFO leaves no figures behind) {
  start_connected();
  auto health = ask(health_query{});
  pass(3ms);
  answer(0, reply::status("PONG"));
  answer(0, reply::error("ERR something is wrong"));
  auto x = expect_answer<health_report>(health);
  CAF_CHECK_EQUAL(x.status, "unhealthy");
  CAF_CHECK_EQUAL(x.error, "ERR something is wrong");
  CAF_CHECK_EQUAL(x.error_type, "server_error");
  CAF_CHECK_EQUAL(x.ping_time_ms, 0.0);
}

CAF_TEST(a server that denies PING and INFO to our user is healthy) {
  start_connected();
  auto health = ask(health_query{});
  pass(3ms);
  answer(0, reply::error("NOPERM this user has no permissions to run 'ping'"));
  answer(0, reply::error("NOPERM this user has no permissions to run 'info'"));
  auto x = expect_answer<health_report>(health);
  CAF_CHECK(x.healthy());
  CAF_CHECK_EQUAL(x.ping_time_ms, 3.0);
  CAF_CHECK(x.redis_version.empty());
}

CAF_TEST(an error without words does not pass for health) {
  start_connected();
  auto health = ask(health_query{});
  answer(0, reply::error(""));
  auto x = expect_answer<health_report>(health);
  CAF_CHECK_EQUAL(x.status, "unhealthy");
  CAF_CHECK_EQUAL(x.error_type, "server_error");
}

CAF_TEST(a server that is silent is unhealthy at the timeout of the check) {
  start_connected();
  auto health = ask(health_query{300ms});
  pass(150ms);
  answer(0, reply::status("PONG"));
  pass(149ms);
  CAF_CHECK(!answered());
  pass(1ms);
  auto x = expect_answer<health_report>(health);
  CAF_CHECK(!x.healthy());
  CAF_CHECK_EQUAL(x.error, "no reply in time");
  CAF_CHECK_EQUAL(x.error_type, "attempt_timeout");
  CAF_CHECK_EQUAL(x.ping_time_ms, 0.0);
  answer(0, reply::string(info));
  CAF_CHECK(!answered());
}

CAF_TEST(without a connection a health check is answered at once with the reason) {
  start();
  auto first = expect_answer<health_report>(ask(health_query{}));
  CAF_CHECK(!first.healthy());
  CAF_CHECK_EQUAL(first.error, "not connected yet");
  CAF_CHECK_EQUAL(first.error_type, "connect_failed");
  end(0, errc::auth_failed, "WRONGPASS invalid username-password pair");
  auto second = expect_answer<health_report>(ask(health_query{}));
  CAF_CHECK_EQUAL(second.error, "WRONGPASS invalid username-password pair");
  CAF_CHECK_EQUAL(second.error_type, "auth_failed");
}

CAF_TEST(a connection that is lost in the middle of a check ends it at once) {
  start_connected();
  auto health = ask(health_query{});
  answer(0, reply::status("PONG"));
  end(0, errc::disconnected, "Connection reset by peer");
  auto x = expect_answer<health_report>(health);
  CAF_CHECK(!x.healthy());
  CAF_CHECK_EQUAL(x.error, "Connection reset by peer");
  CAF_CHECK_EQUAL(x.error_type, "disconnected");
}

CAF_TEST(health checks at the same time do not mix) {
  start_connected();
  auto first = ask(health_query{100ms});
  pass(50ms);
  auto second = ask(health_query{1s});
  CAF_REQUIRE_EQUAL(dials[0]->units.size(), 4u);
  pass(50ms);
  CAF_CHECK(!expect_answer<health_report>(first).healthy());
  // Late ones of the first check.
  answer(0, reply::status("PONG"));
  answer(0, reply::error("ERR late"));
  pass(10ms);
  answer(0, reply::status("PONG"));
  answer(0, reply::string(info));
  auto x = expect_answer<health_report>(second);
  CAF_CHECK(x.healthy());
  CAF_CHECK_EQUAL(x.ping_time_ms, 60.0);
}

CAF_TEST(a hasty health check does not hurry the connection) {
  start_connected();
  auto health = ask(health_query{1ms});
  CAF_REQUIRE_EQUAL(dials[0]->units.size(), 2u);
  for (auto& unit : dials[0]->units)
    CAF_CHECK(unit.patience == options().pool.ping_timeout);
  pass(1ms);
  CAF_CHECK(!expect_answer<health_report>(health).healthy());
}

// -- readiness ----------------------------------------------------------------

CAF_TEST(who asks for readiness is answered at once when something is ready) {
  start();
  connect_all();
  auto x = expect_answer<ready>(ask(ready_query{}));
  CAF_CHECK_EQUAL(x.connections, 2u);
}

CAF_TEST(who asks for readiness is answered as soon as something is ready) {
  start();
  auto first = ask(ready_query{1s});
  pass(500ms);
  auto second = ask(ready_query{1s});
  pass(499ms);
  CAF_CHECK(!answered());
  come_up(0);
  CAF_CHECK_EQUAL(expect_answer<ready>(first).connections, 1u);
  CAF_CHECK_EQUAL(expect_answer<ready>(second).connections, 1u);
}

CAF_TEST(who waits for readiness in vain is told why at the timeout) {
  start();
  auto early = ask(ready_query{50ms});
  pass(49ms);
  CAF_CHECK(!answered());
  pass(1ms);
  CAF_CHECK(expect_failure<ready>(early).code == errc::connect_failed);
  auto late = ask(ready_query{200ms});
  endpoint = mood::refuses;
  pass(200ms);
  auto why = expect_failure<ready>(late);
  CAF_CHECK(why.code == errc::connect_failed);
  CAF_CHECK(why.outcome == fate::not_sent);
  CAF_CHECK_EQUAL(why.last_message, "Connection refused");
}

CAF_TEST(limits as long as can be do not end at once) {
  constexpr auto forever = std::chrono::milliseconds::max();
  start();
  auto waiting = ask(ready_query{forever});
  pass(1s);
  CAF_CHECK(!answered());
  come_up(0);
  CAF_CHECK_EQUAL(expect_answer<ready>(waiting).connections, 1u);
  auto health = ask(health_query{forever});
  pass(1s);
  CAF_CHECK(!answered());
  answer(0, reply::status("PONG"));
  answer(0, reply::string(info));
  CAF_CHECK(expect_answer<health_report>(health).healthy());
  join();
  ask(drain{forever});
  pass(1s);
  CAF_CHECK(!answered());
}

CAF_TEST(limits below nothing end at once) {
  start();
  auto waiting = ask(ready_query{-1h});
  CAF_CHECK(expect_failure<ready>(waiting).outcome == fate::not_sent);
  come_up(0);
  auto health = ask(health_query{-1h});
  CAF_CHECK(!expect_answer<health_report>(health).healthy());
}

// -- the breaker by hand ------------------------------------------------------

CAF_TEST(a breaker that is forced open stays so until it is released) {
  start_connected();
  auto& who = join();
  auto x = force(force_breaker::action::open);
  CAF_CHECK(x.state == breaker_state::open);
  CAF_CHECK(x.forced);
  CAF_CHECK(x.cause == breaker_cause::operator_request);
  CAF_CHECK(who.gates.back().state == breaker_state::open);
  pass(60s);
  CAF_CHECK(breaker().state == breaker_state::open);
  CAF_CHECK(dials[0]->units.empty());
  x = force(force_breaker::action::release);
  CAF_CHECK(x.state == breaker_state::half_open);
  CAF_CHECK(!x.forced);
  CAF_REQUIRE_EQUAL(dials[0]->units.size(), 1u);
  CAF_CHECK(who.gates.back().state == breaker_state::half_open);
}

CAF_TEST(a breaker that is forced closed does not trip) {
  start_connected();
  auto& who = join();
  fail_requests(who, 5);
  CAF_CHECK(force(force_breaker::action::close).state == breaker_state::closed);
  CAF_CHECK(who.gates.back().state == breaker_state::closed);
  fail_requests(who, 100);
  CAF_CHECK(breaker().state == breaker_state::closed);
  force(force_breaker::action::release);
  fail_requests(who, 1);
  CAF_CHECK(breaker().state == breaker_state::open);
}

CAF_TEST(a breaker that is released without a connection waits for one) {
  start();
  force(force_breaker::action::open);
  come_up(0);
  CAF_CHECK(breaker().state == breaker_state::open);
  end(0);
  CAF_CHECK(force(force_breaker::action::release).state == breaker_state::open);
  pass(80ms + clock_step);
  come_up(1);
  CAF_CHECK(breaker().state == breaker_state::half_open);
}

CAF_TEST(a breaker that is reset forgets what was) {
  start_connected();
  auto& who = join();
  fail_requests(who, 4);
  force(force_breaker::action::open);
  auto x = force(force_breaker::action::reset);
  CAF_CHECK(x.state == breaker_state::closed);
  CAF_CHECK(!x.forced);
  CAF_CHECK_EQUAL(x.failures_in_window, 0u);
  CAF_CHECK(who.gates.back().state == breaker_state::closed);
  fail_requests(who, 4);
  CAF_CHECK(breaker().state == breaker_state::closed);
}

CAF_TEST_FIXTURE_SCOPE_END()
