#define CAF_SUITE loop_watch

#include <redoubt/actors/reactor/loop_watch.hpp>

#include <redoubt/tests/support/check.hpp>

#include <chrono>
#include <thread>

using namespace redoubt;
using namespace std::chrono_literals;

namespace {

struct fixture {
  static api::time_point at(api::duration since) {
    return api::time_point{1000s + since};
  }

  /// The loop works from `begin` to `end`.
  void turn(api::duration begin, api::duration end) {
    watch.begin(at(begin));
    watch.end(at(end));
  }

  loop_watch watch;
};

bool near(double a, double b) {
  return a > b - 0.001 && a < b + 0.001;
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(loop_watch_tests, fixture)

CAF_TEST(a loop that never began is idle) {
  CAF_CHECK(watch.read(at(1s)) == loop_status{});
}

CAF_TEST(the longest turn and the busy share are told) {
  turn(0ms, 100ms);
  turn(500ms, 800ms);
  auto x = watch.read(at(1s));
  CAF_CHECK(x.longest_turn == 300ms);
  CAF_CHECK(near(x.busy, 0.4));
}

CAF_TEST(turns that follow each other are told apart) {
  watch.begin(at(0ms));
  watch.next(at(100ms));
  watch.next(at(150ms));
  watch.end(at(350ms));
  auto x = watch.read(at(700ms));
  CAF_CHECK(x.longest_turn == 200ms);
  CAF_CHECK(near(x.busy, 0.5));
}

CAF_TEST(a turn that does not end is told while it lasts) {
  turn(0ms, 10ms);
  watch.begin(at(1s));
  auto x = watch.read(at(4s));
  CAF_CHECK(x.longest_turn == 3s);
  CAF_CHECK(near(x.busy, 3.01 / 4));
}

CAF_TEST(what is long past is forgotten) {
  turn(0s, 2s);
  turn(5s, 5s + 1ms);
  CAF_CHECK(watch.read(at(6s)).longest_turn == 2s);
  turn(9s, 9s + 2ms);
  CAF_CHECK(watch.read(at(9s)).longest_turn == 2s);
  turn(10s + 1ms, 10s + 2ms);
  auto x = watch.read(at(11s));
  CAF_CHECK(x.longest_turn == 2ms);
  CAF_CHECK(x.busy < 0.001);
}

CAF_TEST(a busy share is never above one) {
  watch.begin(at(0s));
  watch.next(at(4s));
  CAF_CHECK(watch.read(at(1s)).busy <= 1.0);
  CAF_CHECK(near(watch.read(at(8s)).busy, 1.0));
}

CAF_TEST(another thread may read at any time) {
  std::atomic<bool> over{false};
  std::atomic<bool> sane{true};
  std::thread reader{[&] {
    while (!over) {
      auto x = watch.read(at(1h));
      if (!(x.busy >= 0 && x.busy <= 1 && x.longest_turn >= 0us))
        sane = false;
    }
  }};
  for (int i = 0; i < 100'000; ++i)
    turn(i * 10ms, i * 10ms + 5ms);
  over = true;
  reader.join();
  CAF_CHECK(sane);
  CAF_CHECK(watch.read(at(1000s)).longest_turn == 5ms);
}

CAF_TEST_FIXTURE_SCOPE_END()
