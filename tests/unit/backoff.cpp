#define CAF_SUITE backoff

#include <redoubt/actors/request/backoff.hpp>

#include <redoubt/tests/support/check.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

using namespace redoubt;
using namespace std::chrono_literals;
using std::chrono::milliseconds;

namespace {

// Defaults: 10 ms to 250 ms, times 3; slow 100 ms to 1000 ms.
struct fixture {
  retry_options options;
  random_source random{42};

  struct range {
    milliseconds least = milliseconds::max();
    milliseconds most = milliseconds::min();
    double mean = 0;

    bool operator==(const range&) const = default;
  };

  range draw(milliseconds previous, bool slow) {
    constexpr int n = 20000;
    range result;
    for (int i = 0; i < n; ++i) {
      auto x = next_wait(options, previous, slow, random);
      result.least = std::min(result.least, x);
      result.most = std::max(result.most, x);
      result.mean += static_cast<double>(x.count()) / n;
    }
    return result;
  }

  void check(milliseconds previous, bool slow, milliseconds least,
             milliseconds most) {
    auto x = draw(previous, slow);
    CAF_CHECK_EQUAL(x.least.count(), least.count());
    CAF_CHECK_EQUAL(x.most.count(), most.count());
    // Uniform: five standard errors around the middle.
    auto middle = static_cast<double>((least + most).count()) / 2;
    auto width = static_cast<double>((most - least).count());
    CAF_CHECK_LESS(std::abs(x.mean - middle), 0.012 * width + 0.001);
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(backoff_tests, fixture)

CAF_TEST(the first wait is jittered between the base and its multiple) {
  check(0ms, false, 10ms, 30ms);
}

CAF_TEST(the next wait is between the base and the multiple of the last) {
  check(20ms, false, 10ms, 60ms);
  check(80ms, false, 10ms, 240ms);
}

CAF_TEST(no wait is longer than the maximum) {
  check(84ms, false, 10ms, 250ms);
  check(250ms, false, 10ms, 250ms);
}

CAF_TEST(slow waits have their own base and maximum) {
  check(0ms, true, 100ms, 300ms);
  check(300ms, true, 100ms, 900ms);
  check(1000ms, true, 100ms, 1000ms);
}

CAF_TEST(a slow wait after a usual one starts at its base) {
  check(20ms, true, 100ms, 300ms);
}

CAF_TEST(a usual wait after a slow one is not longer than the maximum) {
  check(900ms, false, 10ms, 250ms);
}

CAF_TEST(a multiplier that is not whole is taken exactly) {
  options.multiplier = 1.5;
  check(30ms, false, 10ms, 45ms);
  options.multiplier = 1.0;
  check(30ms, false, 10ms, 30ms);
}

CAF_TEST(a base as large as the maximum leaves no choice) {
  options.base = 250ms;
  check(0ms, false, 250ms, 250ms);
  options.base = 300ms;
  check(0ms, false, 250ms, 250ms);
}

CAF_TEST(huge options do not overflow) {
  options.max = milliseconds::max();
  options.multiplier = 1e300;
  for (int i = 0; i < 1000; ++i)
    CAF_CHECK(next_wait(options, 1000ms, false, random) >= 10ms);
}

CAF_TEST(the same seed gives the same waits) {
  random_source first{7};
  random_source second{7};
  auto x = 0ms;
  auto y = 0ms;
  for (int i = 0; i < 100; ++i) {
    x = next_wait(options, x, false, first);
    y = next_wait(options, y, false, second);
    CAF_CHECK_EQUAL(x.count(), y.count());
  }
}

CAF_TEST(waits spread instead of falling into step) {
  // A schedule of three waits from the same failure: hardly two of 1000
  // clients meet in the same millisecond more often than chance allows.
  std::vector<int> hits(3 * 250 + 1);
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    random_source mine{seed};
    auto wait = 0ms;
    auto end = 0ms;
    for (int i = 0; i < 3; ++i) {
      wait = next_wait(options, wait, false, mine);
      end += wait;
    }
    ++hits[static_cast<size_t>(end.count())];
  }
  CAF_CHECK_LESS(*std::max_element(hits.begin(), hits.end()), 40);
}

CAF_TEST_FIXTURE_SCOPE_END()
