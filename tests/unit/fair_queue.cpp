#define CAF_SUITE fair_queue

#include <redoubt/actors/request/fair_queue.hpp>

#include <redoubt/tests/support/check.hpp>

#include <string>
#include <vector>

using namespace redoubt;
using namespace std::chrono_literals;

namespace {

constexpr auto high = request_priority::high;
constexpr auto normal = request_priority::normal;
constexpr auto low = request_priority::low;

struct fixture {
  fixture() : queue(1000, 1u << 20) {}

  /// A request of `caller` whose deadline is so many milliseconds ahead.
  static fair_queue::item of(uint64_t caller,
                             request_priority priority = normal,
                             int deadline = 1000, uint64_t pipeline = 0) {
    fair_queue::item x;
    x.caller = caller;
    x.priority = priority;
    x.deadline = fair_queue::time_point{} + std::chrono::milliseconds{deadline};
    x.bytes = 10;
    x.pipeline = pipeline;
    return x;
  }

  static fair_queue::item past_gate(uint64_t caller) {
    auto x = of(caller);
    x.past_gate = true;
    return x;
  }

  void push(const fair_queue::item& x) { queue.push_back(next++, x); }

  /// Takes out all there is, in turn.
  std::vector<uint32_t> drain() {
    std::vector<uint32_t> result;
    while (queue.front() != fair_queue::none) {
      result.push_back(queue.front());
      queue.take(queue.front());
    }
    return result;
  }

  std::vector<uint32_t> next_to_go(const fair_queue::item& x) {
    std::vector<uint32_t> result;
    queue.next_to_go(x, result);
    return result;
  }

  fair_queue queue;
  uint32_t next = 0;
};

using entries = std::vector<uint32_t>;

} // namespace

CAF_TEST_FIXTURE_SCOPE(fair_queue_tests, fixture)

// -- turns ------------------------------------------------------------------------

CAF_TEST(requests of one caller keep their order) {
  push(of(1, normal, 300));
  push(of(1, normal, 200));
  push(of(1, normal, 100));
  CAF_CHECK(drain() == (entries{0, 1, 2}));
  CAF_CHECK(queue.empty());
  CAF_CHECK(queue.front() == fair_queue::none);
}

CAF_TEST(callers take turns) {
  for (int i = 0; i < 3; ++i)
    push(of(1));
  for (int i = 0; i < 3; ++i)
    push(of(2));
  CAF_CHECK(drain() == (entries{0, 3, 1, 4, 2, 5}));
}

CAF_TEST(within a round the earliest deadline goes first) {
  push(of(1, normal, 300));
  push(of(1, normal, 10));
  push(of(2, normal, 100));
  push(of(3, normal, 200));
  // The second one of caller 1 has to wait for the next round.
  CAF_CHECK(drain() == (entries{2, 3, 0, 1}));
}

CAF_TEST(a caller has one order whether its requests ignore the breaker or not) {
  push(of(1, normal, 500));
  push(past_gate(1));
  push(past_gate(1));
  push(of(1, normal, 10));
  push(past_gate(1));
  CAF_CHECK_EQUAL(queue.front_past_gate(), 1u);
  CAF_CHECK(drain() == (entries{0, 1, 2, 3, 4}));
}

CAF_TEST(requests of both kinds are the turns of one caller) {
  for (int i = 0; i < 5; ++i)
    push(past_gate(1));
  push(of(1, high, 1));
  push(past_gate(1));
  push(of(2));
  push(of(2));
  CAF_CHECK(drain() == (entries{0, 7, 1, 8, 2, 3, 4, 5, 6}));
}

CAF_TEST(a turn past the breaker is the turn of its caller) {
  push(of(1));
  push(past_gate(1));
  push(of(2));
  queue.take(queue.front_past_gate());
  CAF_CHECK(drain() == (entries{2, 0}));
}

CAF_TEST(a caller that joins waits for one turn of each other at most) {
  for (int i = 0; i < 100; ++i)
    push(of(1, normal, i));
  for (int i = 0; i < 50; ++i)
    queue.take(queue.front());
  push(of(2, normal, 9999));
  auto order = drain();
  CAF_CHECK(order[1] == 100u);
}

CAF_TEST(a caller that comes back each time does not starve the others) {
  push(of(1, normal, 5000));
  push(of(1, normal, 5000));
  size_t turns = 0;
  for (; turns < 10 && queue.holds(1); ++turns) {
    if (!queue.holds(2))
      push(of(2, normal, 1));
    queue.take(queue.front());
  }
  CAF_CHECK_EQUAL(turns, 4u);
}

CAF_TEST(a higher priority goes first) {
  push(of(1, low));
  push(of(2, normal));
  push(of(3, high));
  push(of(4, normal));
  CAF_CHECK(drain() == (entries{2, 1, 3, 0}));
}

CAF_TEST(a high priority never overtakes an older one of its own caller) {
  push(of(1, low));
  push(of(1, high));
  push(of(2, normal));
  push(of(2, normal));
  CAF_CHECK(drain() == (entries{2, 3, 0, 1}));
}

CAF_TEST(once its older ones are gone a high priority counts) {
  push(of(1, normal, 100));
  push(of(1, high, 900));
  push(of(2, normal, 200));
  CAF_CHECK(drain() == (entries{0, 1, 2}));
}

CAF_TEST(a caller keeps its turn when its oldest request is answered meanwhile) {
  push(of(1, normal, 100));
  push(of(1, normal, 300));
  push(of(2, normal, 200));
  queue.erase(0);
  queue.erase(0);
  CAF_CHECK_EQUAL(queue.size(), 2u);
  CAF_CHECK(drain() == (entries{2, 1}));
}

CAF_TEST(what comes back goes before all others of its priority) {
  push(of(1));
  push(of(1));
  push(of(2));
  queue.take(0);
  queue.put_back(0, of(1));
  CAF_CHECK(drain() == (entries{0, 2, 1}));
}

CAF_TEST(those past the breaker have a line of their own) {
  push(of(1));
  push(past_gate(1));
  push(past_gate(2));
  CAF_CHECK_EQUAL(queue.front(), 0u);
  CAF_CHECK_EQUAL(queue.front_past_gate(), 1u);
  queue.take(1);
  CAF_CHECK_EQUAL(queue.front_past_gate(), 2u);
  queue.take(2);
  CAF_CHECK(queue.front_past_gate() == fair_queue::none);
  CAF_CHECK(drain() == entries{0});
}

CAF_TEST(a suspended caller waits and the others go on) {
  push(of(1));
  push(of(2));
  push(past_gate(1));
  queue.suspend(1);
  CAF_CHECK(drain() == entries{1});
  CAF_CHECK_EQUAL(queue.size(), 2u);
  push(of(1));
  CAF_CHECK(queue.front() == fair_queue::none);
  queue.resume(1);
  CAF_CHECK(drain() == (entries{0, 2, 3}));
}

CAF_TEST(a caller that is suspended no more has forgotten it) {
  push(of(1));
  queue.suspend(1);
  queue.erase(0);
  queue.resume(1);
  CAF_CHECK(!queue.holds(1));
  push(of(1));
  CAF_CHECK_EQUAL(queue.front(), 1u);
}

// -- bounds -----------------------------------------------------------------------

CAF_TEST(as many requests as allowed find room and one more does not) {
  queue = fair_queue{3, 1000};
  push(of(1));
  push(of(1));
  CAF_CHECK(queue.has_room(of(1), 0));
  push(of(1));
  CAF_CHECK(!queue.has_room(of(1), 0));
  queue.erase(1);
  CAF_CHECK(queue.has_room(of(1), 0));
}

CAF_TEST(as many bytes as allowed find room and one more does not) {
  queue = fair_queue{100, 30};
  push(of(1));
  CAF_CHECK(queue.has_room(of(1), 10));
  CAF_CHECK(!queue.has_room(of(1), 11));
  push(of(1));
  push(of(1));
  CAF_CHECK(!queue.has_room(of(1), 0));
}

CAF_TEST(a request larger than the bound has room alone) {
  queue = fair_queue{100, 5};
  CAF_CHECK(queue.has_room(of(1), 0));
  CAF_CHECK(!queue.has_room(of(1), 1));
  push(of(1));
  CAF_CHECK(!queue.has_room(of(1), 0));
}

CAF_TEST(the newest of the longest line goes for a caller that has little) {
  queue = fair_queue{5, 1u << 20};
  for (int i = 0; i < 3; ++i)
    push(of(1));
  push(of(2));
  push(of(2));
  CAF_CHECK(queue.can_make_room(of(3), 0));
  CAF_CHECK(next_to_go(of(3)) == entries{2});
}

CAF_TEST(nobody goes for a caller that has about as much) {
  queue = fair_queue{5, 1u << 20};
  for (int i = 0; i < 3; ++i)
    push(of(1));
  push(of(2));
  push(of(2));
  CAF_CHECK(!queue.can_make_room(of(2), 0));
  CAF_CHECK(!queue.can_make_room(of(1), 0));
}

CAF_TEST(a line of one does not go for a newcomer) {
  queue = fair_queue{2, 1u << 20};
  push(of(1));
  push(of(2));
  CAF_CHECK(!queue.can_make_room(of(3), 0));
  CAF_CHECK(!queue.can_make_room(of(3, low), 0));
}

CAF_TEST(lower priorities go first and the lowest before all) {
  queue = fair_queue{4, 1u << 20};
  push(of(1, low));
  push(of(2, normal));
  push(of(3, low));
  push(of(3, low));
  CAF_CHECK(next_to_go(of(4, normal)) == entries{3});
  queue.erase(3);
  queue.erase(2);
  queue.erase(0);
  CAF_CHECK(next_to_go(of(4, high)) == entries{1});
  push(of(1));
  push(of(3));
  push(of(5));
  CAF_CHECK(!queue.can_make_room(of(4, normal), 0));
  CAF_CHECK(queue.can_make_room(of(4, high), 0));
}

CAF_TEST(a higher priority never goes for a lower one) {
  queue = fair_queue{4, 1u << 20};
  for (int i = 0; i < 4; ++i)
    push(of(1, high));
  CAF_CHECK(!queue.can_make_room(of(2, normal), 0));
  CAF_CHECK(!queue.can_make_room(of(2, low), 0));
  CAF_CHECK(queue.can_make_room(of(2, high), 0));
}

CAF_TEST(nobody goes if it would not be enough) {
  queue = fair_queue{100, 100};
  for (int i = 0; i < 5; ++i)
    push(of(1));
  push(of(2, low));
  auto big = of(3);
  big.bytes = 95;
  CAF_CHECK(!queue.can_make_room(big, 0));
  big.bytes = 50;
  CAF_CHECK(queue.can_make_room(big, 0));
  CAF_CHECK(next_to_go(big) == entries{5});
  CAF_CHECK(!queue.can_make_room(big, 60));
}

CAF_TEST(a pipeline is one request and goes as a whole) {
  queue = fair_queue{3, 1u << 20};
  push(of(1));
  for (int i = 0; i < 4; ++i)
    push(of(1, normal, 1000, 7));
  push(of(1, normal, 1000, 8));
  CAF_CHECK_EQUAL(queue.requests(), 3u);
  CAF_CHECK_EQUAL(queue.size(), 6u);
  queue.erase(5);
  CAF_CHECK_EQUAL(queue.requests(), 2u);
  queue.erase(2);
  CAF_CHECK_EQUAL(queue.requests(), 2u);
  push(of(1));
  queue.erase(6);
  push(of(2));
  CAF_CHECK(next_to_go(of(3)) == (entries{4, 3, 1}));
  for (auto each : {4u, 3u})
    queue.erase(each);
  CAF_CHECK_EQUAL(queue.requests(), 3u);
  queue.erase(1);
  CAF_CHECK_EQUAL(queue.requests(), 2u);
}

CAF_TEST(a caller with few large requests has a long line) {
  queue = fair_queue{100, 10000};
  for (int i = 0; i < 5; ++i)
    push(of(1));
  auto large = of(2);
  large.bytes = 4900;
  push(large);
  push(large);
  auto newcomer = of(3);
  newcomer.bytes = 300;
  CAF_CHECK(queue.can_make_room(newcomer, 0));
  CAF_CHECK(next_to_go(newcomer) == entries{6});
}

CAF_TEST_FIXTURE_SCOPE_END()
