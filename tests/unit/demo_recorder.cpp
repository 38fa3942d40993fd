#define CAF_SUITE demo_recorder

#include <redoubt/app/demo/recorder.hpp>

#include <redoubt/tests/support/check.hpp>

using namespace redoubt::demo;
using namespace std::chrono_literals;

namespace {

constexpr uint32_t a_get = 0;
constexpr uint32_t a_set = 1;
constexpr uint32_t an_incr = 2;

raw_reply text(std::string x) {
  return {raw_reply::kind::text, std::move(x), 0};
}

raw_reply number(int64_t x) {
  return {raw_reply::kind::integer, {}, x};
}

/// A recorder to which `n` requests were added.
struct fixture {
  fixture() {
    for (int i = 0; i < 6; ++i)
      all.add(clock::now() - 20ms);
  }

  result what(uint32_t index) { return all.records().at(index).what; }

  recorder all{"mine"};
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(demo_recorder_tests, fixture)

CAF_TEST(requests take turns and every value names its key) {
  CAF_CHECK(all.work().words(a_get)
            == (std::vector<std::string>{"GET", "mine:0"}));
  CAF_CHECK(all.work().words(a_set)
            == (std::vector<std::string>{"SET", "mine:0", "mine:0#1"}));
  CAF_CHECK(all.work().words(an_incr)
            == (std::vector<std::string>{"INCR", "mine:n"}));
  CAF_CHECK(all.work().words(3) == (std::vector<std::string>{"GET", "mine:1"}));
}

CAF_TEST(a fitting reply is a success) {
  all.reply(a_get, text("mine:0#1"));
  all.reply(3, {});
  all.reply(a_set, {raw_reply::kind::status, "OK", 0});
  all.reply(an_incr, number(7));
  for (auto i : {a_get, 3u, a_set, an_incr})
    CAF_CHECK(what(i) == result::ok);
  CAF_CHECK_EQUAL(all.records()[an_incr].number, 7);
}

CAF_TEST(a reply of another request is seen to be crossed) {
  all.reply(a_get, text("mine:1#4"));
  all.reply(3, text("theirs:1#4"));
  all.reply(a_set, number(1));
  all.reply(an_incr, {raw_reply::kind::status, "OK", 0});
  for (auto i : {a_get, 3u, a_set, an_incr})
    CAF_CHECK(what(i) == result::crossed);
}

CAF_TEST(an error is a failure and only an INCR can be unknown) {
  all.reply(a_get, {raw_reply::kind::error, "ERR no", 0});
  all.fail(a_set, result::unknown);
  all.fail(an_incr, result::unknown);
  all.fail(3, result::rejected);
  CAF_CHECK(what(a_get) == result::failed);
  CAF_CHECK(what(a_set) == result::failed);
  CAF_CHECK(what(an_incr) == result::unknown);
  CAF_CHECK(what(3) == result::rejected);
}

CAF_TEST(a second answer is counted and changes nothing) {
  all.reply(an_incr, number(7));
  all.reply(an_incr, number(8));
  all.fail(an_incr, result::failed);
  CAF_CHECK_EQUAL(all.answered_twice(), 2u);
  CAF_CHECK(what(an_incr) == result::ok);
  CAF_CHECK_EQUAL(all.records()[an_incr].number, 7);
}

CAF_TEST(an interval tells what happened since the one before) {
  all.reply(a_get, {});
  all.fail(a_set, result::failed);
  all.fail(an_incr, result::unknown);
  all.fail(3, result::rejected);
  auto x = all.take_interval();
  CAF_CHECK_EQUAL(x.ok, 1u);
  CAF_CHECK_EQUAL(x.failed, 1u);
  CAF_CHECK_EQUAL(x.unknown, 1u);
  CAF_CHECK_EQUAL(x.rejected, 1u);
  CAF_CHECK_EQUAL(x.waiting, 2u);
  // From the time they were due.
  CAF_CHECK(x.p50_ms >= 20);
  x = all.take_interval();
  CAF_CHECK_EQUAL(x.ok + x.failed + x.unknown + x.rejected, 0u);
  CAF_CHECK_EQUAL(x.waiting, 2u);
  CAF_CHECK(x.p50_ms == 0);
}

CAF_TEST(all are answered when the last one is) {
  for (uint32_t i = 0; i < 5; ++i)
    all.fail(i, result::failed);
  CAF_CHECK(!all.wait_answered(clock::now()));
  all.fail(5, result::failed);
  CAF_CHECK(all.wait_answered(clock::now()));
}

CAF_TEST(a quantile is the value of the nearest rank) {
  CAF_CHECK(quantile({}, 0.5) == 0);
  CAF_CHECK(quantile({3}, 0.99) == 3);
  CAF_CHECK(quantile({4, 1, 3, 2}, 0.5) == 2);
  CAF_CHECK(quantile({4, 1, 3, 2}, 0.99) == 4);
  CAF_CHECK(quantile({4, 1, 3, 2}, 0) == 1);
}

CAF_TEST_FIXTURE_SCOPE_END()
