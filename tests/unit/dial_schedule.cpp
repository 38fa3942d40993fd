#define CAF_SUITE dial_schedule

#include <redoubt/actors/supervisor/dial_schedule.hpp>

#include <redoubt/tests/support/check.hpp>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string>

using namespace redoubt;
using namespace std::chrono_literals;

namespace {

using result = dial_schedule::result;

constexpr auto never = api::time_point::max();

// Two links wanted, a dial every 40 to 80 ms, slowly every 500 to 1000 ms, at
// most 25 under way.
struct fixture {
  pool_options options;
  dial_schedule schedule{options, 2, 42};

  static api::time_point at(api::duration since) {
    return api::time_point{1000s + since};
  }

  void check_next_within(api::time_point from, api::duration least,
                         api::duration most) {
    auto x = schedule.next();
    CAF_CHECK(x >= from + least);
    CAF_CHECK(x <= from + most);
    CAF_CHECK(!schedule.should_dial(x - 1ns));
    CAF_CHECK(schedule.should_dial(x));
  }

  void connect(api::time_point now) {
    schedule.dial_started(now);
    schedule.dial_finished(result::ready, now);
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(dial_schedule_tests, fixture)

CAF_TEST(the first dial starts at once) {
  CAF_CHECK(schedule.should_dial(at(0s)));
  CAF_CHECK(schedule.next() <= at(0s));
}

CAF_TEST(the next dial is due within the pace while earlier ones hang) {
  auto now = at(0s);
  for (int i = 0; i < 20; ++i) {
    schedule.dial_started(now);
    check_next_within(now, 40ms, 80ms);
    now = schedule.next();
  }
  CAF_CHECK_EQUAL(schedule.dialing(), 20u);
  CAF_CHECK_EQUAL(schedule.started(), 20u);
}

CAF_TEST(no more dials hang than allowed) {
  for (int i = 0; i < 25; ++i)
    schedule.dial_started(at(i * 80ms));
  CAF_CHECK(!schedule.should_dial(at(1h)));
  CAF_CHECK(schedule.next() == never);
  schedule.dial_finished(result::failed, at(2s));
  CAF_CHECK(schedule.should_dial(at(2080ms)));
}

CAF_TEST(enough ready links end the dialling) {
  connect(at(0s));
  CAF_CHECK(schedule.next() != never);
  connect(at(80ms));
  CAF_CHECK(schedule.next() == never);
  CAF_CHECK(!schedule.should_dial(at(1h)));
  CAF_CHECK_EQUAL(schedule.ready(), 2u);
}

CAF_TEST(a dial that is ready beyond what is wanted can be closed) {
  schedule.dial_started(at(0s));
  connect(at(80ms));
  connect(at(160ms));
  schedule.dial_finished(result::ready, at(200ms));
  CAF_CHECK_EQUAL(schedule.ready(), 3u);
  schedule.closed();
  CAF_CHECK_EQUAL(schedule.ready(), 2u);
  CAF_CHECK(schedule.next() == never);
}

CAF_TEST(a failed dial does not change the pace) {
  schedule.dial_started(at(0s));
  auto due = schedule.next();
  schedule.dial_finished(result::failed, at(1ms));
  CAF_CHECK(schedule.next() == due);
  CAF_CHECK_EQUAL(schedule.failed(), 1u);
  CAF_CHECK_EQUAL(schedule.dialing(), 0u);
}

CAF_TEST(a dial that is turned away slows down from its answer on) {
  schedule.dial_started(at(0s));
  schedule.dial_finished(result::turned_away, at(700ms));
  CAF_CHECK(schedule.turned_away());
  CAF_CHECK_EQUAL(schedule.failed(), 1u);
  check_next_within(at(700ms), 500ms, 1000ms);
  auto now = schedule.next();
  schedule.dial_started(now);
  check_next_within(now, 500ms, 1000ms);
}

CAF_TEST(each dial that is turned away starts the slow wait anew) {
  for (auto i = 0ms; i < 400ms; i += 80ms)
    schedule.dial_started(at(i));
  for (auto i = 400ms; i < 2400ms; i += 400ms) {
    schedule.dial_finished(result::turned_away, at(i));
    check_next_within(at(i), 500ms, 1000ms);
  }
}

CAF_TEST(a dial that fails otherwise ends the slow pace of those turned away) {
  schedule.dial_started(at(0s));
  schedule.dial_started(at(80ms));
  schedule.dial_finished(result::turned_away, at(90ms));
  schedule.dial_finished(result::failed, at(100ms));
  CAF_CHECK(!schedule.turned_away());
  check_next_within(at(100ms), 40ms, 80ms);
}

CAF_TEST(a dial that becomes ready makes the next due at the normal pace) {
  schedule.dial_started(at(0s));
  schedule.dial_started(at(80ms));
  schedule.dial_finished(result::turned_away, at(90ms));
  schedule.dial_finished(result::ready, at(100ms));
  CAF_CHECK(!schedule.turned_away());
  check_next_within(at(100ms), 40ms, 80ms);
}

CAF_TEST(degraded dials slowly whatever becomes of the dials) {
  schedule.degraded(true, at(0s));
  auto now = at(1s);
  for (auto x :
       {result::failed, result::turned_away, result::ready, result::failed}) {
    schedule.dial_started(now);
    check_next_within(now, 500ms, 1000ms);
    schedule.dial_finished(x, now);
    check_next_within(now, 500ms, 1000ms);
    now = schedule.next();
  }
}

CAF_TEST(becoming degraded puts off the dial that was due) {
  schedule.dial_started(at(0s));
  schedule.degraded(true, at(1ms));
  check_next_within(at(1ms), 500ms, 1000ms);
}

CAF_TEST(the end of degraded makes the next dial due at the normal pace) {
  schedule.degraded(true, at(0s));
  schedule.dial_started(at(1s));
  schedule.degraded(false, at(1010ms));
  check_next_within(at(1010ms), 40ms, 80ms);
}

CAF_TEST(going on at the normal pace never puts a dial off) {
  schedule.degraded(true, at(0s));
  schedule.dial_started(at(1s));
  auto due = schedule.next();
  schedule.degraded(false, due - 1ms);
  CAF_CHECK(schedule.next() == due);
}

CAF_TEST(being degraded again changes nothing) {
  schedule.degraded(true, at(0s));
  schedule.dial_started(at(1s));
  auto due = schedule.next();
  schedule.degraded(true, at(1200ms));
  CAF_CHECK(schedule.next() == due);
}

CAF_TEST(a lost link is dialled at once) {
  connect(at(0s));
  connect(at(80ms));
  schedule.lost(at(10s));
  CAF_CHECK_EQUAL(schedule.ready(), 1u);
  CAF_CHECK(schedule.should_dial(at(10s)));
}

CAF_TEST(a link lost just after a dial waits for the least of the pace) {
  connect(at(0s));
  connect(at(80ms));
  schedule.lost(at(81ms));
  CAF_CHECK(schedule.next() == at(120ms));
}

CAF_TEST(a link lost while degraded waits for the least of the slow pace) {
  connect(at(0s));
  schedule.degraded(true, at(0s));
  connect(at(1s));
  schedule.lost(at(1001ms));
  CAF_CHECK(schedule.next() == at(1500ms));
}

CAF_TEST(a loss never puts a dial off) {
  connect(at(0s));
  schedule.dial_started(at(80ms));
  auto due = schedule.next();
  schedule.lost(due + 5s);
  CAF_CHECK(schedule.next() == due);
}

CAF_TEST(a link closed on purpose is dialled again) {
  connect(at(0s));
  connect(at(80ms));
  schedule.closed();
  CAF_CHECK(schedule.should_dial(at(160ms)));
}

CAF_TEST(counts never fall below zero) {
  schedule.lost(at(0s));
  schedule.closed();
  schedule.dial_finished(result::failed, at(0s));
  CAF_CHECK_EQUAL(schedule.ready(), 0u);
  CAF_CHECK_EQUAL(schedule.dialing(), 0u);
  CAF_CHECK(schedule.should_dial(at(0s)));
}

CAF_TEST(nothing is dialled when nothing is wanted) {
  dial_schedule none{options, 0, 42};
  CAF_CHECK(none.next() == never);
}

CAF_TEST_FIXTURE_SCOPE_END()

namespace {

// A supervisor that dials whenever it may, against a server whose behaviour
// changes at random, and that hears of everything at random times.
class storm {
public:
  storm(const pool_options& options, uint64_t seed)
    : options_(options), schedule_(options, 3, seed), random_(seed) {}

  void step() {
    auto x = random_.next() % 16;
    if (x < 6)
      now_ += std::chrono::milliseconds{random_.next() % 50};
    else if (x < 10 && schedule_.dialing() > 0)
      schedule_.dial_finished(static_cast<result>(random_.next() % 3), now_);
    else if (x < 12 && schedule_.ready() > 0)
      schedule_.lost(now_);
    else if (x == 12 && schedule_.ready() > 0)
      schedule_.closed();
    else if (x == 13)
      schedule_.degraded(random_.next() % 2 == 0, now_);
    else if (x == 14 && schedule_.next() != never)
      now_ = std::max(now_, schedule_.next());
    while (schedule_.should_dial(now_))
      dial();
  }

  std::string complaint;

private:
  void dial() {
    if (schedule_.ready() >= 3 || schedule_.dialing() >= options_.max_dialing)
      complaint = "dials without need";
    if (started_ > 0 && now_ - last_ < options_.dial_min)
      complaint = "two dials closer than dial_min";
    last_ = now_;
    ++started_;
    schedule_.dial_started(now_);
    auto wait = schedule_.next() - now_;
    if (schedule_.next() != never
        && (wait < options_.dial_min || wait > options_.slow_dial_max))
      complaint = "a wait outside of every pace";
  }

  pool_options options_;
  dial_schedule schedule_;
  random_source random_;
  api::time_point now_{1000s};
  api::time_point last_{};
  uint64_t started_ = 0;
};

uint64_t seed_of_this_run() {
  if (auto x = std::getenv("REDOUBT_SEED"))
    return std::strtoull(x, nullptr, 10);
  return static_cast<uint64_t>(
    std::chrono::system_clock::now().time_since_epoch().count());
}

} // namespace

CAF_TEST(whatever happens two dials never start closer than the bound) {
  auto seed = seed_of_this_run();
  CAF_MESSAGE("REDOUBT_SEED=" << seed);
  for (uint64_t i = 0; i < 200; ++i) {
    pool_options options;
    if (i % 2 == 1) {
      // A slow pace that would break the bound, had it the say.
      options.slow_dial_min = 1ms;
      options.slow_dial_max = 100ms;
    }
    storm x{options, seed + i};
    for (int step = 0; step < 5000 && x.complaint.empty(); ++step)
      x.step();
    if (!x.complaint.empty())
      CAF_FAIL(x.complaint << ", REDOUBT_SEED=" << seed + i);
  }
  CAF_CHECK(true);
}

CAF_TEST(a server that is down is dialled at most 25 times per second) {
  pool_options options;
  dial_schedule schedule{options, 1, 7};
  auto now = api::time_point{1000s};
  auto end = now + 60s;
  while (schedule.next() < end) {
    now = std::max(now, schedule.next());
    schedule.dial_started(now);
    schedule.dial_finished(result::failed, now);
  }
  CAF_CHECK_LESS_OR_EQUAL(schedule.started(), 60u * 25u);
  // The mean of 40 to 80 ms is 60 ms.
  CAF_CHECK_GREATER(schedule.started(), 950u);
  CAF_CHECK_LESS(schedule.started(), 1050u);
}
