#define CAF_SUITE circuit_breaker_operator

#include <redoubt/tests/unit/circuit_breaker_fixture.hpp>

using namespace redoubt;
using namespace std::chrono_literals;

CAF_TEST_FIXTURE_SCOPE(circuit_breaker_operator_tests, breaker_fixture)

CAF_TEST(forced open stays open until it is released) {
  CAF_CHECK_EQUAL(text(breaker.force_open(now)), "open: operator_request");
  CAF_CHECK(breaker.status(now).forced);
  CAF_CHECK(breaker.next_tick() == never);
  now += 1h;
  CAF_CHECK_EQUAL(tick(), "stays");
  CAF_CHECK_EQUAL(text(breaker.connection_ready(now)), "stays");
  CAF_CHECK_EQUAL(report(100, 0, 0), "stays");
  CAF_CHECK_EQUAL(text(breaker.release(now, true)),
                  "half_open: operator_request");
  CAF_CHECK(!breaker.status(now).forced);
}

CAF_TEST(released without a connection it half-opens when there is one) {
  breaker.force_open(now);
  CAF_CHECK_EQUAL(text(breaker.release(now, false)), "stays");
  CAF_CHECK(breaker.next_tick() == now);
  CAF_CHECK_EQUAL(tick(false), "stays");
  CAF_CHECK_EQUAL(text(breaker.connection_ready(now)),
                  "half_open: connection_ready");
}

CAF_TEST(an open breaker can be forced to stay open) {
  trip();
  CAF_CHECK_EQUAL(text(breaker.force_open(now)), "stays");
  CAF_CHECK_EQUAL(text(breaker.connection_ready(now)), "stays");
  CAF_CHECK(breaker.status(now).cause == breaker_cause::consecutive_failures);
}

CAF_TEST(forced closed stays closed whatever fails) {
  half_open();
  CAF_CHECK_EQUAL(text(breaker.force_close(now)), "closed: operator_request");
  CAF_CHECK_EQUAL(report(0, 1000, 1000), "stays");
  for (int i = 0; i < 100; ++i, now += 100ms)
    CAF_CHECK_EQUAL(happens(link::lost), "stays");
}

CAF_TEST(forced closed counts on and trips with the first failure after) {
  breaker.force_close(now);
  report(0, 1000, 1000);
  CAF_CHECK_EQUAL(text(breaker.release(now, true)), "stays");
  CAF_CHECK_EQUAL(breaker.status(now).failures_in_window, 1000u);
  CAF_CHECK_EQUAL(report(1, 0, 0), "stays");
  CAF_CHECK_EQUAL(report(0, 1, 1), "open: failure_rate");
}

CAF_TEST(an operator may go from one forced state to the other) {
  breaker.force_close(now);
  CAF_CHECK_EQUAL(text(breaker.force_open(now)), "open: operator_request");
  CAF_CHECK_EQUAL(text(breaker.force_close(now)), "closed: operator_request");
}

CAF_TEST(releasing what is not forced changes nothing) {
  CAF_CHECK_EQUAL(text(breaker.release(now, true)), "stays");
  trip();
  CAF_CHECK_EQUAL(text(breaker.release(now, true)), "stays");
  CAF_REQUIRE(breaker.connection_ready(now));
  CAF_CHECK_EQUAL(text(breaker.release(now, true)), "stays");
}

CAF_TEST(what an operator opens is no trip) {
  breaker.force_open(now);
  CAF_CHECK_EQUAL(breaker.status(now).trips, 0u);
}

CAF_TEST(a reset forgets everything but the generation) {
  happens(link::lost);
  half_open();
  probe(false);
  breaker.force_open(now);
  CAF_CHECK_EQUAL(text(breaker.reset(now)), "closed: operator_request");
  breaker_status status;
  status.generation = 4;
  status.cause = breaker_cause::operator_request;
  CAF_CHECK_EQUAL(breaker.status(now), status);
  // Neither lumped with the loss before nor slowed by the failed half-open.
  happens(link::lost);
  CAF_CHECK_EQUAL(report(0, 4, 4), "open: consecutive_failures");
  CAF_CHECK(open_wait() <= 120ms);
}

CAF_TEST(resetting a closed breaker forgets its counts) {
  breaker.force_close(now);
  report(0, 100, 100);
  CAF_CHECK_EQUAL(text(breaker.reset(now)), "stays");
  CAF_CHECK_EQUAL(breaker.status(now), breaker_status{});
  CAF_CHECK_EQUAL(report(0, 4, 4), "stays");
}

// -- options ------------------------------------------------------------------

CAF_TEST(a breaker that is not enabled counts nothing and never moves) {
  breaker_options options;
  options.enabled = false;
  use(options);
  CAF_CHECK_EQUAL(report(0, 1000, 1000), "stays");
  CAF_CHECK_EQUAL(happens(link::lost), "stays");
  CAF_CHECK_EQUAL(happens(link::dial_failed), "stays");
  CAF_CHECK_EQUAL(text(breaker.connection_ready(now)), "stays");
  CAF_CHECK_EQUAL(tick(), "stays");
  breaker_status status;
  status.mode = breaker_mode::disabled;
  CAF_CHECK_EQUAL(breaker.status(now), status);
  CAF_CHECK(breaker.next_tick() == never);
}

CAF_TEST(a breaker that is not enabled can still be forced) {
  breaker_options options;
  options.enabled = false;
  use(options);
  CAF_CHECK_EQUAL(text(breaker.force_open(now)), "open: operator_request");
  CAF_CHECK_EQUAL(text(breaker.connection_ready(now)), "stays");
  CAF_CHECK_EQUAL(text(breaker.options(options, now)), "stays");
  CAF_CHECK_EQUAL(text(breaker.release(now, true)), "closed: operator_request");
}

CAF_TEST(switching it off closes and forgets) {
  breaker_options off;
  off.enabled = false;
  report(0, 4, 4);
  CAF_CHECK_EQUAL(text(breaker.options(off, now)), "stays");
  CAF_CHECK_EQUAL(text(breaker.options(breaker_options{}, now)), "stays");
  CAF_CHECK_EQUAL(report(0, 4, 4), "stays");
  CAF_CHECK_EQUAL(report(0, 1, 1), "open: consecutive_failures");
  CAF_CHECK_EQUAL(text(breaker.options(off, now)), "closed: operator_request");
  CAF_CHECK_EQUAL(text(breaker.options(breaker_options{}, now)), "stays");
  half_open();
  CAF_CHECK_EQUAL(text(breaker.options(off, now)), "closed: operator_request");
}

CAF_TEST(new thresholds judge the counts so far) {
  report(0, 4, 4);
  breaker_options options;
  options.consecutive_failures = 6;
  CAF_CHECK_EQUAL(text(breaker.options(options, now)), "stays");
  CAF_CHECK_EQUAL(breaker.status(now).failures_in_window, 4u);
  CAF_CHECK_EQUAL(report(0, 1, 1), "stays");
  CAF_CHECK_EQUAL(report(0, 1, 1), "open: consecutive_failures");
}

CAF_TEST(a longer window remembers the counts so far for longer) {
  report(0, 4, 4);
  breaker_options options;
  options.buckets = 60;
  CAF_CHECK_EQUAL(text(breaker.options(options, now)), "stays");
  now += 59s;
  CAF_CHECK_EQUAL(breaker.status(now).failures_in_window, 4u);
  now += 1s;
  CAF_CHECK_EQUAL(breaker.status(now).failures_in_window, 0u);
}

CAF_TEST(fewer permits may be proven already) {
  half_open_and_probed();
  trials(1, 0, 0);
  breaker_options options;
  options.half_open_permits = 2;
  CAF_CHECK_EQUAL(text(breaker.options(options, now)),
                  "closed: trials_succeeded");
}

CAF_TEST(permits beyond a lowered limit are not leased) {
  half_open_and_probed();
  breaker.lease(3, now);
  breaker_options options;
  options.half_open_permits = 2;
  CAF_CHECK_EQUAL(text(breaker.options(options, now)), "stays");
  CAF_CHECK_EQUAL(breaker.permits_available(), 0u);
  options.half_open_permits = 10;
  CAF_CHECK_EQUAL(text(breaker.options(options, now)), "stays");
  CAF_CHECK_EQUAL(breaker.permits_available(), 6u);
}

CAF_TEST_FIXTURE_SCOPE_END()
