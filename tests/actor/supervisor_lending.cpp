#define CAF_SUITE supervisor_lending

#include "supervisor_fixture.hpp"

using namespace redoubt_test;

namespace {

class fixture : public supervisor_fixture {
public:
  /// One connection that all share, which is dial 0.
  void start_lending(uint32_t leases) {
    options().pool.leased = leases;
    start_connected();
  }

  auto want(std::chrono::milliseconds timeout = 1s) {
    return ask(lease_connection{timeout});
  }

  void check_failure(const failure& x, errc code) {
    CAF_CHECK_EQUAL(to_string(x.code), to_string(code));
    CAF_CHECK(x.outcome == fate::not_sent);
  }

  /// The lease of the `i`th dial has a command under way.
  void make_busy(size_t i) {
    link_up up;
    up.link = dials[i]->link;
    up.connection = dials[i].handle;
    caf::anon_send(leases[0], std::move(up));
    caf::anon_send(leases[0], command{"BLPOP", "q", 5});
    consume_messages();
  }

  static bool gone(const lease_actor& x) {
    return api::is_terminated(*caf::actor_cast<caf::abstract_actor*>(x));
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(supervisor_lending_tests, fixture)

CAF_TEST(a connection is made for a lease and handed out when it is ready) {
  start_lending(2);
  auto handle = want();
  CAF_REQUIRE_EQUAL(dials.size(), 2u);
  CAF_REQUIRE_EQUAL(leases.size(), 1u);
  CAF_REQUIRE_EQUAL(dials[1]->attached.size(), 1u);
  CAF_CHECK(dials[1]->attached[0] == leases[0].address());
  CAF_CHECK(!answered());
  come_up(1);
  CAF_CHECK(expect_answer<leased>(handle).connection == leases[0]);
}

CAF_TEST(a leased connection is none of those that all share) {
  start_lending(2);
  auto& client = join();
  auto handle = want();
  come_up(1);
  expect_answer<leased>(handle);
  CAF_CHECK_EQUAL(dials[1]->attached.size(), 1u);
  auto x = status();
  CAF_CHECK_EQUAL(x.connections.size(), 1u);
  CAF_CHECK_EQUAL(x.leased, 1u);
  // Nor does its loss say anything of them.
  end(1);
  x = status();
  CAF_CHECK_EQUAL(x.leased, 0u);
  CAF_CHECK_EQUAL(x.connections_lost, 0u);
  CAF_CHECK_EQUAL(x.breaker.failures_in_window, 0u);
  CAF_CHECK_EQUAL(dials.size(), 2u);
  CAF_CHECK(client.gates.back().state == breaker_state::closed);
}

CAF_TEST(who comes when all are leased waits for a place) {
  start_lending(1);
  auto first = want();
  come_up(1);
  expect_answer<leased>(first);
  auto second = want();
  CAF_CHECK_EQUAL(status().lease_waiters, 1u);
  CAF_CHECK_EQUAL(dials.size(), 2u);
  end(1, errc::cancelled);
  pass(40ms);
  CAF_REQUIRE_EQUAL(dials.size(), 3u);
  come_up(2);
  CAF_CHECK(expect_answer<leased>(second).connection == leases[1]);
  CAF_CHECK_EQUAL(status().lease_waiters, 0u);
}

CAF_TEST(who waits in vain is told why when the time is over) {
  start_lending(1);
  auto first = want();
  come_up(1);
  expect_answer<leased>(first);
  auto second = want(100ms);
  pass(99ms);
  CAF_CHECK(!answered());
  pass(2ms);
  auto why = expect_failure<leased>(second);
  check_failure(why, errc::overloaded);
  CAF_CHECK_EQUAL(why.last_message,
                  "all 1 connections that may be leased are in use");
}

CAF_TEST(those that all share keep their room) {
  options().pool.max_connections = 3;
  options().pool.bulk_connections = 1;
  start_lending(16);
  auto first = want();
  come_up(1);
  expect_answer<leased>(first);
  auto second = want(50ms);
  pass(51ms);
  auto why = expect_failure<leased>(second);
  check_failure(why, errc::overloaded);
  CAF_CHECK(why.last_message.find("pool.max_connections") != std::string::npos);
  // The bulk lane, which nobody used until now.
  CAF_CHECK_EQUAL(dials.size(), 2u);
  join(0, link_lane::bulk);
  pass(100ms);
  CAF_CHECK_EQUAL(dials.size(), 3u);
}

CAF_TEST(leases are dialled no faster than all others) {
  start_lending(100);
  for (int i = 0; i < 100; ++i)
    want(10s);
  CAF_CHECK_EQUAL(dials.size(), 2u);
  pass(2s);
  CAF_CHECK(most_dials_in(1s) <= 26);
  CAF_CHECK(dials.size() > 45);
}

CAF_TEST(a server that has no room is asked for leases less often) {
  start_lending(4);
  auto first = want();
  end(1, errc::too_many_clients, "ERR max number of clients reached");
  expect_failure<leased>(first);
  want();
  pass(499ms);
  CAF_CHECK_EQUAL(dials.size(), 2u);
  pass(2ms);
  CAF_CHECK_EQUAL(dials.size(), 3u);
}

CAF_TEST(those who wait for a lease are bounded) {
  options().limits.queue = 2;
  start_lending(1);
  auto first = want();
  come_up(1);
  expect_answer<leased>(first);
  want();
  want();
  CAF_CHECK(!answered());
  auto why = expect_failure<leased>(want());
  check_failure(why, errc::overloaded);
  CAF_CHECK_EQUAL(why.last_message, "too many wait for a connection to lease");
  CAF_CHECK_EQUAL(status().lease_waiters, 2u);
}

CAF_TEST(no lease is begun while the server is down) {
  options().pool.leased = 4;
  endpoint = mood::refuses;
  start();
  auto handle = want(500ms);
  pass(400ms);
  CAF_CHECK(leases.empty());
  pass(101ms);
  auto why = expect_failure<leased>(handle);
  check_failure(why, errc::connect_failed);
  CAF_CHECK_EQUAL(why.last_message, "Connection refused");
  CAF_CHECK(leases.empty());
}

CAF_TEST(no lease is begun while the breaker is open) {
  start_lending(4);
  force(force_breaker::action::open);
  auto first = want(100ms);
  pass(101ms);
  check_failure(expect_failure<leased>(first), errc::circuit_open);
  auto second = want(100ms);
  CAF_CHECK_EQUAL(dials.size(), 1u);
  force(force_breaker::action::close);
  CAF_REQUIRE_EQUAL(dials.size(), 2u);
  come_up(1);
  expect_answer<leased>(second);
}

CAF_TEST(a dial that fails is told at once) {
  start_lending(4);
  auto handle = want();
  end(1, errc::too_many_clients, "ERR max number of clients reached");
  auto why = expect_failure<leased>(handle);
  check_failure(why, errc::too_many_clients);
  CAF_CHECK_EQUAL(why.last_message, "ERR max number of clients reached");
  CAF_CHECK(gone(leases[0]));
  CAF_CHECK_EQUAL(status().leased, 0u);
}

CAF_TEST(a dial that takes too long is given up) {
  start_lending(4);
  auto handle = want(100ms);
  pass(101ms);
  auto why = expect_failure<leased>(handle);
  check_failure(why, errc::connect_failed);
  CAF_CHECK_EQUAL(why.last_message, "the connection was not ready in time");
  CAF_CHECK(gone(leases[0]));
  CAF_CHECK_EQUAL(dials[1]->closed_with.size(), 1u);
  CAF_CHECK_EQUAL(status().leased, 0u);
}

CAF_TEST(a dial that cannot be started is told) {
  start_lending(4);
  dial_throws = true;
  auto why = expect_failure<leased>(want());
  check_failure(why, errc::resource_error);
  CAF_CHECK_EQUAL(why.last_message, "no room");
  CAF_CHECK(gone(leases[0]));
  CAF_CHECK_EQUAL(status().leased, 0u);
}

CAF_TEST(nothing may be leased where the limit is none) {
  start_lending(0);
  auto why = expect_failure<leased>(want());
  check_failure(why, errc::overloaded);
  CAF_CHECK(why.last_message.find("pool.leased") != std::string::npos);
}

CAF_TEST(who dies while waiting gets no connection) {
  start_lending(4);
  {
    caf::scoped_actor other{sys};
    static_cast<void>(
      other->request(subject, caf::infinite, lease_connection{10s}));
    consume_messages();
  }
  consume_messages();
  pass(1ms);
  CAF_CHECK_EQUAL(dials[1]->closed_with.size(), 1u);
  CAF_CHECK(gone(leases[0]));
  CAF_CHECK_EQUAL(status().leased, 0u);
  CAF_CHECK_EQUAL(status().lease_waiters, 0u);
}

CAF_TEST(nobody holds what a plain message asked for) {
  start_lending(4);
  tell(lease_connection{});
  self->send(subject, lease_connection{});
  consume_messages();
  CAF_CHECK_EQUAL(dials.size(), 1u);
  CAF_CHECK_EQUAL(status().lease_waiters, 0u);
}

CAF_TEST(the connection of a lease whose actor dies is closed) {
  start_lending(4);
  auto handle = want();
  come_up(1);
  expect_answer<leased>(handle);
  kill(leases[0]);
  consume_messages();
  CAF_CHECK_EQUAL(dials[1]->closed_with.size(), 1u);
  CAF_CHECK_EQUAL(status().leased, 0u);
}

CAF_TEST(a successor keeps the leases that were handed out) {
  start_lending(4);
  auto first = want();
  come_up(1);
  expect_answer<leased>(first);
  auto second = want();
  pass(40ms);
  CAF_REQUIRE_EQUAL(dials.size(), 3u);
  kill_supervisor();
  check_failure(expect_failure<leased>(second), errc::actor_died);
  start_successor();
  CAF_CHECK_EQUAL(dials[1]->adopted, 1);
  CAF_CHECK(dials[1]->closed_with.empty());
  CAF_CHECK_EQUAL(dials[2]->closed_with.size(), 1u);
  CAF_CHECK(gone(leases[1]));
  CAF_CHECK_EQUAL(status().leased, 1u);
  kill(dials[1].handle);
  consume_messages();
  CAF_CHECK_EQUAL(status().leased, 0u);
}

CAF_TEST(a drain waits for the leases to end) {
  start_lending(4);
  auto first = want();
  come_up(1);
  expect_answer<leased>(first);
  make_busy(1);
  auto second = want();
  auto done = ask(drain{500ms});
  check_failure(expect_failure<leased>(second), errc::shutting_down);
  pass(499ms);
  CAF_CHECK(!answered());
  CAF_CHECK(dials[1]->closed_with.empty());
  pass(2ms);
  CAF_REQUIRE_EQUAL(dials[1]->closed_with.size(), 1u);
  expect_answer<drained>(done);
  check_failure(expect_failure<leased>(want()), errc::shutting_down);
}

CAF_TEST(a drain waits for no lease beyond its limit) {
  start_lending(4);
  auto first = want();
  come_up(1);
  expect_answer<leased>(first);
  make_busy(1);
  dials[1]->deaf = true;
  auto done = ask(drain{500ms});
  pass(749ms);
  CAF_CHECK(!answered());
  pass(2ms);
  expect_answer<drained>(done);
}

CAF_TEST_FIXTURE_SCOPE_END()
