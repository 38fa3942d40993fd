#define CAF_SUITE circuit_breaker_states

// What resilience4j's documentation says of its six states and two windows, in
// our words. Where redoubt differs by design a line says so.

#include <redoubt/tests/unit/circuit_breaker_fixture.hpp>

#include <vector>

using namespace redoubt;
using namespace std::chrono_literals;

namespace {

using state = breaker_state;
using mode = breaker_mode;

/// What is done to a breaker.
enum class act {
  well,
  fails,
  slow,
  waits_open,
  probe_well,
  force_open,
  disable,
  metrics_only,
  release,
  reset,
};

struct row {
  const char* says;
  std::vector<act> acts;
  state expected;
  mode decides = mode::automatic;
  /// Of the last act: whether something is answered to be told.
  bool told = false;
  uint64_t calls = 0;
};

/// Ten calls, at least four, trips at half of them; slow from half of them.
breaker_options like_resilience4j(window_kind window) {
  breaker_options result;
  result.window = window;
  result.window_calls = 10;
  result.minimum_calls = 4;
  result.failure_rate = 0.5;
  result.slow_call = 100ms;
  result.slow_call_rate = 0.5;
  result.consecutive_failures = 0;
  result.half_open_permits = 2;
  result.ramp = {};
  return result;
}

struct fixture : breaker_fixture {
  moved perform(act x) {
    auto call = [&](uint64_t successes, uint64_t failures, uint64_t slow) {
      auto all = of(successes, failures, failures);
      all.slow = slow;
      return breaker.record(all, now);
    };
    switch (x) {
      case act::well: return call(1, 0, 0);
      case act::fails: return call(0, 1, 0);
      case act::slow: return call(1, 0, 1);
      case act::waits_open: now += 1s; return breaker.tick(now, true);
      case act::probe_well:
        breaker.probe_started();
        return breaker.probe_finished(breaker.generation(), true, now);
      case act::force_open: return breaker.force_open(now);
      case act::disable: return breaker.disable(now);
      case act::metrics_only: return breaker.metrics_only(now);
      case act::release: return breaker.release(now, true);
      case act::reset: return breaker.reset(now);
    }
    return {};
  }

  void check(const row& x, window_kind window) {
    use(like_resilience4j(window));
    moved last;
    for (auto each : x.acts)
      last = perform(each);
    CAF_MESSAGE(to_string(window) << ": " << x.says);
    auto status = breaker.status(now);
    CAF_CHECK(status.state == x.expected);
    CAF_CHECK(status.mode == x.decides);
    CAF_CHECK_EQUAL(last.has_value(), x.told);
    CAF_CHECK_EQUAL(status.calls_in_window, x.calls);
  }
};

constexpr auto w = act::well;
constexpr auto f = act::fails;
constexpr auto s = act::slow;

const std::vector<row> rows{
  // -- CLOSED
  {"closed counts calls", {w, f, w}, state::closed, mode::automatic, false, 3},
  {"below the minimum of calls no rate trips",
   {f, f, f},
   state::closed,
   mode::automatic,
   false,
   3},
  {"at the minimum the failure rate trips",
   {w, w, f, f},
   state::open,
   mode::automatic,
   true,
   4},
  {"a rate below the threshold does not",
   {w, w, w, f},
   state::closed,
   mode::automatic,
   false,
   4},
  {"the rate of slow calls trips like that of failures",
   {w, w, s, s},
   state::open,
   mode::automatic,
   true,
   4},
  {"slow calls and failures are judged apart",
   {w, w, w, s, f},
   state::closed,
   mode::automatic,
   false,
   5},
  // -- OPEN
  {"open counts nothing",
   {f, f, f, f, w, f},
   state::open,
   mode::automatic,
   false,
   4},
  {"open becomes half-open after its wait",
   {f, f, f, f, act::waits_open},
   state::half_open,
   mode::automatic,
   true,
   4},
  // -- HALF_OPEN: ours makes the first trial itself, and any failure reopens.
  {"half-open closes when its trials went well",
   {f, f, f, f, act::waits_open, act::probe_well, w},
   state::closed,
   mode::automatic,
   true,
   0},
  {"half-open opens again when its trials failed",
   {f, f, f, f, act::waits_open, act::probe_well, f},
   state::open,
   mode::automatic,
   true,
   4},
  {"half-open opens again when its trials were slow",
   {f, f, f, f, act::waits_open, act::probe_well, s},
   state::open,
   mode::automatic,
   true,
   4},
  // -- DISABLED
  {"disabled admits all and counts nothing",
   {w, act::disable, f, f, f, f, s, s},
   state::closed,
   mode::disabled,
   false,
   0},
  {"disabling closes an open breaker",
   {f, f, f, f, act::disable},
   state::closed,
   mode::disabled,
   true,
   0},
  {"after disabled it counts anew",
   {f, f, f, act::disable, f, act::release, w},
   state::closed,
   mode::automatic,
   false,
   1},
  // -- METRICS_ONLY
  {"metrics only counts",
   {act::metrics_only, w, f, w},
   state::closed,
   mode::metrics_only,
   false,
   3},
  {"metrics only tells of a threshold and stays closed",
   {act::metrics_only, w, w, f, f},
   state::closed,
   mode::metrics_only,
   true,
   0},
  {"metrics only tells of slow calls, too",
   {act::metrics_only, w, w, s, s},
   state::closed,
   mode::metrics_only,
   true,
   0},
  {"metrics only closes an open breaker",
   {f, f, f, f, act::metrics_only},
   state::closed,
   mode::metrics_only,
   true,
   0},
  {"after metrics only it trips by what it counted",
   {act::metrics_only, w, w, f, act::release, f},
   state::open,
   mode::automatic,
   true,
   4},
  // -- FORCED_OPEN
  {"forced open rejects all and counts nothing",
   {act::force_open, w, f, f, f, f},
   state::open,
   mode::forced,
   false,
   0},
  {"forced open never half-opens",
   {act::force_open, act::waits_open},
   state::open,
   mode::forced,
   false,
   0},
  {"a reset ends any state and forgets all calls",
   {act::force_open, act::reset},
   state::closed,
   mode::automatic,
   true,
   0},
  {"a reset ends disabled",
   {act::disable, act::reset},
   state::closed,
   mode::automatic,
   false,
   0},
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(circuit_breaker_states_tests, fixture)

CAF_TEST(states behave as those of resilience4j are documented) {
  for (auto& each : rows)
    for (auto window : {window_kind::time, window_kind::count})
      check(each, window);
}

CAF_TEST(a window of calls judges the last ones) {
  use(like_resilience4j(window_kind::count));
  report(10, 0, 0);
  CAF_CHECK_EQUAL(report(0, 4, 4), "stays");
  now += 24h;
  CAF_CHECK_EQUAL(report(0, 1, 1), "open: failure_rate");
  CAF_CHECK_EQUAL(breaker.status(now).calls_in_window, 10u);
}

CAF_TEST(a window of time judges the last seconds) {
  use(like_resilience4j(window_kind::time));
  CAF_CHECK_EQUAL(report(0, 3, 3), "stays");
  now += 10s;
  CAF_CHECK_EQUAL(report(2, 1, 1), "stays");
  CAF_CHECK_EQUAL(breaker.status(now).calls_in_window, 3u);
}

CAF_TEST(what would have opened is told once and counted) {
  breaker_options options;
  options.metrics_only = true;
  use(options);
  report(5, 4, 0);
  auto x = breaker.record(of(0, 1, 1), now);
  circuit_breaker::transition expected{
    .from = state::closed,
    .to = state::open,
    .cause = breaker_cause::failure_rate,
    .generation = 0,
    .calls_in_window = 10,
    .failures_in_window = 5,
    .slow_calls_in_window = 0,
    .would_be = true,
  };
  CAF_CHECK(x == expected);
  CAF_CHECK_EQUAL(report(0, 1, 1), "stays");
  auto status = breaker.status(now);
  CAF_CHECK(status.mode == mode::metrics_only);
  CAF_CHECK_EQUAL(status.would_be_trips, 1u);
  CAF_CHECK_EQUAL(status.trips, 0u);
  CAF_CHECK_EQUAL(status.generation, 0u);
  CAF_CHECK(!status.forced);
}

CAF_TEST(metrics only by an operator counts where it is not enabled) {
  breaker_options options;
  options.enabled = false;
  use(options);
  breaker.metrics_only(now);
  CAF_CHECK_EQUAL(report(0, 4, 4), "stays");
  auto x = breaker.record(of(0, 1, 1), now);
  CAF_REQUIRE(x.has_value());
  CAF_CHECK(x->would_be);
  breaker.release(now, true);
  CAF_CHECK(breaker.status(now).mode == mode::disabled);
}

CAF_TEST(released into metrics only an open breaker closes) {
  breaker_options options;
  options.metrics_only = true;
  use(options);
  breaker.force_open(now);
  CAF_CHECK_EQUAL(text(breaker.release(now, true)), "closed: operator_request");
}

CAF_TEST(modes have names) {
  CAF_CHECK_EQUAL(to_string(mode::automatic), "automatic");
  CAF_CHECK_EQUAL(to_string(mode::forced), "forced");
  CAF_CHECK_EQUAL(to_string(mode::disabled), "disabled");
  CAF_CHECK_EQUAL(to_string(mode::metrics_only), "metrics_only");
}

CAF_TEST_FIXTURE_SCOPE_END()
