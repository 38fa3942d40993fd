#define CAF_SUITE sliding_window

#include <redoubt/actors/supervisor/sliding_window.hpp>

#include <redoubt/tests/support/check.hpp>

#include <limits>

using namespace redoubt;
using namespace std::chrono_literals;

namespace {

constexpr auto most = std::numeric_limits<uint64_t>::max();

// Ten buckets of a second; times are given relative to the start of one.
struct fixture {
  sliding_window window{10, 1s};

  static api::time_point at(api::duration since) {
    return api::time_point{1000s + since};
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(sliding_window_tests, fixture)

CAF_TEST(a new window is empty) {
  CAF_CHECK_EQUAL(window.calls(at(0s)), 0u);
  CAF_CHECK_EQUAL(window.failures(at(0s)), 0u);
}

CAF_TEST(calls are successes and failures together) {
  window.add(3, 2, at(0s));
  window.add(1, 1, at(1500ms));
  CAF_CHECK_EQUAL(window.calls(at(2s)), 7u);
  CAF_CHECK_EQUAL(window.failures(at(2s)), 3u);
}

CAF_TEST(a bucket falls out as a whole when its turn comes) {
  window.add(1, 0, at(0ms));
  window.add(0, 2, at(999ms));
  window.add(4, 0, at(1000ms));
  CAF_CHECK_EQUAL(window.calls(at(9999ms)), 7u);
  CAF_CHECK_EQUAL(window.calls(at(10000ms)), 4u);
  CAF_CHECK_EQUAL(window.failures(at(10000ms)), 0u);
  CAF_CHECK_EQUAL(window.calls(at(10999ms)), 4u);
  CAF_CHECK_EQUAL(window.calls(at(11000ms)), 0u);
}

CAF_TEST(adding forgets what is older than the window) {
  for (int i = 0; i < 25; ++i)
    window.add(0, 1, at(i * 1s));
  CAF_CHECK_EQUAL(window.failures(at(24s)), 10u);
  window.add(0, 1, at(28s));
  CAF_CHECK_EQUAL(window.failures(at(28s)), 7u);
}

CAF_TEST(asking does not change what a later question answers) {
  window.add(0, 1, at(0s));
  CAF_CHECK_EQUAL(window.failures(at(60s)), 0u);
  CAF_CHECK_EQUAL(window.failures(at(5s)), 1u);
}

CAF_TEST(a jump far ahead empties the window) {
  window.add(5, 5, at(0s));
  CAF_CHECK_EQUAL(window.calls(api::time_point::max()), 0u);
  window.add(0, 1, api::time_point::max());
  CAF_CHECK_EQUAL(window.calls(api::time_point::max()), 1u);
  CAF_CHECK_EQUAL(window.failures(api::time_point::max()), 1u);
}

CAF_TEST(time before the newest bucket counts as the newest bucket) {
  window.add(1, 0, at(20s));
  window.add(0, 1, at(3s));
  CAF_CHECK_EQUAL(window.calls(at(3s)), 2u);
  CAF_CHECK_EQUAL(window.calls(at(29s)), 2u);
  CAF_CHECK_EQUAL(window.calls(at(30s)), 0u);
}

CAF_TEST(times before the epoch of the clock have buckets of their own) {
  sliding_window two{2, 1s};
  two.add(1, 0, api::time_point{-1500ms});
  two.add(1, 0, api::time_point{-500ms});
  CAF_CHECK_EQUAL(two.calls(api::time_point{-1ms}), 2u);
  CAF_CHECK_EQUAL(two.calls(api::time_point{0ms}), 1u);
  two.add(1, 0, api::time_point{500ms});
  CAF_CHECK_EQUAL(two.calls(api::time_point{500ms}), 2u);
  CAF_CHECK_EQUAL(two.calls(api::time_point{1s}), 1u);
}

CAF_TEST(clearing forgets all and goes on counting) {
  window.add(1, 1, at(0s));
  window.add(1, 1, at(5s));
  window.clear();
  CAF_CHECK_EQUAL(window.calls(at(5s)), 0u);
  window.add(0, 1, at(6s));
  CAF_CHECK_EQUAL(window.calls(at(6s)), 1u);
}

CAF_TEST(counts stick at the largest value instead of wrapping) {
  window.add(most, most, at(0s));
  window.add(1, 1, at(0s));
  window.add(1, 1, at(1s));
  CAF_CHECK_EQUAL(window.calls(at(1s)), most);
  CAF_CHECK_EQUAL(window.failures(at(1s)), most);
}

CAF_TEST(successes stick at the largest value too) {
  window.add(most, 0, at(0s));
  window.add(1, 0, at(0s));
  CAF_CHECK_EQUAL(window.calls(at(0s)), most);
  window.add(most, 0, at(1s));
  CAF_CHECK_EQUAL(window.calls(at(1s)), most);
}

CAF_TEST(a window of no buckets or no width has one of the least) {
  sliding_window least{0, 0s};
  least.add(1, 1, at(0s));
  CAF_CHECK_EQUAL(least.calls(at(0s)), 2u);
  CAF_CHECK_EQUAL(least.calls(at(1ns)), 0u);
}

CAF_TEST(a larger window keeps all counts) {
  window.add(0, 1, at(0s));
  window.add(0, 2, at(9s));
  window.resize(20, 1s);
  CAF_CHECK_EQUAL(window.failures(at(9s)), 3u);
  CAF_CHECK_EQUAL(window.failures(at(19s)), 3u);
  CAF_CHECK_EQUAL(window.failures(at(20s)), 2u);
  CAF_CHECK_EQUAL(window.failures(at(29s)), 0u);
}

CAF_TEST(a smaller window keeps the newest counts) {
  for (int i = 0; i < 10; ++i)
    window.add(0, 1, at(i * 1s));
  window.resize(3, 1s);
  CAF_CHECK_EQUAL(window.failures(at(9s)), 3u);
  window.resize(2, 500ms);
  CAF_CHECK_EQUAL(window.failures(at(9s)), 1u);
}

CAF_TEST(the same size keeps the counts where they are) {
  window.add(0, 1, at(900ms));
  window.resize(10, 1s);
  CAF_CHECK_EQUAL(window.failures(at(9999ms)), 1u);
}

CAF_TEST_FIXTURE_SCOPE_END()
