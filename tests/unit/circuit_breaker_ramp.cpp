#define CAF_SUITE circuit_breaker_ramp

#include <redoubt/tests/unit/circuit_breaker_fixture.hpp>

using namespace redoubt;
using namespace std::chrono_literals;

namespace {

struct fixture : breaker_fixture {
  void recover() {
    half_open_and_probed();
    CAF_REQUIRE_EQUAL(report(4, 0, 0), "closed: trials_succeeded");
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(circuit_breaker_ramp_tests, fixture)

CAF_TEST(after half-open a quarter then half then all of the usual is admitted) {
  CAF_CHECK(!breaker.ramping());
  recover();
  CAF_CHECK(breaker.ramp_until() == now + 200ms);
  for (auto [share, allowance] : {std::pair{0.25, 250u}, {0.5, 500u}}) {
    CAF_CHECK(breaker.ramping());
    CAF_CHECK_EQUAL(breaker.ramp(), share);
    CAF_CHECK_EQUAL(breaker.status(now).ramp, share);
    CAF_CHECK_EQUAL(breaker.ramp_allowance(1000), allowance);
    CAF_CHECK(breaker.next_tick() == now + 100ms);
    now += 100ms - 1ns;
    CAF_CHECK_EQUAL(tick(), "stays");
    CAF_CHECK_EQUAL(breaker.ramp(), share);
    now += 1ns;
    CAF_CHECK_EQUAL(tick(), "stays");
  }
  CAF_CHECK(!breaker.ramping());
  CAF_CHECK_EQUAL(breaker.status(now).ramp, 1.0);
  CAF_CHECK(breaker.ramp_until() <= now);
  CAF_CHECK(breaker.next_tick() == never);
}

CAF_TEST(the ramp never admits less than half-open) {
  recover();
  CAF_CHECK_EQUAL(breaker.ramp_allowance(0), 5u);
  CAF_CHECK_EQUAL(breaker.ramp_allowance(20), 5u);
  CAF_CHECK_EQUAL(breaker.ramp_allowance(24), 6u);
}

CAF_TEST(the ramp keeps the state and its generation) {
  recover();
  auto generation = breaker.generation();
  now += 100ms;
  tick();
  CAF_CHECK(breaker.state() == breaker_state::closed);
  CAF_CHECK_EQUAL(breaker.generation(), generation);
  CAF_CHECK_EQUAL(report(0, 5, 5), "open: consecutive_failures");
  CAF_CHECK(!breaker.ramping());
}

CAF_TEST(a late tick skips the steps that are over) {
  recover();
  now += 150ms;
  tick();
  CAF_CHECK_EQUAL(breaker.ramp(), 0.5);
  CAF_CHECK(breaker.next_tick() == now + 50ms);
  recover();
  now += 1h;
  tick();
  CAF_CHECK(!breaker.ramping());
}

CAF_TEST(without steps there is no ramp) {
  breaker_options options;
  options.ramp = {};
  use(options);
  recover();
  CAF_CHECK(!breaker.ramping());
  CAF_CHECK(breaker.next_tick() == never);
}

CAF_TEST(what an operator closes has no ramp) {
  half_open();
  breaker.force_close(now);
  CAF_CHECK(!breaker.ramping());
  breaker.reset(now);
  half_open();
  breaker.reset(now);
  CAF_CHECK(!breaker.ramping());
  recover();
  breaker.force_close(now);
  CAF_CHECK(!breaker.ramping());
  breaker.reset(now);
  recover();
  breaker.disable(now);
  CAF_CHECK(!breaker.ramping());
}

CAF_TEST(new options end a ramp that has not so many steps) {
  recover();
  now += 100ms;
  tick();
  auto options = breaker.options();
  options.ramp = {0.1, 0.9};
  breaker.options(options, now);
  CAF_CHECK_EQUAL(breaker.ramp(), 0.9);
  options.ramp = {0.1};
  breaker.options(options, now);
  CAF_CHECK(!breaker.ramping());
}

CAF_TEST_FIXTURE_SCOPE_END()
