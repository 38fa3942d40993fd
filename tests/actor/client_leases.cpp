#define CAF_SUITE client_leases

#include "client_fixture.hpp"

using namespace redoubt_test;

namespace {

const reply loading = reply::error(
  "LOADING Redis is loading the dataset in memory");

class fixture : public client_fixture {
public:
  fixture() {
    // Waits of 100 ms and a little more.
    config.defaults.retry = retry_policy{uniform(100ms, 110ms), stop_after(3)};
  }

  api::time_point now() { return sched.clock().now(); }

  void tell(gate x) {
    caf::anon_send(subject, std::move(x));
    consume_messages();
  }

  /// Closed, with the ramp and so many units.
  gate ramp(uint64_t units, uint64_t recalled = 0) {
    gate x;
    x.generation = 3;
    x.ramp_until = ramp_end;
    x.units = units;
    x.units_recalled = recalled;
    return x;
  }

  gate budget(uint64_t granted = 0, uint64_t denied = 0) {
    gate x;
    x.budget = true;
    x.tokens = granted;
    x.tokens_denied = denied;
    x.tokens_until = now() + 1s;
    return x;
  }

  void start_on_ramp(uint64_t units) {
    start_connected();
    ramp_end = now() + 1s;
    tell(ramp(units));
  }

  void start_with_budget() {
    start_connected();
    tell(budget());
  }

  template <class Handle>
  failure failed(Handle&& handle) {
    CAF_REQUIRE(!self->mailbox().empty());
    return expect_failure(handle);
  }

  const report& last_report() {
    CAF_REQUIRE(!told->reports.empty());
    return told->reports.back();
  }

  api::time_point ramp_end;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(client_leases_tests, fixture)

// -- slow calls -------------------------------------------------------------------

CAF_TEST(calls slower than the gate says are reported as slow) {
  start_connected();
  gate x;
  x.slow_call = 50ms;
  tell(x);
  auto a = ask(command{"GET", "a"});
  pass(50ms);
  answer_next(reply{});
  pass(105ms);
  CAF_CHECK_EQUAL(last_report().successes, 1u);
  CAF_CHECK_EQUAL(last_report().slow, 0u);
  auto b = ask(command{"GET", "b"});
  pass(55ms);
  answer_next(reply{});
  pass(105ms);
  CAF_CHECK_EQUAL(last_report().successes, 1u);
  CAF_CHECK_EQUAL(last_report().slow, 1u);
  expect_reply(a);
  expect_reply(b);
}

CAF_TEST(attempts that time out are slow and fail) {
  start_connected();
  gate x;
  x.slow_call = 50ms;
  tell(x);
  auto a = ask(command{"INCR", "a"});
  pass(505ms);
  CAF_CHECK_EQUAL(last_report().failures, 1u);
  CAF_CHECK_EQUAL(last_report().slow, 1u);
  expect_failure(a);
}

CAF_TEST(without a threshold no call is slow) {
  start_connected();
  auto a = ask(command{"GET", "a"});
  pass(400ms);
  answer_next(reply{});
  pass(105ms);
  CAF_CHECK_EQUAL(last_report().slow, 0u);
  expect_reply(a);
}

CAF_TEST(the most requests in flight are reported) {
  start_connected();
  auto a = ask(
    pipeline{{command{"GET", "a"}, command{"GET", "b"}, command{"GET", "c"}}});
  answer_next(reply{});
  answer_next(reply{});
  pass(105ms);
  CAF_CHECK_EQUAL(last_report().peak, 3u);
  answer_next(reply{});
  pass(105ms);
  CAF_CHECK_EQUAL(last_report().peak, 1u);
  expect_outcomes(a);
}

// -- the ramp ---------------------------------------------------------------------

CAF_TEST(on the ramp requests beyond the share wait for a reply) {
  start_on_ramp(2);
  auto a = ask(command{"GET", "a"});
  auto b = ask(command{"GET", "b"});
  auto c = ask(command{"GET", "c"});
  CAF_CHECK_EQUAL(told->units.size(), 2u);
  CAF_CHECK_EQUAL(last_report().waiting, 1u);
  answer_next(reply{});
  CAF_CHECK_EQUAL(told->units.size(), 3u);
  answer_next(reply{});
  answer_next(reply{});
  expect_reply(a);
  expect_reply(b);
  expect_reply(c);
}

CAF_TEST(what waits on the ramp fails at its deadline only) {
  start_on_ramp(0);
  request_options o;
  o.deadline = 300ms;
  o.attempt_timeout = 100ms;
  auto a = ask(command{"GET", "a"}, o);
  pass(295ms);
  CAF_CHECK(self->mailbox().empty());
  pass(10ms);
  auto why = failed(a);
  CAF_CHECK(why.code == errc::deadline_exceeded);
  CAF_CHECK(why.outcome == fate::not_sent);
  CAF_CHECK_EQUAL(told->units.size(), 0u);
}

CAF_TEST(a request that ignores the breaker ignores the ramp) {
  start_on_ramp(0);
  request_options o;
  o.use_breaker = false;
  auto a = ask(command{"GET", "a"}, o);
  CAF_CHECK_EQUAL(told->units.size(), 1u);
  answer_next(reply{});
  expect_reply(a);
}

CAF_TEST(more units let more go) {
  start_on_ramp(1);
  auto a = ask(command{"GET", "a"});
  auto b = ask(command{"GET", "b"});
  CAF_CHECK_EQUAL(told->units.size(), 1u);
  tell(ramp(1));
  CAF_CHECK_EQUAL(told->units.size(), 2u);
  answer_next(reply{});
  answer_next(reply{});
  expect_reply(a);
  expect_reply(b);
}

CAF_TEST(a recalled unit goes back with its reply and not before) {
  start_on_ramp(1);
  auto a = ask(command{"GET", "a"});
  auto b = ask(command{"GET", "b"});
  tell(ramp(0, 1));
  CAF_CHECK_EQUAL(last_report().units_returned, 0u);
  answer_next(reply{});
  CAF_CHECK_EQUAL(last_report().units_returned, 1u);
  CAF_CHECK_EQUAL(last_report().waiting, 1u);
  CAF_CHECK_EQUAL(told->units.size(), 1u);
  tell(ramp(1));
  answer_next(reply{});
  expect_reply(a);
  expect_reply(b);
}

CAF_TEST(the ramp ends without another gate) {
  start_on_ramp(1);
  auto a = ask(command{"GET", "a"});
  auto b = ask(command{"GET", "b"});
  pass(490ms);
  answer_next(reply{});
  answer_next(reply{});
  auto c = ask(command{"GET", "c"});
  auto d = ask(command{"GET", "d"});
  pass(495ms);
  answer_next(reply{});
  CAF_CHECK_EQUAL(told->units.size(), 4u);
  answer_next(reply{});
  auto e = ask(command{"GET", "e"});
  auto f = ask(command{"GET", "f"});
  CAF_CHECK_EQUAL(told->units.size(), 5u);
  pass(20ms);
  CAF_CHECK_EQUAL(told->units.size(), 6u);
  answer_next(reply{});
  answer_next(reply{});
  for (auto handle : {&a, &b, &c, &d, &e, &f})
    expect_reply(*handle);
}

CAF_TEST(a lost connection frees the units of what it had in flight) {
  start_on_ramp(2);
  auto a = ask(command{"INCR", "a"});
  auto b = ask(command{"INCR", "b"});
  tell(ramp(0, 2));
  lose_link(2);
  CAF_CHECK_EQUAL(last_report().units_returned, 2u);
  failed(a);
  failed(b);
}

CAF_TEST(units of an older generation are of no use) {
  start_on_ramp(2);
  tell(ramp(0, 1));
  CAF_CHECK_EQUAL(last_report().units_returned, 1u);
  set_gate(breaker_state::open, 4);
  gate x;
  x.generation = 5;
  x.ramp_until = now() + 1s;
  tell(x);
  auto a = ask(command{"GET", "a"});
  CAF_CHECK_EQUAL(told->units.size(), 0u);
  CAF_CHECK_EQUAL(last_report().units_returned, 0u);
  x.units = 1;
  tell(x);
  answer_next(reply{});
  expect_reply(a);
}

// -- tokens -----------------------------------------------------------------------

CAF_TEST(without a budget retries need no token) {
  start_connected();
  auto a = ask(command{"GET", "a"});
  answer_next(loading);
  pass(120ms);
  CAF_CHECK_EQUAL(told->units.size(), 2u);
  CAF_CHECK_EQUAL(last_report().tokens.asked, 0u);
  answer_next(reply{});
  expect_reply(a);
}

CAF_TEST(a retry asks for its token at once and goes when its backoff is over) {
  start_with_budget();
  auto a = ask(command{"GET", "a"});
  told->reports.clear();
  answer_next(loading);
  CAF_CHECK_EQUAL(last_report().tokens.asked, 1u);
  tell(budget(1));
  CAF_CHECK_EQUAL(told->units.size(), 1u);
  pass(120ms);
  CAF_CHECK_EQUAL(told->units.size(), 2u);
  answer_next(reply::string("v"));
  expect_reply(a);
  pass(105ms);
  CAF_CHECK((last_report().tokens == token_totals{.asked = 1, .taken = 1}));
}

CAF_TEST(a retry that is denied its token fails at once with what went wrong) {
  start_with_budget();
  auto a = ask(command{"GET", "a"});
  answer_next(loading);
  tell(budget(0, 1));
  auto why = failed(a);
  CAF_CHECK(why.code == errc::loading);
  CAF_CHECK(why.outcome == fate::refused);
  CAF_CHECK(why.budget_exhausted);
  CAF_CHECK_EQUAL(why.attempts, 1u);
  pass(105ms);
  CAF_CHECK_EQUAL(last_report().counters.budget_exhausted, 1u);
  CAF_CHECK_EQUAL(told->units.size(), 1u);
}

CAF_TEST(of those who ask the first ones get the tokens there are) {
  start_with_budget();
  auto a = ask(command{"GET", "a"});
  auto b = ask(command{"GET", "b"});
  answer_next(loading);
  answer_next(loading);
  CAF_CHECK_EQUAL(last_report().tokens.asked, 2u);
  tell(budget(1, 1));
  CAF_CHECK(failed(b).budget_exhausted);
  pass(120ms);
  CAF_CHECK_EQUAL(sent(2), wire({"GET", "a"}));
  answer_next(reply{});
  expect_reply(a);
}

CAF_TEST(a retry that gets no answer fails when its backoff is over) {
  start_with_budget();
  auto a = ask(command{"GET", "a"});
  answer_next(loading);
  pass(95ms);
  CAF_CHECK(self->mailbox().empty());
  pass(25ms);
  CAF_CHECK(failed(a).budget_exhausted);
  // Too late.
  tell(budget(1));
  CAF_CHECK_EQUAL(told->units.size(), 1u);
}

CAF_TEST(a retry without a backoff waits a little for the answer) {
  config.defaults.retry = retry_policy{no_wait(), stop_after(3)};
  start_with_budget();
  auto a = ask(command{"GET", "a"});
  answer_next(loading);
  pass(45ms);
  CAF_CHECK(self->mailbox().empty());
  tell(budget(1));
  CAF_CHECK_EQUAL(told->units.size(), 2u);
  answer_next(loading);
  pass(60ms);
  CAF_CHECK(failed(a).budget_exhausted);
}

CAF_TEST(what was not sent is sent again free of charge) {
  start_with_budget();
  auto a = ask(command{"INCR", "a"});
  lose_link(0);
  link_up_now();
  CAF_CHECK_EQUAL(told->units.size(), 1u);
  answer_next(reply::integer(1));
  expect_reply(a);
  pass(105ms);
  CAF_CHECK(last_report().tokens == token_totals{});
}

CAF_TEST(what was not sent behind a retry is free of charge as well) {
  start_with_budget();
  auto a = ask(command{"GET", "a"});
  auto b = ask(command{"GET", "b"});
  told->reports.clear();
  lose_link(1);
  CAF_CHECK_EQUAL(last_report().tokens.asked, 1u);
  tell(budget(1));
  link_up_now();
  pass(50ms);
  CAF_CHECK(sent() == std::vector({wire({"GET", "a"}), wire({"GET", "b"})}));
  answer_next(reply{});
  answer_next(reply{});
  expect_reply(a);
  expect_reply(b);
}

CAF_TEST(a request that ends in its backoff gives its token back) {
  start_with_budget();
  request_options o;
  o.tag = 5;
  auto a = ask(command{"GET", "a"}, o);
  answer_next(loading);
  tell(budget(1));
  self->send(subject, cancel{{5}});
  consume_messages();
  CAF_CHECK(failed(a).code == errc::cancelled);
  // The next one needs not ask.
  auto b = ask(command{"GET", "b"});
  answer_next(loading);
  pass(120ms);
  CAF_CHECK_EQUAL(told->units.size(), 3u);
  answer_next(reply{});
  expect_reply(b);
  pass(105ms);
  CAF_CHECK((last_report().tokens
             == token_totals{.asked = 1, .taken = 2, .refunded = 1}));
}

CAF_TEST(tokens that nobody takes go back when their lease is over) {
  start_with_budget();
  tell(budget(3));
  told->reports.clear();
  pass(995ms);
  CAF_CHECK(told->reports.empty());
  pass(10ms);
  CAF_CHECK_EQUAL(last_report().tokens.returned, 3u);
}

CAF_TEST(when the budget is switched off those who wait need no token) {
  start_with_budget();
  auto a = ask(command{"GET", "a"});
  answer_next(loading);
  tell(gate{});
  pass(120ms);
  CAF_CHECK_EQUAL(told->units.size(), 2u);
  answer_next(reply{});
  expect_reply(a);
}

CAF_TEST(asking goes on under another supervisor) {
  start_with_budget();
  auto a = ask(command{"GET", "a"});
  answer_next(loading);
  told->reports.clear();
  caf::anon_send(subject, new_supervisor{boss});
  consume_messages();
  // A total, so that whatever was lost is made good.
  CAF_CHECK_EQUAL(last_report().tokens.asked, 1u);
  tell(budget(1));
  pass(120ms);
  answer_next(reply{});
  expect_reply(a);
}

CAF_TEST_FIXTURE_SCOPE_END()
