#define CAF_SUITE supervisor_drain

#include "supervisor_fixture.hpp"

using namespace redoubt_test;

namespace {

class fixture : public supervisor_fixture {
public:
  void report_drained(size_t client, uint64_t abandoned = 0) {
    tell(client_drained{clients.at(client).told->id, abandoned});
  }

  /// How long the supervisor waits for a request actor beyond the limit.
  static constexpr auto grace = 250ms;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(supervisor_drain_tests, fixture)

CAF_TEST(a drain tells all request actors its limit and waits for each) {
  start();
  auto& first = join();
  auto& second = join();
  connect_all();
  auto until = now() + 500ms;
  auto done = ask(drain{500ms});
  CAF_CHECK(first.drains == std::vector{until});
  CAF_CHECK(second.drains == std::vector{until});
  CAF_CHECK(status().draining);
  report_drained(0);
  pass(100ms);
  CAF_CHECK(!answered());
  CAF_CHECK(dials[0]->closed_with.empty());
  report_drained(1);
  CAF_CHECK_EQUAL(expect_answer<drained>(done).abandoned, 0u);
  for (auto i : {0u, 1u}) {
    CAF_REQUIRE_EQUAL(dials[i]->closed_with.size(), 1u);
    CAF_CHECK(dials[i]->closed_with[0] == errc::shutting_down);
  }
  CAF_CHECK(status().connections.empty());
}

CAF_TEST(a drain tells how many requests were given up) {
  start_connected();
  join();
  join();
  auto done = ask(drain{500ms});
  report_drained(0, 3);
  report_drained(0, 3);
  report_drained(1, 4);
  CAF_CHECK_EQUAL(expect_answer<drained>(done).abandoned, 7u);
}

CAF_TEST(a drain without a request actor is over at once) {
  start_connected();
  auto done = ask(drain{});
  expect_answer<drained>(done);
  CAF_CHECK_EQUAL(dials[0]->closed_with.size(), 1u);
}

CAF_TEST(a request actor that never reports holds a drain up for a little while) {
  start_connected();
  join();
  join();
  auto done = ask(drain{500ms});
  report_drained(0, 1);
  pass(500ms + grace - clock_step);
  CAF_CHECK(!answered());
  CAF_CHECK(dials[0]->closed_with.empty());
  pass(clock_step);
  CAF_CHECK_EQUAL(expect_answer<drained>(done).abandoned, 1u);
  CAF_CHECK_EQUAL(dials[0]->closed_with.size(), 1u);
}

CAF_TEST(a request actor that dies does not hold a drain up) {
  start_connected();
  join();
  auto done = ask(drain{500ms});
  CAF_CHECK(!answered());
  kill(clients[0].handle);
  consume_messages();
  expect_answer<drained>(done);
}

CAF_TEST(a request actor that joins during a drain is drained too) {
  start_connected();
  join();
  auto until = now() + 500ms;
  auto done = ask(drain{500ms});
  pass(100ms);
  auto& late = join();
  CAF_CHECK(late.drains == std::vector{until});
  report_drained(0);
  CAF_CHECK(!answered());
  report_drained(1);
  expect_answer<drained>(done);
}

CAF_TEST(nothing is dialled during a drain and after it) {
  options().pool.connections = 3;
  start();
  join();
  come_up(0);
  pass(80ms + clock_step);
  CAF_REQUIRE_EQUAL(dials.size(), 2u);
  auto done = ask(drain{500ms});
  // Lost, failed, and too late.
  end(0);
  pass(200ms);
  come_up(1);
  CAF_CHECK_EQUAL(dials[1]->closed_with.size(), 1u);
  CAF_CHECK(dials[1]->attached.empty());
  pass(5s);
  expect_answer<drained>(done);
  pass(5s);
  CAF_CHECK_EQUAL(dials.size(), 2u);
  CAF_CHECK(status().connections.empty());
}

CAF_TEST(dials under way are ended with the drain) {
  start();
  join();
  auto done = ask(drain{500ms});
  CAF_CHECK(dials[0]->closed_with.empty());
  report_drained(0);
  expect_answer<drained>(done);
  CAF_CHECK_EQUAL(dials[0]->closed_with.size(), 1u);
}

CAF_TEST(connections that end during a drain are no failures) {
  start();
  join();
  connect_all();
  ask(drain{500ms});
  end(0);
  end(1);
  auto x = status();
  CAF_CHECK_EQUAL(x.connections_lost, 0u);
  CAF_CHECK_EQUAL(x.breaker.failures_in_window, 0u);
}

CAF_TEST(a second drain may shorten the first and not prolong it) {
  start_connected();
  auto& who = join();
  auto first = ask(drain{10s});
  pass(1s);
  auto second = ask(drain{60s});
  CAF_CHECK_EQUAL(who.drains.size(), 1u);
  pass(1s);
  auto until = now() + 100ms;
  auto third = ask(drain{100ms});
  CAF_REQUIRE_EQUAL(who.drains.size(), 2u);
  CAF_CHECK(who.drains[1] == until);
  pass(100ms + grace);
  expect_answer<drained>(first);
  expect_answer<drained>(second);
  expect_answer<drained>(third);
}

CAF_TEST(a drain after the drain ends by its limit too) {
  start_connected();
  expect_answer<drained>(ask(drain{10s}));
  pass(1s);
  // It joined too late to be part of the first one, and never reports.
  join();
  auto done = ask(drain{500ms});
  CAF_CHECK(!answered());
  pass(500ms + grace);
  expect_answer<drained>(done);
}

CAF_TEST(who waits for readiness is told of the drain) {
  start();
  join();
  auto waiting = ask(ready_query{10s});
  ask(drain{500ms});
  CAF_CHECK(expect_failure<ready>(waiting).code == errc::shutting_down);
  auto late = ask(ready_query{10s});
  CAF_CHECK(expect_failure<ready>(late).code == errc::shutting_down);
}

CAF_TEST(probes go on during a drain) {
  start_connected();
  auto& who = join();
  fail_requests(who, 5);
  ask(drain{5s});
  pass(120ms + clock_step);
  CAF_REQUIRE_EQUAL(dials[0]->units.size(), 1u);
  answer(0, reply::status("PONG"));
  CAF_CHECK_EQUAL(who.permits(2), 4u);
}

CAF_TEST(a health check under way ends with the drain) {
  start_connected();
  auto health = ask(health_query{10s});
  auto done = ask(drain{500ms});
  expect_answer<drained>(done);
  auto x = expect_answer<health_report>(health);
  CAF_CHECK_EQUAL(x.status, "unhealthy");
  CAF_CHECK_EQUAL(x.error, "closed by the runtime");
}

// -- the supervisor dies ------------------------------------------------------

CAF_TEST(a supervisor that is killed answers a health check) {
  start_connected();
  auto health = ask(health_query{});
  kill(subject);
  consume_messages();
  auto x = expect_answer<health_report>(health);
  CAF_CHECK_EQUAL(x.status, "unhealthy");
  CAF_CHECK_EQUAL(x.error_type, "actor_died");
  CAF_CHECK(!x.error.empty());
}

CAF_TEST(a supervisor that is killed answers who waits for readiness) {
  start();
  auto waiting = ask(ready_query{10s});
  kill(subject);
  consume_messages();
  auto why = expect_failure<ready>(waiting);
  CAF_CHECK(why.code == errc::actor_died);
  CAF_CHECK(why.outcome == fate::not_sent);
}

CAF_TEST(a supervisor that is killed answers who waits for a drain) {
  start_connected();
  join();
  join();
  auto done = ask(drain{10s});
  report_drained(1, 2);
  kill(subject);
  consume_messages();
  CAF_CHECK_EQUAL(expect_answer<drained>(done).abandoned, 2u);
}

CAF_TEST(a supervisor that is dead answers nothing as done) {
  start();
  kill(subject);
  consume_messages();
  auto late = ask(status_query{});
  if (!check_answered())
    return;
  late.receive([](runtime_status&) { CAF_FAIL("answered"); },
               [](caf::error& e) { CAF_CHECK(is_not_sent(e)); });
}

CAF_TEST_FIXTURE_SCOPE_END()
