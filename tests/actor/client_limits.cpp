#define CAF_SUITE client_limits

// Limits of the request actor, each at its value and one beyond.

#include "client_fixture.hpp"

using namespace redoubt_test;

namespace {

struct fixture : client_fixture {
  /// Bytes that a command takes up while it waits or is outstanding.
  static uint64_t cost_of(command x) {
    request_slot slot;
    slot.cmd = std::move(x);
    return slot.bytes();
  }

  static std::vector<command> gets(size_t n) {
    return std::vector<command>(n, command{"GET", "a"});
  }

  template <class Handle>
  failure expect_failed_group(Handle&& handle) {
    failure result;
    CAF_REQUIRE(!self->mailbox().empty());
    handle.receive([&](replies&) { CAF_FAIL("replied"); },
                   [&](caf::error& e) { result = failure_of(e).value(); });
    return result;
  }

  /// As `expect_failure`, for one that must be there by now.
  template <class Handle>
  failure failure_now(Handle&& handle) {
    CAF_REQUIRE(!self->mailbox().empty());
    return expect_failure(std::forward<Handle>(handle));
  }

  void check_not_sent(const failure& why, errc code) {
    CAF_CHECK_EQUAL(to_string(why.code), to_string(code));
    CAF_CHECK_EQUAL(to_string(why.outcome), "not_sent");
    CAF_CHECK_EQUAL(why.attempts, 0u);
    CAF_CHECK(!why.last_message.empty());
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(client_limits_tests, fixture)

// -- pipelines and transactions -----------------------------------------------------

CAF_TEST(a pipeline of as many commands as allowed is sent and one more is too large) {
  config.limits.pipeline = 3;
  start_connected();
  auto fits = ask(pipeline{gets(3)});
  CAF_REQUIRE_EQUAL(told->units.size(), 3u);
  for (int i = 0; i < 3; ++i)
    answer_next(reply::string("v"));
  CAF_CHECK_EQUAL(expect_outcomes(fits).size(), 3u);
  check_not_sent(expect_failed_group(ask(pipeline{gets(4)})), errc::too_large);
  CAF_CHECK_EQUAL(told->units.size(), 3u);
}

CAF_TEST(a transaction of as many commands as allowed is sent and one more is too large) {
  config.limits.pipeline = 3;
  start_connected();
  auto fits = ask(transaction{gets(3)});
  CAF_REQUIRE_EQUAL(told->units.size(), 1u);
  CAF_CHECK_EQUAL(told->units[0].replies, 5u);
  auto queued = reply::status("QUEUED");
  auto v = reply::string("v");
  answer_next(reply::array(
    {reply::status("OK"), queued, queued, queued, reply::array({v, v, v})}));
  CAF_CHECK_EQUAL(expect_outcomes(fits).size(), 3u);
  check_not_sent(expect_failed_group(ask(transaction{gets(4)})),
                 errc::too_large);
  CAF_CHECK_EQUAL(told->units.size(), 1u);
}

CAF_TEST(an argument as long as allowed is sent inside a transaction and no longer one) {
  config.limits.argument_bytes = 5;
  start_connected();
  check_not_sent(expect_failed_group(ask(transaction{
                   {command{"SET", "k", "12345"}, command{"GET", "123456"}}})),
                 errc::too_large);
  CAF_CHECK_EQUAL(told->units.size(), 0u);
  ask(transaction{{command{"SET", "k", "12345"}}});
  CAF_CHECK_EQUAL(told->units.size(), 1u);
}

// -- credit -------------------------------------------------------------------------

CAF_TEST(as many bytes as the credit allows are outstanding) {
  auto cost = cost_of(command{"GET", "a"});
  start();
  link_up_now(100, 2 * cost);
  auto a = ask(command{"GET", "a"});
  auto b = ask(command{"GET", "b"});
  auto c = ask(command{"GET", "c"});
  CAF_CHECK_EQUAL(sent(),
                  (std::vector{wire({"GET", "a"}), wire({"GET", "b"})}));
  // Each reply gives back what its command took.
  answer_next(reply::string("1"));
  CAF_REQUIRE_EQUAL(told->units.size(), 3u);
  CAF_CHECK_EQUAL(sent(2), wire({"GET", "c"}));
  answer_next(reply::string("2"));
  answer_next(reply::string("3"));
  CAF_CHECK_EQUAL(expect_reply(a).text(), "1");
  CAF_CHECK_EQUAL(expect_reply(b).text(), "2");
  CAF_CHECK_EQUAL(expect_reply(c).text(), "3");
}

CAF_TEST(a command that is one byte beyond the credit waits for a reply) {
  auto cost = cost_of(command{"GET", "a"});
  start();
  link_up_now(100, 2 * cost - 1);
  ask(command{"GET", "a"});
  ask(command{"GET", "b"});
  CAF_CHECK_EQUAL(sent(), std::vector{wire({"GET", "a"})});
  answer_next(reply::string("1"));
  CAF_CHECK_EQUAL(told->units.size(), 2u);
}

CAF_TEST(a command larger than all credit goes alone and takes no more than there is) {
  auto cost = cost_of(command{"GET", "a"});
  start();
  link_up_now(100, cost);
  ask(command{"SET", "k", std::string(10 * cost, 'x')});
  CAF_REQUIRE_EQUAL(told->units.size(), 1u);
  ask(command{"GET", "a"});
  ask(command{"GET", "b"});
  CAF_CHECK_EQUAL(told->units.size(), 1u);
  answer_next(reply::status("OK"));
  CAF_CHECK_EQUAL(told->units.size(), 2u);
  answer_next(reply::string("1"));
  CAF_CHECK_EQUAL(told->units.size(), 3u);
}

CAF_TEST(credit of a lost connection is not owed to the next) {
  auto cost = cost_of(command{"INCR", "a"});
  start();
  link_up_now(100, 2 * cost);
  ask(command{"INCR", "a"});
  ask(command{"INCR", "b"});
  CAF_REQUIRE_EQUAL(told->units.size(), 2u);
  lose_link(2);
  link_up_now(100, 2 * cost);
  for (auto key : {"c", "d", "e"})
    ask(command{"INCR", key});
  CAF_CHECK_EQUAL(told->units.size(), 2u);
}

// -- the queue ----------------------------------------------------------------------

CAF_TEST(a request that is one byte beyond the bytes of the queue is turned away) {
  auto cost = cost_of(command{"GET", "a"});
  config.limits.queue_bytes = 2 * cost - 1;
  start();
  ask(command{"GET", "a"});
  check_not_sent(failure_now(ask(command{"GET", "b"})), errc::overloaded);
  link_up_now();
  CAF_CHECK_EQUAL(told->units.size(), 1u);
}

CAF_TEST(what is outstanding and what waits have bounds of their own) {
  config.limits.queue = 2;
  start();
  link_up_now(3);
  for (auto key : {"a", "b", "c", "d", "e"})
    ask(command{"GET", key});
  CAF_CHECK_EQUAL(told->units.size(), 3u);
  CAF_CHECK(self->mailbox().empty());
  check_not_sent(failure_now(ask(command{"GET", "f"})), errc::overloaded);
  answer_next(reply::string("v"));
  CAF_CHECK_EQUAL(told->units.size(), 4u);
  ask(command{"GET", "g"});
  CAF_CHECK_EQUAL(told->units.size(), 4u);
}

CAF_TEST(a hasty request does not make its connection hasty) {
  start_connected();
  request_options o;
  o.attempt_timeout = 1ms;
  ask(command{"GET", "a"}, o);
  o.attempt_timeout = 5s;
  ask(command{"GET", "b"}, o);
  CAF_REQUIRE_EQUAL(told->units.size(), 2u);
  CAF_CHECK(told->units[0].patience == config.defaults.timeouts.attempt);
  CAF_CHECK(told->units[1].patience == 5s);
}

CAF_TEST_FIXTURE_SCOPE_END()
