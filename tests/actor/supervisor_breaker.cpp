#define CAF_SUITE supervisor_breaker

#include "supervisor_fixture.hpp"

using namespace redoubt_test;

CAF_TEST_FIXTURE_SCOPE(supervisor_breaker_tests, supervisor_fixture)

// -- what counts --------------------------------------------------------------

CAF_TEST(connections that are lost together count as one failure) {
  options().pool.connections = 4;
  start();
  connect_all();
  pass(1s);
  end(0);
  pass(50ms);
  end(1);
  pass(49ms);
  end(2);
  auto x = status();
  CAF_CHECK_EQUAL(x.connections_lost, 3u);
  CAF_CHECK_EQUAL(x.breaker.failures_in_window, 1u);
  CAF_CHECK_EQUAL(x.breaker.consecutive_failures, 1u);
  pass(1ms);
  end(3);
  CAF_CHECK_EQUAL(breaker().failures_in_window, 2u);
}

CAF_TEST(failed dials count at most once in 100 milliseconds) {
  options().breaker.consecutive_failures = 0;
  options().breaker.minimum_calls = 1000;
  endpoint = mood::refuses;
  start();
  consume_messages();
  settle();
  pass(2s);
  auto x = status();
  CAF_CHECK(x.dials_failed > 30);
  CAF_CHECK(x.breaker.failures_in_window > 10);
  CAF_CHECK(x.breaker.failures_in_window <= 21);
}

CAF_TEST(a blip of 100 milliseconds does not trip the breaker) {
  start();
  auto& who = join();
  connect_all();
  pass(3s);
  endpoint = mood::refuses;
  end(0);
  pass(30ms);
  end(1);
  pass(70ms);
  endpoint = mood::accepts;
  pass(200ms);
  CAF_CHECK_EQUAL(ready_count(), 2u);
  CAF_CHECK_EQUAL(breaker().trips, 0u);
  for (auto& x : who.gates)
    CAF_CHECK(x.state == breaker_state::closed);
}

CAF_TEST(an outage trips the breaker within half a second) {
  start();
  connect_all();
  pass(3s);
  endpoint = mood::refuses;
  end(0);
  end(1);
  pass(500ms);
  CAF_CHECK(breaker().state == breaker_state::open);
  CAF_CHECK(breaker().cause == breaker_cause::consecutive_failures);
}

CAF_TEST(dials that hung before the endpoint came back do not trip it later) {
  start();
  connect_all();
  auto& who = join();
  pass(3s);
  end(0);
  end(1);
  // The packets of all dials are lost for a second; the next two come through.
  pass(950ms);
  auto hanging = dials.size();
  for (size_t i = hanging; i < hanging + 2; ++i) {
    while (dials.size() == i)
      pass(1ms);
    come_up(i);
  }
  auto x = report_of(who);
  x.successes = 1;
  tell(x);
  for (size_t i = 2; i < hanging; ++i) {
    while (now() - dials[i]->at < 1s)
      pass(1ms);
    end(i, errc::connect_failed, "timed out");
  }
  CAF_CHECK_EQUAL(ready_count(), 2u);
  CAF_CHECK_EQUAL(breaker().trips, 0u);
}

CAF_TEST(five failures in a row trip the breaker and four do not) {
  start_connected();
  auto& who = join();
  fail_requests(who, 4);
  CAF_CHECK(breaker().state == breaker_state::closed);
  fail_requests(who, 1);
  CAF_CHECK(breaker().state == breaker_state::open);
  CAF_CHECK(breaker().cause == breaker_cause::consecutive_failures);
  CAF_CHECK_EQUAL(breaker().trips, 1u);
}

CAF_TEST(a success of any request actor ends the row) {
  start_connected();
  auto& one = join();
  auto& other = join();
  fail_requests(one, 4);
  auto x = report_of(other);
  x.successes = 1;
  tell(x);
  fail_requests(one, 4);
  CAF_CHECK(breaker().state == breaker_state::closed);
  fail_requests(other, 1);
  CAF_CHECK(breaker().state == breaker_state::open);
}

CAF_TEST(half of ten calls failing trips the breaker without a row) {
  options().breaker.consecutive_failures = 0;
  start_connected();
  auto& who = join();
  auto x = report_of(who);
  x.successes = 5;
  x.failures = 4;
  tell(x);
  CAF_CHECK(breaker().state == breaker_state::closed);
  fail_requests(who, 1);
  CAF_CHECK(breaker().state == breaker_state::open);
  CAF_CHECK(breaker().cause == breaker_cause::failure_rate);
}

CAF_TEST(a breaker that is switched off never trips) {
  options().breaker.enabled = false;
  start_connected();
  auto& who = join();
  fail_requests(who, 1000);
  end(0);
  endpoint = mood::refuses;
  pass(2s);
  CAF_CHECK(breaker().state == breaker_state::closed);
  CAF_CHECK(who.gates.back().state == breaker_state::closed);
}

CAF_TEST(a server that turned into a replica or wants credentials is well) {
  start_connected();
  for (auto cause : {errc::read_only_replica, errc::auth_failed}) {
    end(dials.size() - 1, cause, "READONLY or NOAUTH");
    CAF_CHECK_EQUAL(breaker().failures_in_window, 0u);
    pass(1s + clock_step);
    come_up(dials.size() - 1);
  }
  CAF_CHECK_EQUAL(status().connections_lost, 2u);
}

// -- gates --------------------------------------------------------------------

CAF_TEST(every transition reaches every request actor with its generation) {
  start_connected();
  auto& first = join();
  auto& second = join();
  auto events = listen().heard;
  fail_requests(first, 5);
  pass(125ms);
  answer(0, reply::error("LOADING Redis is loading the dataset in memory"));
  pass(250ms);
  answers_pings = true;
  settle();
  pass(1s);
  CAF_REQUIRE(breaker().state == breaker_state::closed);
  std::vector<breaker_state> states;
  for (auto& x : *events) {
    CAF_REQUIRE(x.kind == event_kind::breaker_changed);
    states.push_back(x.to);
    CAF_CHECK_EQUAL(x.generation, states.size());
    for (auto who : {&first, &second}) {
      auto told = std::ranges::any_of(who->gates, [&](const gate& y) {
        return y.state == x.to && y.generation == x.generation;
      });
      CAF_CHECK(told);
    }
  }
  using enum breaker_state;
  CAF_CHECK(states == (std::vector{open, half_open, open, half_open, closed}));
  for (auto who : {&first, &second})
    CAF_CHECK(std::ranges::is_sorted(who->gates, {}, &gate::generation));
}

CAF_TEST(the gate says why there is no connection) {
  start();
  auto& who = join();
  endpoint = mood::refuses;
  settle();
  pass(1s);
  CAF_CHECK(who.gates.back().state == breaker_state::open);
  CAF_CHECK(who.gates.back().last_error == errc::connect_failed);
  CAF_CHECK_EQUAL(who.gates.back().last_error_text,
                  "connect_failed: Connection refused");
  // That is no news while there is one.
  connect_all();
  CAF_CHECK(who.gates.back().last_error == errc::none);
  CAF_CHECK(who.gates.back().last_error_text.empty());
}

// -- half-open ----------------------------------------------------------------

CAF_TEST(a finished handshake half-opens an open breaker at once) {
  start();
  auto& who = join();
  endpoint = mood::refuses;
  settle();
  pass(20s);
  CAF_REQUIRE(breaker().state == breaker_state::open);
  endpoint = mood::silent;
  pass(80ms + clock_step);
  come_up(dials.size() - 1);
  CAF_CHECK(breaker().state == breaker_state::half_open);
  CAF_CHECK(breaker().cause == breaker_cause::connection_ready);
  CAF_CHECK(who.gates.back().state == breaker_state::half_open);
}

CAF_TEST(an open breaker with a connection half-opens when its wait is over) {
  start_connected();
  auto& who = join();
  fail_requests(who, 5);
  pass(79ms);
  CAF_CHECK(breaker().state == breaker_state::open);
  pass(41ms + clock_step);
  CAF_CHECK(breaker().state == breaker_state::half_open);
  CAF_CHECK(breaker().cause == breaker_cause::open_wait_elapsed);
}

CAF_TEST(the supervisor probes first and leases nothing before it succeeded) {
  start_connected();
  auto& who = join();
  fail_requests(who, 5);
  pass(120ms + clock_step);
  CAF_REQUIRE_EQUAL(dials[0]->units.size(), 1u);
  auto& probe = dials[0]->units[0];
  CAF_CHECK_EQUAL(*probe.wire, "*1\r\n$4\r\nPING\r\n");
  CAF_CHECK_EQUAL(probe.replies, 1u);
  CAF_CHECK(probe.patience == 250ms);
  CAF_CHECK_EQUAL(dials[0]->owners, std::vector{owner_number});
  pass(50ms);
  CAF_CHECK_EQUAL(dials[0]->units.size(), 1u);
  CAF_CHECK_EQUAL(who.permits(2), 0u);
  answer(0, reply::status("PONG"));
  // The probe was one of five trials.
  CAF_CHECK_EQUAL(who.permits(2), 4u);
  CAF_CHECK_EQUAL(who.gates.back().generation, 2u);
  CAF_CHECK(who.gates.back().lease_until == now() + 200ms);
}

CAF_TEST(a probe that the server turns away opens the breaker again) {
  start_connected();
  auto& who = join();
  fail_requests(who, 5);
  pass(120ms + clock_step);
  answer(0, reply::error("LOADING Redis is loading the dataset in memory"));
  CAF_CHECK(breaker().state == breaker_state::open);
  CAF_CHECK(breaker().cause == breaker_cause::probe_failed);
  CAF_CHECK(who.gates.back().state == breaker_state::open);
  CAF_CHECK_EQUAL(who.permits(2), 0u);
}

CAF_TEST(a probe that is not answered in time opens the breaker again) {
  start_connected();
  auto& who = join();
  fail_requests(who, 5);
  while (dials[0]->units.empty())
    pass(1ms);
  pass(249ms);
  CAF_CHECK(breaker().state == breaker_state::half_open);
  pass(1ms);
  CAF_CHECK(breaker().state == breaker_state::open);
  CAF_CHECK(breaker().cause == breaker_cause::probe_failed);
  // Its reply comes in the next half-open, and proves nothing there.
  pass(240ms + clock_step);
  CAF_REQUIRE(breaker().state == breaker_state::half_open);
  CAF_REQUIRE_EQUAL(dials[0]->units.size(), 2u);
  answer(0, reply::status("PONG"));
  CAF_CHECK_EQUAL(who.permits(4), 0u);
  answer(0, reply::status("PONG"));
  CAF_CHECK_EQUAL(who.permits(4), 4u);
}

CAF_TEST(a probe whose connection is lost opens the breaker again) {
  start_connected();
  fail_requests(join(), 5);
  pass(120ms + clock_step);
  CAF_REQUIRE(breaker().state == breaker_state::half_open);
  end(0);
  CAF_CHECK(breaker().state == breaker_state::open);
}

CAF_TEST(a server that does not let us PING is well) {
  start_connected();
  auto& who = join();
  fail_requests(who, 5);
  pass(120ms + clock_step);
  answer(0, reply::error("NOPERM this user has no permissions to run 'ping'"));
  CAF_CHECK(breaker().state == breaker_state::half_open);
  CAF_CHECK_EQUAL(who.permits(2), 4u);
}

CAF_TEST_FIXTURE_SCOPE_END()
