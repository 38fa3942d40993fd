#define CAF_SUITE supervisor_losses

#include "supervisor_fixture.hpp"

using namespace redoubt_test;

CAF_TEST_FIXTURE_SCOPE(supervisor_losses_tests, supervisor_fixture)

// -- too many losses ----------------------------------------------------------

CAF_TEST(too many losses slow the dials down until a time without one) {
  options().pool.max_restarts = 3;
  options().pool.restart_window = 5s;
  options().pool.connections = 1;
  start();
  auto events = listen().heard;
  endpoint = mood::accepts;
  settle();
  for (int i = 0; i < 4; ++i) {
    pass(200ms);
    CAF_CHECK(!status().degraded);
    end(dials.size() - 1);
  }
  CAF_CHECK(status().degraded);
  auto slow = dials.size() - 1;
  pass(1s + clock_step);
  CAF_REQUIRE_EQUAL(dials.size(), slow + 2);
  CAF_CHECK(gaps(slow)[0] >= 500ms);
  CAF_CHECK_EQUAL(ready_count(), 1u);
  // A loss meanwhile prolongs it, and its dial is a slow one.
  pass(2s);
  auto n = dials.size();
  end(n - 1);
  pass(5s - clock_step);
  CAF_CHECK(status().degraded);
  pass(clock_step);
  CAF_CHECK(!status().degraded);
  std::vector<event_kind> kinds;
  for (auto& x : *events)
    if (x.kind == event_kind::degraded || x.kind == event_kind::recovered)
      kinds.push_back(x.kind);
  CAF_REQUIRE_EQUAL(kinds.size(), 2u);
  CAF_CHECK(kinds[0] == event_kind::degraded);
  CAF_CHECK(kinds[1] == event_kind::recovered);
  // From now on as usual.
  pass(1s);
  n = dials.size();
  end(n - 1);
  CAF_CHECK_EQUAL(dials.size(), n + 1);
  endpoint = mood::refuses;
  pass(400ms);
  CAF_CHECK(dials.size() >= n + 5);
}

CAF_TEST(failed dials are no losses) {
  options().pool.max_restarts = 3;
  endpoint = mood::refuses;
  start();
  pass(5s);
  CAF_CHECK(!status().degraded);
  CAF_CHECK(status().dials_failed > 50);
}

// -- turned away --------------------------------------------------------------

CAF_TEST(bad credentials fail requests at once without blaming the server) {
  start();
  auto& early = join();
  end(0, errc::auth_failed, "WRONGPASS invalid username-password pair");
  auto& late = join();
  for (auto who : {&early, &late}) {
    auto& x = who->gates.back();
    CAF_CHECK(x.trouble == errc::auth_failed);
    CAF_CHECK(x.state == breaker_state::closed);
    CAF_CHECK_EQUAL(x.last_error_text,
                    "auth_failed: WRONGPASS invalid username-password pair");
  }
  for (size_t i = 1; i < 12; ++i) {
    pass(1s + clock_step);
    CAF_REQUIRE(dials.size() > i);
    end(i, errc::auth_failed, "WRONGPASS");
  }
  CAF_CHECK(std::ranges::min(gaps()) >= 500ms);
  CAF_CHECK_EQUAL(breaker().failures_in_window, 0u);
  CAF_CHECK(breaker().state == breaker_state::closed);
  pass(1s + clock_step);
  come_up(dials.size() - 1);
  CAF_CHECK(early.gates.back().trouble == errc::none);
  CAF_CHECK(late.gates.back().trouble == errc::none);
}

CAF_TEST(bad credentials do not matter while another connection is ready) {
  start();
  auto& who = join();
  come_up(0);
  pass(100ms);
  CAF_REQUIRE_EQUAL(dials.size(), 2u);
  end(1, errc::auth_failed, "WRONGPASS");
  CAF_CHECK(who.gates.back().trouble == errc::none);
}

CAF_TEST(a dial that fails otherwise takes the trouble with credentials back) {
  start();
  auto& who = join();
  end(0, errc::auth_failed, "WRONGPASS");
  CAF_CHECK(who.gates.back().trouble == errc::auth_failed);
  pass(1s + clock_step);
  end(1, errc::connect_failed, "Connection refused");
  CAF_CHECK(who.gates.back().trouble == errc::none);
  CAF_CHECK_EQUAL(who.gates.back().last_error_text,
                  "connect_failed: Connection refused");
  // And the usual pace is back.
  auto n = dials.size();
  pass(80ms + clock_step);
  CAF_CHECK_EQUAL(dials.size(), n + 1);
}

CAF_TEST(a server with too many clients is dialled slowly and counts as failing) {
  start();
  for (size_t i = 0; i < 10; ++i) {
    end(i, errc::too_many_clients, "ERR max number of clients reached");
    pass(1s + clock_step);
    CAF_REQUIRE(dials.size() > i + 1);
  }
  CAF_CHECK(std::ranges::min(gaps()) >= 500ms);
  CAF_CHECK(breaker().state == breaker_state::open);
}

// -- request actors -----------------------------------------------------------

CAF_TEST(a request actor that dies is forgotten and its counts are kept) {
  options().pool.connections = 1;
  options().threads.reactors = 2;
  start();
  connect_all();
  auto& dying = join(1);
  join(0);
  report x = report_of(dying);
  x.counters = {.succeeded = 1,
                .failed_not_sent = 2,
                .failed_refused = 3,
                .failed_unknown = 4,
                .rejected = 5,
                .shed = 12,
                .attempts = 6,
                .retries = 7,
                .late_replies = 8,
                .queued = 9,
                .in_flight = 10,
                .backing_off = 11};
  tell(x);
  CAF_CHECK(status().requests == x.counters);
  CAF_CHECK_EQUAL(status().clients, 2u);
  auto who = address(0);
  kill(clients[0].handle);
  consume_messages();
  auto after = status();
  CAF_CHECK_EQUAL(after.clients, 1u);
  // What it had under way is gone with it.
  auto kept = x.counters;
  kept.queued = kept.in_flight = kept.backing_off = 0;
  CAF_CHECK(after.requests == kept);
  CAF_CHECK_EQUAL(dials[newest_on(1)]->detached, std::vector{who});
  CAF_CHECK(dials[newest_on(0)]->detached.empty());
}

CAF_TEST(all connections to a server that became a replica are made anew) {
  options().pool.connections = 3;
  start();
  connect_all();
  auto before = dials.size();
  endpoint = mood::accepts;
  end(0, errc::read_only_replica, "READONLY");
  for (int i = 0; i < 1000 && ready_count() < 3; ++i)
    pass(1ms);
  CAF_CHECK_EQUAL(dials.size(), before + 3);
  for (size_t i = 0; i < before; ++i)
    CAF_CHECK(dials[i]->gone);
  // One server changed its role; that is no crash.
  CAF_CHECK_EQUAL(status().restarts, 1u);
  CAF_CHECK(breaker().state == breaker_state::closed);
  // Those that were made since stay.
  end(before, errc::disconnected);
  pass(200ms);
  CAF_CHECK_EQUAL(dials.size(), before + 4);
}

CAF_TEST_FIXTURE_SCOPE_END()
