#define CAF_SUITE token_purse

#include <redoubt/actors/request/token_purse.hpp>

#include <redoubt/tests/support/check.hpp>

using namespace redoubt;
using namespace std::chrono_literals;

namespace {

constexpr api::time_point now{1000s};

} // namespace

CAF_TEST(an empty purse gives nothing) {
  token_purse purse;
  CAF_CHECK(purse.empty());
  CAF_CHECK(!purse.take(now));
  CAF_CHECK(purse.told() == token_totals{});
}

CAF_TEST(as many are taken as were granted) {
  token_purse purse;
  purse.ask();
  purse.ask();
  purse.grant(2, now + 1s);
  CAF_CHECK(purse.take(now));
  CAF_CHECK(purse.take(now));
  CAF_CHECK(!purse.take(now));
  CAF_CHECK((purse.told() == token_totals{.asked = 2, .taken = 2}));
}

CAF_TEST(nothing is taken after the lease) {
  token_purse purse;
  purse.grant(2, now + 1s);
  CAF_CHECK_EQUAL(purse.tokens(now + 1s - 1ns), 2u);
  CAF_CHECK_EQUAL(purse.tokens(now + 1s), 0u);
  CAF_CHECK(!purse.take(now + 1s));
  CAF_CHECK(!purse.expire(now + 1s - 1ns));
  CAF_CHECK(purse.expire(now + 1s));
  CAF_CHECK(!purse.expire(now + 2s));
  CAF_CHECK_EQUAL(purse.told().returned, 2u);
}

CAF_TEST(a new grant prolongs the lease of all) {
  token_purse purse;
  purse.grant(1, now + 1s);
  purse.grant(1, now + 2s);
  purse.grant(1, now + 1s);
  CAF_CHECK(purse.until() == now + 2s);
  CAF_CHECK_EQUAL(purse.tokens(now + 1500ms), 3u);
}

CAF_TEST(what was not used can be taken again) {
  token_purse purse;
  purse.grant(1, now + 1s);
  purse.take(now);
  purse.give_back(now);
  CAF_CHECK(purse.take(now));
  CAF_CHECK((purse.told() == token_totals{.taken = 2, .refunded = 1}));
}

CAF_TEST(what was not used after the lease goes back) {
  token_purse purse;
  purse.grant(1, now + 1s);
  purse.take(now);
  purse.give_back(now + 1s);
  CAF_CHECK(purse.empty());
  CAF_CHECK(
    (purse.told() == token_totals{.taken = 1, .refunded = 1, .returned = 1}));
}
