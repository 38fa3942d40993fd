#define CAF_SUITE restart_intensity

#include <redoubt/actors/supervisor/restart_intensity.hpp>

#include <redoubt/tests/support/check.hpp>

using namespace redoubt;
using namespace std::chrono_literals;

namespace {

// At most three losses in ten seconds.
struct fixture {
  restart_intensity intensity{3, 10s, 100ms};

  static api::time_point at(api::duration since) {
    return api::time_point{1000s + since};
  }

  void lose_four_in_four_seconds() {
    for (int i = 0; i < 4; ++i)
      intensity.record(at(i * 1s));
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(restart_intensity_tests, fixture)

CAF_TEST(as many losses as allowed do not degrade) {
  CAF_CHECK(!intensity.record(at(0s)));
  CAF_CHECK(!intensity.record(at(1s)));
  CAF_CHECK(!intensity.record(at(2s)));
  CAF_CHECK(!intensity.degraded());
}

CAF_TEST(one loss more than allowed degrades once) {
  lose_four_in_four_seconds();
  CAF_CHECK(intensity.degraded());
  CAF_CHECK(!intensity.record(at(4s)));
  CAF_CHECK(intensity.degraded());
}

CAF_TEST(the loss that degrades says so) {
  for (int i = 0; i < 3; ++i)
    CAF_CHECK(!intensity.record(at(i * 1s)));
  CAF_CHECK(intensity.record(at(3s)));
}

CAF_TEST(losses a window apart do not add up) {
  for (int i = 0; i < 100; ++i)
    CAF_CHECK(!intensity.record(at(i * 3334ms)));
  CAF_CHECK(!intensity.degraded());
}

CAF_TEST(a loss as old as the window has fallen out) {
  intensity.record(at(0s));
  intensity.record(at(1s));
  intensity.record(at(2s));
  CAF_CHECK(!intensity.record(at(10s)));
  CAF_CHECK(intensity.record(at(10999ms)));
}

CAF_TEST(losses that come together count once) {
  for (int i = 0; i < 50; ++i)
    CAF_CHECK(!intensity.record(at(i * 1ms)));
  CAF_CHECK(!intensity.degraded());
}

CAF_TEST(a steady drip counts once per lump) {
  for (int i = 0; i < 15; ++i)
    CAF_CHECK(!intensity.record(at(i * 20ms)));
  CAF_CHECK(intensity.record(at(300ms)));
}

CAF_TEST(a whole window without a loss recovers once) {
  lose_four_in_four_seconds();
  CAF_CHECK(!intensity.tick(at(12999ms)));
  CAF_CHECK(intensity.degraded());
  CAF_CHECK(intensity.tick(at(13s)));
  CAF_CHECK(!intensity.degraded());
  CAF_CHECK(!intensity.tick(at(14s)));
}

CAF_TEST(a lumped loss puts the recovery off) {
  lose_four_in_four_seconds();
  intensity.record(at(3050ms));
  CAF_CHECK(!intensity.tick(at(13s)));
  CAF_CHECK(intensity.tick(at(13050ms)));
}

CAF_TEST(the next tick is when recovery is due) {
  CAF_CHECK(intensity.next_tick() == api::time_point::max());
  lose_four_in_four_seconds();
  CAF_CHECK(intensity.next_tick() == at(13s));
  intensity.record(at(5s));
  CAF_CHECK(intensity.next_tick() == at(15s));
  intensity.tick(at(15s));
  CAF_CHECK(intensity.next_tick() == api::time_point::max());
}

CAF_TEST(what was lost before a recovery does not degrade again) {
  lose_four_in_four_seconds();
  intensity.tick(at(13s));
  CAF_CHECK(!intensity.record(at(13s)));
  CAF_CHECK(!intensity.record(at(14s)));
  CAF_CHECK(!intensity.record(at(15s)));
  CAF_CHECK(intensity.record(at(16s)));
}

CAF_TEST(with no loss allowed the first one degrades) {
  restart_intensity none{0, 10s, 100ms};
  CAF_CHECK(none.record(at(0s)));
  CAF_CHECK(none.tick(at(10s)));
  CAF_CHECK(none.record(at(20s)));
}

CAF_TEST_FIXTURE_SCOPE_END()
