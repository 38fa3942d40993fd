#define CAF_SUITE deadline_wheel

#include <redoubt/actors/random.hpp>
#include <redoubt/actors/request/deadline_wheel.hpp>
#include <redoubt/tests/unit/seed.hpp>

#include <redoubt/tests/support/check.hpp>

#include <algorithm>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

using namespace redoubt;
using namespace std::chrono_literals;
using redoubt::test::seed_of_this_run;

namespace {

constexpr api::duration tick = deadline_wheel::tick;

api::time_point at(api::duration since) {
  return api::time_point{1000s + since};
}

struct fixture {
  deadline_wheel wheel{at(0s)};

  /// What is due when the wheel moves to `now`, in the order of numbers.
  std::vector<uint32_t> due_at(api::duration now) {
    std::vector<uint32_t> result;
    wheel.advance(at(now), result);
    std::sort(result.begin(), result.end());
    return result;
  }

  size_t count_at(api::duration now) { return due_at(now).size(); }

  bool is_due_at(api::duration now, uint32_t entry) {
    return due_at(now) == std::vector<uint32_t>{entry};
  }
};

/// What the wheel must do, done by looking at every entry every time.
class naive_wheel {
public:
  naive_wheel(api::time_point origin, size_t size)
    : origin_(origin), now_(origin), due_(size) {}

  void schedule(uint32_t entry, api::time_point due) { due_[entry] = due; }

  void cancel(uint32_t entry) { due_[entry].reset(); }

  bool scheduled(uint32_t entry) const { return due_[entry].has_value(); }

  /// Empty, or what is wrong with `due` as the wheel's answer to `now`.
  std::string judge(api::time_point now, const std::vector<uint32_t>& due) {
    std::ostringstream wrong;
    for (auto entry : due) {
      if (!due_[entry])
        wrong << "entry " << entry << " was not scheduled\n";
      else if (*due_[entry] > now)
        wrong << "entry " << entry << " came early\n";
      due_[entry].reset();
    }
    for (uint32_t entry = 0; entry < due_.size(); ++entry)
      if (due_[entry] && latest(*due_[entry]) <= now)
        wrong << "entry " << entry << " is late\n";
    now_ = std::max(now_, now);
    return wrong.str();
  }

  /// Empty, or what is wrong with `next` as the wheel's next time.
  std::string judge_next(api::time_point next) const {
    auto earliest = api::time_point::max();
    for (auto& each : due_)
      if (each)
        earliest = std::min(earliest, latest(*each));
    if (earliest == api::time_point::max())
      return next == earliest ? "" : "nothing is scheduled, yet next is set\n";
    if (next > earliest)
      return "next is later than the earliest entry's tick\n";
    return next > now_ ? "" : "next does not lie ahead\n";
  }

private:
  /// The tick by which an entry must be due: at the next one if its time was
  /// over already.
  api::time_point latest(api::time_point due) const {
    auto since = std::max(due, now_ + api::duration{1}) - origin_;
    return origin_ + (since + tick - api::duration{1}) / tick * tick;
  }

  api::time_point origin_;
  api::time_point now_;
  std::vector<std::optional<api::time_point>> due_;
};

/// A wheel and its model, led through the same random steps.
class walk {
public:
  explicit walk(uint64_t seed) : random_(seed) {}

  std::string step() {
    auto kind = random_.next() % 16;
    auto entry = static_cast<uint32_t>(random_.next() % size);
    if (kind < 9) {
      auto due = now_ + pick_delay();
      wheel_.schedule(entry, due);
      model_.schedule(entry, due);
    } else if (kind < 11) {
      wheel_.cancel(entry);
      model_.cancel(entry);
    } else {
      move();
    }
    if (wheel_.scheduled(entry) != model_.scheduled(entry))
      complaint_ += "scheduled() is wrong\n";
    complaint_ += model_.judge_next(wheel_.next());
    return complaint_;
  }

  uint64_t fired() const { return fired_; }

private:
  static constexpr size_t size = 150;

  api::duration between(api::duration low, api::duration high) {
    return random_.between(low, high);
  }

  api::duration pick_delay() {
    switch (random_.next() % 8) {
      case 0: return between(-20ms, 0ms);
      case 1: return between(0s, 60s);
      case 2: return between(0h, 48h);
      // Whole rounds of the wheel, and just beside them.
      case 3: return (random_.next() % 4) * 512 * tick + between(-tick, tick);
      case 4: return between(0s, 3s);
      default: return between(0ms, 60ms);
    }
  }

  void move() {
    switch (random_.next() % 32) {
      case 0: now_ += between(0s, 3s); break;
      case 1: now_ += 512 * tick + between(-tick, tick); break;
      case 2:
        if (random_.next() % 16 == 0)
          now_ += between(0h, 50h);
        break;
      case 3:
      case 4:
      case 5:
        if (wheel_.next() < now_ + 1h)
          now_ = std::max(now_, wheel_.next());
        break;
      default: now_ += between(0ms, 12ms);
    }
    std::vector<uint32_t> due;
    wheel_.advance(now_, due);
    fired_ += due.size();
    complaint_ += model_.judge(now_, due);
  }

  random_source random_;
  api::time_point now_ = at(0s);
  deadline_wheel wheel_{at(0s)};
  naive_wheel model_{at(0s), size};
  uint64_t fired_ = 0;
  std::string complaint_;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(deadline_wheel_tests, fixture)

CAF_TEST(an entry is never due early and at most one tick late) {
  wheel.schedule(0, at(12ms));
  CAF_CHECK_EQUAL(count_at(0ms), 0u);
  CAF_CHECK_EQUAL(count_at(12ms - 1ns), 0u);
  CAF_CHECK(is_due_at(17ms, 0));
}

CAF_TEST(an entry on a tick is due at that tick) {
  wheel.schedule(0, at(10ms));
  CAF_CHECK_EQUAL(count_at(10ms - 1ns), 0u);
  CAF_CHECK(is_due_at(10ms, 0));
}

CAF_TEST(a due entry is told once) {
  wheel.schedule(7, at(5ms));
  CAF_CHECK(wheel.scheduled(7));
  CAF_CHECK(is_due_at(10ms, 7));
  CAF_CHECK(!wheel.scheduled(7));
  CAF_CHECK_EQUAL(count_at(20ms), 0u);
  CAF_CHECK_EQUAL(count_at(1h), 0u);
}

CAF_TEST(an entry can be moved to an earlier and to a later time) {
  wheel.schedule(1, at(1s));
  wheel.schedule(1, at(20ms));
  CAF_CHECK(is_due_at(25ms, 1));
  wheel.schedule(2, at(30ms));
  wheel.schedule(2, at(1s));
  CAF_CHECK_EQUAL(count_at(999ms), 0u);
  CAF_CHECK(is_due_at(1005ms, 2));
}

CAF_TEST(a cancelled entry is never due) {
  wheel.schedule(3, at(20ms));
  wheel.cancel(3);
  CAF_CHECK(!wheel.scheduled(3));
  CAF_CHECK_EQUAL(count_at(1h), 0u);
  CAF_CHECK(wheel.next() == api::time_point::max());
}

CAF_TEST(an entry that was never scheduled can be asked for and cancelled) {
  CAF_CHECK(!wheel.scheduled(1000));
  wheel.cancel(1000);
  wheel.schedule(5, at(1s));
  CAF_CHECK(!wheel.scheduled(4));
  wheel.cancel(4);
  CAF_CHECK(wheel.scheduled(5));
}

CAF_TEST(a time that is over is due at the next tick) {
  due_at(1s);
  wheel.schedule(0, at(3ms));
  wheel.schedule(1, at(-1h));
  CAF_CHECK(wheel.next() <= at(1005ms));
  auto both = due_at(1005ms);
  CAF_CHECK_EQUAL(both.size(), 2u);
}

CAF_TEST(entries of one tick are all due and any of them can be taken out) {
  for (uint32_t i = 0; i < 5; ++i)
    wheel.schedule(i, at(20ms));
  wheel.cancel(4);
  wheel.cancel(0);
  wheel.cancel(2);
  auto rest = due_at(25ms);
  CAF_CHECK_EQUAL(rest, (std::vector<uint32_t>{1, 3}));
}

CAF_TEST(entries whole rounds apart are due one by one) {
  auto round = 512 * tick;
  for (uint32_t i = 0; i < 4; ++i)
    wheel.schedule(i, at(10ms + i * round));
  for (uint32_t i = 0; i < 4; ++i) {
    CAF_CHECK_EQUAL(count_at(10ms + i * round - 1ns), 0u);
    CAF_CHECK(is_due_at(15ms + i * round, i));
  }
}

CAF_TEST(a jump over many rounds finds what lies in it and nothing else) {
  for (uint32_t i = 0; i < 1000; ++i)
    wheel.schedule(i, at(i * 1s));
  auto first = due_at(600s);
  CAF_CHECK_EQUAL(first.size(), 601u);
  auto last = due_at(24h * 365 * 100);
  CAF_CHECK_EQUAL(last.size(), 399u);
  CAF_CHECK(wheel.next() == api::time_point::max());
}

CAF_TEST(an entry after a huge jump is as exact as before) {
  constexpr auto later = 24h * 365 * 50;
  due_at(later);
  wheel.schedule(0, at(later + 12ms));
  CAF_CHECK_EQUAL(count_at(later + 12ms - 1ns), 0u);
  CAF_CHECK(is_due_at(later + 17ms, 0));
}

CAF_TEST(a clock that stands still or steps back changes nothing) {
  wheel.schedule(0, at(10ms));
  CAF_CHECK_EQUAL(count_at(7ms), 0u);
  CAF_CHECK_EQUAL(count_at(7ms), 0u);
  CAF_CHECK_EQUAL(count_at(-1h), 0u);
  CAF_CHECK(is_due_at(10ms, 0));
}

CAF_TEST(next is the time of the earliest entry) {
  CAF_CHECK(wheel.next() == api::time_point::max());
  wheel.schedule(0, at(2s));
  CAF_CHECK(wheel.next() == at(2s));
  wheel.schedule(1, at(12ms));
  CAF_CHECK(wheel.next() == at(15ms));
  wheel.cancel(1);
  CAF_CHECK(wheel.next() == at(2s));
}

CAF_TEST(who advances at next meets each entry at its own tick) {
  for (uint32_t i = 0; i < 50; ++i)
    wheel.schedule(i, at(100ms + i * 7777ms));
  uint32_t met = 0;
  int wakeups = 0;
  while (wheel.next() != api::time_point::max()) {
    auto now = wheel.next();
    std::vector<uint32_t> due;
    wheel.advance(now, due);
    for (auto entry : due) {
      auto lag = now - at(100ms + entry * 7777ms);
      CAF_CHECK(lag >= 0s && lag < tick);
    }
    met += static_cast<uint32_t>(due.size());
    CAF_REQUIRE(++wakeups < 10000);
  }
  CAF_CHECK_EQUAL(met, 50u);
}

CAF_TEST_FIXTURE_SCOPE_END()

CAF_TEST(a random walk agrees with a wheel that looks at everything) {
  auto seed = seed_of_this_run();
  CAF_MESSAGE("REDOUBT_SEED=" << seed);
  walk x{seed};
  for (int i = 0; i < 200000; ++i) {
    auto complaint = x.step();
    if (!complaint.empty())
      CAF_FAIL(complaint << "in step " << i << ", REDOUBT_SEED=" << seed);
  }
  // The walk was worth it.
  CAF_CHECK_GREATER(x.fired(), 20000u);
}
