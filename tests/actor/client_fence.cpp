#define CAF_SUITE client_fence

#include "client_fixture.hpp"

using namespace redoubt_test;

namespace {

struct fixture : client_fixture {
  fixture() { client_ids = true; }

  /// The server's line about the `n`th link.
  reply line_of(uint64_t n) {
    return reply::string("id=" + std::to_string(40 + n) + " name=" + name_of(n)
                         + " db=0\n");
  }

  static std::string list(uint64_t n) {
    return wire({"CLIENT", "LIST", "ID", std::to_string(40 + n)});
  }

  static std::string kill(uint64_t n) {
    return wire({"CLIENT", "KILL", "ID", std::to_string(40 + n)});
  }

  /// Longer than any backoff after a first failure.
  void back_off() { pass(60ms); }
};

const auto denied = reply::error("NOPERM this user has no permissions");

} // namespace

CAF_TEST_FIXTURE_SCOPE(client_fence_tests, fixture)

CAF_TEST(a write is sent again once its lost connection was killed) {
  start_connected();
  auto set = ask(command{"SET", "k", "1"});
  lose_link(1, true);
  link_up_now();
  back_off();
  CAF_CHECK(sent() == std::vector{list(1)});
  answer_next(line_of(1));
  CAF_CHECK(sent() == (std::vector{list(1), kill(1)}));
  answer_next(reply::integer(1));
  CAF_REQUIRE_EQUAL(told->units.size(), 3u);
  CAF_CHECK_EQUAL(sent(2), wire({"SET", "k", "1"}));
  answer_next(reply::status("OK"));
  CAF_CHECK(expect_reply(set).repeated);
}

CAF_TEST(a connection that the peer ended is fenced as well) {
  start_connected();
  auto set = ask(command{"SET", "k", "1"});
  lose_link(1);
  link_up_now();
  back_off();
  CAF_CHECK(sent() == std::vector{list(1)});
  answer_next(reply::string(""));
  CAF_CHECK_EQUAL(sent(1), wire({"SET", "k", "1"}));
  answer_next(reply::status("OK"));
  expect_reply(set);
}

CAF_TEST(what was read or never left needs no fence) {
  start_connected();
  auto read = ask(command{"GET", "k"});
  auto unsent = ask(command{"SET", "other", "1"});
  lose_link(1, true);
  link_up_now();
  back_off();
  CAF_CHECK(sent()
            == (std::vector{wire({"GET", "k"}), wire({"SET", "other", "1"})}));
  answer_next(reply{});
  answer_next(reply::status("OK"));
  expect_reply(read);
  CAF_CHECK(!expect_reply(unsent).repeated);
}

CAF_TEST(newer requests of the caller wait behind the fence and others do not) {
  start_connected();
  auto set = ask(command{"SET", "k", "1"});
  lose_link(1, true);
  auto newer = ask(command{"SET", "k", "2"});
  caf::scoped_actor somebody{sys};
  auto other = somebody->request(subject, caf::infinite, command{"GET", "k"});
  link_up_now();
  back_off();
  CAF_CHECK(sent() == (std::vector{list(1), wire({"GET", "k"})}));
  answer_next(line_of(1));
  answer_next(reply{});
  answer_next(reply::integer(1));
  CAF_CHECK_EQUAL(sent(3), wire({"SET", "k", "1"}));
  CAF_CHECK_EQUAL(sent(4), wire({"SET", "k", "2"}));
  answer_next(reply::status("OK"));
  answer_next(reply::status("OK"));
  expect_reply(set);
  expect_reply(newer);
  expect_reply(other);
}

CAF_TEST(a write is not sent again if we may not fence what we gave up) {
  start_connected();
  auto set = ask(command{"SET", "k", "1"});
  lose_link(1, true);
  auto newer = ask(command{"GET", "k"});
  link_up_now();
  answer_next(denied);
  auto why = expect_failure(set);
  CAF_CHECK(why.code == errc::disconnected);
  CAF_CHECK(why.outcome == fate::unknown);
  CAF_CHECK_EQUAL(why.attempts, 1u);
  CAF_CHECK_EQUAL(sent(1), wire({"GET", "k"}));
  answer_next(reply{});
  expect_reply(newer);
}

CAF_TEST(a write is sent again if we may not fence what the peer ended) {
  start_connected();
  auto set = ask(command{"SET", "k", "1"});
  lose_link(1);
  link_up_now();
  back_off();
  answer_next(denied);
  CAF_CHECK_EQUAL(sent(1), wire({"SET", "k", "1"}));
  answer_next(reply::status("OK"));
  expect_reply(set);
}

CAF_TEST(a connection without a name that we gave up costs its writes) {
  client_ids = false;
  start_connected();
  auto set = ask(command{"SET", "k", "1"});
  lose_link(1, true);
  CAF_CHECK(expect_failure(set).outcome == fate::unknown);
}

CAF_TEST(an id that belongs to another connection is left alone) {
  start_connected();
  auto set = ask(command{"SET", "k", "1"});
  lose_link(1, true);
  link_up_now();
  back_off();
  answer_next(line_of(8));
  CAF_CHECK_EQUAL(sent(1), wire({"SET", "k", "1"}));
  answer_next(reply::status("OK"));
  expect_reply(set);
}

CAF_TEST(a fence that is lost with its connection is put up by the next) {
  start_connected();
  auto set = ask(command{"SET", "k", "1"});
  lose_link(1, true);
  link_up_now();
  answer_next(line_of(1));
  CAF_CHECK_EQUAL(sent(1), kill(1));
  lose_link(2, true);
  link_up_now();
  back_off();
  // Nothing was sent over the second connection but the fence.
  CAF_CHECK(sent() == std::vector{list(1)});
  answer_next(reply::string(""));
  CAF_CHECK_EQUAL(sent(1), wire({"SET", "k", "1"}));
  answer_next(reply::status("OK"));
  expect_reply(set);
}

CAF_TEST(every connection that took the write is fenced) {
  start_connected();
  auto set = ask(command{"SET", "k", "1"});
  lose_link(1, true);
  link_up_now();
  back_off();
  answer_next(reply::string(""));
  CAF_CHECK_EQUAL(sent(1), wire({"SET", "k", "1"}));
  lose_link(2, true);
  link_up_now();
  pass(100ms);
  CAF_CHECK(sent() == std::vector{list(2)});
  answer_next(reply::string(""));
  CAF_CHECK_EQUAL(sent(1), wire({"SET", "k", "1"}));
  answer_next(reply::status("OK"));
  expect_reply(set);
}

CAF_TEST(a busy server is asked again) {
  start_connected();
  auto set = ask(command{"SET", "k", "1"});
  lose_link(1, true);
  link_up_now();
  answer_next(reply::error("BUSY Redis is busy running a script."));
  CAF_CHECK(sent() == std::vector{list(1)});
  pass(20ms);
  CAF_CHECK(sent() == (std::vector{list(1), list(1)}));
  answer_next(reply::string(""));
  back_off();
  answer_next(reply::status("OK"));
  expect_reply(set);
}

CAF_TEST(nobody asks for a fence that nobody waits for) {
  start_connected();
  request_options brief;
  brief.deadline = 100ms;
  auto set = ask(command{"SET", "k", "1"}, brief);
  lose_link(1, true);
  pass(105ms);
  CAF_CHECK(expect_failure(set).code == errc::deadline_exceeded);
  link_up_now();
  CAF_CHECK(sent().empty());
}

CAF_TEST(a write that timed out is sent again behind its first copy) {
  start_connected();
  auto set = ask(command{"SET", "k", "1"});
  pass(505ms);
  back_off();
  CAF_CHECK(sent() == std::vector(2, wire({"SET", "k", "1"})));
  answer_next(reply::status("OK"));
  answer_next(reply::status("OK"));
  CAF_CHECK(expect_reply(set).repeated);
}

CAF_TEST(a write that timed out and was overtaken is not sent again) {
  start_connected();
  auto first = ask(command{"SET", "k", "1"});
  pass(100ms);
  auto second = ask(command{"SET", "k", "2"});
  pass(405ms);
  CAF_CHECK(expect_failure(first).outcome == fate::unknown);
  answer_next(reply::status("OK"));
  answer_next(reply::status("OK"));
  CAF_CHECK(!expect_reply(second).repeated);
  CAF_CHECK_EQUAL(told->units.size(), 2u);
}

CAF_TEST(writes that time out together are sent again in their order) {
  start_connected();
  auto first = ask(command{"SET", "k", "1"});
  auto second = ask(command{"SET", "k", "2"});
  pass(505ms);
  back_off();
  pass(100ms);
  CAF_CHECK(sent()
            == (std::vector{wire({"SET", "k", "1"}), wire({"SET", "k", "2"}),
                            wire({"SET", "k", "1"}), wire({"SET", "k", "2"})}));
  for (int i = 0; i < 4; ++i)
    answer_next(reply::status("OK"));
  expect_reply(first);
  expect_reply(second);
}

CAF_TEST(a write that timed out is fenced when its connection is given up) {
  start_connected();
  auto set = ask(command{"SET", "k", "1"});
  pass(505ms);
  lose_link(1, true);
  link_up_now();
  back_off();
  CAF_CHECK(sent() == std::vector{list(1)});
  answer_next(denied);
  CAF_CHECK(expect_failure(set).code == errc::attempt_timeout);
}

CAF_TEST(a write that timed out is over when its connection has no name) {
  client_ids = false;
  start_connected();
  auto set = ask(command{"SET", "k", "1"});
  pass(505ms);
  lose_link(1, true);
  auto why = expect_failure(set);
  CAF_CHECK(why.code == errc::attempt_timeout);
  CAF_CHECK(why.outcome == fate::unknown);
}

CAF_TEST(an INCR is sent again for no fence) {
  start_connected();
  auto incr = ask(command{"INCR", "n"});
  pass(505ms);
  auto why = expect_failure(incr);
  CAF_CHECK(why.code == errc::attempt_timeout);
  CAF_CHECK(why.outcome == fate::unknown);
}

CAF_TEST(a second copy that never left does not hide the first one) {
  start_connected();
  auto set = ask(command{"SET", "k", "1"});
  pass(505ms);
  back_off();
  CAF_REQUIRE_EQUAL(told->units.size(), 2u);
  lose_link(1, true);
  link_up_now();
  back_off();
  CAF_CHECK(sent() == std::vector{list(1)});
  answer_next(denied);
  CAF_CHECK(expect_failure(set).outcome == fate::unknown);
}

CAF_TEST(a write is not sent again once a later one that waits was cancelled) {
  start_connected();
  request_options o;
  o.tag = 5;
  auto first = ask(command{"SET", "k", "1"});
  auto second = ask(command{"SET", "k", "2"}, o);
  lose_link(2, true);
  self->send(subject, cancel{{5}});
  consume_messages();
  link_up_now();
  pass(200ms);
  CAF_CHECK(sent().empty());
  auto failed = [&](auto& x) { return expect_failure(x).outcome; };
  CAF_CHECK(failed(first) == fate::unknown);
  CAF_CHECK(failed(second) == fate::unknown);
}

CAF_TEST(a write is not sent again before a later one that still backs off) {
  // Whatever the jitter of both: none is sent alone.
  start_connected();
  request_options o;
  o.tag = 5;
  o.retry = retry_policy{fixed(500ms), stop_never()};
  auto first = ask(command{"SET", "k", "1"});
  auto second = ask(command{"SET", "k", "2"}, o);
  auto other = ask(command{"SET", "other", "1"});
  lose_link(3);
  link_up_now();
  back_off();
  CAF_CHECK(sent() == std::vector{list(1)});
  answer_next(reply::string(""));
  CAF_CHECK_EQUAL(told->units.size(), 1u);
  self->send(subject, cancel{{5}});
  consume_messages();
  CAF_CHECK(expect_failure(second).outcome == fate::unknown);
  CAF_CHECK(expect_failure(first).outcome == fate::unknown);
  CAF_REQUIRE_EQUAL(told->units.size(), 2u);
  CAF_CHECK_EQUAL(sent(1), wire({"SET", "other", "1"}));
  answer_next(reply::status("OK"));
  expect_reply(other);
}

CAF_TEST(writes on one key are sent again together) {
  start_connected();
  request_options o;
  o.retry = retry_policy{fixed(300ms), stop_never()};
  auto first = ask(command{"SET", "k", "1"});
  auto second = ask(command{"SET", "k", "2"}, o);
  lose_link(2);
  link_up_now();
  back_off();
  answer_next(reply::string(""));
  pass(200ms);
  CAF_CHECK_EQUAL(told->units.size(), 1u);
  pass(100ms);
  CAF_CHECK(sent()
            == (std::vector{list(1), wire({"SET", "k", "1"}),
                            wire({"SET", "k", "2"})}));
  answer_next(reply::status("OK"));
  answer_next(reply::status("OK"));
  expect_reply(first);
  expect_reply(second);
}

CAF_TEST(writes on one key wait for as many permits as they need) {
  start_connected();
  auto first = ask(command{"SET", "k", "1"});
  auto second = ask(command{"SET", "k", "2"});
  lose_link(2);
  set_gate(breaker_state::half_open, 2, 1);
  link_up_now();
  answer_next(reply::string(""));
  back_off();
  CAF_CHECK_EQUAL(told->units.size(), 1u);
  set_gate(breaker_state::half_open, 2, 2);
  CAF_CHECK_EQUAL(told->units.size(), 3u);
  answer_next(reply::status("OK"));
  answer_next(reply::status("OK"));
  expect_reply(first);
  expect_reply(second);
}

CAF_TEST(a write that times out goes with a newer one that the breaker ends) {
  start_connected();
  request_options patient;
  patient.on_open = on_open_policy::wait;
  auto first = ask(command{"SET", "k", "1"}, patient);
  auto second = ask(command{"SET", "k", "2"});
  set_gate(breaker_state::open, 1);
  pass(505ms);
  auto why = expect_failure(second);
  CAF_CHECK(why.code == errc::circuit_open);
  CAF_CHECK(expect_failure(first).outcome == fate::unknown);
  set_gate(breaker_state::closed, 3);
  pass(200ms);
  CAF_CHECK_EQUAL(told->units.size(), 2u);
}

CAF_TEST(a counter that was refused and never left again is sent again) {
  start_connected();
  auto incr = ask(command{"INCR", "n"});
  answer_next(reply::error("BUSY Redis is busy running a script."));
  for (int i = 0; i < 200 && told->units.size() < 2; ++i)
    pass(5ms);
  CAF_REQUIRE_EQUAL(told->units.size(), 2u);
  lose_link(1);
  link_up_now();
  pass(5ms);
  CAF_REQUIRE_EQUAL(told->units.size(), 1u);
  CAF_CHECK_EQUAL(sent(0), wire({"INCR", "n"}));
  answer_next(reply::integer(1));
  CAF_CHECK_EQUAL(expect_reply(incr).number(), 1);
}

CAF_TEST_FIXTURE_SCOPE_END()
