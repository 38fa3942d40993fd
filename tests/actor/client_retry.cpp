#define CAF_SUITE client_retry

#include "client_fixture.hpp"

#include <algorithm>

using namespace redoubt_test;

namespace {

constexpr char
  oom[] = "OOM command not allowed when used memory > 'maxmemory'.";

struct fixture : client_fixture {
  fixture() {
    config.defaults.timeouts.attempt = 100ms;
    config.defaults.timeouts.request = 1s;
  }

  /// Asks for anything again, for ever, without a wait.
  static retry_policy greedy() {
    auto always = [](auto&) { return true; };
    return {no_wait(), stop_never(),
            on_failure() | on_failure("always", always)
              | on_reply("always", always)};
  }

  static request_options with(const retry_policy& policy) {
    request_options o;
    o.retry = policy;
    return o;
  }

  /// How often the current link was given these bytes.
  ptrdiff_t times_sent(std::initializer_list<detail::argument> arguments) {
    auto all = sent();
    return std::count(all.begin(), all.end(), wire(arguments));
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(client_retry_tests, fixture)

// -- nothing widens what is safe ------------------------------------------------

CAF_TEST(a greedy policy never runs an INCR twice) {
  config.defaults.retry = greedy();
  start_connected();
  auto timed_out = ask(command{"INCR", "a"});
  pass(105ms);
  CAF_CHECK(expect_failure(timed_out).outcome == fate::unknown);
  auto lost = ask(command{"INCR", "b"});
  lose_link(told->units.size());
  CAF_CHECK(expect_failure(lost).outcome == fate::unknown);
  link_up_now();
  auto answered = ask(command{"INCR", "c"});
  answer_next(reply::integer(1));
  CAF_CHECK_EQUAL(expect_reply(answered).number(), 1);
  auto wrong = ask(command{"INCR", "d"});
  answer_next(reply::error("WRONGTYPE Operation against a key"));
  CAF_CHECK(expect_reply(wrong).is_error());
  pass(1000ms);
  CAF_CHECK_EQUAL(told->units.size(), 2u);
}

CAF_TEST(a greedy policy never runs a script twice) {
  config.defaults.retry = greedy();
  start_connected();
  auto script = ask(command{"EVAL", "return redis.call('set', 'k', 1)", 0});
  answer_next(reply::error(oom));
  CAF_CHECK(expect_reply(script).is_error());
  CAF_CHECK_EQUAL(told->units.size(), 1u);
}

CAF_TEST(a write is not asked for again after a newer one on its key) {
  config.defaults.retry = greedy();
  config.defaults.timeouts.request = 100ms;
  start_connected();
  auto older = ask(command{"SET", "k", "1"});
  auto newer = ask(command{"INCR", "k"});
  answer_next(reply::status("OK"));
  CAF_CHECK_EQUAL(expect_reply(older).text(), "OK");
  answer_next(reply::integer(2));
  expect_reply(newer);
  CAF_CHECK_EQUAL(told->units.size(), 2u);
}

CAF_TEST(a write is not asked for again after one that is forgotten) {
  config.defaults.retry = greedy();
  start_connected();
  auto write = ask(command{"SET", "k", "1"});
  request_options brief;
  brief.deadline = 20ms;
  auto forgotten = ask(command{"INCR", "k"}, brief);
  pass(25ms);
  expect_failure(forgotten);
  answer_next(reply::status("OK"));
  CAF_CHECK_EQUAL(expect_reply(write).text(), "OK");
  CAF_CHECK_EQUAL(told->units.size(), 2u);
}

// -- replies --------------------------------------------------------------------

CAF_TEST(a read is asked for again until its reply is there) {
  start_connected();
  auto answer = ask(command{"GET", "k"},
                    with({fixed(50ms), stop_never(), on_nil()}));
  answer_next(reply{});
  pass(45ms);
  CAF_CHECK_EQUAL(told->units.size(), 1u);
  pass(10ms);
  CAF_REQUIRE_EQUAL(told->units.size(), 2u);
  answer_next(reply{});
  pass(55ms);
  answer_next(reply::string("v"));
  auto x = expect_reply(answer);
  CAF_CHECK_EQUAL(x.text(), "v");
  CAF_CHECK(!x.repeated);
}

CAF_TEST(the last reply is the answer when the attempts are spent) {
  start_connected();
  auto answer = ask(command{"GET", "k"},
                    with({no_wait(), stop_after(2), on_nil()}));
  answer_next(reply{});
  answer_next(reply{});
  CAF_CHECK(expect_reply(answer).is_nil());
  CAF_CHECK_EQUAL(told->units.size(), 2u);
}

CAF_TEST(the last reply is the answer at the deadline) {
  start_connected();
  auto answer = ask(command{"LLEN", "k"},
                    with({fixed(10s), stop_never(), on_reply(0)}));
  answer_next(reply::integer(0));
  pass(995ms);
  CAF_CHECK(self->mailbox().empty());
  pass(10ms);
  CAF_CHECK_EQUAL(expect_reply(answer).number(), 0);
}

CAF_TEST(a request that is taken back does not end with its last reply) {
  start_connected();
  auto o = with({fixed(10s), stop_never(), on_nil()});
  o.tag = 7;
  auto answer = ask(command{"GET", "k"}, o);
  answer_next(reply{});
  self->send(subject, cancel{{7}});
  consume_messages();
  auto why = expect_failure(answer);
  CAF_CHECK(why.code == errc::cancelled);
  CAF_CHECK(why.outcome == fate::answered);
}

CAF_TEST(a failure after a reply tells of the failure) {
  start_connected();
  auto answer = ask(command{"GET", "k"},
                    with({no_wait(), stop_after(2), on_nil()}));
  answer_next(reply{});
  pass(105ms);
  auto why = expect_failure(answer);
  CAF_CHECK(why.code == errc::attempt_timeout);
  CAF_CHECK(why.outcome == fate::unknown);
}

CAF_TEST(newer requests pass a read that asks again) {
  start_connected();
  auto poll = ask(command{"GET", "k"},
                  with({fixed(50ms), stop_never(), on_nil()}));
  answer_next(reply{});
  auto set = ask(command{"SET", "k", "v"});
  CAF_CHECK_EQUAL(sent(1), wire({"SET", "k", "v"}));
  answer_next(reply::status("OK"));
  expect_reply(set);
  pass(55ms);
  answer_next(reply::string("v"));
  CAF_CHECK_EQUAL(expect_reply(poll).text(), "v");
}

CAF_TEST(newer requests on its keys wait behind a write that is repeated) {
  start_connected();
  auto o = with({fixed(50ms), stop_never(), on_reply(0)});
  auto older = ask(command{"SADD", "k", "m"}, o);
  answer_next(reply::integer(0));
  auto newer = ask(command{"SREM", "k", "m"});
  auto other = ask(command{"GET", "other"});
  CAF_CHECK_EQUAL(told->units.size(), 2u);
  CAF_CHECK_EQUAL(sent(1), wire({"GET", "other"}));
  answer_next(reply{});
  expect_reply(other);
  pass(55ms);
  CAF_CHECK_EQUAL(sent(2), wire({"SADD", "k", "m"}));
  CAF_CHECK_EQUAL(sent(3), wire({"SREM", "k", "m"}));
  answer_next(reply::integer(1));
  answer_next(reply::integer(1));
  auto x = expect_reply(older);
  CAF_CHECK_EQUAL(x.number(), 1);
  CAF_CHECK(x.repeated);
  expect_reply(newer);
}

CAF_TEST(a write that was carried out is never said not to have run) {
  start_connected();
  auto answer = ask(command{"SET", "k", "v"},
                    with({no_wait(), stop_after(2), on_reply("OK")}));
  answer_next(reply::status("OK"));
  answer_next(reply::error("LOADING Redis is loading the dataset in memory"));
  auto why = expect_failure(answer);
  CAF_CHECK(why.code == errc::loading);
  CAF_CHECK(why.outcome == fate::answered);
}

// -- errors raised before anything runs -------------------------------------------

CAF_TEST(an error that is raised before anything runs is retried if asked) {
  start_connected();
  auto o = with(
    {fixed(50ms), stop_after(3), on_error("OOM", "MISCONF", "NOREPLICAS")});
  auto counter = ask(command{"INCR", "k"}, o);
  answer_next(reply::error(oom));
  auto newer = ask(command{"INCR", "k"});
  pass(45ms);
  CAF_CHECK_EQUAL(told->units.size(), 1u);
  pass(10ms);
  CAF_CHECK_EQUAL(told->units.size(), 3u);
  answer_next(reply::integer(1));
  answer_next(reply::integer(2));
  auto x = expect_reply(counter);
  CAF_CHECK_EQUAL(x.number(), 1);
  CAF_CHECK(!x.repeated);
  CAF_CHECK_EQUAL(expect_reply(newer).number(), 2);
}

CAF_TEST(the error is the answer when the attempts are spent) {
  start_connected();
  auto o = with({no_wait(), stop_after(2), on_error("OOM")});
  auto counter = ask(command{"INCR", "k"}, o);
  answer_next(reply::error(oom));
  answer_next(reply::error(oom));
  CAF_CHECK_EQUAL(expect_reply(counter).text(), oom);
  CAF_CHECK_EQUAL(told->units.size(), 2u);
}

CAF_TEST(without a policy for it such an error is the reply) {
  start_connected();
  auto counter = ask(command{"INCR", "k"});
  answer_next(reply::error(oom));
  CAF_CHECK_EQUAL(expect_reply(counter).text(), oom);
  CAF_CHECK_EQUAL(told->units.size(), 1u);
}

CAF_TEST(a counter that such an error turned away cannot have run) {
  start_connected();
  auto o = with({fixed(500ms), stop_never(), on_error("OOM")});
  o.tag = 1;
  auto counter = ask(command{"INCR", "k"}, o);
  answer_next(reply::error(oom));
  self->send(subject, cancel{{1}});
  consume_messages();
  CAF_CHECK(expect_failure(counter).outcome == fate::refused);
}

CAF_TEST(a transaction that such an error aborted is retried if asked) {
  start_connected();
  auto o = with({no_wait(), stop_after(2), on_error("OOM")});
  auto answer = ask(transaction{{command{"INCR", "a"}}}, o);
  answer_next(reply::array(
    {reply::status("OK"), reply::status("QUEUED"),
     reply::error(std::string{"EXECABORT Transaction discarded because of: "}
                  + oom)}));
  CAF_REQUIRE_EQUAL(told->units.size(), 2u);
  answer_next(reply::array({reply::status("OK"), reply::status("QUEUED"),
                            reply::array({reply::integer(1)})}));
  auto all = expect_outcomes(answer);
  CAF_CHECK(!std::get<reply>(all.at(0)).repeated);
}

// -- the policy in force ------------------------------------------------------------

CAF_TEST(a request has its own policy before that of its handle) {
  config.defaults.retry = retry_policy{no_wait(), stop_after(3)};
  start_connected();
  auto once = ask(command{"GET", "a"}, with({no_wait(), stop_after(1)}));
  answer_next(reply::error("TRYAGAIN Multiple keys request"));
  CAF_CHECK(expect_failure(once).code == errc::try_again);
  request_options twice;
  twice.attempts = 2;
  auto usual = ask(command{"GET", "a"}, twice);
  answer_next(reply::error("TRYAGAIN Multiple keys request"));
  answer_next(reply::error("TRYAGAIN Multiple keys request"));
  CAF_CHECK_EQUAL(expect_failure(usual).attempts, 2u);
  CAF_CHECK_EQUAL(told->units.size(), 3u);
}

CAF_TEST(what was not sent is not sent again if the policy does not want it) {
  start_connected();
  auto answer = ask(command{"GET", "k"},
                    with({no_wait(), stop_never(), on_errc(errc::busy)}));
  lose_link(0);
  auto why = expect_failure(answer);
  CAF_CHECK(why.code == errc::disconnected);
  CAF_CHECK(why.outcome == fate::not_sent);
  CAF_CHECK_EQUAL(why.attempts, 0u);
}

CAF_TEST(new defaults are in force at once) {
  start_connected();
  auto before = ask(command{"GET", "a"});
  client_options changed = config.defaults;
  changed.retry = retry_policy{no_wait(), stop_after(1)};
  changed.timeouts = {.attempt = 50ms, .request = 50ms};
  auto taken = self->request(subject, caf::infinite,
                             reconfigure_client{changed});
  consume_messages();
  taken.receive([] {}, [](caf::error&) { CAF_FAIL("refused"); });
  answer_next(reply::error("TRYAGAIN Multiple keys request"));
  CAF_CHECK_EQUAL(expect_failure(before).attempts, 1u);
  auto after = ask(command{"GET", "a"});
  pass(55ms);
  CAF_CHECK(expect_failure(after).code == errc::deadline_exceeded);
}

CAF_TEST(bad defaults are refused by name and the old ones stay) {
  client_options told_of;
  auto times = 0;
  config.reconfigured = [&](const client_options& x) {
    told_of = x;
    ++times;
  };
  start_connected();
  client_options bad;
  bad.timeouts.attempt = 0ms;
  bad.timeouts.request = 25h;
  auto refused = self->request(subject, caf::infinite, reconfigure_client{bad});
  consume_messages();
  refused.receive([] { CAF_FAIL("taken"); },
                  [](caf::error& e) {
                    auto why = failure_of(e).value();
                    CAF_CHECK(why.code == errc::invalid_options);
                    CAF_CHECK_EQUAL(why.last_message,
                                    "client.attempt_timeout: must be a "
                                    "duration from 1ms to 24h; "
                                    "client.request_timeout: must be a "
                                    "duration from 1ms to 24h");
                  });
  CAF_CHECK_EQUAL(times, 0);
  auto still = ask(command{"INCR", "a"});
  pass(95ms);
  CAF_CHECK(self->mailbox().empty());
  pass(10ms);
  CAF_CHECK(expect_failure(still).code == errc::attempt_timeout);
  client_options good;
  good.use_breaker = false;
  self->send(subject, reconfigure_client{good});
  consume_messages();
  CAF_CHECK_EQUAL(times, 1);
  CAF_CHECK(told_of == good);
}

// -- what a failure tells -----------------------------------------------------------

CAF_TEST(a failure tells the time in the queue and of the last attempt) {
  start();
  auto answer = ask(command{"INCR", "k"});
  pass(200ms);
  link_up_now();
  pass(105ms);
  auto why = expect_failure(answer);
  CAF_CHECK(why.queued == 200ms);
  CAF_CHECK(why.last_attempt >= 100ms && why.last_attempt <= 110ms);
  CAF_CHECK(why.elapsed == why.queued + why.last_attempt);
}

CAF_TEST(a request that was never sent spent all its time in the queue) {
  start();
  auto answer = ask(command{"GET", "k"});
  pass(1005ms);
  auto why = expect_failure(answer);
  CAF_CHECK(why.queued == why.elapsed);
  CAF_CHECK(why.last_attempt == 0us);
}

CAF_TEST_FIXTURE_SCOPE_END()
