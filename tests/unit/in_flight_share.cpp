#define CAF_SUITE in_flight_share

#include <redoubt/actors/request/in_flight_share.hpp>

#include <redoubt/tests/support/check.hpp>

using namespace redoubt;
using namespace std::chrono_literals;

namespace {

constexpr api::time_point now{1000s};

in_flight_share on_the_ramp(uint64_t units) {
  in_flight_share result;
  result.end_at(now + 200ms);
  result.lease(units, 0);
  return result;
}

} // namespace

CAF_TEST(off the ramp all is admitted) {
  in_flight_share share;
  CAF_CHECK(share.over());
  CAF_CHECK(!share.in_force(now));
  CAF_CHECK(share.admits(1'000'000, now));
}

CAF_TEST(on the ramp as many are in flight as units were leased) {
  auto share = on_the_ramp(2);
  CAF_CHECK(share.admits(0, now));
  CAF_CHECK(share.admits(1, now));
  CAF_CHECK(!share.admits(2, now));
  share.lease(1, 0);
  CAF_CHECK(share.admits(2, now));
  CAF_CHECK(!share.admits(3, now));
}

CAF_TEST(without a unit nothing is sent until the ramp ends) {
  auto share = on_the_ramp(0);
  CAF_CHECK(!share.admits(0, now + 200ms - 1ns));
  CAF_CHECK(share.admits(0, now + 200ms));
}

CAF_TEST(an idle unit that is recalled goes back at once) {
  auto share = on_the_ramp(3);
  share.lease(0, 2);
  CAF_CHECK_EQUAL(share.give_back(1), 2u);
  CAF_CHECK_EQUAL(share.returned(), 2u);
  CAF_CHECK(!share.admits(1, now));
  CAF_CHECK_EQUAL(share.give_back(0), 0u);
}

CAF_TEST(a unit in use that is recalled goes back with its reply) {
  auto share = on_the_ramp(3);
  share.lease(0, 1);
  CAF_CHECK_EQUAL(share.give_back(3), 0u);
  CAF_CHECK(!share.admits(2, now));
  CAF_CHECK_EQUAL(share.give_back(2), 1u);
  CAF_CHECK(!share.admits(2, now));
  CAF_CHECK(share.admits(1, now));
}

CAF_TEST(what is left in flight from before the ramp keeps its units) {
  auto share = on_the_ramp(2);
  share.lease(0, 2);
  CAF_CHECK_EQUAL(share.give_back(7), 0u);
  CAF_CHECK_EQUAL(share.give_back(1), 1u);
}

CAF_TEST(another generation begins with nothing) {
  auto share = on_the_ramp(3);
  share.lease(0, 1);
  share.give_back(0);
  share.begin();
  CAF_CHECK(share.over());
  CAF_CHECK_EQUAL(share.returned(), 0u);
  share.end_at(now + 1s);
  CAF_CHECK(!share.admits(0, now));
}
