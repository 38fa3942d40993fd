#define CAF_SUITE circuit_breaker

#include <redoubt/tests/unit/circuit_breaker_fixture.hpp>

using namespace redoubt;
using namespace std::chrono_literals;

CAF_TEST_FIXTURE_SCOPE(circuit_breaker_tests, breaker_fixture)

// -- closed -------------------------------------------------------------------

CAF_TEST(a breaker starts closed and needs no tick) {
  CAF_CHECK_EQUAL(breaker.status(now), breaker_status{});
  CAF_CHECK(breaker.next_tick() == never);
  CAF_CHECK_EQUAL(breaker.permits_available(), 0u);
  CAF_CHECK(!breaker.wants_probe());
}

CAF_TEST(half of enough calls failing trips) {
  CAF_CHECK_EQUAL(report(5, 4, 0), "stays");
  CAF_CHECK_EQUAL(report(0, 1, 1), "open: failure_rate");
}

CAF_TEST(fewer calls than the minimum never trip by rate) {
  CAF_CHECK_EQUAL(report(1, 4, 4), "stays");
  CAF_CHECK_EQUAL(report(1, 3, 0), "stays");
  CAF_CHECK_EQUAL(breaker.status(now).calls_in_window, 9u);
}

CAF_TEST(a rate is met exactly) {
  breaker_options options;
  options.failure_rate = 0.07;
  use(options);
  CAF_CHECK_EQUAL(report(95, 6, 0), "stays");
  CAF_CHECK_EQUAL(report(0, 1, 1), "stays");
  breaker.reset(now);
  CAF_CHECK_EQUAL(report(93, 6, 0), "stays");
  CAF_CHECK_EQUAL(report(0, 1, 1), "open: failure_rate");
}

CAF_TEST(calls older than the window do not trip) {
  report(0, 4, 0);
  now += 10s;
  CAF_CHECK_EQUAL(report(5, 4, 0), "stays");
  CAF_CHECK_EQUAL(breaker.status(now).failures_in_window, 4u);
}

CAF_TEST(a report without a failure never trips) {
  CAF_CHECK_EQUAL(report(0, 4, 4), "stays");
  CAF_CHECK_EQUAL(report(1, 3, 0), "stays");
  CAF_CHECK_EQUAL(report(2, 0, 0), "stays");
  CAF_CHECK_EQUAL(report(1, 1, 0), "open: failure_rate");
}

CAF_TEST(failures in a row trip whatever the rate) {
  report(1000, 0, 0);
  CAF_CHECK_EQUAL(report(0, 4, 4), "stays");
  CAF_CHECK_EQUAL(report(0, 1, 1), "open: consecutive_failures");
}

CAF_TEST(a success in a report ends the run before it) {
  report(100, 0, 0);
  report(0, 4, 4);
  CAF_CHECK_EQUAL(report(1, 4, 4), "stays");
  CAF_CHECK_EQUAL(breaker.status(now).consecutive_failures, 4u);
  CAF_CHECK_EQUAL(report(1, 1, 0), "stays");
  CAF_CHECK_EQUAL(breaker.status(now).consecutive_failures, 0u);
}

CAF_TEST(attempts that time out together are one step of a run) {
  report(10000, 0, 0);
  for (int i = 0; i < 4; ++i)
    CAF_CHECK_EQUAL(report(0, 500, 1), "stays");
  CAF_CHECK_EQUAL(report(0, 500, 1), "open: consecutive_failures");
}

CAF_TEST(with runs switched off only the rate trips) {
  breaker_options options;
  options.consecutive_failures = 0;
  use(options);
  CAF_CHECK_EQUAL(report(0, 9, 9), "stays");
  CAF_CHECK_EQUAL(report(0, 1, 1), "open: failure_rate");
}

CAF_TEST(counts do not wrap) {
  breaker_options options;
  options.consecutive_failures = ~0u;
  options.minimum_calls = ~0u;
  use(options);
  report(0, 1, 1);
  CAF_CHECK_EQUAL(report(0, ~0ull, ~0ull), "open: failure_rate");
  CAF_CHECK_EQUAL(breaker.status(now).failures_in_window, ~0ull);
  CAF_CHECK_EQUAL(breaker.status(now).consecutive_failures, ~0ull);
}

CAF_TEST(links lost together are one failure) {
  for (int i = 0; i < 20; ++i)
    CAF_CHECK_EQUAL(happens(link::lost), "stays");
  CAF_CHECK_EQUAL(breaker.status(now).failures_in_window, 1u);
  now += 99ms;
  happens(link::lost);
  CAF_CHECK_EQUAL(breaker.status(now).failures_in_window, 1u);
  now += 1ms;
  happens(link::lost);
  CAF_CHECK_EQUAL(breaker.status(now).failures_in_window, 2u);
}

CAF_TEST(losses and failed dials are lumped apart) {
  happens(link::lost);
  happens(link::dial_failed);
  happens(link::dial_failed);
  CAF_CHECK_EQUAL(breaker.status(now).failures_in_window, 2u);
  CAF_CHECK_EQUAL(breaker.status(now).consecutive_failures, 2u);
}

CAF_TEST(a blip of 100 ms does not trip) {
  happens(link::lost);
  for (int i = 0; i <= 100; i += 20, now += 20ms)
    CAF_CHECK_EQUAL(happens(link::dial_failed), "stays");
  CAF_CHECK_EQUAL(report(1, 0, 0), "stays");
}

CAF_TEST(dials that fail for long trip) {
  for (int i = 0; i < 4; ++i, now += 100ms)
    CAF_CHECK_EQUAL(happens(link::dial_failed), "stays");
  CAF_CHECK_EQUAL(happens(link::dial_failed), "open: consecutive_failures");
}

CAF_TEST(a transition carries the numbers that led to it) {
  report(6, 5, 4);
  auto x = breaker.record(of(0, 1, 1), now);
  circuit_breaker::transition expected{breaker_state::closed,
                                       breaker_state::open,
                                       breaker_cause::failure_rate,
                                       1,
                                       12,
                                       6};
  CAF_CHECK(x == expected);
  breaker_status status;
  status.state = breaker_state::open;
  status.generation = 1;
  status.cause = breaker_cause::failure_rate;
  status.calls_in_window = 12;
  status.failures_in_window = 6;
  status.consecutive_failures = 5;
  status.trips = 1;
  CAF_CHECK_EQUAL(breaker.status(now), status);
}

// -- open ---------------------------------------------------------------------

CAF_TEST(an open breaker ignores reports and link events) {
  trip();
  auto before = breaker.status(now);
  CAF_CHECK_EQUAL(report(100, 0, 0), "stays");
  CAF_CHECK_EQUAL(report(0, 100, 100), "stays");
  CAF_CHECK_EQUAL(happens(link::lost), "stays");
  CAF_CHECK_EQUAL(happens(link::dial_failed), "stays");
  CAF_CHECK_EQUAL(breaker.status(now), before);
}

CAF_TEST(an open breaker half-opens when its wait is over) {
  trip();
  auto due = breaker.next_tick();
  CAF_CHECK(due >= now + 80ms && due <= now + 120ms);
  now = due - 1ns;
  CAF_CHECK_EQUAL(tick(), "stays");
  now = due;
  CAF_CHECK_EQUAL(tick(), "half_open: open_wait_elapsed");
}

CAF_TEST(without a connection the end of the wait changes nothing) {
  trip();
  now = breaker.next_tick();
  CAF_CHECK_EQUAL(tick(false), "stays");
  CAF_CHECK(breaker.next_tick() == never);
  CAF_CHECK_EQUAL(tick(true), "half_open: open_wait_elapsed");
}

CAF_TEST(a finished handshake half-opens at once) {
  trip();
  CAF_CHECK_EQUAL(text(breaker.connection_ready(now)),
                  "half_open: connection_ready");
  CAF_CHECK_EQUAL(text(breaker.connection_ready(now)), "stays");
}

CAF_TEST(a handshake means nothing to a closed breaker) {
  CAF_CHECK_EQUAL(text(breaker.connection_ready(now)), "stays");
}

CAF_TEST(each failed half-open doubles the wait up to its maximum) {
  trip();
  for (auto wait : {100ms, 200ms, 400ms, 800ms, 1000ms, 1000ms}) {
    CAF_CHECK(open_wait() >= wait * 4 / 5);
    CAF_CHECK(open_wait() <= wait * 6 / 5);
    now = breaker.next_tick();
    CAF_CHECK_EQUAL(tick(), "half_open: open_wait_elapsed");
    CAF_CHECK_EQUAL(probe(false), "open: probe_failed");
  }
}

CAF_TEST(the open wait is jittered by a fifth both ways) {
  api::duration least = 1h;
  api::duration most = 0s;
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    breaker = circuit_breaker{breaker_options{}, seed};
    trip();
    least = std::min(least, open_wait());
    most = std::max(most, open_wait());
  }
  CAF_CHECK(least >= 80ms && least < 81ms);
  CAF_CHECK(most <= 120ms && most > 119ms);
}

CAF_TEST(only a stable time in closed brings the wait back to its base) {
  for (auto [stable, least] : {std::pair{9999ms, 160ms}, {10000ms, 80ms}}) {
    use(breaker_options{});
    half_open();
    probe(false);
    breaker.connection_ready(now);
    probe(true);
    CAF_CHECK_EQUAL(report(4, 0, 0), "closed: trials_succeeded");
    now += stable;
    trip();
    CAF_CHECK(open_wait() >= least);
    CAF_CHECK(open_wait() <= least * 3 / 2);
  }
}

CAF_TEST_FIXTURE_SCOPE_END()
