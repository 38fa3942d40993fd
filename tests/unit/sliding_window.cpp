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
  CAF_CHECK_EQUAL(window.sum(at(0s)).calls(), 0u);
  CAF_CHECK_EQUAL(window.sum(at(0s)).failures, 0u);
}

CAF_TEST(calls are successes and failures together) {
  window.add({3, 2}, at(0s));
  window.add({1, 1}, at(1500ms));
  CAF_CHECK_EQUAL(window.sum(at(2s)).calls(), 7u);
  CAF_CHECK_EQUAL(window.sum(at(2s)).failures, 3u);
}

CAF_TEST(a bucket falls out as a whole when its turn comes) {
  window.add({1, 0}, at(0ms));
  window.add({0, 2}, at(999ms));
  window.add({4, 0}, at(1000ms));
  CAF_CHECK_EQUAL(window.sum(at(9999ms)).calls(), 7u);
  CAF_CHECK_EQUAL(window.sum(at(10000ms)).calls(), 4u);
  CAF_CHECK_EQUAL(window.sum(at(10000ms)).failures, 0u);
  CAF_CHECK_EQUAL(window.sum(at(10999ms)).calls(), 4u);
  CAF_CHECK_EQUAL(window.sum(at(11000ms)).calls(), 0u);
}

CAF_TEST(adding forgets what is older than the window) {
  for (int i = 0; i < 25; ++i)
    window.add({0, 1}, at(i * 1s));
  CAF_CHECK_EQUAL(window.sum(at(24s)).failures, 10u);
  window.add({0, 1}, at(28s));
  CAF_CHECK_EQUAL(window.sum(at(28s)).failures, 7u);
}

CAF_TEST(asking does not change what a later question answers) {
  window.add({0, 1}, at(0s));
  CAF_CHECK_EQUAL(window.sum(at(60s)).failures, 0u);
  CAF_CHECK_EQUAL(window.sum(at(5s)).failures, 1u);
}

CAF_TEST(a jump far ahead empties the window) {
  window.add({5, 5}, at(0s));
  CAF_CHECK_EQUAL(window.sum(api::time_point::max()).calls(), 0u);
  window.add({0, 1}, api::time_point::max());
  CAF_CHECK_EQUAL(window.sum(api::time_point::max()).calls(), 1u);
  CAF_CHECK_EQUAL(window.sum(api::time_point::max()).failures, 1u);
}

CAF_TEST(time before the newest bucket counts as the newest bucket) {
  window.add({1, 0}, at(20s));
  window.add({0, 1}, at(3s));
  CAF_CHECK_EQUAL(window.sum(at(3s)).calls(), 2u);
  CAF_CHECK_EQUAL(window.sum(at(29s)).calls(), 2u);
  CAF_CHECK_EQUAL(window.sum(at(30s)).calls(), 0u);
}

CAF_TEST(times before the epoch of the clock have buckets of their own) {
  sliding_window two{2, 1s};
  two.add({1, 0}, api::time_point{-1500ms});
  two.add({1, 0}, api::time_point{-500ms});
  CAF_CHECK_EQUAL(two.sum(api::time_point{-1ms}).calls(), 2u);
  CAF_CHECK_EQUAL(two.sum(api::time_point{0ms}).calls(), 1u);
  two.add({1, 0}, api::time_point{500ms});
  CAF_CHECK_EQUAL(two.sum(api::time_point{500ms}).calls(), 2u);
  CAF_CHECK_EQUAL(two.sum(api::time_point{1s}).calls(), 1u);
}

CAF_TEST(clearing forgets all and goes on counting) {
  window.add({1, 1}, at(0s));
  window.add({1, 1}, at(5s));
  window.clear();
  CAF_CHECK_EQUAL(window.sum(at(5s)).calls(), 0u);
  window.add({0, 1}, at(6s));
  CAF_CHECK_EQUAL(window.sum(at(6s)).calls(), 1u);
}

CAF_TEST(counts stick at the largest value instead of wrapping) {
  window.add({most, most}, at(0s));
  window.add({1, 1}, at(0s));
  window.add({1, 1}, at(1s));
  CAF_CHECK_EQUAL(window.sum(at(1s)).calls(), most);
  CAF_CHECK_EQUAL(window.sum(at(1s)).failures, most);
}

CAF_TEST(successes stick at the largest value too) {
  window.add({most, 0}, at(0s));
  window.add({1, 0}, at(0s));
  CAF_CHECK_EQUAL(window.sum(at(0s)).calls(), most);
  window.add({most, 0}, at(1s));
  CAF_CHECK_EQUAL(window.sum(at(1s)).calls(), most);
}

CAF_TEST(a window of no buckets or no width has one of the least) {
  sliding_window least{0, 0s};
  least.add({1, 1}, at(0s));
  CAF_CHECK_EQUAL(least.sum(at(0s)).calls(), 2u);
  CAF_CHECK_EQUAL(least.sum(at(1ns)).calls(), 0u);
}

CAF_TEST(a larger window keeps all counts) {
  window.add({0, 1}, at(0s));
  window.add({0, 2}, at(9s));
  window.resize(20, 1s);
  CAF_CHECK_EQUAL(window.sum(at(9s)).failures, 3u);
  CAF_CHECK_EQUAL(window.sum(at(19s)).failures, 3u);
  CAF_CHECK_EQUAL(window.sum(at(20s)).failures, 2u);
  CAF_CHECK_EQUAL(window.sum(at(29s)).failures, 0u);
}

CAF_TEST(a smaller window keeps the newest counts) {
  for (int i = 0; i < 10; ++i)
    window.add({0, 1}, at(i * 1s));
  window.resize(3, 1s);
  CAF_CHECK_EQUAL(window.sum(at(9s)).failures, 3u);
  window.resize(2, 500ms);
  CAF_CHECK_EQUAL(window.sum(at(9s)).failures, 1u);
}

CAF_TEST(the same size keeps the counts where they are) {
  window.add({0, 1}, at(900ms));
  window.resize(10, 1s);
  CAF_CHECK_EQUAL(window.sum(at(9999ms)).failures, 1u);
}

CAF_TEST_FIXTURE_SCOPE_END()
