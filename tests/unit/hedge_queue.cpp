#define CAF_SUITE hedge_queue

#include <redoubt/actors/request/hedge_queue.hpp>

#include <redoubt/tests/support/check.hpp>

using namespace redoubt;
using namespace std::chrono_literals;

namespace {

constexpr api::time_point start{};

} // namespace

CAF_TEST(an empty queue is never due) {
  hedge_queue x;
  CAF_CHECK(x.next() == api::time_point::max());
  CAF_CHECK(!x.take(start + 24h));
}

CAF_TEST(attempts are taken when they are due and not before) {
  hedge_queue x;
  x.add(0, start + 10ms);
  CAF_CHECK(x.next() == start + 10ms);
  CAF_CHECK(!x.take(start + 9ms));
  CAF_CHECK(x.take(start + 10ms) == 0u);
  CAF_CHECK(!x.take(start + 10ms));
}

CAF_TEST(the earliest is taken first whatever came in first) {
  hedge_queue x;
  x.add(1, start + 30ms);
  x.add(2, start + 10ms);
  x.add(3, start + 20ms);
  CAF_CHECK(x.take(start + 20ms) == 2u);
  CAF_CHECK(x.take(start + 20ms) == 3u);
  CAF_CHECK(!x.take(start + 20ms));
  CAF_CHECK(x.next() == start + 30ms);
}
