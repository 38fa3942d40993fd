#define CAF_SUITE client_hedge

#include "client_fixture.hpp"

using namespace redoubt_test;

namespace {

struct fixture : client_fixture {
  fixture() { config.defaults.hedge = {hedge_mode::fixed, 10ms}; }

  /// The first link is the one in use.
  void start_with_two_links() {
    start_connected();
    link_up_now();
  }

  /// Answers the `i`th unit on the link that took it.
  void answer(size_t i, reply value) {
    link_replies x;
    x.link = told->owners.at(i);
    x.items.push_back({told->units.at(i).id, errc::none, std::move(value)});
    caf::anon_send(subject, std::move(x));
    consume_messages();
  }

  /// Loses a link that had written everything.
  void lose(uint64_t link) {
    link_closed x;
    x.link = link;
    x.taken_up_to = x.written_up_to = 1000;
    x.cause = errc::disconnected;
    x.was_ready = true;
    caf::anon_send(subject, std::move(x));
    consume_messages();
  }

  request_counters counters() {
    pass(100ms);
    return told->reports.back().counters;
  }

  using owners = std::vector<uint32_t>;
  const command get{"GET", "k"};
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(client_hedge_tests, fixture)

CAF_TEST(a slow read goes out again over another link and the first answer wins) {
  start_with_two_links();
  auto handle = ask(get);
  pass(9ms);
  CAF_CHECK(told->owners == owners({1}));
  pass(1ms);
  CAF_CHECK(told->owners == owners({1, 2}));
  CAF_CHECK_EQUAL(sent(1), get.wire());
  answer(1, reply::string("hedge"));
  CAF_CHECK_EQUAL(expect_reply(handle).text(), "hedge");
  answer(0, reply::string("late"));
  auto seen = counters();
  CAF_CHECK_EQUAL(seen.hedges, 1u);
  CAF_CHECK_EQUAL(seen.hedges_won, 1u);
  CAF_CHECK_EQUAL(seen.late_replies, 1u);
  CAF_CHECK_EQUAL(seen.succeeded, 1u);
  CAF_CHECK_EQUAL(seen.retries, 0u);
}

CAF_TEST(a hedge needs a token of the retry budget) {
  start_with_two_links();
  gate x;
  x.budget = true;
  caf::anon_send(subject, x);
  auto a = ask(get);
  pass(10ms);
  CAF_CHECK(told->owners == owners({1}));
  // Some for the next ones.
  CAF_CHECK_EQUAL(told->reports.back().tokens.asked, 4u);
  x.tokens = 1;
  x.tokens_denied = 3;
  x.tokens_until = sched.clock().now() + 1s;
  caf::anon_send(subject, x);
  auto b = ask(get);
  pass(10ms);
  CAF_CHECK(told->owners == owners({1, 1, 2}));
  CAF_CHECK_EQUAL(told->reports.back().tokens.taken, 1u);
  CAF_CHECK_EQUAL(told->reports.back().tokens.asked, 8u);
  answer(0, reply{});
  answer(1, reply{});
  expect_reply(a);
  expect_reply(b);
}

CAF_TEST(a hedge waits a moment for the token that it asked for) {
  start_with_two_links();
  gate x;
  x.budget = true;
  caf::anon_send(subject, x);
  auto a = ask(get);
  pass(10ms);
  CAF_CHECK(told->owners == owners({1}));
  CAF_CHECK_EQUAL(told->reports.back().tokens.asked, 4u);
  x.tokens = 1;
  x.tokens_denied = 3;
  x.tokens_until = sched.clock().now() + 1s;
  caf::anon_send(subject, x);
  pass(1ms);
  CAF_CHECK(told->owners == owners({1, 2}));
  answer(0, reply{});
  expect_reply(a);
}

CAF_TEST(on the ramp nothing is hedged) {
  start_with_two_links();
  gate x;
  x.generation = 3;
  x.ramp_until = sched.clock().now() + 1s;
  x.units = 5;
  caf::anon_send(subject, x);
  auto a = ask(get);
  pass(50ms);
  CAF_CHECK(told->owners == owners({1}));
  answer(0, reply{});
  expect_reply(a);
}

CAF_TEST(the late answer of a hedge reaches nobody) {
  start_with_two_links();
  auto handle = ask(get);
  pass(10ms);
  answer(0, reply::string("first"));
  CAF_CHECK_EQUAL(expect_reply(handle).text(), "first");
  // Takes the slot of the one before.
  auto next = ask(get);
  answer(1, reply::string("late"));
  answer(2, reply::string("second"));
  CAF_CHECK_EQUAL(expect_reply(next).text(), "second");
  CAF_CHECK_EQUAL(counters().hedges_won, 0u);
}

CAF_TEST(a read that is answered in time is not hedged) {
  start_with_two_links();
  auto handle = ask(get);
  pass(5ms);
  answer(0, reply{});
  expect_reply(handle);
  pass(100ms);
  CAF_CHECK_EQUAL(told->units.size(), 1u);
}

CAF_TEST(hedging is off unless it is asked for) {
  config.defaults.hedge = {};
  start_with_two_links();
  auto plain = ask(get);
  pass(100ms);
  CAF_CHECK_EQUAL(told->units.size(), 1u);
  request_options options;
  options.hedge = hedge_options{hedge_mode::fixed, 20ms};
  auto hedged = ask(get, options);
  pass(20ms);
  CAF_CHECK(told->owners == owners({1, 1, 2}));
  answer(0, reply{});
  answer(1, reply{});
  expect_reply(plain);
  expect_reply(hedged);
}

CAF_TEST(only reads are hedged) {
  start_with_two_links();
  auto set = ask(command{"SET", "k", 1});
  auto incr = ask(command{"INCR", "n"});
  transaction x;
  x.commands = {get};
  self->send(subject, x);
  consume_messages();
  pass(100ms);
  CAF_CHECK(told->owners == owners({1, 1, 1}));
  for (size_t i = 0; i < 2; ++i)
    answer(i, reply::integer(1));
  expect_reply(set);
  expect_reply(incr);
  lose(1);
}

CAF_TEST(to ask for hedging of what changes something is an error) {
  start_with_two_links();
  request_options options;
  options.hedge = hedge_options{hedge_mode::p95, 5ms};
  for (auto& each : {command{"INCR", "k"}, command{"SET", "k", 1}}) {
    auto why = expect_failure(ask(each, options));
    CAF_CHECK(why.code == errc::invalid_command);
    CAF_CHECK(why.outcome == fate::not_sent);
    CAF_CHECK(why.last_message.find("hedge") != std::string::npos);
  }
  CAF_CHECK(told->units.empty());
  options.hedge->mode = hedge_mode::off;
  auto incr = ask(command{"INCR", "k"}, options);
  answer(0, reply::integer(1));
  expect_reply(incr);
}

CAF_TEST(in a pipeline the reads are hedged) {
  start_with_two_links();
  pipeline x;
  x.commands = {get, command{"INCR", "n"}};
  request_options options;
  options.hedge = hedge_options{hedge_mode::fixed, 10ms};
  auto handle = ask(x, options);
  pass(10ms);
  CAF_CHECK(told->owners == owners({1, 1, 2}));
  answer(2, reply::string("v"));
  answer(0, reply::string("v"));
  answer(1, reply::integer(1));
  expect_outcomes(handle);
}

CAF_TEST(a read whose first copy is lost waits for its hedge) {
  start_with_two_links();
  auto handle = ask(get);
  pass(10ms);
  lose(1);
  CAF_CHECK_EQUAL(told->units.size(), 2u);
  answer(1, reply::string("hedge"));
  CAF_CHECK_EQUAL(expect_reply(handle).text(), "hedge");
}

CAF_TEST(a read whose hedge is lost waits for its first copy) {
  start_with_two_links();
  auto handle = ask(get);
  pass(10ms);
  lose(2);
  answer(0, reply::string("first"));
  CAF_CHECK_EQUAL(expect_reply(handle).text(), "first");
}

CAF_TEST(a read that lost both copies is sent again) {
  start_with_two_links();
  auto handle = ask(get);
  pass(10ms);
  lose(1);
  lose(2);
  link_up_now();
  pass(60ms);
  CAF_REQUIRE_EQUAL(told->units.size(), 1u);
  answer(0, reply::string("again"));
  CAF_CHECK_EQUAL(expect_reply(handle).text(), "again");
}

CAF_TEST(a hedge that is refused leaves the first copy alone) {
  start_with_two_links();
  auto handle = ask(get);
  pass(10ms);
  answer(1, reply::error("LOADING Redis is loading the dataset in memory"));
  pass(100ms);
  CAF_CHECK_EQUAL(told->units.size(), 2u);
  answer(0, reply::string("first"));
  CAF_CHECK_EQUAL(expect_reply(handle).text(), "first");
  CAF_CHECK_EQUAL(counters().hedges_won, 0u);
}

CAF_TEST(a read that is refused twice is sent again) {
  start_with_two_links();
  auto handle = ask(get);
  pass(10ms);
  answer(0, reply::error("LOADING Redis is loading the dataset in memory"));
  answer(1, reply::error("LOADING Redis is loading the dataset in memory"));
  for (int i = 0; i < 80 && told->units.size() == 2; ++i)
    pass(5ms);
  CAF_REQUIRE_EQUAL(told->units.size(), 3u);
  answer(2, reply::string("again"));
  CAF_CHECK_EQUAL(expect_reply(handle).text(), "again");
}

CAF_TEST(there is no hedge without another link or while the server is on trial) {
  start_connected();
  auto alone = ask(get);
  pass(20ms);
  answer(0, reply{});
  expect_reply(alone);
  link_up_now();
  set_gate(breaker_state::half_open, 1, 5);
  auto trial = ask(get);
  pass(20ms);
  CAF_CHECK_EQUAL(told->units.size(), 1u);
  answer(0, reply{});
  expect_reply(trial);
}

CAF_TEST(both copies take credit and give it back) {
  start();
  link_up_now(2);
  link_up_now(2);
  std::vector<decltype(ask(get))> handles;
  for (int i = 0; i < 3; ++i)
    handles.push_back(ask(get));
  pass(10ms);
  // Two copies each; the third waits for credit of its own link.
  CAF_CHECK(told->owners == owners({1, 1, 2, 2}));
  for (size_t i : {2, 3, 0, 1})
    answer(i, reply{});
  CAF_REQUIRE_EQUAL(told->units.size(), 5u);
  answer(4, reply{});
  for (auto& each : handles)
    expect_reply(each);
}

CAF_TEST(the measured delay is the time of all but the slowest reads) {
  config.defaults.hedge = {hedge_mode::p95, 1ms};
  start_with_two_links();
  auto take = [&](std::chrono::milliseconds time) {
    for (; time > 0ms; time -= 1ms)
      pass(1ms);
  };
  size_t next = 0;
  for (uint32_t i = 0; i < latency_percentile::enough; ++i) {
    auto handle = ask(get);
    take(4ms);
    for (; next < told->units.size(); ++next)
      answer(next, reply{});
    expect_reply(handle);
  }
  CAF_CHECK_EQUAL(next, 2 * latency_percentile::enough);
  auto handle = ask(get);
  take(3ms);
  CAF_CHECK_EQUAL(told->units.size(), next + 1);
  take(2ms);
  CAF_CHECK_EQUAL(told->units.size(), next + 2);
  answer(next, reply{});
  expect_reply(handle);
}

CAF_TEST_FIXTURE_SCOPE_END()
