#define CAF_SUITE rate_limiter

#include <redoubt/actors/log.hpp>

#include <redoubt/tests/support/check.hpp>

using namespace redoubt;
using namespace std::chrono_literals;

namespace {

// Three lines per second and cause.
struct fixture {
  rate_limiter limiter{3};
  uint64_t suppressed = 0;

  static api::time_point at(api::duration since) {
    return api::time_point{1000s + since};
  }

  bool admit(api::duration now, uint32_t cause = 1) {
    return limiter.admit(cause, at(now), suppressed);
  }

  /// How many of `n` lines at once are written.
  int admitted(int n, api::duration now, uint32_t cause = 1) {
    int result = 0;
    for (int i = 0; i < n; ++i)
      result += admit(now, cause) ? 1 : 0;
    return result;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(rate_limiter_tests, fixture)

CAF_TEST(as many lines as allowed are written) {
  for (int i = 0; i < 3; ++i) {
    CAF_CHECK(admit(0ms));
    CAF_CHECK_EQUAL(suppressed, 0u);
  }
}

CAF_TEST(one line more than allowed is held back) {
  CAF_CHECK_EQUAL(admitted(3, 0ms), 3);
  CAF_CHECK(!admit(0ms));
  CAF_CHECK(!admit(999ms));
}

CAF_TEST(after a second there is room again) {
  CAF_CHECK_EQUAL(admitted(10, 0ms), 3);
  CAF_CHECK_EQUAL(admitted(10, 1s), 3);
  CAF_CHECK_EQUAL(admitted(10, 60s), 3);
}

CAF_TEST(the next line tells how many were held back) {
  admitted(10, 0ms);
  CAF_CHECK(admit(1s));
  CAF_CHECK_EQUAL(suppressed, 7u);
  CAF_CHECK(admit(1s));
  CAF_CHECK_EQUAL(suppressed, 0u);
}

CAF_TEST(what was held back long ago is still told) {
  admitted(4, 0ms);
  CAF_CHECK(admit(1h));
  CAF_CHECK_EQUAL(suppressed, 1u);
}

CAF_TEST(each cause has its own count) {
  CAF_CHECK_EQUAL(admitted(5, 0ms, 1), 3);
  CAF_CHECK_EQUAL(admitted(4, 0ms, 2), 3);
  CAF_CHECK(admit(1s, 2));
  CAF_CHECK_EQUAL(suppressed, 1u);
  CAF_CHECK(admit(1s, 1));
  CAF_CHECK_EQUAL(suppressed, 2u);
}

CAF_TEST(a steady drip below the limit is never held back) {
  for (int i = 0; i < 100; ++i)
    CAF_CHECK(admit(i * 334ms));
}

CAF_TEST(a flood is written at the allowed rate) {
  int written = 0;
  for (int i = 0; i < 10000; ++i)
    written += admit(i * 1ms) ? 1 : 0;
  CAF_CHECK_EQUAL(written, 30);
}

CAF_TEST(a limit of none holds everything back) {
  rate_limiter none{0};
  CAF_CHECK(!none.admit(1, at(0ms), suppressed));
  CAF_CHECK(!none.admit(1, at(10s), suppressed));
}

CAF_TEST_FIXTURE_SCOPE_END()
