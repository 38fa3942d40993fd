#define CAF_SUITE handle_numbers

#include <redoubt/actors/handle_numbers.hpp>

#include <redoubt/tests/support/check.hpp>

using namespace redoubt;

CAF_TEST(every actor that was behind a handle leads to it) {
  handle_numbers all;
  all.add(11, 1);
  all.add(12, 2);
  all.add(13, 1);
  CAF_CHECK(all.find(11) == 1u);
  CAF_CHECK(all.find(12) == 2u);
  CAF_CHECK(all.find(13) == 1u);
  CAF_CHECK(!all.find(14));
}

CAF_TEST(a handle whose actor dies over and over takes no more room) {
  constexpr uint64_t deaths = 10000;
  handle_numbers all;
  all.add(1, 7);
  for (uint64_t actor = 2; actor < 2 + deaths; ++actor) {
    all.add(actor, 8);
    CAF_REQUIRE(all.find(actor) == 8u);
    CAF_REQUIRE(all.size() <= handle_numbers::remembered + 1);
  }
  // The newest ones are known, and those of other handles.
  CAF_CHECK(all.find(2 + deaths - handle_numbers::remembered) == 8u);
  CAF_CHECK(!all.find(1 + deaths - handle_numbers::remembered));
  CAF_CHECK(all.find(1) == 7u);
}
