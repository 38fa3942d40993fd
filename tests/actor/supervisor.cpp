#define CAF_SUITE supervisor

#include "supervisor_fixture.hpp"

using namespace redoubt_test;

CAF_TEST_FIXTURE_SCOPE(supervisor_tests, supervisor_fixture)

CAF_TEST(the first dial starts at once) {
  start();
  CAF_REQUIRE_EQUAL(dials.size(), 1u);
  CAF_CHECK(dials[0]->at == now());
}

CAF_TEST(while the endpoint is down a dial starts every 40 to 80 milliseconds) {
  endpoint = mood::refuses;
  start();
  pass(20s);
  auto all = gaps();
  CAF_REQUIRE(all.size() > 20'000 / 81);
  auto [shortest, longest] = std::minmax_element(all.begin(), all.end());
  CAF_CHECK(*shortest >= 40ms);
  CAF_CHECK(*longest <= 80ms + clock_step);
  // They are spread over the whole range.
  CAF_CHECK(*shortest < 45ms);
  CAF_CHECK(*longest > 75ms);
  CAF_CHECK(most_dials_in(1s) <= 25);
}

CAF_TEST(dials that hang do not hold up the next and their number is bounded) {
  options().pool.max_dialing = 5;
  start();
  pass(5 * 80ms);
  CAF_REQUIRE_EQUAL(dials.size(), 5u);
  CAF_CHECK(std::ranges::max(gaps()) <= 80ms + clock_step);
  pass(5s);
  CAF_CHECK_EQUAL(dials.size(), 5u);
  end(2, errc::connect_failed, "timed out");
  CAF_CHECK_EQUAL(dials.size(), 6u);
  pass(5s);
  CAF_CHECK_EQUAL(dials.size(), 6u);
}

CAF_TEST(dials that hang until their timeout keep the rate) {
  start();
  for (size_t due = 0; now() - dials[0]->at < 10s;) {
    pass(1ms);
    for (; now() - dials[due]->at >= 1s; ++due)
      end(due, errc::connect_failed, "timed out");
  }
  CAF_CHECK(most_dials_in(1s) <= 25);
  CAF_CHECK(std::ranges::max(gaps()) <= 80ms + clock_step);
}

CAF_TEST(connections that die at once are dialled no more than 25 times a second) {
  options().pool.max_restarts = 10000;
  endpoint = mood::accepts;
  start();
  for (int i = 0; i < 5000; ++i) {
    pass(1ms);
    for (size_t j = 0; j < dials.size(); ++j)
      if (dials[j]->ready && !dials[j]->gone)
        end(j);
  }
  CAF_CHECK(dials.size() > 50);
  CAF_CHECK(most_dials_in(1s) <= 25);
  CAF_CHECK(std::ranges::min(gaps()) >= 40ms);
}

CAF_TEST(the first dial that is ready wins and the others are closed) {
  options().pool.connections = 1;
  start();
  join();
  pass(300ms);
  auto n = dials.size();
  CAF_REQUIRE(n >= 4);
  come_up(1);
  come_up(0);
  come_up(2);
  CAF_CHECK(dials[1]->closed_with.empty());
  CAF_CHECK_EQUAL(dials[1]->attached, std::vector{address(0)});
  for (auto i : {0u, 2u}) {
    CAF_CHECK_EQUAL(dials[i]->closed_with.size(), 1u);
    CAF_CHECK(dials[i]->attached.empty());
  }
  end(3, errc::connect_failed, "timed out");
  pass(1s);
  CAF_CHECK_EQUAL(dials.size(), n);
  CAF_CHECK_EQUAL(ready_count(), 1u);
  CAF_CHECK_EQUAL(status().connections_lost, 0u);
  // Nor do those that come later find one of them.
  join();
  CAF_CHECK(dials[0]->attached.empty());
  CAF_CHECK(dials[2]->attached.empty());
  CAF_CHECK_EQUAL(dials[1]->attached.size(), 2u);
  // The one that counts is dialled again when it is lost.
  end(1);
  CAF_CHECK_EQUAL(dials.size(), n + 1);
}

CAF_TEST(a connection is attached to the request actors of its reactor only) {
  options().pool.connections = 1;
  options().threads.reactors = 2;
  start();
  join(0);
  join(1);
  connect_all();
  auto early = join(1);
  CAF_CHECK_EQUAL(early.gates.size(), 1u);
  auto& first = *dials[newest_on(0)].told;
  auto& second = *dials[newest_on(1)].told;
  CAF_CHECK_EQUAL(first.attached, std::vector{address(0)});
  CAF_CHECK_EQUAL(second.attached, (std::vector{address(1), address(2)}));
}

CAF_TEST(a new request actor is attached to no connection that is not ready) {
  start();
  join();
  CAF_CHECK(dials[0]->attached.empty());
  come_up(0);
  CAF_CHECK_EQUAL(dials[0]->attached, std::vector{address(0)});
}

CAF_TEST(a new request actor gets the present gate) {
  start_connected();
  force(force_breaker::action::open);
  auto& late = join();
  CAF_REQUIRE_EQUAL(late.gates.size(), 1u);
  CAF_CHECK(late.gates[0].state == breaker_state::open);
  CAF_CHECK_EQUAL(late.gates[0].generation, 1u);
  CAF_CHECK_EQUAL(late.gates[0].permits, 0u);
  CAF_CHECK(late.gates[0].trouble == errc::none);
}

CAF_TEST(a connection that is lost is dialled again at once) {
  start();
  connect_all();
  pass(1s);
  auto n = dials.size();
  end(n - 1);
  CAF_REQUIRE_EQUAL(dials.size(), n + 1);
  CAF_CHECK(dials[n]->at == now());
  auto x = status();
  CAF_CHECK_EQUAL(x.connections_lost, 1u);
  CAF_CHECK_EQUAL(x.restarts, 1u);
  CAF_CHECK(x.last_error == errc::disconnected);
  CAF_CHECK_EQUAL(x.last_error_text, "gone");
}

CAF_TEST(a connection lost just after its dial waits the shortest time) {
  start_connected();
  end(0);
  pass(39ms);
  CAF_CHECK_EQUAL(dials.size(), 1u);
  pass(1ms + clock_step);
  CAF_CHECK_EQUAL(dials.size(), 2u);
}

CAF_TEST(dials go to the reactor that lacks a connection) {
  options().pool.connections = 1;
  options().threads.reactors = 2;
  start();
  connect_all();
  pass(1s);
  auto n = dials.size();
  auto lost = newest_on(1);
  end(lost);
  // The first dial hangs; whoever waits on that reactor needs the next one.
  pass(500ms);
  CAF_REQUIRE(dials.size() > n + 3);
  for (auto i = n; i < dials.size(); ++i)
    CAF_CHECK_EQUAL(dials[i]->reactor, 1u);
}

CAF_TEST(a dial that cannot even start is a failed one) {
  dial_throws = true;
  start();
  join();
  auto x = status();
  CAF_CHECK_EQUAL(x.dials, 1u);
  CAF_CHECK_EQUAL(x.dials_failed, 1u);
  CAF_CHECK(x.connections.empty());
  CAF_CHECK(x.last_error == errc::resource_error);
  CAF_CHECK_EQUAL(x.last_error_text, "no room");
  CAF_CHECK_EQUAL(x.breaker.failures_in_window, 1u);
  pass(1s);
  auto n = status().dials;
  CAF_CHECK(n > 10 && n <= 25);
  dial_throws = false;
  pass(80ms + clock_step);
  CAF_REQUIRE(!dials.empty());
  come_up(0);
  CAF_CHECK_EQUAL(ready_count(), 1u);
}

CAF_TEST(news of connections that are unknown change nothing) {
  start();
  join();
  end(0, errc::connect_failed);
  auto before = status();
  end(0, errc::auth_failed);
  come_up(0);
  auto after = status();
  CAF_CHECK_EQUAL(after.dials_failed, before.dials_failed);
  CAF_CHECK_EQUAL(after.connections.size(), before.connections.size());
  CAF_CHECK(after.last_error == errc::connect_failed);
  CAF_CHECK(dials[0]->attached.empty());
}

CAF_TEST_FIXTURE_SCOPE_END()
