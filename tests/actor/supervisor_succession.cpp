#define CAF_SUITE supervisor_succession

#include "supervisor_fixture.hpp"

using namespace redoubt_test;

namespace {

class fixture : public supervisor_fixture {
public:
  fixture() {
    options().pool.connections = 1;
    config.replace_client = [this](uint64_t id) -> std::optional<client_place> {
      if (!replaces)
        return std::nullopt;
      auto told = std::make_shared<client_record>();
      told->id = id;
      clients.push_back({told, sys.spawn<recording_client>(told)});
      return client_place{clients.back().handle, id, 0};
    };
  }

  void succeed() {
    kill_supervisor();
    start_successor();
  }

  /// The successor that is there then keeps still.
  void die_too_often() {
    for (int i = 0; i < 3; ++i) {
      pass(200ms);
      succeed();
    }
  }

  connection_status only_link() { return status().connections.at(0); }

  bool replaces = true;
};

event_kind kind_of(const event& x) {
  return x.kind;
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(supervisor_succession_tests, fixture)

// -- the supervisor -----------------------------------------------------------------

CAF_TEST(a successor adopts living connections and dials no others) {
  start_connected();
  auto before = only_link();
  succeed();
  pass(500ms);
  CAF_CHECK_EQUAL(dials.size(), 1u);
  CAF_CHECK_EQUAL(dials[0]->adopted, 1);
  CAF_CHECK_EQUAL(only_link().id, before.id);
  CAF_CHECK(only_link().state == connection_state::ready);
  CAF_CHECK_EQUAL(status().connections_lost, 0u);
}

CAF_TEST(a successor knows breaker and counters and goes on numbering) {
  start_connected();
  auto& who = join();
  fail_requests(who, 5);
  auto before = status();
  CAF_REQUIRE(before.breaker.state == breaker_state::open);
  succeed();
  auto after = status();
  CAF_CHECK(after.breaker.state == before.breaker.state);
  CAF_CHECK_EQUAL(after.breaker.generation, before.breaker.generation);
  CAF_CHECK_EQUAL(after.breaker.trips, before.breaker.trips);
  CAF_CHECK_EQUAL(after.dials, before.dials);
  CAF_CHECK(after.uptime >= before.uptime);
}

CAF_TEST(a breaker that was forced open stays so) {
  start_connected();
  force(force_breaker::action::open);
  succeed();
  CAF_CHECK(breaker().forced);
  CAF_CHECK(breaker().state == breaker_state::open);
}

CAF_TEST(request actors learn of the successor and of the breaker) {
  start_connected();
  auto& who = join();
  force(force_breaker::action::open);
  succeed();
  CAF_CHECK_EQUAL(who.new_supervisors, 1);
  CAF_CHECK(who.gates.back().state == breaker_state::open);
  CAF_CHECK_EQUAL(status().clients, 1u);
  // It still counts what they report.
  force(force_breaker::action::release);
  force(force_breaker::action::reset);
  CAF_REQUIRE(breaker().state == breaker_state::closed);
  fail_requests(who, 5);
  CAF_CHECK(breaker().state == breaker_state::open);
}

CAF_TEST(a request actor that came in between is known to the successor) {
  start_connected();
  auto told = std::make_shared<client_record>();
  told->id = 77;
  kill_supervisor();
  clients.push_back({told, sys.spawn<recording_client>(told)});
  config.roster = [this] {
    return std::vector{client_place{clients.back().handle, 77, 0}};
  };
  start_successor();
  CAF_CHECK_EQUAL(status().clients, 1u);
  CAF_CHECK_EQUAL(told->gates.size(), 1u);
  CAF_CHECK_EQUAL(dials[0]->attached.size(), 1u);
}

CAF_TEST(a connection that came up in between is adopted as ready) {
  start();
  join();
  kill_supervisor([this] { come_up(0); });
  start_successor();
  CAF_CHECK(only_link().state == connection_state::ready);
  CAF_CHECK_EQUAL(dials[0]->attached.size(), 1u);
  pass(500ms);
  CAF_CHECK_EQUAL(dials.size(), 1u);
}

CAF_TEST(a connection that was lost in between is dialled again) {
  start_connected();
  kill_supervisor([this] { end(0); });
  start_successor();
  pass(100ms);
  CAF_CHECK_EQUAL(status().connections_lost, 1u);
  CAF_REQUIRE_EQUAL(dials.size(), 2u);
  come_up(1);
  CAF_CHECK_EQUAL(ready_count(), 1u);
}

CAF_TEST(links of a successor never have the number of an earlier one) {
  start_connected();
  succeed();
  end(0);
  pass(100ms);
  CAF_REQUIRE_EQUAL(dials.size(), 2u);
  CAF_CHECK(dials[1]->link > dials[0]->link);
}

CAF_TEST(subscribers hear of the succession and all that follows) {
  start_connected();
  auto events = listen().heard;
  succeed();
  force(force_breaker::action::open);
  CAF_REQUIRE_EQUAL(events->size(), 2u);
  CAF_CHECK(kind_of(events->at(0)) == event_kind::handle_replaced);
  CAF_CHECK_EQUAL(events->at(0).text, "supervisor");
  CAF_CHECK(kind_of(events->at(1)) == event_kind::breaker_changed);
  CAF_CHECK_EQUAL(events->at(1).sequence, events->at(0).sequence + 1);
}

CAF_TEST(a subscriber that owes the dead one hears the successor all the same) {
  options().limits.subscriber_events = 2;
  start_connected();
  auto slow = listen(false);
  force(force_breaker::action::open);
  force(force_breaker::action::close);
  force(force_breaker::action::open);
  CAF_REQUIRE_EQUAL(slow.heard->size(), 2u);
  CAF_CHECK_EQUAL(status().events_dropped, 1u);
  succeed();
  CAF_REQUIRE_EQUAL(slow.heard->size(), 3u);
  CAF_CHECK(kind_of(slow.heard->at(2)) == event_kind::handle_replaced);
  // The successor has the same patience, and no more.
  force(force_breaker::action::close);
  force(force_breaker::action::open);
  CAF_CHECK_EQUAL(slow.heard->size(), 4u);
  CAF_CHECK_EQUAL(status().events_dropped, 2u);
  // What is owed to the dead one settles no debt to the successor.
  caf::anon_send(slow.handle, tick{});
  consume_messages();
  for (int i = 0; i < 3; ++i) {
    force(force_breaker::action::close);
    force(force_breaker::action::open);
  }
  CAF_CHECK_EQUAL(slow.heard->size(), 6u);
  CAF_CHECK_EQUAL(status().events_dropped, 6u);
}

CAF_TEST(what the dead one was asked is answered and the successor answers anew) {
  start_connected();
  answers_pings = false;
  auto asked = ask(health_query{5s});
  kill(subject);
  consume_messages();
  auto x = expect_answer<health_report>(asked);
  CAF_CHECK_EQUAL(x.error_type, "actor_died");
  start_successor();
  auto again = ask(health_query{5s});
  auto units = dials[0]->units.size();
  CAF_REQUIRE(units >= 2u);
  dials[0]->answered = units - 2;
  answer(0, reply::status("PONG"));
  answer(0, reply::string("redis_version:7.0.15\r\n"));
  CAF_CHECK(expect_answer<health_report>(again).healthy());
}

CAF_TEST(a drain goes on under the successor) {
  start_connected();
  auto& who = join();
  tell(drain{1s});
  succeed();
  CAF_CHECK(status().draining);
  CAF_CHECK(!who.drains.empty());
  auto answered = ask(drain{1s});
  tell(client_drained{who.id, 0});
  expect_answer<drained>(answered);
}

CAF_TEST(successors that die too often keep still for a while) {
  options().pool.max_restarts = 3;
  options().pool.restart_window = 10s;
  start_connected();
  for (int i = 0; i < 4; ++i) {
    succeed();
    pass(200ms);
  }
  auto adopted = dials[0]->adopted;
  succeed();
  CAF_CHECK_EQUAL(dials[0]->adopted, adopted);
  pass(1001ms);
  CAF_CHECK_EQUAL(dials[0]->adopted, adopted + 1);
  CAF_CHECK(status().degraded);
}

CAF_TEST(a successor that keeps still answers health checks) {
  options().pool.max_restarts = 1;
  start_connected();
  die_too_often();
  auto adopted = dials[0]->adopted;
  auto asked = ask(health_query{200ms});
  // Else the connection would answer the one that died.
  CAF_CHECK_EQUAL(dials[0]->adopted, adopted + 1);
  dials[0]->answered = dials[0]->units.size() - 2;
  answer(0, reply::status("PONG"));
  answer(0, reply::string("redis_version:7.0.15\r\n"));
  CAF_CHECK(expect_answer<health_report>(asked).healthy());
  auto unanswered = ask(health_query{200ms});
  pass(199ms);
  CAF_CHECK(!answered());
  pass(1ms);
  CAF_CHECK_EQUAL(expect_answer<health_report>(unanswered).error_type,
                  "attempt_timeout");
  pass(1s);
  CAF_CHECK_EQUAL(dials[0]->adopted, adopted + 3);
}

CAF_TEST(a successor that keeps still answers those who wait for a connection) {
  options().pool.max_restarts = 1;
  start();
  die_too_often();
  auto adopted = dials[0]->adopted;
  auto asked = ask(ready_query{200ms});
  pass(199ms);
  CAF_CHECK(!answered());
  pass(1ms);
  CAF_CHECK(expect_failure<ready>(asked).code == errc::connect_failed);
  // Still keeping still, and no longer than it should.
  CAF_CHECK_EQUAL(dials[0]->adopted, adopted);
  pass(799ms);
  CAF_CHECK_EQUAL(dials[0]->adopted, adopted);
  pass(1ms);
  CAF_CHECK_EQUAL(dials[0]->adopted, adopted + 1);
}

CAF_TEST(permits of a dead supervisor are never leased again) {
  start_connected();
  auto& who = join();
  fail_requests(who, 5);
  for (int i = 0; i < 500 && dials[0]->units.empty(); ++i)
    pass(1ms);
  answer(0, reply::status("PONG"));
  auto generation = who.gates.back().generation;
  CAF_REQUIRE_EQUAL(who.permits(generation), 4u);
  kill_supervisor();
  start_successor();
  // What they were used for was told to the dead one. Probes take their place,
  // at once.
  answers_pings = true;
  pass(10ms);
  CAF_CHECK_EQUAL(who.permits(generation), 4u);
  CAF_CHECK(breaker().state == breaker_state::closed);
}

// -- request actors -----------------------------------------------------------------

CAF_TEST(a request actor that dies is replaced under its number) {
  start_connected();
  auto events = listen().heard;
  auto number = join().id;
  kill(clients[0].handle);
  consume_messages();
  CAF_REQUIRE_EQUAL(clients.size(), 2u);
  CAF_CHECK_EQUAL(clients[1].told->id, number);
  CAF_CHECK_EQUAL(clients[1].told->gates.size(), 1u);
  CAF_CHECK_EQUAL(dials[0]->detached.size(), 1u);
  CAF_CHECK(dials[0]->attached.back() == clients[1].handle.address());
  CAF_REQUIRE_EQUAL(events->size(), 1u);
  CAF_CHECK(kind_of(events->at(0)) == event_kind::handle_replaced);
  CAF_CHECK_EQUAL(events->at(0).client, number);
  CAF_CHECK_EQUAL(status().clients, 1u);
}

CAF_TEST(a request actor that died with the supervisor is replaced) {
  start_connected();
  join();
  kill_supervisor([this] { kill(clients[0].handle); });
  start_successor();
  CAF_REQUIRE_EQUAL(clients.size(), 2u);
  CAF_CHECK_EQUAL(status().clients, 1u);
  CAF_CHECK(dials[0]->attached.back() == clients[1].handle.address());
}

CAF_TEST(request actors are not replaced when the runtime ends) {
  start_connected();
  join();
  replaces = false;
  kill(clients[0].handle);
  consume_messages();
  CAF_CHECK_EQUAL(clients.size(), 1u);
  CAF_CHECK_EQUAL(status().clients, 0u);
}

CAF_TEST(request actors that die too often make the endpoint degraded) {
  options().pool.max_restarts = 3;
  options().pool.restart_window = 10s;
  start_connected();
  join();
  for (size_t i = 0; i < 4; ++i) {
    kill(clients[i].handle);
    pass(200ms);
  }
  CAF_CHECK(status().degraded);
  pass(10s);
  CAF_CHECK(!status().degraded);
}

CAF_TEST_FIXTURE_SCOPE_END()
