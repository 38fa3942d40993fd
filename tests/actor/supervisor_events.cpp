#define CAF_SUITE supervisor_events

#include "supervisor_fixture.hpp"

using namespace redoubt_test;

namespace {

class fixture : public supervisor_fixture {
public:
  /// Makes `n` events happen.
  void make_events(int n) {
    for (int i = 0; i < n; ++i)
      force(breaker().state == breaker_state::open
              ? force_breaker::action::close
              : force_breaker::action::open);
  }

  uint64_t dropped() { return status().events_dropped; }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(supervisor_events_tests, fixture)

CAF_TEST(subscribers hear of everything in order and with its time) {
  options().pool.connections = 1;
  start();
  auto events = listen().heard;
  pass(7ms);
  come_up(0);
  pass(3ms);
  auto& who = join();
  auto x = report_of(who);
  x.successes = 2;
  tell(x);
  fail_requests(who, 5);
  pass(50ms);
  end(0, errc::disconnected, "Connection reset by peer");
  tell(drain{0ms});
  auto& all = *events;
  CAF_REQUIRE_EQUAL(all.size(), 5u);
  for (size_t i = 0; i < all.size(); ++i)
    CAF_CHECK_EQUAL(all[i].sequence, i + 1);
  CAF_CHECK(all[0].kind == event_kind::connection_up);
  CAF_CHECK_EQUAL(all[0].connection, dials[0]->link);
  CAF_CHECK(all[0].at == 7ms);
  CAF_CHECK(all[1].kind == event_kind::breaker_changed);
  CAF_CHECK(all[1].from == breaker_state::closed);
  CAF_CHECK(all[1].to == breaker_state::open);
  CAF_CHECK(all[1].cause == breaker_cause::consecutive_failures);
  CAF_CHECK_EQUAL(all[1].generation, 1u);
  CAF_CHECK_EQUAL(all[1].calls_in_window, 7u);
  CAF_CHECK_EQUAL(all[1].failures_in_window, 5u);
  CAF_CHECK(all[1].at == 10ms);
  CAF_CHECK(all[2].kind == event_kind::connection_closed);
  CAF_CHECK_EQUAL(all[2].connection, dials[0]->link);
  CAF_CHECK(all[2].error == errc::disconnected);
  CAF_CHECK_EQUAL(all[2].text, "Connection reset by peer");
  CAF_CHECK(all[3].kind == event_kind::connection_restarted);
  CAF_CHECK_EQUAL(all[3].connection, dials[0]->link);
  CAF_CHECK(all[4].kind == event_kind::draining);
  CAF_CHECK(all[4].at == 60ms);
}

CAF_TEST(all subscribers hear the same and nobody hears twice) {
  start();
  auto first = listen();
  auto second = listen();
  tell(subscribe{first.typed()});
  make_events(3);
  CAF_CHECK_EQUAL(first.heard->size(), 3u);
  CAF_REQUIRE_EQUAL(second.heard->size(), 3u);
  for (size_t i = 0; i < 3; ++i)
    CAF_CHECK_EQUAL((*first.heard)[i].sequence, (*second.heard)[i].sequence);
}

CAF_TEST(who unsubscribes hears no more) {
  start();
  auto leaves = listen();
  auto stays = listen();
  make_events(2);
  tell(unsubscribe{leaves.typed()});
  make_events(2);
  CAF_CHECK_EQUAL(leaves.heard->size(), 2u);
  CAF_CHECK_EQUAL(stays.heard->size(), 4u);
}

CAF_TEST(a subscriber that does not keep up loses events beyond the limit) {
  options().limits.subscriber_events = 3;
  start();
  auto slow = listen(false);
  auto quick = listen();
  make_events(3);
  CAF_CHECK_EQUAL(slow.heard->size(), 3u);
  CAF_CHECK_EQUAL(dropped(), 0u);
  make_events(1);
  CAF_CHECK_EQUAL(slow.heard->size(), 3u);
  CAF_CHECK_EQUAL(dropped(), 1u);
  make_events(4);
  CAF_CHECK_EQUAL(dropped(), 5u);
  CAF_CHECK_EQUAL(quick.heard->size(), 8u);
  // Once it caught up it sees the gap.
  caf::anon_send(slow.handle, tick{});
  consume_messages();
  make_events(3);
  CAF_REQUIRE_EQUAL(slow.heard->size(), 6u);
  auto sequence = (*slow.heard)[3].sequence;
  CAF_CHECK_EQUAL(sequence, 9u);
  CAF_CHECK_EQUAL(dropped(), 5u);
}

CAF_TEST(a subscriber that comes back owes nothing twice) {
  options().limits.subscriber_events = 3;
  start();
  auto who = listen(false);
  make_events(2);
  tell(unsubscribe{who.typed()});
  tell(subscribe{who.typed()});
  caf::anon_send(who.handle, tick{});
  consume_messages();
  make_events(3);
  CAF_CHECK_EQUAL(who.heard->size(), 5u);
  CAF_CHECK_EQUAL(dropped(), 0u);
  make_events(1);
  CAF_CHECK_EQUAL(dropped(), 1u);
}

CAF_TEST(a subscriber that died is forgotten) {
  options().limits.subscriber_events = 2;
  start();
  auto dying = listen(false);
  make_events(3);
  CAF_CHECK_EQUAL(dropped(), 1u);
  kill(dying.handle);
  consume_messages();
  make_events(5);
  CAF_CHECK_EQUAL(dropped(), 1u);
}

CAF_TEST(subscribers that are dead or nobody are not taken) {
  options().limits.subscriber_events = 1;
  start();
  auto dead = listen(false);
  tell(unsubscribe{dead.typed()});
  kill(dead.handle);
  consume_messages();
  tell(subscribe{dead.typed()});
  tell(subscribe{});
  make_events(5);
  CAF_CHECK_EQUAL(dropped(), 0u);
}

CAF_TEST_FIXTURE_SCOPE_END()
