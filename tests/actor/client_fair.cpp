#define CAF_SUITE client_fair

#include "client_crowd.hpp"

using namespace redoubt_test;

using keys = std::vector<std::string>;

CAF_TEST_FIXTURE_SCOPE(client_fair_tests, crowd_fixture)

// -- turns ------------------------------------------------------------------------

CAF_TEST(callers take turns and each keeps its order) {
  start();
  submit(join(), "a", 3);
  submit(join(), "b", 2);
  link_up_now();
  CAF_CHECK(keys_sent() == (keys{"a1", "b1", "a2", "b2", "a3"}));
}

CAF_TEST(a higher priority leaves first) {
  start();
  submit(join(), "low", 1, with_priority(request_priority::low));
  submit(join(), "normal", 2);
  submit(join(), "high", 2, with_priority(request_priority::high));
  link_up_now();
  CAF_CHECK(keys_sent()
            == (keys{"high1", "high2", "normal1", "normal2", "low1"}));
}

CAF_TEST(a high priority does not overtake an older request of its own caller) {
  start();
  auto& who = join();
  submit(who, "a", 1, with_priority(request_priority::low));
  submit(who, "a", 1, with_priority(request_priority::high));
  submit(join(), "b", 1);
  link_up_now();
  CAF_CHECK(keys_sent() == (keys{"b1", "a1", "a2"}));
}

CAF_TEST(a priority is that of a whole pipeline and of a whole transaction) {
  start();
  submit(join(), "a", 1);
  request_options high;
  high.priority = request_priority::high;
  auto all = ask(pipeline{{command{"GET", "p1"}, command{"GET", "p2"}}}, high);
  caf::scoped_actor other{sys};
  auto whole = other->request(subject, caf::infinite,
                              transaction{{command{"GET", "t"}}}, high);
  consume_messages();
  link_up_now();
  CAF_CHECK(keys_sent() == (keys{"p1", "EXEC", "p2", "a1"}));
  answer_next(reply{});
  answer_next(reply::array(
    {reply::status("OK"), reply::status("QUEUED"), reply::array({reply{}})}));
  answer_next(reply{});
  answer_next(reply{});
  CAF_CHECK_EQUAL(expect_outcomes(all).size(), 2u);
  CAF_CHECK_EQUAL(expect_outcomes(whole).size(), 1u);
}

CAF_TEST(a request that finds nobody waiting leaves at once) {
  start_connected();
  submit(join(), "a", 1);
  submit(join(), "b", 1, with_priority(request_priority::low));
  CAF_CHECK(keys_sent() == (keys{"a1", "b1"}));
}

// -- a runaway caller -------------------------------------------------------------

CAF_TEST(beside a runaway caller the others are served in time) {
  start_connected();
  submit(join(), "runaway", 10000);
  auto& other = join();
  auto longest = api::duration{0};
  for (int i = 0; i < 20; ++i) {
    serve(50ms);
    auto since = sched.clock().now();
    auto id = submit(other, "other", 1);
    for (int ms = 0; ms < 500 && !other.seen->answers.contains(id); ++ms)
      serve(1ms);
    CAF_REQUIRE(other.seen->answers.contains(id));
    CAF_CHECK(other.seen->answers[id].replied);
    if (i > 0)
      longest = std::max(longest, other.seen->answers[id].at - since);
  }
  // A quarter of its attempt, and the turn of the runaway.
  CAF_CHECK(longest <= 130ms);
}

CAF_TEST(a caller that fills the queue loses its newest to others) {
  config.limits.queue = 4;
  start();
  auto& runaway = join();
  submit(runaway, "runaway", 10);
  CAF_CHECK_EQUAL(runaway.seen->failed(errc::overloaded), 6u);
  auto& other = join();
  submit(other, "other", 1);
  CAF_CHECK(other.seen->answers.empty());
  // No time has passed.
  CAF_REQUIRE(runaway.seen->answers.contains(4));
  auto& gone = runaway.seen->answers[4];
  CAF_CHECK(gone.why.code == errc::overloaded);
  CAF_CHECK(gone.why.outcome == fate::not_sent);
  CAF_CHECK(!gone.why.last_message.empty());
  link_up_now();
  CAF_CHECK(keys_sent()
            == (keys{"runaway1", "other1", "runaway2", "runaway3"}));
}

CAF_TEST(what is shed is counted) {
  config.limits.queue = 2;
  start();
  submit(join(), "a", 2);
  submit(join(), "b", 1);
  pass(105ms);
  CAF_CHECK_EQUAL(told->reports.back().counters.shed, 1u);
  CAF_CHECK_EQUAL(told->reports.back().counters.queued, 2u);
}

CAF_TEST(callers share a full queue evenly) {
  config.limits.queue = 12;
  start();
  submit(join(), "a", 100);
  submit(join(), "b", 100);
  submit(join(), "c", 100);
  link_up_now();
  CAF_CHECK(keys_sent()
            == (keys{"a1", "b1", "c1", "a2", "b2", "c2", "a3", "b3", "c3", "a4",
                     "b4", "c4"}));
}

CAF_TEST(low priorities are shed for higher ones and never the other way) {
  config.limits.queue = 2;
  start();
  auto& low = join();
  submit(low, "low", 1, with_priority(request_priority::low));
  auto& normal = join();
  submit(normal, "normal", 1);
  auto& high = join();
  submit(high, "high", 1, with_priority(request_priority::high));
  CAF_CHECK_EQUAL(low.seen->failed(errc::overloaded), 1u);
  submit(low, "low", 1, with_priority(request_priority::low));
  CAF_CHECK_EQUAL(low.seen->failed(errc::overloaded), 2u);
  CAF_CHECK(normal.seen->answers.empty());
  link_up_now();
  CAF_CHECK(keys_sent() == (keys{"high1", "normal1"}));
}

CAF_TEST(a pipeline finds room as a whole or not at all) {
  config.limits.queue = 2;
  start();
  submit(join(), "a", 1);
  submit(join(), "b", 1);
  command get{"GET", "p"};
  auto refused = ask(pipeline{{get, get, get}});
  for (auto& each : expect_outcomes(refused))
    CAF_CHECK(std::get<failure>(each).code == errc::overloaded);
}

CAF_TEST(a pipeline is one request to the queue and is shed as a whole) {
  config.limits.queue = 2;
  start();
  command get{"GET", "p"};
  auto first = ask(pipeline{{get, get, get}});
  auto second = ask(pipeline{{get, get, get, get}});
  CAF_CHECK(self->mailbox().empty());
  submit(join(), "b", 1);
  auto all = expect_outcomes(second);
  CAF_CHECK_EQUAL(all.size(), 4u);
  for (auto& each : all) {
    CAF_CHECK(std::get<failure>(each).code == errc::overloaded);
    CAF_CHECK(std::get<failure>(each).outcome == fate::not_sent);
  }
  link_up_now();
  CAF_CHECK(keys_sent() == (keys{"p", "b1", "p", "p"}));
  for (int i = 0; i < 4; ++i)
    answer_next(reply{});
  CAF_CHECK_EQUAL(expect_outcomes(first).size(), 3u);
}

CAF_TEST(nothing is shed for a pipeline that is refused for another reason) {
  config.limits.queue = 3;
  start();
  auto& many = join();
  submit(many, "a", 3);
  auto refused = ask(pipeline{{command{"SUBSCRIBE", "a"}}});
  CAF_CHECK(std::get<failure>(expect_outcomes(refused).front()).code
            == errc::invalid_command);
  CAF_CHECK(many.seen->answers.empty());
}

CAF_TEST(requests that were answered leave nothing in the queue) {
  config.limits.queue = 3;
  start();
  auto& who = join();
  for (int i = 0; i < 100; ++i) {
    submit(who, "a", 3);
    caf::anon_send(subject,
                   cancel{{who.last - 2, who.last - 1, who.last}, who.sink});
    consume_messages();
  }
  CAF_CHECK_EQUAL(who.seen->failed(errc::cancelled), 300u);
  submit(who, "b", 1);
  link_up_now();
  CAF_CHECK(keys_sent() == keys{"b301"});
}

// -- retries ----------------------------------------------------------------------

CAF_TEST(behind the retries of a runaway caller others do not wait) {
  start();
  link_up_now(8);
  auto& runaway = join();
  submit(runaway, "runaway", 1000);
  lose_link(8);
  link_up_now(8);
  auto& other = join();
  auto id = submit(other, "other", 1);
  serve(40ms);
  CAF_REQUIRE(other.seen->answers.contains(id));
  CAF_CHECK(other.seen->answers[id].replied);
  // And the runaway's own order is what it was.
  std::vector<std::string> mine;
  for (auto& key : keys_sent())
    if (key.starts_with("runaway"))
      mine.push_back(key);
  for (size_t i = 0; i < mine.size(); ++i)
    CAF_CHECK(mine[i] == "runaway" + std::to_string(i + 1));
}

CAF_TEST(what waits behind a retry can be shed like all else) {
  config.limits.queue = 4;
  start_connected();
  auto& runaway = join();
  submit(runaway, "runaway", 1);
  lose_link(1);
  submit(runaway, "runaway", 10);
  CAF_CHECK_EQUAL(runaway.seen->failed(errc::overloaded), 6u);
  auto& other = join();
  submit(other, "other", 1);
  CAF_CHECK_EQUAL(runaway.seen->failed(errc::overloaded), 7u);
  CAF_CHECK(other.seen->answers.empty());
  link_up_now();
  pass(50ms);
  CAF_CHECK(
    keys_sent()
    == (keys{"other1", "runaway1", "runaway2", "runaway3", "runaway4"}));
}

CAF_TEST(what waits behind a retry stays in the queue while others go on) {
  config.limits.queue = 4;
  start_connected();
  auto& runaway = join();
  submit(runaway, "runaway", 1);
  lose_link(1);
  link_up_now();
  auto& other = join();
  submit(other, "other", 1);
  submit(runaway, "runaway", 4);
  answer_next(reply{});
  CAF_CHECK_EQUAL(other.seen->replied(), 1u);
  submit(runaway, "runaway", 10);
  CAF_CHECK_EQUAL(runaway.seen->failed(errc::overloaded), 10u);
  pass(50ms);
  CAF_CHECK(keys_sent()
            == (keys{"other1", "runaway1", "runaway2", "runaway3", "runaway4",
                     "runaway5"}));
}

CAF_TEST(what never left goes out before what came in meanwhile) {
  start();
  link_up_now(4);
  submit(join(), "a", 6);
  submit(join(), "b", 1);
  lose_link(0);
  submit(join(), "c", 1);
  link_up_now();
  CAF_CHECK(keys_sent()
            == (keys{"a1", "b1", "c1", "a2", "a3", "a4", "a5", "a6"}));
}

// -- half-open --------------------------------------------------------------------

CAF_TEST(what waits for permits leaves in turn by deadline and in order) {
  start_connected();
  set_gate(breaker_state::open, 1);
  auto patient = [](std::chrono::milliseconds deadline) {
    request_options o;
    o.on_open = on_open_policy::wait;
    o.deadline = deadline;
    return std::make_shared<const request_options>(o);
  };
  auto& a = join();
  auto& b = join();
  submit(a, "a", 3, patient(1500ms));
  submit(b, "b", 2, patient(1000ms));
  CAF_CHECK(keys_sent().empty());
  set_gate(breaker_state::half_open, 2, 2);
  CAF_CHECK(keys_sent() == (keys{"b1", "a1"}));
  pass(10ms);
  CAF_CHECK_EQUAL(keys_sent().size(), 2u);
  answer_next(reply{});
  answer_next(reply{});
  CAF_CHECK_EQUAL(keys_sent().size(), 2u);
  set_gate(breaker_state::half_open, 2, 1);
  CAF_CHECK(keys_sent() == (keys{"b1", "a1", "b2"}));
  set_gate(breaker_state::closed, 3);
  CAF_CHECK(keys_sent() == (keys{"b1", "a1", "b2", "a2", "a3"}));
}

CAF_TEST(what ignores the breaker passes those that wait for permits) {
  start_connected();
  set_gate(breaker_state::half_open, 1);
  submit(join(), "a", 2);
  request_options o;
  o.use_breaker = false;
  submit(join(), "b", 2, std::make_shared<const request_options>(o));
  CAF_CHECK(keys_sent() == (keys{"b1", "b2"}));
}

CAF_TEST_FIXTURE_SCOPE_END()
