#define CAF_SUITE client_answers

#include "client_fixture.hpp"

#include <redoubt/messages/script.hpp>

using namespace redoubt_test;

namespace {

struct fixture : client_fixture {
  /// Longer than any backoff after a first failure.
  void back_off() { pass(60ms); }

  template <class Handle>
  failure expect_failed_transaction(Handle&& handle) {
    failure result;
    handle.receive([&](replies&) { CAF_FAIL("replied"); },
                   [&](caf::error& e) { result = failure_of(e).value(); });
    return result;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(client_answers_tests, fixture)

// -- refused ----------------------------------------------------------------------

CAF_TEST(a write that a replica refused goes out over the next connection) {
  start_connected();
  auto set = ask(command{"INCR", "k"});
  answer_next(reply::error("READONLY You can't write against a read only "
                           "replica."));
  lose_link(1, false, errc::read_only_replica);
  link_up_now();
  back_off();
  CAF_CHECK(sent() == std::vector{wire({"INCR", "k"})});
  answer_next(reply::integer(1));
  CAF_CHECK(!expect_reply(set).repeated);
}

CAF_TEST(a request that meets bad credentials fails at once) {
  start_connected();
  auto answer = ask(command{"GET", "k"});
  answer_next(reply::error("NOAUTH Authentication required."));
  auto why = expect_failure(answer);
  CAF_CHECK(why.code == errc::auth_failed);
  CAF_CHECK(why.outcome == fate::refused);
  CAF_CHECK_EQUAL(why.last_message, "NOAUTH Authentication required.");
}

CAF_TEST(a script that the server does not know is not asked for again) {
  start_connected();
  auto answer = ask(command{"EVALSHA", "6b1bf486", 0});
  answer_next(reply::error("NOSCRIPT No matching script. Please use EVAL."));
  auto why = expect_failure(answer);
  CAF_CHECK(why.code == errc::no_script);
  CAF_CHECK(why.outcome == fate::refused);
  pass(500ms);
  CAF_CHECK_EQUAL(told->units.size(), 1u);
}

CAF_TEST(the first call of a script over a link brings its text along) {
  start_connected();
  script x{"return 1"};
  auto first = ask(x.call({"k"}, {}));
  auto second = ask(x.call({"k"}, {}));
  CAF_CHECK_EQUAL(sent(0), wire({"EVAL", "return 1", 1, "k"}));
  CAF_CHECK_EQUAL(sent(1), wire({"EVALSHA", x.hash(), 1, "k"}));
  answer_next(reply::integer(1));
  answer_next(reply::integer(1));
  expect_reply(first);
  expect_reply(second);
  lose_link(2);
  link_up_now();
  auto third = ask(x.call({"k"}, {}));
  CAF_CHECK_EQUAL(sent(0), wire({"EVAL", "return 1", 1, "k"}));
  answer_next(reply::integer(1));
  expect_reply(third);
}

CAF_TEST(a script that the server forgot is sent once with its text) {
  start_connected();
  script x{"return 1"};
  auto first = ask(x.call({"k"}, {}));
  answer_next(reply::integer(1));
  expect_reply(first);
  request_options options;
  options.attempts = 1;
  auto answer = ask(x.call({"k"}, {}), options);
  auto elsewhere = ask(command{"GET", "other"});
  answer_next(reply::error("NOSCRIPT No matching script. Please use EVAL."));
  // Later requests on its keys must not pass it.
  auto behind = ask(command{"GET", "k"});
  CAF_REQUIRE_EQUAL(told->units.size(), 5u);
  CAF_CHECK_EQUAL(sent(3), wire({"EVAL", "return 1", 1, "k"}));
  CAF_CHECK_EQUAL(sent(4), wire({"GET", "k"}));
  answer_next(reply{});
  answer_next(reply::error("NOSCRIPT No matching script. Please use EVAL."));
  answer_next(reply{});
  expect_reply(elsewhere);
  expect_reply(behind);
  auto why = expect_failure(answer);
  CAF_CHECK(why.code == errc::no_script);
  CAF_CHECK(why.outcome == fate::refused);
  CAF_CHECK_EQUAL(why.attempts, 1u);
  pass(500ms);
  CAF_CHECK_EQUAL(told->units.size(), 5u);
}

CAF_TEST(a request with impossible options is refused and named what is wrong) {
  start_connected();
  auto refused = [&](auto&& change) {
    request_options x;
    change(x);
    auto why = expect_failure(ask(command{"GET", "k"}, x));
    CAF_CHECK(why.code == errc::invalid_options);
    CAF_CHECK(why.outcome == fate::not_sent);
    return why.last_message;
  };
  auto names = [](const std::string& text, std::string_view field) {
    return text.starts_with(std::string{field} + ": must ");
  };
  CAF_CHECK(names(refused([](auto& x) { x.attempts = 0; }), "attempts"));
  CAF_CHECK(names(refused([](auto& x) {
                    x.hedge = hedge_options{hedge_mode::fixed, -1ms};
                  }),
                  "hedge.delay"));
  CAF_CHECK(names(refused([](auto& x) { x.operation = "a\nb"; }), "operation"));
  CAF_CHECK(told->units.empty());
  // Who counts down a deadline may arrive at none.
  request_options late;
  late.deadline = -1ms;
  CAF_CHECK(expect_failure(ask(command{"GET", "k"}, late)).code
            == errc::deadline_exceeded);
}

CAF_TEST(behind a refused request no more wait than the bounds allow) {
  config.limits.queue = 4;
  config.limits.credit = 4;
  start_connected();
  auto first = ask(command{"INCR", "k"});
  answer_next(reply::error("TRYAGAIN Multiple keys request during rehashing"));
  for (int i = 0; i < 9; ++i)
    self->send(subject, command{"GET", "k"});
  consume_messages();
  CAF_CHECK_EQUAL(told->units.size(), 1u);
  CAF_CHECK(expect_failure(ask(command{"GET", "k"})).code == errc::overloaded);
  // And all of them leave in their turn.
  back_off();
  for (size_t i = 1; i < told->units.size() && i < 20; ++i)
    answer_next(reply::integer(static_cast<int64_t>(i)));
  CAF_CHECK_EQUAL(expect_reply(first).number(), 1);
  CAF_CHECK(told->units.size() >= 9u);
}

// -- answered ---------------------------------------------------------------------

CAF_TEST(an error from within a script is its reply) {
  start_connected();
  auto answer = ask(command{"EVAL", "return redis.call('set', 'k', 1)", 0});
  answer_next(reply::error("READONLY You can't write against a read only "
                           "replica. script: 6b1bf486, on @user_script:1."));
  CAF_CHECK(expect_reply(answer).is_error());
  pass(500ms);
  CAF_CHECK_EQUAL(told->units.size(), 1u);
}

CAF_TEST(the address of a redirection is a reply like any other) {
  start_connected();
  auto answer = ask(command{"GET", "k"});
  answer_next(reply::error("MOVED 1111 127.0.0.1:6380"));
  CAF_CHECK_EQUAL(expect_reply(answer).text(), "MOVED 1111 127.0.0.1:6380");
}

CAF_TEST(a reply beyond the limits is an answer that cannot be shown) {
  start_connected();
  auto answer = ask(command{"LRANGE", "k", 0, -1});
  answer_next(reply::error("a reply too large"), errc::reply_too_deep);
  auto why = expect_failure(answer);
  CAF_CHECK(why.code == errc::reply_too_deep);
  CAF_CHECK(why.outcome == fate::answered);
  CAF_CHECK_EQUAL(why.last_message, "a reply too large");
}

// -- unknown ----------------------------------------------------------------------

CAF_TEST(bytes that are no RESP leave a counter unknown and send a read again) {
  start_connected();
  auto counter = ask(command{"INCR", "n"});
  auto read = ask(command{"GET", "k"});
  lose_link(2, true, errc::protocol_error);
  auto why = expect_failure(counter);
  CAF_CHECK(why.code == errc::protocol_error);
  CAF_CHECK(why.outcome == fate::unknown);
  link_up_now();
  back_off();
  CAF_CHECK(sent() == std::vector{wire({"GET", "k"})});
  answer_next(reply::string("v"));
  CAF_CHECK_EQUAL(expect_reply(read).text(), "v");
}

CAF_TEST(a request whose deadline ends under way is unknown) {
  start_connected();
  request_options brief;
  brief.deadline = 50ms;
  auto answer = ask(command{"GET", "k"}, brief);
  pass(55ms);
  auto why = expect_failure(answer);
  CAF_CHECK(why.code == errc::deadline_exceeded);
  CAF_CHECK(why.outcome == fate::unknown);
}

CAF_TEST(a reply out of order reaches nobody) {
  start_connected();
  auto a = ask(command{"GET", "a"});
  auto b = ask(command{"GET", "b"});
  link_replies wrong;
  wrong.link = last_link;
  wrong.items.push_back(
    {told->units[1].id, errc::none, reply::string("of another")});
  caf::anon_send(subject, std::move(wrong));
  consume_messages();
  CAF_CHECK(self->mailbox().empty());
  lose_link(2, true, errc::protocol_error);
  link_up_now();
  back_off();
  CAF_REQUIRE_EQUAL(told->units.size(), 2u);
  answer_next(reply::string("1"));
  answer_next(reply::string("2"));
  CAF_CHECK_EQUAL(expect_reply(a).text(), "1");
  CAF_CHECK_EQUAL(expect_reply(b).text(), "2");
}

// -- classes ----------------------------------------------------------------------

CAF_TEST(a DEL that is sent again says so and a strict one is not sent again) {
  start_connected();
  request_options strict;
  strict.strict_reply = true;
  auto usual = ask(command{"DEL", "a"});
  auto exact = ask(command{"DEL", "b"}, strict);
  lose_link(2);
  CAF_CHECK(expect_failure(exact).outcome == fate::unknown);
  link_up_now();
  back_off();
  CAF_CHECK(sent() == std::vector{wire({"DEL", "a"})});
  answer_next(reply::integer(0));
  CAF_CHECK(expect_reply(usual).repeated);
}

CAF_TEST(a transaction of plain overwrites is sent again as a whole) {
  start_connected();
  auto answer = ask(
    transaction{{command{"SET", "a", "1"}, command{"GET", "b"}}});
  auto whole = sent(0);
  lose_link(1);
  link_up_now();
  back_off();
  CAF_CHECK(sent() == std::vector{whole});
  answer_next(reply::array(
    {reply::status("OK"), reply::status("QUEUED"), reply::status("QUEUED"),
     reply::array({reply::status("OK"), reply::string("v")})}));
  auto all = expect_outcomes(answer);
  CAF_REQUIRE_EQUAL(all.size(), 2u);
  CAF_CHECK(std::get<reply>(all[0]).repeated);
}

CAF_TEST(a transaction that a passing state turned away is sent again) {
  start_connected();
  auto answer = ask(transaction{{command{"INCR", "a"}}});
  answer_next(reply::array(
    {reply::status("OK"), reply::error("TRYAGAIN Multiple keys request"),
     reply::error("EXECABORT Transaction discarded because of previous "
                  "errors.")}));
  back_off();
  CAF_REQUIRE_EQUAL(told->units.size(), 2u);
  // The second time a definite error ends it.
  answer_next(reply::array(
    {reply::status("OK"), reply::error("OOM command not allowed"),
     reply::error("EXECABORT Transaction discarded because of previous "
                  "errors.")}));
  auto why = expect_failed_transaction(answer);
  CAF_CHECK(why.code == errc::transaction_aborted);
  CAF_CHECK(why.outcome == fate::answered);
  CAF_CHECK_EQUAL(why.last_message, "OOM command not allowed");
}

// -- bounds -----------------------------------------------------------------------

CAF_TEST(the queue holds as many bytes as it may and not one more) {
  request_slot slot;
  slot.cmd = command{"GET", "a"};
  config.limits.queue_bytes = 2 * slot.bytes();
  start();
  auto a = ask(command{"GET", "a"});
  auto b = ask(command{"GET", "b"});
  CAF_CHECK(self->mailbox().empty());
  auto why = expect_failure(ask(command{"GET", "c"}));
  CAF_CHECK(why.code == errc::overloaded);
  CAF_CHECK(why.outcome == fate::not_sent);
  link_up_now();
  answer_next(reply{});
  answer_next(reply{});
  expect_reply(a);
  expect_reply(b);
}

CAF_TEST(as many requests as allowed wait behind a retry and not one more) {
  config.limits.in_flight = 3;
  start_connected();
  auto refused = ask(command{"SET", "k", "1"});
  answer_next(reply::error("LOADING Redis is loading the dataset in memory"));
  auto second = ask(command{"GET", "k"});
  auto third = ask(command{"GET", "k"});
  CAF_CHECK(self->mailbox().empty());
  auto why = expect_failure(ask(command{"GET", "k"}));
  CAF_CHECK(why.code == errc::overloaded);
  CAF_CHECK(why.outcome == fate::not_sent);
  pass(305ms);
  for (int i = 0; i < 3; ++i)
    answer_next(reply{});
  expect_reply(refused);
  expect_reply(second);
  expect_reply(third);
}

CAF_TEST(as many retries as allowed wait and then nothing new is taken) {
  config.limits.in_flight = 2;
  start_connected();
  auto first = ask(command{"GET", "a"});
  answer_next(reply::error("TRYAGAIN Multiple keys request during rehashing"));
  auto second = ask(command{"GET", "b"});
  answer_next(reply::error("TRYAGAIN Multiple keys request during rehashing"));
  caf::scoped_actor somebody{sys};
  auto third = somebody->request(subject, caf::infinite, command{"GET", "c"});
  consume_messages();
  auto why = failure{};
  third.receive([](reply&) { CAF_FAIL("replied"); },
                [&](caf::error& e) { why = failure_of(e).value(); });
  CAF_CHECK(why.code == errc::overloaded);
  CAF_CHECK(why.outcome == fate::not_sent);
  pass(105ms);
  answer_next(reply{});
  answer_next(reply{});
  expect_reply(first);
  expect_reply(second);
}

CAF_TEST_FIXTURE_SCOPE_END()
