#define CAF_SUITE client

#include "client_fixture.hpp"

using namespace redoubt_test;

CAF_TEST_FIXTURE_SCOPE(client_tests, client_fixture)

CAF_TEST(a command goes to the connection and its reply to the caller) {
  start_connected();
  auto answer = ask(command{"GET", "k"});
  CAF_CHECK_EQUAL(sent(), std::vector{wire({"GET", "k"})});
  answer_next(reply::string("v"));
  CAF_CHECK_EQUAL(expect_reply(answer).text(), "v");
}

CAF_TEST(replies reach their callers in the order of the commands) {
  start_connected();
  auto a = ask(command{"GET", "a"});
  auto b = ask(command{"GET", "b"});
  answer_next(reply::string("1"));
  answer_next(reply::string("2"));
  CAF_CHECK_EQUAL(expect_reply(a).text(), "1");
  CAF_CHECK_EQUAL(expect_reply(b).text(), "2");
}

CAF_TEST(the definite error of the server is a reply) {
  start_connected();
  auto answer = ask(command{"INCR", "k"});
  answer_next(reply::error("WRONGTYPE Operation against a key"));
  auto x = expect_reply(answer);
  CAF_CHECK(x.is_error());
}

CAF_TEST(a request waits for a connection and goes out when there is one) {
  start();
  auto answer = ask(command{"GET", "k"});
  link_up_now();
  CAF_REQUIRE_EQUAL(told->units.size(), 1u);
  answer_next(reply::string("v"));
  CAF_CHECK_EQUAL(expect_reply(answer).text(), "v");
}

CAF_TEST(a request that nobody takes fails at its deadline as not sent) {
  start();
  request_options o;
  o.deadline = 100ms;
  o.operation = "load-user";
  auto answer = ask(command{"GET", "k"}, o);
  pass(95ms);
  CAF_CHECK(self->mailbox().empty());
  pass(10ms);
  auto why = expect_failure(answer);
  CAF_CHECK(why.code == errc::deadline_exceeded);
  CAF_CHECK(why.outcome == fate::not_sent);
  CAF_CHECK_EQUAL(why.operation, "load-user");
  CAF_CHECK_EQUAL(why.attempts, 0u);
}

CAF_TEST(a read whose attempt times out is sent again and its late reply is dropped) {
  start_connected();
  auto answer = ask(command{"GET", "k"});
  pass(505ms);
  pass(100ms);
  CAF_REQUIRE_EQUAL(told->units.size(), 2u);
  answer_next(reply::string("late"));
  CAF_CHECK(self->mailbox().empty());
  answer_next(reply::string("second"));
  CAF_CHECK_EQUAL(expect_reply(answer).text(), "second");
}

CAF_TEST(a counter whose attempt times out is unknown and not sent again) {
  start_connected();
  auto answer = ask(command{"INCR", "k"});
  pass(505ms);
  auto why = expect_failure(answer);
  CAF_CHECK(why.code == errc::attempt_timeout);
  CAF_CHECK(why.outcome == fate::unknown);
  pass(2000ms);
  CAF_CHECK_EQUAL(told->units.size(), 1u);
}

CAF_TEST(a caller that opts in has its counter sent again) {
  start_connected();
  request_options o;
  o.cls = command_class::idempotent;
  auto answer = ask(command{"INCR", "k"}, o);
  lose_link(1);
  link_up_now();
  pass(50ms);
  CAF_REQUIRE_EQUAL(told->units.size(), 1u);
  answer_next(reply::integer(2));
  auto x = expect_reply(answer);
  CAF_CHECK_EQUAL(x.number(), 2);
  CAF_CHECK(x.repeated);
}

CAF_TEST(requests of a lost connection end by what the kernel took) {
  start_connected();
  auto written_counter = ask(command{"INCR", "a"});
  auto written_read = ask(command{"GET", "b"});
  auto unwritten_counter = ask(command{"INCR", "c"});
  lose_link(2);
  auto why = expect_failure(written_counter);
  CAF_CHECK(why.code == errc::disconnected);
  CAF_CHECK(why.outcome == fate::unknown);
  link_up_now();
  pass(50ms);
  CAF_REQUIRE_EQUAL(told->units.size(), 2u);
  CAF_CHECK_EQUAL(sent(),
                  (std::vector{wire({"GET", "b"}), wire({"INCR", "c"})}));
  answer_next(reply::string("v"));
  answer_next(reply::integer(1));
  CAF_CHECK_EQUAL(expect_reply(written_read).text(), "v");
  CAF_CHECK(!expect_reply(unwritten_counter).repeated);
}

CAF_TEST(units that the connection never took were not sent) {
  start_connected();
  auto answer = ask(command{"INCR", "k"});
  link_closed x;
  x.link = last_link;
  x.cause = errc::disconnected;
  caf::anon_send(subject, x);
  consume_messages();
  link_up_now();
  CAF_REQUIRE_EQUAL(told->units.size(), 1u);
  answer_next(reply::integer(1));
  CAF_CHECK_EQUAL(expect_reply(answer).number(), 1);
}

CAF_TEST(a write is not sent again when we gave the connection up) {
  start_connected();
  auto write = ask(command{"SET", "k", "1"});
  auto read = ask(command{"GET", "other"});
  lose_link(2, true);
  CAF_CHECK(expect_failure(write).outcome == fate::unknown);
  link_up_now();
  pass(50ms);
  answer_next(reply::string("v"));
  CAF_CHECK_EQUAL(expect_reply(read).text(), "v");
}

CAF_TEST(what is sent again goes out before anything newer of its caller) {
  start_connected();
  auto old_write = ask(command{"SET", "k", "1"});
  lose_link(1);
  auto newer = ask(command{"SET", "k", "2"});
  link_up_now();
  pass(50ms);
  CAF_CHECK_EQUAL(
    sent(), (std::vector{wire({"SET", "k", "1"}), wire({"SET", "k", "2"})}));
  answer_next(reply::status("OK"));
  answer_next(reply::status("OK"));
  expect_reply(old_write);
  expect_reply(newer);
}

CAF_TEST(a write is not sent again behind a later one that is given up) {
  start_connected();
  auto write = ask(command{"SET", "k", "1"});
  auto counter = ask(command{"INCR", "k"});
  lose_link(2);
  CAF_CHECK(expect_failure(write).outcome == fate::unknown);
  CAF_CHECK(expect_failure(counter).outcome == fate::unknown);
}

CAF_TEST(while a refused request waits later ones on its keys wait behind it) {
  start_connected();
  auto refused = ask(command{"SET", "k", "1"});
  answer_next(reply::error("LOADING Redis is loading the dataset in memory"));
  auto same_key = ask(command{"SET", "k", "2"});
  auto other_key = ask(command{"SET", "other", "3"});
  CAF_CHECK_EQUAL(sent(), (std::vector{wire({"SET", "k", "1"}),
                                       wire({"SET", "other", "3"})}));
  pass(305ms);
  CAF_CHECK_EQUAL(told->units.size(), 4u);
  CAF_CHECK_EQUAL(sent(2), wire({"SET", "k", "1"}));
  CAF_CHECK_EQUAL(sent(3), wire({"SET", "k", "2"}));
  for (int i = 0; i < 3; ++i)
    answer_next(reply::status("OK"));
  expect_reply(other_key);
  expect_reply(refused);
  expect_reply(same_key);
}

CAF_TEST(a refused write is not sent again after a newer one was carried out) {
  start_connected();
  auto older = ask(command{"SET", "k", "1"});
  auto newer = ask(command{"SET", "k", "2"});
  answer_next(reply::error("LOADING Redis is loading the dataset in memory"));
  answer_next(reply::status("OK"));
  expect_reply(newer);
  auto why = expect_failure(older);
  CAF_CHECK(why.code == errc::loading);
  CAF_CHECK(why.outcome == fate::refused);
  pass(2000ms);
  CAF_CHECK_EQUAL(told->units.size(), 2u);
}

CAF_TEST(a refused request fails in the words of the server when its attempts are spent) {
  start_connected();
  request_options o;
  o.attempts = 1;
  auto answer = ask(command{"GET", "k"}, o);
  answer_next(reply::error("LOADING Redis is loading the dataset in memory"));
  auto why = expect_failure(answer);
  CAF_CHECK(why.code == errc::loading);
  CAF_CHECK(why.outcome == fate::refused);
  CAF_CHECK_EQUAL(why.last_message,
                  "LOADING Redis is loading the dataset in memory");
  CAF_CHECK_EQUAL(why.attempts, 1u);
}

CAF_TEST(commands that do not belong on a shared connection are refused) {
  start_connected();
  auto why = expect_failure(ask(command{"SUBSCRIBE", "news"}));
  CAF_CHECK(why.code == errc::invalid_command);
  CAF_CHECK(why.outcome == fate::not_sent);
  CAF_CHECK(!why.last_message.empty());
  CAF_CHECK(expect_failure(ask(command{})).code == errc::invalid_command);
  CAF_CHECK_EQUAL(told->units.size(), 0u);
}

CAF_TEST(an argument above the limit is refused and one at the limit is sent) {
  config.limits.argument_bytes = 10;
  start_connected();
  auto good = ask(command{"SET", "k", std::string(10, 'x')});
  CAF_CHECK_EQUAL(told->units.size(), 1u);
  answer_next(reply::status("OK"));
  expect_reply(good);
  auto why = expect_failure(ask(command{"SET", "k", std::string(11, 'x')}));
  CAF_CHECK(why.code == errc::too_large);
}

CAF_TEST(the queue takes as many requests as it may and not one more) {
  config.limits.queue = 3;
  start();
  auto a = ask(command{"GET", "a"});
  auto b = ask(command{"GET", "b"});
  auto c = ask(command{"GET", "c"});
  auto why = expect_failure(ask(command{"GET", "d"}));
  CAF_CHECK(why.code == errc::overloaded);
  CAF_CHECK(why.outcome == fate::not_sent);
  link_up_now();
  CAF_CHECK_EQUAL(told->units.size(), 3u);
  for (int i = 0; i < 3; ++i)
    answer_next(reply{});
  expect_reply(a);
  expect_reply(b);
  expect_reply(c);
}

CAF_TEST(of a flood without a connection the rest fails in the moment it comes) {
  start();
  auto room = config.limits.queue;
  constexpr uint64_t flood = 100'000;
  CAF_REQUIRE(room < flood);
  auto began = sched.clock().now();
  using handle = decltype(ask(command{"INCR", "n"}));
  std::vector<handle> waiting;
  request_options patient;
  patient.deadline = 60s;
  for (uint64_t i = 0; i < room; ++i)
    waiting.push_back(ask(command{"INCR", "n"}, patient));
  uint64_t late = 0;
  uint64_t others = 0;
  for (auto i = room; i < flood; ++i) {
    // Not one of them waits for the clock to move, nor for one behind it.
    auto why = expect_failure(ask(command{"INCR", "n"}, patient));
    others += why.code != errc::overloaded || why.outcome != fate::not_sent;
    late += why.elapsed.count() > 0;
  }
  CAF_CHECK_EQUAL(others, 0u);
  CAF_CHECK_EQUAL(late, 0u);
  CAF_CHECK(sched.clock().now() == began);
  // Those that found room are still there, and nobody else is.
  caf::anon_send_exit(subject, caf::exit_reason::kill);
  consume_messages();
  uint64_t held = 0;
  for (auto& each : waiting)
    held += expect_failure(each).code == errc::actor_died;
  CAF_CHECK_EQUAL(held, room);
}

CAF_TEST(no more than the credit is outstanding on a connection) {
  start();
  link_up_now(2);
  auto a = ask(command{"GET", "a"});
  auto b = ask(command{"GET", "b"});
  auto c = ask(command{"GET", "c"});
  CAF_CHECK_EQUAL(told->units.size(), 2u);
  answer_next(reply{});
  CAF_CHECK_EQUAL(told->units.size(), 3u);
  answer_next(reply{});
  answer_next(reply{});
  expect_reply(a);
  expect_reply(b);
  expect_reply(c);
}

CAF_TEST(an expired request is never handed to a connection) {
  start();
  request_options o;
  o.deadline = 50ms;
  auto gone = ask(command{"GET", "gone"}, o);
  auto stays = ask(command{"GET", "stays"});
  pass(60ms);
  expect_failure(gone);
  link_up_now();
  CAF_CHECK_EQUAL(sent(), std::vector{wire({"GET", "stays"})});
  answer_next(reply{});
  expect_reply(stays);
}

CAF_TEST(a request actor that is killed answers everything first) {
  start_connected();
  auto in_flight = ask(command{"INCR", "k"});
  lose_link(0);
  auto queued = ask(command{"GET", "k"});
  link_up_now(1);
  caf::anon_send_exit(subject, caf::exit_reason::kill);
  consume_messages();
  CAF_CHECK(expect_failure(in_flight).outcome == fate::unknown);
  CAF_CHECK(expect_failure(queued).outcome == fate::not_sent);
  auto after = self->request(subject, caf::infinite, command{"GET", "k"});
  consume_messages();
  after.receive([](reply&) { CAF_FAIL("replied"); },
                [](caf::error& e) { CAF_CHECK(is_not_sent(e)); });
}

CAF_TEST(a service that dies does not take a linked request actor along) {
  start_connected();
  auto service = sys.spawn(
    [](caf::event_based_actor* me, client_actor to) {
      me->link_to(to);
      return caf::behavior{[](int) {}};
    },
    subject);
  consume_messages();
  caf::anon_send_exit(service, caf::exit_reason::user_shutdown);
  consume_messages();
  auto answer = ask(command{"GET", "k"});
  answer_next(reply::string("v"));
  CAF_CHECK_EQUAL(expect_reply(answer).text(), "v");
}

CAF_TEST(the retry of a caller that died is dropped) {
  start_connected();
  auto caller = sys.spawn(
    [](caf::event_based_actor* me, client_actor to) {
      me->request(to, caf::infinite, command{"GET", "k"})
        .then([](reply&) {}, [](caf::error&) {});
    },
    subject);
  consume_messages();
  CAF_REQUIRE_EQUAL(told->units.size(), 1u);
  caf::anon_send_exit(caller, caf::exit_reason::kill);
  consume_messages();
  lose_link(1);
  link_up_now();
  pass(2000ms);
  CAF_CHECK_EQUAL(told->units.size(), 0u);
}

CAF_TEST(a drained request actor takes nothing new and answers what is left) {
  start_connected();
  auto left = ask(command{"INCR", "k"});
  caf::anon_send(subject, drain_client{sched.clock().now() + 100ms});
  consume_messages();
  auto refused = expect_failure(ask(command{"GET", "k"}));
  CAF_CHECK(refused.code == errc::shutting_down);
  CAF_CHECK(refused.outcome == fate::not_sent);
  CAF_CHECK(told->drained.empty());
  pass(105ms);
  auto why = expect_failure(left);
  CAF_CHECK(why.code == errc::shutting_down);
  CAF_CHECK(why.outcome == fate::unknown);
  CAF_REQUIRE_EQUAL(told->drained.size(), 1u);
  CAF_CHECK_EQUAL(told->drained.front().abandoned, 1u);
}

CAF_TEST(a link that is announced twice is one link) {
  start();
  link_up_now(4);
  link_up again;
  again.link = last_link;
  again.connection = links.back();
  again.credit = 4;
  again.credit_bytes = 1u << 20;
  caf::anon_send(subject, again);
  consume_messages();
  for (int i = 0; i < 5; ++i)
    caf::anon_send(subject, command{"GET", "k"});
  consume_messages();
  CAF_CHECK_EQUAL(told->units.size(), 4u);
  lose_link(0);
  CAF_CHECK_EQUAL(told->units.size(), 4u);
}

CAF_TEST(a request actor reports to the supervisor that follows) {
  start_connected();
  auto answered = ask(command{"GET", "k"});
  auto later = std::make_shared<record>();
  auto next = sys.spawn<fake_supervisor>(later);
  caf::anon_send(subject, new_supervisor{next});
  consume_messages();
  CAF_CHECK_EQUAL(later->reports.size(), 1u);
  auto before = told->reports.size();
  answer_next(reply{});
  expect_reply(answered);
  pass(105ms);
  CAF_REQUIRE_EQUAL(later->reports.size(), 2u);
  CAF_CHECK_EQUAL(later->reports[1].successes, 1u);
  CAF_CHECK_EQUAL(told->reports.size(), before);
  caf::anon_send_exit(next, caf::exit_reason::kill);
}

CAF_TEST(a request actor tells the supervisor that follows that it is drained) {
  start_connected();
  caf::anon_send(subject, drain_client{sched.clock().now() + 1s});
  consume_messages();
  CAF_CHECK_EQUAL(told->drained.size(), 1u);
  auto later = std::make_shared<record>();
  auto next = sys.spawn<fake_supervisor>(later);
  caf::anon_send(subject, new_supervisor{next});
  consume_messages();
  CAF_CHECK_EQUAL(later->drained.size(), 1u);
  caf::anon_send_exit(next, caf::exit_reason::kill);
}

CAF_TEST_FIXTURE_SCOPE_END()
