// More requests than the server can do.
#define CAF_SUITE client_overload

#include "client_crowd.hpp"

#include <map>

using namespace redoubt_test;

namespace {

struct fixture : crowd_fixture {
  /// Answers per second that came before their deadlines, of a server that does
  /// 1000 per second and is asked for `load` times as many by `callers` callers.
  double goodput(double load, size_t callers, options_ptr options,
                 std::chrono::milliseconds time = 3s) {
    start_connected();
    crowd.clear();
    for (size_t i = 0; i < callers; ++i)
      join();
    double due = 0;
    size_t next = 0;
    for (auto left = time; left > 0ms; left -= 1ms) {
      for (due += load; due >= 1; --due)
        submit(*crowd[next++ % callers], "k", 1, options);
      serve(1ms);
    }
    size_t answers = 0;
    for (auto& each : crowd)
      answers += each->seen->replied();
    uint64_t failures = 0;
    for (auto& x : told->reports)
      failures += x.failures;
    told->reports.clear();
    breaker_failures = failures;
    answered = 0;
    caf::anon_send_exit(subject, caf::exit_reason::kill);
    for (auto& each : crowd)
      caf::anon_send_exit(each->sink, caf::exit_reason::kill);
    consume_messages();
    return static_cast<double>(answers) * 1000
           / static_cast<double>(time.count());
  }

  /// Failures that the breaker would have seen in the latest run.
  uint64_t breaker_failures = 0;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(client_overload_tests, fixture)

CAF_TEST(at three times its capacity a server still does nine tenths) {
  auto brief = with_deadline(200ms);
  std::map<double, double> done;
  for (auto load : {0.5, 1.0, 2.0, 3.0}) {
    done[load] = goodput(load, 10, brief);
    CAF_MESSAGE("load " << load << ": " << done[load] << " answers in time/s");
    CAF_CHECK_EQUAL(breaker_failures, 0u);
  }
  CAF_CHECK(done[0.5] > 490);
  CAF_CHECK(done[1.0] > 900);
  CAF_CHECK(done[2.0] >= 0.9 * done[1.0]);
  CAF_CHECK(done[3.0] >= 0.9 * done[1.0]);
}

CAF_TEST(one caller that asks for too much gets what the server can do) {
  CAF_CHECK(goodput(3.0, 1, with_deadline(200ms)) >= 900);
  CAF_CHECK_EQUAL(breaker_failures, 0u);
}

CAF_TEST(with the default deadline an overload trips no breaker) {
  CAF_CHECK(goodput(3.0, 10, nullptr, 6s) >= 900);
  CAF_CHECK_EQUAL(breaker_failures, 0u);
}

CAF_TEST(the adaptive limit does no harm under overload) {
  config.limits.adaptive = true;
  CAF_CHECK(goodput(3.0, 10, with_deadline(200ms)) >= 900);
}

CAF_TEST(what would be answered too late is shed before its deadline) {
  start_connected();
  auto& who = join();
  auto brief = with_deadline(200ms);
  for (int i = 0; i < 600; ++i) {
    submit(who, "k", 3, brief);
    serve(1ms);
  }
  auto shed = who.seen->failed(errc::overloaded);
  CAF_CHECK(shed > 500);
  CAF_CHECK_EQUAL(who.seen->failed(errc::deadline_exceeded), 0u);
  for (auto& [id, x] : who.seen->answers)
    if (!x.replied)
      CAF_CHECK(x.why.outcome == fate::not_sent);
}

CAF_TEST(the rest of a burst waits where it can be taken back) {
  start_connected();
  auto& who = join();
  submit(who, "warm", 20);
  serve(20ms);
  submit(who, "k", 1000);
  // A quarter of 500 ms, at a millisecond each.
  CAF_CHECK(told->units.size() - answered <= 130u);
  CAF_CHECK(told->units.size() - answered >= 100u);
  serve(1000ms);
  CAF_CHECK_EQUAL(who.seen->replied(), 1020u);
}

CAF_TEST(a fast server is given all that credit allows) {
  start_connected();
  auto& who = join();
  // What is proven to be well at once doubles with each round trip.
  for (int i = 0; i < 5; ++i) {
    submit(who, "k", 1000);
    while (answered < told->units.size())
      answer_next(reply{});
  }
  submit(who, "k", 2000);
  CAF_CHECK_EQUAL(told->units.size() - answered, 1024u);
}

CAF_TEST(one slow command does not throttle those after it) {
  start_connected();
  auto& who = join();
  submit(who, "warm", 1);
  serve(1ms);
  submit(who, "slow", 1);
  pass(300ms);
  submit(who, "k", 10);
  pass(100ms);
  while (answered < told->units.size())
    answer_next(reply{});
  for (int i = 0; i < 20; ++i) {
    submit(who, "k", 20, with_deadline(200ms));
    while (answered < told->units.size())
      answer_next(reply{});
  }
  CAF_CHECK_EQUAL(who.seen->replied(), 412u);
  submit(who, "k", 500);
  CAF_CHECK(told->units.size() - answered > 100u);
}

CAF_TEST(a long link is not taken for a busy server) {
  start_connected();
  auto& who = join();
  // Ten requests per round trip of 50 ms, staggered.
  size_t first = 0;
  for (int i = 0; i < 100; ++i) {
    submit(who, "k", 1);
    pass(5ms);
    if (++first >= 10)
      answer_next(reply{});
  }
  auto before = told->units.size();
  submit(who, "burst", 500);
  CAF_CHECK(told->units.size() - before >= 100u);
  pass(50ms);
  while (answered < told->units.size() && answered < before + 100)
    answer_next(reply{});
  CAF_CHECK(told->units.size() - before >= 200u);
}

CAF_TEST_FIXTURE_SCOPE_END()

namespace {

/// A connection of several request actors: one queue, one command per
/// millisecond.
struct shared_wire {
  std::deque<std::pair<uint32_t, uint64_t>> units;
};

class shared_link : public connection_actor::base {
public:
  shared_link(caf::actor_config& cfg, std::shared_ptr<shared_wire> to)
    : connection_actor::base(cfg), to_(std::move(to)) {}

  behavior_type make_behavior() override {
    return {
      [this](submit_many& x) {
        for (auto& unit : x.units)
          to_->units.emplace_back(x.owner, unit.id);
      },
      [](attach_client&) {},
      [](detach_client&) {},
      [](adopt_link&) {},
      [](close_link&) {},
      [](resolved&) {},
      [](io_event&) {},
      [](tick&) {},
    };
  }

private:
  std::shared_ptr<shared_wire> to_;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(client_neighbour_tests, fixture)

CAF_TEST(a runaway client handle leaves its neighbour its share) {
  auto wire = std::make_shared<shared_wire>();
  links.push_back(sys.spawn<shared_link>(wire));
  std::vector<client_actor> handles;
  for (uint32_t owner = 0; owner < 2; ++owner) {
    start();
    handles.push_back(subject);
    link_up up;
    up.link = 1;
    up.connection = links.back();
    up.owner = owner;
    up.credit = 1024;
    up.credit_bytes = 1u << 20;
    caf::anon_send(subject, up);
    consume_messages();
  }
  auto work = [&](int milliseconds) {
    for (int i = 0; i < milliseconds; ++i) {
      advance_time(1ms);
      consume_messages();
      if (wire->units.empty())
        continue;
      auto [owner, id] = wire->units.front();
      wire->units.pop_front();
      link_replies x;
      x.link = 1;
      x.items.push_back({id, errc::none, reply{}});
      caf::anon_send(handles[owner], std::move(x));
      consume_messages();
    }
  };
  auto& runaway = join();
  auto& other = join();
  // It learns how slow the server is; then nothing holds it.
  subject = handles[0];
  submit(runaway, "k", 20);
  work(20);
  submit(runaway, "k", 10000);
  work(10);
  CAF_CHECK(wire->units.size() <= 130u);
  subject = handles[1];
  for (int i = 0; i < 10; ++i) {
    auto since = sched.clock().now();
    auto id = submit(other, "k", 1);
    work(140);
    CAF_REQUIRE(other.seen->answers.contains(id));
    CAF_CHECK(other.seen->answers[id].replied);
    CAF_CHECK(other.seen->answers[id].at - since <= 135ms);
  }
  caf::anon_send_exit(handles[0], caf::exit_reason::kill);
  consume_messages();
}

CAF_TEST_FIXTURE_SCOPE_END()
