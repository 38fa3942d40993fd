#define CAF_SUITE adaptive_limit

#include <redoubt/actors/request/adaptive_limit.hpp>

#include <redoubt/tests/support/check.hpp>

using namespace redoubt;
using namespace std::chrono_literals;

namespace {

struct fixture {
  /// `n` replies while as many commands are in flight as allowed.
  void use_up(int n, api::duration latency) {
    for (int i = 0; i < n; ++i)
      limit.answered(latency, limit.limit());
  }

  adaptive_limit limit{4, 1024};
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(adaptive_limit_tests, fixture)

CAF_TEST(a limit grows while latencies are steady) {
  auto before = limit.limit();
  use_up(100, 1ms);
  CAF_CHECK(limit.limit() > before);
  use_up(10000, 1ms);
  CAF_CHECK_EQUAL(limit.limit(), 1024u);
}

CAF_TEST(latencies a little above their mean do no harm) {
  use_up(1000, 1ms);
  auto before = limit.limit();
  use_up(20, 1400us);
  CAF_CHECK(limit.limit() >= before);
}

CAF_TEST(a limit shrinks while latencies rise) {
  use_up(2000, 1ms);
  auto before = limit.limit();
  use_up(20, 10ms);
  CAF_CHECK(limit.limit() < before / 2);
}

CAF_TEST(a limit never falls below its floor) {
  use_up(1000, 1ms);
  auto latency = 10ms;
  for (int i = 0; i < 20; ++i, latency *= 3)
    use_up(50, latency);
  CAF_CHECK(limit.limit() >= 4u);
}

CAF_TEST(a link in little use says nothing) {
  use_up(1000, 1ms);
  auto before = limit.limit();
  for (int i = 0; i < 1000; ++i)
    limit.answered(50ms, 1);
  CAF_CHECK_EQUAL(limit.limit(), before);
}

CAF_TEST(a limit recovers after an overload) {
  use_up(2000, 1ms);
  use_up(30, 20ms);
  auto low = limit.limit();
  use_up(2000, 1ms);
  CAF_CHECK(limit.limit() > 2 * low);
}

CAF_TEST(the mean comes down after a long overload) {
  use_up(5000, 50ms);
  use_up(300, 1ms);
  auto before = limit.limit();
  use_up(30, 10ms);
  CAF_CHECK(limit.limit() < before);
}

CAF_TEST(the ceiling holds the floor and the start) {
  CAF_CHECK_EQUAL((adaptive_limit{4, 2}.limit()), 2u);
  CAF_CHECK_EQUAL((adaptive_limit{4, 50}.limit()), 50u);
  CAF_CHECK_EQUAL((adaptive_limit{200, 1024}.limit()), 200u);
}

CAF_TEST(replies in no time are no trouble) {
  use_up(100, 0ms);
  CAF_CHECK(limit.limit() >= 4u);
}

CAF_TEST_FIXTURE_SCOPE_END()
