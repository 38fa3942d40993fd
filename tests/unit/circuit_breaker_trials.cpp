#define CAF_SUITE circuit_breaker_trials

#include <redoubt/tests/unit/circuit_breaker_fixture.hpp>

using namespace redoubt;
using namespace std::chrono_literals;

CAF_TEST_FIXTURE_SCOPE(circuit_breaker_trials_tests, breaker_fixture)

// -- half-open: probes --------------------------------------------------------

CAF_TEST(a breaker that is half-open must be probed before it leases) {
  half_open();
  CAF_CHECK(breaker.wants_probe());
  CAF_CHECK_EQUAL(breaker.permits_available(), 0u);
  CAF_CHECK_EQUAL(breaker.lease(5, now), 0u);
  breaker.probe_started();
  CAF_CHECK(!breaker.wants_probe());
  CAF_CHECK_EQUAL(breaker.permits_available(), 0u);
}

CAF_TEST(a successful probe is a trial and frees the other permits) {
  half_open_and_probed();
  CAF_CHECK(!breaker.wants_probe());
  CAF_CHECK_EQUAL(breaker.permits_available(), 4u);
}

CAF_TEST(with one permit the first probe closes the breaker) {
  breaker_options options;
  options.half_open_permits = 1;
  use(options);
  half_open();
  CAF_CHECK_EQUAL(probe(true), "closed: trials_succeeded");
}

CAF_TEST(a failed probe reopens) {
  half_open();
  CAF_CHECK_EQUAL(probe(false), "open: probe_failed");
}

CAF_TEST(a probe of an older generation is ignored) {
  half_open();
  auto old = breaker.generation();
  breaker.probe_started();
  report(0, 1, 1);
  breaker.connection_ready(now);
  breaker.probe_started();
  CAF_CHECK_EQUAL(text(breaker.probe_finished(old, false, now)), "stays");
  CAF_CHECK_EQUAL(text(breaker.probe_finished(old, true, now)), "stays");
  CAF_CHECK_EQUAL(breaker.permits_available(), 0u);
}

CAF_TEST(a probe that was not started cannot finish) {
  half_open_and_probed();
  auto g = breaker.generation();
  CAF_CHECK_EQUAL(text(breaker.probe_finished(g, true, now)), "stays");
  CAF_CHECK_EQUAL(text(breaker.probe_finished(g, false, now)), "stays");
  breaker.probe_started();
  CAF_CHECK_EQUAL(breaker.permits_available(), 4u);
}

CAF_TEST(a probe that nobody sends or ends reopens) {
  for (auto started : {false, true}) {
    use(breaker_options{});
    half_open();
    if (started)
      breaker.probe_started();
    CAF_CHECK(breaker.next_tick() == now + 500ms);
    now += 499ms;
    CAF_CHECK_EQUAL(tick(), "stays");
    now += 1ms;
    CAF_CHECK_EQUAL(tick(), "open: probe_failed");
  }
}

// -- permits ------------------------------------------------------------------

CAF_TEST(no more permits are leased than there are) {
  half_open_and_probed();
  CAF_CHECK_EQUAL(breaker.lease(3, now), 3u);
  CAF_CHECK_EQUAL(breaker.permits_available(), 1u);
  CAF_CHECK_EQUAL(breaker.lease(3, now), 1u);
  CAF_CHECK_EQUAL(breaker.lease(3, now), 0u);
  CAF_CHECK(breaker.lease_until() == now + 200ms);
}

CAF_TEST(enough successes close) {
  half_open_and_probed();
  breaker.lease(4, now);
  CAF_CHECK_EQUAL(trials(0, 4, 0), "stays");
  CAF_CHECK_EQUAL(trials(3, 0, 0), "stays");
  CAF_CHECK_EQUAL(trials(1, 0, 0), "closed: trials_succeeded");
}

CAF_TEST(closing forgets what happened before) {
  half_open_and_probed();
  trials(4, 0, 0);
  breaker_status status;
  status.generation = 3;
  status.cause = breaker_cause::trials_succeeded;
  status.trips = 1;
  status.ramp = 0.25;
  CAF_CHECK_EQUAL(breaker.status(now), status);
  CAF_CHECK(breaker.next_tick() == now + 100ms);
}

CAF_TEST(a permit in use or used up is not leased again) {
  half_open_and_probed();
  breaker.lease(4, now);
  trials(0, 4, 0);
  CAF_CHECK_EQUAL(breaker.permits_available(), 0u);
  trials(2, 0, 0);
  CAF_CHECK_EQUAL(breaker.permits_available(), 0u);
}

CAF_TEST(one failed trial reopens whatever succeeded with it) {
  half_open_and_probed();
  breaker.lease(4, now);
  CAF_CHECK_EQUAL(report(100, 1, 0), "open: trial_failed");
  CAF_CHECK_EQUAL(breaker.permits_available(), 0u);
}

CAF_TEST(a lost link reopens although it is lumped) {
  happens(link::lost);
  half_open();
  CAF_CHECK_EQUAL(happens(link::lost), "open: trial_failed");
}

CAF_TEST(a failed dial does not reopen) {
  half_open();
  CAF_CHECK_EQUAL(happens(link::dial_failed), "stays");
}

CAF_TEST(reports of an older generation are ignored) {
  half_open_and_probed();
  breaker.lease(4, now);
  for (auto generation :
       {uint64_t{0}, breaker.generation() - 1, breaker.generation() + 1}) {
    CAF_CHECK_EQUAL(text(breaker.record({generation, 9, 0, 0, 4, 0}, now)),
                    "stays");
    CAF_CHECK_EQUAL(text(breaker.record({generation, 0, 9, 9, 0, 4}, now)),
                    "stays");
  }
  CAF_CHECK_EQUAL(trials(3, 4, 0), "stays");
  CAF_CHECK_EQUAL(trials(1, 0, 0), "closed: trials_succeeded");
}

CAF_TEST(a lease that is not used in time is owed as probes) {
  half_open_and_probed();
  breaker.lease(4, now);
  trials(0, 1, 0);
  CAF_CHECK(breaker.next_tick() == now + 200ms);
  now += 199ms;
  tick();
  CAF_CHECK(!breaker.wants_probe());
  now += 1ms;
  tick();
  CAF_CHECK_EQUAL(breaker.permits_available(), 0u);
  for (int i = 0; i < 3; ++i)
    CAF_CHECK_EQUAL(probe(true), "stays");
  CAF_CHECK(!breaker.wants_probe());
  CAF_CHECK_EQUAL(trials(1, 0, 0), "closed: trials_succeeded");
}

CAF_TEST(without any traffic probes alone close) {
  half_open_and_probed();
  now = breaker.next_tick();
  CAF_CHECK_EQUAL(tick(), "stays");
  for (int i = 0; i < 3; ++i)
    CAF_CHECK_EQUAL(probe(true), "stays");
  CAF_CHECK_EQUAL(probe(true), "closed: trials_succeeded");
}

CAF_TEST(a later probe that fails reopens too) {
  half_open_and_probed();
  now = breaker.next_tick();
  tick();
  probe(true);
  CAF_CHECK_EQUAL(probe(false), "open: probe_failed");
}

CAF_TEST(an answer that does not come is waited for two leases more) {
  half_open_and_probed();
  breaker.lease(4, now);
  trials(0, 4, 0);
  CAF_CHECK(breaker.next_tick() == now + 600ms);
  now += 599ms;
  tick();
  CAF_CHECK(!breaker.wants_probe());
  now += 1ms;
  tick();
  CAF_CHECK(breaker.wants_probe());
  CAF_CHECK_EQUAL(trials(0, 0, 4), "stays");
  for (int i = 0; i < 3; ++i)
    CAF_CHECK_EQUAL(probe(true), "stays");
  CAF_CHECK_EQUAL(probe(true), "closed: trials_succeeded");
}

CAF_TEST(a request that ends without a verdict is owed as a probe) {
  half_open_and_probed();
  breaker.lease(4, now);
  CAF_CHECK_EQUAL(trials(1, 3, 1), "stays");
  CAF_CHECK_EQUAL(breaker.permits_available(), 0u);
  CAF_CHECK_EQUAL(probe(true), "stays");
  CAF_CHECK(!breaker.wants_probe());
  CAF_CHECK_EQUAL(trials(2, 1, 0), "closed: trials_succeeded");
}

CAF_TEST(a tally that claims more than was leased does no harm) {
  half_open_and_probed();
  breaker.lease(1, now);
  CAF_CHECK_EQUAL(trials(0, ~0ull, ~0ull), "stays");
  CAF_CHECK_EQUAL(breaker.permits_available(), 3u);
  CAF_CHECK_EQUAL(probe(true), "stays");
  CAF_CHECK(!breaker.wants_probe());
  CAF_CHECK_EQUAL(trials(~0ull, 0, 0), "closed: trials_succeeded");
}

CAF_TEST(a success without a permit is a trial and takes one) {
  half_open_and_probed();
  CAF_CHECK_EQUAL(trials(3, 0, 0), "stays");
  CAF_CHECK_EQUAL(breaker.lease(5, now), 1u);
  CAF_CHECK_EQUAL(trials(1, 1, 0), "closed: trials_succeeded");
}

CAF_TEST(a later lease keeps earlier ones waiting until its own end) {
  half_open_and_probed();
  breaker.lease(1, now);
  now += 150ms;
  breaker.lease(1, now);
  CAF_CHECK(breaker.lease_until() == now + 200ms);
  now += 100ms;
  tick();
  CAF_CHECK(!breaker.wants_probe());
  now += 100ms;
  tick();
  CAF_CHECK(breaker.wants_probe());
}

CAF_TEST(each half-open starts anew) {
  half_open_and_probed();
  breaker.lease(4, now);
  trials(3, 4, 0);
  happens(link::lost);
  breaker.connection_ready(now);
  CAF_CHECK(breaker.wants_probe());
  CAF_CHECK_EQUAL(breaker.permits_available(), 0u);
  CAF_CHECK_EQUAL(probe(true), "stays");
  CAF_CHECK_EQUAL(breaker.permits_available(), 4u);
  CAF_CHECK_EQUAL(trials(3, 0, 0), "stays");
}

CAF_TEST_FIXTURE_SCOPE_END()
