#define CAF_SUITE ring

#include <redoubt/actors/random.hpp>
#include <redoubt/actors/ring.hpp>
#include <redoubt/tests/unit/seed.hpp>

#include <redoubt/tests/support/check.hpp>

#include <algorithm>
#include <deque>
#include <memory>
#include <vector>

using namespace redoubt;
using redoubt::test::seed_of_this_run;

namespace {

template <class T>
std::vector<T> all_of(const ring<T>& x) {
  std::vector<T> result;
  for (size_t i = 0; i < x.size(); ++i)
    result.push_back(x[i]);
  return result;
}

/// Fills a ring so that its elements lie across the end of its memory.
ring<int> wrapped(int n) {
  ring<int> result;
  for (int i = 0; i < 16; ++i)
    result.push_back(-1);
  for (int i = 0; i < 12; ++i)
    result.pop_front();
  for (int i = 0; i < 12; ++i)
    result.push_back(-1);
  while (!result.empty())
    result.pop_front();
  for (int i = 0; i < n; ++i)
    result.push_back(i);
  return result;
}

} // namespace

CAF_TEST(a new ring is empty) {
  ring<int> x;
  CAF_CHECK(x.empty());
  CAF_CHECK_EQUAL(x.size(), 0u);
}

CAF_TEST(what is pushed at the back comes out at the front in order) {
  ring<int> x;
  for (int i = 0; i < 100; ++i)
    x.push_back(i);
  CAF_CHECK_EQUAL(x.size(), 100u);
  CAF_CHECK_EQUAL(x.back(), 99);
  for (int i = 0; i < 100; ++i) {
    CAF_CHECK_EQUAL(x.front(), i);
    x.pop_front();
  }
  CAF_CHECK(x.empty());
}

CAF_TEST(what is pushed at the front comes out first) {
  ring<int> x;
  x.push_back(3);
  x.push_front(2);
  x.push_front(1);
  CAF_CHECK_EQUAL(all_of(x), (std::vector<int>{1, 2, 3}));
  CAF_CHECK_EQUAL(x.front(), 1);
  CAF_CHECK_EQUAL(x.back(), 3);
}

CAF_TEST(a ring that is only pushed at the front grows as well) {
  ring<int> x;
  for (int i = 0; i < 100; ++i)
    x.push_front(i);
  for (int i = 0; i < 100; ++i)
    CAF_CHECK_EQUAL(x[static_cast<size_t>(i)], 99 - i);
}

CAF_TEST(growing keeps the order of elements that lie across the end) {
  auto x = wrapped(16);
  x.push_back(16);
  x.push_front(-1);
  std::vector<int> expected;
  for (int i = -1; i <= 16; ++i)
    expected.push_back(i);
  CAF_CHECK_EQUAL(all_of(x), expected);
}

CAF_TEST(elements can be changed through the index) {
  auto x = wrapped(10);
  x[7] = 70;
  CAF_CHECK_EQUAL(x[7], 70);
  CAF_CHECK_EQUAL(x[6], 6);
  CAF_CHECK_EQUAL(x[8], 8);
}

CAF_TEST(clear leaves a ring that can be used again) {
  auto x = wrapped(16);
  x.clear();
  CAF_CHECK(x.empty());
  x.push_back(1);
  CAF_CHECK_EQUAL(all_of(x), std::vector<int>{1});
}

CAF_TEST(what was popped is let go at once) {
  ring<std::shared_ptr<int>> x;
  auto value = std::make_shared<int>(1);
  x.push_back(value);
  x.push_back(value);
  x.push_back(value);
  CAF_CHECK_EQUAL(value.use_count(), 4);
  x.pop_front();
  CAF_CHECK_EQUAL(value.use_count(), 3);
  x.clear();
  CAF_CHECK_EQUAL(value.use_count(), 1);
}

CAF_TEST(elements may be such that cannot be copied) {
  ring<std::unique_ptr<int>> x;
  for (int i = 0; i < 40; ++i)
    x.push_back(std::make_unique<int>(i));
  x.push_front(std::make_unique<int>(-1));
  CAF_CHECK_EQUAL(x.size(), 41u);
  CAF_CHECK_EQUAL(*x.front(), -1);
  CAF_CHECK_EQUAL(*x.back(), 39);
}

CAF_TEST(a random walk agrees with a deque) {
  auto seed = seed_of_this_run();
  CAF_MESSAGE("REDOUBT_SEED=" << seed);
  random_source random{seed};
  ring<uint64_t> x;
  std::deque<uint64_t> model;
  for (uint64_t i = 0; i < 100000; ++i) {
    // Long stretches of mostly pushing and of mostly popping.
    auto pushing = (i / 500) % 2 == 0;
    auto kind = random.next() % 16;
    if (kind == 0) {
      x.push_front(i);
      model.push_front(i);
    } else if (kind < (pushing ? 12u : 4u)) {
      x.push_back(i);
      model.push_back(i);
    } else if (!model.empty()) {
      x.pop_front();
      model.pop_front();
    }
    auto same = x.size() == model.size() && x.empty() == model.empty();
    if (same && !model.empty()) {
      auto at = random.next() % model.size();
      same = x.front() == model.front() && x.back() == model.back()
             && x[at] == model[at];
    }
    if (!same)
      CAF_FAIL("step " << i << ", REDOUBT_SEED=" << seed);
  }
  CAF_CHECK(true);
}
