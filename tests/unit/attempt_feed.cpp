#define CAF_SUITE attempt_feed

#include <redoubt/actors/request/attempt_feed.hpp>

#include <caf/all.hpp>
#include <caf/test/dsl.hpp>

#include <redoubt/tests/support/check.hpp>

using namespace redoubt;

namespace {

class observer : public attempt_observer::base {
public:
  using attempt_observer::base::base;

  behavior_type make_behavior() override {
    return {[](attempt_events&) {}};
  }
};

struct fixture : test_coordinator_fixture<> {
  attempt_feed feed;
  attempt_observer first = sys.spawn<observer>();
  attempt_observer second = sys.spawn<observer>();

  ~fixture() override {
    caf::anon_send_exit(first, caf::exit_reason::kill);
    caf::anon_send_exit(second, caf::exit_reason::kill);
    feed.clear();
  }

  void add(uint32_t n, size_t limit = 100) {
    attempt_event x;
    x.attempt = n;
    feed.add(std::move(x), limit);
  }

  void add_many(uint32_t n, size_t limit = 100) {
    for (uint32_t i = 0; i < n; ++i)
      add(i, limit);
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(attempt_feed_tests, fixture)

CAF_TEST(without an observer there is nothing to do) {
  CAF_CHECK(!feed.observed());
  CAF_CHECK(!feed.anything());
  feed.add_observer(attempt_observer{});
  CAF_CHECK(!feed.observed());
}

CAF_TEST(an observer is told once however often it asks) {
  feed.add_observer(first);
  feed.add_observer(first);
  add(1);
  CAF_CHECK_EQUAL(feed.take(100).size(), 1u);
}

CAF_TEST(the events of a turn come in one batch for each observer) {
  feed.add_observer(first);
  feed.add_observer(second);
  add_many(3);
  CAF_CHECK(feed.anything());
  auto all = feed.take(100);
  CAF_REQUIRE_EQUAL(all.size(), 2u);
  CAF_CHECK(all[0].to == first);
  CAF_CHECK(all[1].to == second);
  for (auto& each : all) {
    CAF_CHECK_EQUAL(each.what.events.size(), 3u);
    CAF_CHECK_EQUAL(each.what.dropped, 0u);
  }
  CAF_CHECK(!feed.anything());
  CAF_CHECK(feed.take(100).empty());
}

CAF_TEST(as many events as allowed wait for an observer and not one more) {
  feed.add_observer(first);
  add_many(4);
  auto number = feed.take(5).at(0).observer;
  add_many(2);
  CAF_CHECK_EQUAL(feed.take(5).at(0).what.events.size(), 1u);
  add_many(3);
  CAF_CHECK(feed.take(5).empty());
  feed.acknowledge(number, 4);
  add(7);
  auto next = feed.take(5);
  CAF_REQUIRE_EQUAL(next.size(), 1u);
  CAF_CHECK_EQUAL(next[0].what.events.at(0).attempt, 7u);
  CAF_CHECK_EQUAL(next[0].what.dropped, 4u);
  add(8);
  CAF_CHECK_EQUAL(feed.take(5).at(0).what.dropped, 0u);
}

CAF_TEST(a turn keeps as many events as an observer may have) {
  feed.add_observer(first);
  add_many(8, 5);
  auto all = feed.take(5);
  CAF_CHECK_EQUAL(all.at(0).what.events.size(), 5u);
  feed.acknowledge(all[0].observer, 5);
  add(1, 5);
  CAF_CHECK_EQUAL(feed.take(5).at(0).what.dropped, 3u);
}

CAF_TEST(a slow observer costs another one nothing) {
  feed.add_observer(first);
  feed.add_observer(second);
  add_many(5);
  auto all = feed.take(5);
  feed.acknowledge(all.at(1).observer, 5);
  add(1);
  auto next = feed.take(5);
  CAF_REQUIRE_EQUAL(next.size(), 1u);
  CAF_CHECK(next[0].to == second);
  CAF_CHECK_EQUAL(next[0].what.dropped, 0u);
}

CAF_TEST(an observer that is sent away is told nothing more) {
  feed.add_observer(first);
  feed.add_observer(second);
  add(1);
  auto number = feed.take(5).at(1).observer;
  feed.remove_observer(first);
  CAF_CHECK(feed.observed());
  feed.remove_observer(number);
  CAF_CHECK(!feed.observed());
  // A late acknowledgement of an observer that is gone.
  feed.acknowledge(number, 1);
  add(1);
  CAF_CHECK(feed.take(5).empty());
}

CAF_TEST(kinds of events have names) {
  CAF_CHECK_EQUAL(to_string(attempt_event::kind::begins), "begins");
  CAF_CHECK_EQUAL(to_string(attempt_event::kind::ends), "ends");
  CAF_CHECK_EQUAL(to_string(attempt_event::kind::waits), "waits");
}

CAF_TEST_FIXTURE_SCOPE_END()
