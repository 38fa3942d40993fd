#define CAF_SUITE client_gate

#include "client_fixture.hpp"

using namespace redoubt_test;

CAF_TEST_FIXTURE_SCOPE(client_gate_tests, client_fixture)

CAF_TEST(an open breaker rejects at once without a hop) {
  start_connected();
  set_gate(breaker_state::open, 1);
  auto why = expect_failure(ask(command{"GET", "k"}));
  CAF_CHECK(why.code == errc::circuit_open);
  CAF_CHECK(why.outcome == fate::not_sent);
  CAF_CHECK_EQUAL(told->units.size(), 0u);
}

CAF_TEST(what waits to fail fast is rejected when the breaker opens) {
  start();
  auto fast = ask(command{"GET", "a"});
  request_options o;
  o.on_open = on_open_policy::wait;
  auto patient = ask(command{"GET", "b"}, o);
  set_gate(breaker_state::open, 1);
  CAF_CHECK(expect_failure(fast).code == errc::circuit_open);
  set_gate(breaker_state::closed, 3);
  link_up_now();
  answer_next(reply::string("v"));
  CAF_CHECK_EQUAL(expect_reply(patient).text(), "v");
}

CAF_TEST(a rejected retry of a command that may have run is unknown) {
  start_connected();
  auto read = ask(command{"SET", "k", "v"});
  lose_link(1);
  set_gate(breaker_state::open, 1);
  auto why = expect_failure(read);
  CAF_CHECK(why.code == errc::circuit_open);
  CAF_CHECK(why.outcome == fate::unknown);
}

CAF_TEST(a request may ignore the breaker) {
  start_connected();
  set_gate(breaker_state::open, 1);
  request_options o;
  o.use_breaker = false;
  auto answer = ask(command{"GET", "k"}, o);
  answer_next(reply::string("v"));
  CAF_CHECK_EQUAL(expect_reply(answer).text(), "v");
}

CAF_TEST(a request that ignores the breaker waits behind its caller while all is well) {
  start();
  std::vector<decltype(ask(command{"GET", "k"}))> answers;
  request_options o;
  o.use_breaker = false;
  o.deadline = 1s;
  for (auto key : {"a", "b", "c", "d"}) {
    auto ignores = key[0] == 'b' || key[0] == 'd';
    answers.push_back(ignores ? ask(command{"GET", key}, o)
                              : ask(command{"GET", key}));
  }
  link_up_now(2);
  for (size_t i = 0; i < 4; ++i) {
    CAF_CHECK_EQUAL(sent(i), wire({"GET", std::string(1, "abcd"[i])}));
    answer_next(reply{});
  }
  for (auto& each : answers)
    expect_reply(each);
}

CAF_TEST(a request that ignores the breaker does not pass one that waits for credit) {
  start_connected();
  std::string large(900u << 10, 'x');
  auto first = ask(command{"SET", "a", large});
  auto second = ask(command{"SET", "b", large});
  request_options o;
  o.use_breaker = false;
  auto third = ask(command{"SET", "b", "newer"}, o);
  CAF_CHECK_EQUAL(told->units.size(), 1u);
  answer_next(reply{});
  CAF_REQUIRE_EQUAL(told->units.size(), 3u);
  CAF_CHECK_EQUAL(sent(2), wire({"SET", "b", "newer"}));
  answer_next(reply{});
  answer_next(reply{});
  expect_reply(first);
  expect_reply(second);
  expect_reply(third);
}

CAF_TEST(a retry that would begin behind an open breaker fails at once) {
  start_connected();
  auto refused = ask(command{"GET", "a"});
  auto timed_out = ask(command{"GET", "b"});
  request_options o;
  o.on_open = on_open_policy::wait;
  auto patient = ask(command{"GET", "c"}, o);
  set_gate(breaker_state::open, 1);
  auto loading = "LOADING Redis is loading the dataset in memory";
  answer_next(reply::error(loading));
  auto why = expect_failure(refused);
  CAF_CHECK(why.code == errc::circuit_open);
  CAF_CHECK(why.outcome == fate::refused);
  CAF_CHECK_EQUAL(why.attempts, 1u);
  CAF_CHECK_EQUAL(why.last_message, loading);
  pass(config.defaults.timeouts.attempt + 5ms);
  why = expect_failure(timed_out);
  CAF_CHECK(why.code == errc::circuit_open);
  CAF_CHECK(why.outcome == fate::unknown);
  set_gate(breaker_state::closed, 3);
  answer_next(reply{});
  answer_next(reply{});
  pass(300ms);
  answer_next(reply::string("v"));
  CAF_CHECK_EQUAL(expect_reply(patient).text(), "v");
}

CAF_TEST(a retry that ignores the breaker passes retries of others that do not) {
  start_connected();
  auto held = ask(command{"GET", "a"});
  request_options o;
  o.use_breaker = false;
  caf::scoped_actor other{sys};
  auto free_one = other->request(subject, caf::infinite, command{"GET", "b"},
                                 o);
  consume_messages();
  lose_link(2);
  set_gate(breaker_state::half_open, 1);
  link_up_now();
  pass(100ms);
  CAF_CHECK(sent() == std::vector{wire({"GET", "b"})});
  answer_next(reply{});
  expect_reply(free_one);
  set_gate(breaker_state::closed, 2);
  CAF_CHECK(sent(1) == wire({"GET", "a"}));
  answer_next(reply{});
  expect_reply(held);
}

CAF_TEST(half open admits as many requests as there are permits) {
  start_connected();
  set_gate(breaker_state::half_open, 2, 2);
  auto a = ask(command{"GET", "a"});
  auto b = ask(command{"GET", "b"});
  auto c = ask(command{"GET", "c"});
  CAF_CHECK_EQUAL(told->units.size(), 2u);
  CAF_CHECK_EQUAL(told->reports.back().waiting, 1u);
  answer_next(reply{});
  answer_next(reply{});
  CAF_CHECK_EQUAL(told->units.size(), 2u);
  CAF_CHECK_EQUAL(told->reports.back().successes, 1u);
  set_gate(breaker_state::closed, 3);
  CAF_CHECK_EQUAL(told->units.size(), 3u);
  answer_next(reply{});
  expect_reply(a);
  expect_reply(b);
  expect_reply(c);
}

CAF_TEST(permits are not used after their lease) {
  start_connected();
  set_gate(breaker_state::half_open, 2, 2);
  pass(205ms);
  auto late = ask(command{"GET", "a"});
  CAF_CHECK_EQUAL(told->units.size(), 0u);
  set_gate(breaker_state::closed, 3);
  answer_next(reply{});
  expect_reply(late);
}

CAF_TEST(bad credentials fail requests at once and good ones let them pass) {
  start();
  auto waiting = ask(command{"GET", "a"});
  gate x;
  x.trouble = errc::auth_failed;
  x.last_error = errc::auth_failed;
  x.last_error_text = "auth_failed: WRONGPASS invalid username-password pair";
  caf::anon_send(subject, x);
  consume_messages();
  CAF_CHECK(expect_failure(waiting).code == errc::auth_failed);
  auto why = expect_failure(ask(command{"GET", "b"}));
  CAF_CHECK(why.code == errc::auth_failed);
  CAF_CHECK(why.last_message.find("WRONGPASS") != std::string::npos);
  set_gate(breaker_state::closed, 0);
  link_up_now();
  auto after = ask(command{"GET", "c"});
  answer_next(reply{});
  expect_reply(after);
}

CAF_TEST(attempts that time out together are one step of a run) {
  start_connected();
  auto a = ask(command{"INCR", "a"});
  auto b = ask(command{"INCR", "b"});
  pass(505ms);
  expect_failure(a);
  expect_failure(b);
  CAF_REQUIRE(!told->reports.empty());
  CAF_CHECK_EQUAL(told->reports.back().failures, 2u);
  CAF_CHECK_EQUAL(told->reports.back().run, 1u);
}

CAF_TEST(results of an older generation are not reported) {
  start_connected();
  auto old_one = ask(command{"GET", "a"});
  set_gate(breaker_state::open, 1);
  told->reports.clear();
  answer_next(reply{});
  expect_reply(old_one);
  pass(105ms);
  for (auto& x : told->reports)
    CAF_CHECK_EQUAL(x.successes, 0u);
}

CAF_TEST_FIXTURE_SCOPE_END()

CAF_TEST_FIXTURE_SCOPE(client_group_tests, client_fixture)

CAF_TEST(each command of a pipeline has its own outcome in order) {
  start_connected();
  auto answer = ask(pipeline{{command{"SET", "a", "1"},
                              command{"BLPOP", "x", 0}, command{"INCR", "a"}}});
  CAF_CHECK_EQUAL(told->units.size(), 2u);
  CAF_CHECK_EQUAL(told->messages, 1u);
  answer_next(reply::status("OK"));
  answer_next(reply::integer(2));
  auto all = expect_outcomes(answer);
  CAF_REQUIRE_EQUAL(all.size(), 3u);
  CAF_CHECK_EQUAL(std::get<reply>(all[0]).text(), "OK");
  CAF_CHECK(std::get<failure>(all[1]).code == errc::invalid_command);
  CAF_CHECK_EQUAL(std::get<reply>(all[2]).number(), 2);
}

CAF_TEST(unanswered reads of a pipeline are sent again and counters are not) {
  start_connected();
  auto answer = ask(
    pipeline{{command{"GET", "a"}, command{"INCR", "b"}, command{"GET", "c"}}});
  answer_next(reply::string("first"));
  lose_link(3);
  link_up_now();
  pass(50ms);
  CAF_CHECK_EQUAL(sent(), std::vector{wire({"GET", "c"})});
  answer_next(reply::string("third"));
  auto all = expect_outcomes(answer);
  CAF_CHECK_EQUAL(std::get<reply>(all[0]).text(), "first");
  CAF_CHECK(std::get<failure>(all[1]).outcome == fate::unknown);
  CAF_CHECK_EQUAL(std::get<reply>(all[2]).text(), "third");
}

CAF_TEST(a pipeline above the limit fails as a whole and an empty one is empty) {
  config.limits.pipeline = 2;
  start_connected();
  CAF_CHECK(expect_outcomes(ask(pipeline{})).empty());
  command get{"GET", "a"};
  ask(pipeline{{get, get, get}})
    .receive([](replies&) { CAF_FAIL("replied"); },
             [](caf::error& e) {
               CAF_CHECK(failure_of(e)->code == errc::too_large);
             });
}

CAF_TEST(a transaction is one unit between MULTI and EXEC) {
  start_connected();
  auto answer = ask(
    transaction{{command{"SET", "a", "1"}, command{"INCR", "a"}}});
  CAF_REQUIRE_EQUAL(told->units.size(), 1u);
  CAF_CHECK_EQUAL(told->units[0].replies, 4u);
  CAF_CHECK_EQUAL(sent(0), wire({"MULTI"}) + wire({"SET", "a", "1"})
                             + wire({"INCR", "a"}) + wire({"EXEC"}));
  answer_next(reply::array(
    {reply::status("OK"), reply::status("QUEUED"), reply::status("QUEUED"),
     reply::array({reply::status("OK"), reply::integer(2)})}));
  auto all = expect_outcomes(answer);
  CAF_REQUIRE_EQUAL(all.size(), 2u);
  CAF_CHECK_EQUAL(std::get<reply>(all[1]).number(), 2);
}

CAF_TEST(a transaction that the server aborts fails by the cause) {
  start_connected();
  auto answer = ask(transaction{{command{"NOSUCH"}, command{"SET", "a", "1"}}});
  answer_next(reply::array(
    {reply::status("OK"), reply::error("ERR unknown command 'NOSUCH'"),
     reply::status("QUEUED"),
     reply::error("EXECABORT Transaction discarded because of previous "
                  "errors.")}));
  answer.receive([](replies&) { CAF_FAIL("replied"); },
                 [](caf::error& e) {
                   auto why = failure_of(e).value();
                   CAF_CHECK(why.code == errc::transaction_aborted);
                   CAF_CHECK(why.outcome == fate::answered);
                   CAF_CHECK_EQUAL(why.last_message,
                                   "ERR unknown command 'NOSUCH'");
                 });
}

CAF_TEST(a transaction with a counter that may have run is not sent again) {
  start_connected();
  auto answer = ask(transaction{{command{"INCR", "a"}}});
  lose_link(1);
  answer.receive([](replies&) { CAF_FAIL("replied"); },
                 [](caf::error& e) {
                   CAF_CHECK(failure_of(e)->outcome == fate::unknown);
                 });
}

CAF_TEST(a forbidden command inside a transaction refuses all of it) {
  start_connected();
  ask(transaction{{command{"SET", "a", "1"}, command{"MULTI"}}})
    .receive([](replies&) { CAF_FAIL("replied"); },
             [](caf::error& e) {
               CAF_CHECK(failure_of(e)->code == errc::invalid_command);
             });
  CAF_CHECK_EQUAL(told->units.size(), 0u);
}

CAF_TEST_FIXTURE_SCOPE_END()
