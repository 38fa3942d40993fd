#define CAF_SUITE call_window

#include <redoubt/actors/supervisor/call_window.hpp>

#include <redoubt/tests/support/check.hpp>

using namespace redoubt;
using namespace std::chrono_literals;

namespace {

constexpr api::time_point now{1000s};

breaker_options of_calls(uint32_t n) {
  breaker_options result;
  result.window = window_kind::count;
  result.window_calls = n;
  return result;
}

} // namespace

CAF_TEST(the oldest call falls out when a new one comes) {
  count_window window{3};
  window.add({0, 1, 1}, 1);
  window.add({2, 0, 0}, 0);
  CAF_CHECK(window.sum() == call_counts{2, 1, 1});
  window.add({1, 0, 0}, 0);
  CAF_CHECK(window.sum() == call_counts{3, 0, 0});
}

CAF_TEST(of calls that came in together the run of failures is the newest) {
  count_window window{10};
  // One failure, seven successes, two failures.
  window.add({7, 3, 0}, 2);
  window.add({1, 0, 0}, 0);
  CAF_CHECK(window.sum() == call_counts{8, 2, 0});
  for (int i = 0; i < 7; ++i)
    window.add({1, 0, 0}, 0);
  CAF_CHECK(window.sum() == call_counts{8, 2, 0});
  window.add({2, 0, 0}, 0);
  CAF_CHECK(window.sum() == call_counts{10, 0, 0});
}

CAF_TEST(the slow ones of calls that came in together are the newest) {
  count_window window{4};
  window.add({4, 0, 1}, 0);
  window.add({3, 0, 0}, 0);
  CAF_CHECK(window.sum() == call_counts{4, 0, 1});
  window.add({1, 0, 0}, 0);
  CAF_CHECK(window.sum() == call_counts{4, 0, 0});
}

CAF_TEST(of more calls than there is room for the newest stay) {
  count_window window{5};
  window.add({~0ull, 3, 2}, 3);
  CAF_CHECK(window.sum() == call_counts{2, 3, 2});
  window.add({0, ~0ull, 0}, 1);
  CAF_CHECK(window.sum() == call_counts{0, 5, 0});
}

CAF_TEST(a run longer than the failures is all of them) {
  count_window window{5};
  window.add({1, 2, 0}, 9);
  CAF_CHECK(window.sum() == call_counts{1, 2, 0});
}

CAF_TEST(another size keeps the newest calls) {
  count_window window{4};
  window.add({0, 2, 0}, 2);
  window.add({2, 0, 1}, 0);
  window.resize(6);
  CAF_CHECK(window.sum() == call_counts{2, 2, 1});
  window.resize(3);
  CAF_CHECK(window.sum() == call_counts{2, 1, 1});
  window.add({1, 0, 0}, 0);
  CAF_CHECK(window.sum() == call_counts{3, 0, 1});
  window.clear();
  CAF_CHECK(window.sum() == call_counts{});
}

CAF_TEST(a window of calls does not care when they were) {
  call_window window{of_calls(10)};
  window.add({1, 2, 0}, 2, now);
  CAF_CHECK(window.sum(now + 24h) == call_counts{1, 2, 0});
}

CAF_TEST(a window of time forgets) {
  call_window window{breaker_options{}};
  window.add({1, 2, 0}, 2, now);
  CAF_CHECK(window.sum(now + 9s) == call_counts{1, 2, 0});
  CAF_CHECK(window.sum(now + 10s) == call_counts{});
}

CAF_TEST(a window of another kind starts empty) {
  call_window window{breaker_options{}};
  window.add({1, 2, 0}, 2, now);
  window.resize(of_calls(10));
  CAF_CHECK(window.sum(now) == call_counts{});
  window.add({0, 4, 0}, 4, now);
  window.resize(of_calls(3));
  CAF_CHECK(window.sum(now) == call_counts{0, 3, 0});
  window.resize(breaker_options{});
  CAF_CHECK(window.sum(now) == call_counts{});
}
