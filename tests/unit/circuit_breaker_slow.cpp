#define CAF_SUITE circuit_breaker_slow

#include <redoubt/tests/unit/circuit_breaker_fixture.hpp>

using namespace redoubt;
using namespace std::chrono_literals;

namespace {

struct fixture : breaker_fixture {
  fixture() {
    breaker_options options;
    options.slow_call = 100ms;
    use(options);
  }

  std::string slow(uint64_t successes, uint64_t failures, uint64_t slow_ones) {
    auto x = of(successes, failures, failures);
    x.slow = slow_ones;
    return text(breaker.record(x, now));
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(circuit_breaker_slow_tests, fixture)

CAF_TEST(half of enough calls being slow trips) {
  CAF_CHECK_EQUAL(slow(9, 0, 4), "stays");
  auto x = of(1, 0, 0);
  x.slow = 1;
  auto moved = breaker.record(x, now);
  CAF_CHECK_EQUAL(text(moved), "open: slow_call_rate");
  CAF_CHECK_EQUAL(moved->calls_in_window, 10u);
  CAF_CHECK_EQUAL(moved->slow_calls_in_window, 5u);
  CAF_CHECK_EQUAL(breaker.status(now).slow_calls_in_window, 5u);
}

CAF_TEST(fewer calls than the minimum never trip by being slow) {
  CAF_CHECK_EQUAL(slow(9, 0, 9), "stays");
}

CAF_TEST(a report without a slow call never trips by being slow) {
  slow(9, 0, 9);
  CAF_CHECK_EQUAL(slow(1, 0, 0), "stays");
  CAF_CHECK_EQUAL(slow(1, 1, 0), "stays");
  CAF_CHECK_EQUAL(slow(1, 0, 1), "open: slow_call_rate");
}

CAF_TEST(failures that were slow count among both) {
  slow(16, 0, 6);
  CAF_CHECK_EQUAL(slow(0, 4, 4), "open: slow_call_rate");
}

CAF_TEST(slow calls that nobody asked for are ignored) {
  use(breaker_options{});
  CAF_CHECK_EQUAL(slow(100, 0, 100), "stays");
  CAF_CHECK_EQUAL(breaker.status(now).slow_calls_in_window, 0u);
}

CAF_TEST(more slow calls than calls are all of them) {
  CAF_CHECK_EQUAL(slow(9, 0, 99), "stays");
  CAF_CHECK_EQUAL(breaker.status(now).slow_calls_in_window, 9u);
}

CAF_TEST(trials that are slow open the breaker again) {
  half_open_and_probed();
  CAF_CHECK_EQUAL(slow(3, 0, 3), "stays");
  CAF_CHECK_EQUAL(slow(1, 0, 0), "open: slow_call_rate");
}

CAF_TEST(few slow trials do not) {
  half_open_and_probed();
  CAF_CHECK_EQUAL(slow(4, 0, 2), "closed: trials_succeeded");
}

CAF_TEST(a rate of failures of zero never trips) {
  breaker_options options;
  options.failure_rate = 0;
  options.consecutive_failures = 0;
  use(options);
  CAF_CHECK_EQUAL(report(0, 1000, 1000), "stays");
}

// -- the end of half-open -------------------------------------------------------

CAF_TEST(half-open that proves nothing ends in open) {
  breaker_options options;
  options.half_open_max = 300ms;
  use(options);
  half_open_and_probed();
  auto began = now;
  breaker.lease(4, now);
  trials(0, 4, 0);
  now = began + 299ms;
  CAF_CHECK_EQUAL(tick(), "stays");
  CAF_CHECK(breaker.next_tick() == began + 300ms);
  now = began + 300ms;
  CAF_CHECK_EQUAL(tick(), "open: half_open_timeout");
  CAF_CHECK(open_wait() >= 160ms);
}

CAF_TEST(half-open without a permit in use is bounded as well) {
  breaker_options options;
  options.half_open_max = 100ms;
  use(options);
  half_open();
  breaker.probe_started();
  CAF_CHECK(breaker.next_tick() == now + 100ms);
  now += 100ms;
  CAF_CHECK_EQUAL(tick(), "open: half_open_timeout");
}

CAF_TEST_FIXTURE_SCOPE_END()
