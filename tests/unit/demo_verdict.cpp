#define CAF_SUITE demo_verdict

#include <redoubt/app/demo/verdict.hpp>

#include <redoubt/tests/support/check.hpp>

#include <algorithm>

using namespace redoubt::demo;
using namespace std::chrono_literals;

namespace {

/// A scenario that went well: one request each 10 ms for a second, answered
/// after 1 ms, those that were due in the fault 1 ms after the server was back.
struct fixture {
  explicit fixture(client_kind kind = client_kind::wait,
                   fault what = fault::blip) {
    played.what = {what, 100ms, 300ms, 600ms};
    played.when.lost = at(300ms);
    played.when.opened = at(400ms);
    played.when.back = at(401ms);
    played.when.end = at(1100ms);
    client_run run;
    run.kind = kind;
    run.deadline = 500ms;
    for (auto due = at(0ms); due < at(1000ms); due += 10ms) {
      record x;
      x.kind = op_of(static_cast<uint32_t>(run.records.size()));
      x.due = due;
      auto down = due >= played.when.lost && due < *played.when.back;
      x.done = (down ? *played.when.back : due) + 1ms;
      x.what = result::ok;
      if (x.kind == op::incr)
        x.number = ++run.counter;
      run.records.push_back(x);
    }
    played.runs.push_back(run);
  }

  time_point at(std::chrono::milliseconds x) const { return start + x; }

  client_run& run() { return played.runs.front(); }

  /// The first request that is due at or after `x`, of that kind if given.
  record& due(std::chrono::milliseconds x, std::optional<op> kind = {}) {
    return *std::find_if(
      run().records.begin(), run().records.end(), [&](auto& each) {
        return each.due >= at(x) && (!kind || each.kind == *kind);
      });
  }

  summary sum() { return summarize(played, run()); }

  /// The promises that were not kept.
  std::vector<std::string> broken(bool quick = false) {
    std::vector<std::string> found;
    for (auto& x : judge({played}, quick))
      if (!x.kept)
        found.push_back(x.promise);
    return found;
  }

  bool breaks(std::string_view words, bool quick = false) {
    auto found = broken(quick);
    return found.size() == 1 && found.front().find(words) != std::string::npos;
  }

  bool passes(bool quick) { return all_kept(judge({played}, quick)); }

  time_point start{1h};
  outcome played;
};

struct fail_fast_restart : fixture {
  fail_fast_restart() : fixture(client_kind::fail_fast, fault::restart) {}
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(demo_verdict_tests, fixture)

CAF_TEST(what went well breaks no promise) {
  CAF_CHECK(broken().empty());
  CAF_CHECK(passes(false));
  auto x = sum();
  CAF_CHECK_EQUAL(x.issued, 100u);
  CAF_CHECK_EQUAL(x.due_in_fault, 11u);
  CAF_CHECK_EQUAL(x.failed + x.unknown + x.late + x.unanswered, 0u);
  CAF_CHECK(x.back_to_success_ms == 1.0);
  CAF_CHECK(x.longest_ms == 102.0);
  CAF_CHECK_EQUAL(x.incr_acknowledged, 33);
  CAF_CHECK_EQUAL(x.incr_lost + x.incr_doubled, 0);
}

CAF_TEST(the plain client breaks no promise whatever it does) {
  run().kind = client_kind::hiredis;
  for (auto& x : run().records)
    x.what = result::failed;
  CAF_CHECK(broken().empty());
}

CAF_TEST(a request without an answer is seen) {
  due(350ms, op::get).what = result::pending;
  CAF_CHECK_EQUAL(sum().unanswered, 1u);
  CAF_CHECK(!passes(true));
}

CAF_TEST(an answer too many is seen) {
  run().answered_twice = 1;
  CAF_CHECK(breaks("answered, once"));
  CAF_CHECK(!passes(true));
}

CAF_TEST(a crossed reply is seen) {
  due(100ms, op::get).what = result::crossed;
  CAF_CHECK_EQUAL(sum().crossed, 1u);
  CAF_CHECK(!passes(true));
}

CAF_TEST(an acknowledged INCR that the server does not have is lost) {
  --run().counter;
  CAF_CHECK_EQUAL(sum().incr_lost, 1);
  CAF_CHECK(breaks("no INCR was lost"));
  CAF_CHECK(!passes(true));
}

CAF_TEST(an INCR that the server ran too often is doubled) {
  ++run().counter;
  CAF_CHECK_EQUAL(sum().incr_doubled, 1);
  CAF_CHECK(!passes(true));
}

CAF_TEST(an INCR of unknown fate may have run or not) {
  auto& x = due(350ms, op::incr);
  x.what = result::unknown;
  CAF_CHECK_EQUAL(sum().incr_doubled, 0);
  --run().counter;
  CAF_CHECK_EQUAL(sum().incr_lost + sum().incr_doubled, 0);
  CAF_CHECK_EQUAL(sum().incr_unknown, 1);
}

CAF_TEST(two INCRs with one value are doubled even if the sum is right) {
  due(100ms, op::incr).number = due(200ms, op::incr).number;
  CAF_CHECK_EQUAL(sum().incr_doubled, 1);
}

CAF_TEST(a failure of what was issued after the first success is seen) {
  due(500ms).what = result::failed;
  CAF_CHECK_EQUAL(sum().bad_after_success, 1u);
  CAF_CHECK_EQUAL(sum().failed_after_back, 1u);
  CAF_CHECK(!passes(true));
}

CAF_TEST(a failure within the fault breaks the promises of the blip alone) {
  due(350ms, op::get).what = result::failed;
  CAF_CHECK_EQUAL(sum().bad_after_success, 0u);
  CAF_CHECK_EQUAL(sum().failed, 1u);
  CAF_CHECK(passes(true));
  CAF_CHECK(!passes(false));
}

CAF_TEST(an answer long after the deadline is late) {
  auto& x = due(350ms, op::get);
  x.done = x.due + 500ms + deadline_tick + scheduling_tolerance;
  CAF_CHECK_EQUAL(sum().late, 0u);
  x.done += 1ms;
  CAF_CHECK_EQUAL(sum().late, 1u);
}

CAF_TEST(a trip of the breaker breaks the promise of the blip) {
  run().trips = 1;
  CAF_CHECK(breaks("breaker stayed closed"));
  // In a quick demo it is shown only.
  CAF_CHECK(passes(true));
}

CAF_TEST(a slow recovery is seen) {
  for (auto& x : run().records)
    if (x.done >= *played.when.back && x.done < *played.when.back + 150ms)
      x.done = *played.when.back + 150ms;
  CAF_CHECK(sum().back_to_success_ms == 150.0);
  CAF_CHECK(!passes(false));
  CAF_CHECK(passes(true));
}

CAF_TEST(a success before the server was let through is none of the recovery) {
  due(310ms).done = *played.when.back - 50ms;
  CAF_CHECK(sum().back_to_success_ms == 1.0);
}

CAF_TEST(a client without a success is not back) {
  for (auto& x : run().records)
    x.what = result::rejected;
  CAF_CHECK(!sum().back_to_success_ms);
  CAF_CHECK(!passes(false));
}

CAF_TEST_FIXTURE_SCOPE_END()

CAF_TEST_FIXTURE_SCOPE(demo_verdict_restart_tests, fail_fast_restart)

CAF_TEST(a restart takes the INCRs that were acknowledged before with it) {
  int64_t before = 0;
  for (auto& x : run().records)
    before += x.kind == op::incr && x.done < played.when.opened;
  for (auto& x : run().records)
    if (x.kind == op::incr && x.done >= played.when.opened)
      x.number -= before;
  run().counter -= before;
  CAF_CHECK_EQUAL(sum().incr_lost + sum().incr_doubled, 0);
  CAF_CHECK(broken().empty());
}

CAF_TEST(failing fast may cost what was due until the first success) {
  int64_t missing = 0;
  for (auto& x : run().records)
    if (x.due >= played.when.lost && x.due < *played.when.back) {
      x.what = result::rejected;
      missing += x.kind == op::incr;
    }
  int64_t before = 0;
  for (auto& x : run().records)
    before += x.kind == op::incr && x.what == result::ok
              && x.done < played.when.opened;
  run().counter -= missing + before;
  CAF_CHECK_EQUAL(sum().failed, 11u);
  CAF_CHECK(sum().due_until_success >= 11u);
  CAF_CHECK(passes(true));
  for (auto& x : run().records)
    if (x.due < played.when.lost && x.kind != op::incr)
      x.what = result::failed;
  CAF_CHECK(breaks("no more failed than"));
}

CAF_TEST_FIXTURE_SCOPE_END()
