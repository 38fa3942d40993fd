#define CAF_SUITE supervisor_modes

#include "supervisor_fixture.hpp"

using namespace redoubt_test;

namespace {

class fixture : public supervisor_fixture {
public:
  /// A well report of so many calls and so many at a time.
  void report_well(const client_record& who, uint64_t successes,
                   uint64_t peak = 0) {
    auto x = report_of(who);
    x.successes = successes;
    x.peak = peak;
    x.counters.succeeded = total += successes;
    tell(x);
  }

  /// From closed to closed through open and half-open, all probes well.
  void recover() {
    answers_pings = true;
    fail_requests(*clients[0].told, 5);
    CAF_REQUIRE(breaker().state == breaker_state::open);
    for (int i = 0; i < 500 && breaker().state != breaker_state::closed; ++i)
      pass(1ms);
    CAF_REQUIRE(breaker().state == breaker_state::closed);
  }

  uint64_t units(size_t client) const {
    uint64_t sum = 0;
    for (auto& x : clients[client].told->gates)
      sum += x.units;
    return sum;
  }

  uint64_t total = 0;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(supervisor_modes_tests, fixture)

// -- by hand --------------------------------------------------------------------

CAF_TEST(a disabled breaker counts nothing until it is released) {
  start_connected();
  auto& who = join();
  auto x = force(force_breaker::action::disable);
  CAF_CHECK(x.mode == breaker_mode::disabled);
  CAF_CHECK(x.forced);
  fail_requests(who, 100);
  CAF_CHECK_EQUAL(breaker().calls_in_window, 0u);
  force(force_breaker::action::release);
  fail_requests(who, 5);
  CAF_CHECK(breaker().state == breaker_state::open);
}

CAF_TEST(metrics only tells when it would have opened and rejects nothing) {
  start_connected();
  auto& who = join();
  auto events = listen().heard;
  force(force_breaker::action::metrics_only);
  auto gates = who.gates.size();
  fail_requests(who, 5);
  CAF_CHECK_EQUAL(who.gates.size(), gates);
  auto x = breaker();
  CAF_CHECK(x.state == breaker_state::closed);
  CAF_CHECK(x.mode == breaker_mode::metrics_only);
  CAF_CHECK_EQUAL(x.would_be_trips, 1u);
  CAF_CHECK_EQUAL(x.trips, 0u);
  CAF_REQUIRE_EQUAL(events->size(), 1u);
  auto& told = events->front();
  CAF_CHECK(told.kind == event_kind::breaker_would_open);
  CAF_CHECK(told.from == breaker_state::closed);
  CAF_CHECK(told.to == breaker_state::open);
  CAF_CHECK(told.cause == breaker_cause::consecutive_failures);
  CAF_CHECK_EQUAL(told.calls_in_window, 5u);
}

CAF_TEST(slow calls trip and their number is told) {
  options().breaker.slow_call = 50ms;
  start_connected();
  auto& who = join();
  CAF_CHECK(who.gates.back().slow_call == 50ms);
  auto events = listen().heard;
  auto x = report_of(who);
  x.successes = 10;
  x.slow = 6;
  tell(x);
  CAF_CHECK(breaker().cause == breaker_cause::slow_call_rate);
  CAF_REQUIRE_EQUAL(events->size(), 1u);
  CAF_CHECK_EQUAL(events->front().slow_calls_in_window, 6u);
  CAF_CHECK_EQUAL(events->front().calls_in_window, 10u);
}

CAF_TEST(half-open that proves nothing opens again after its time) {
  options().breaker.half_open_max = 300ms;
  options().breaker.lease = 200ms;
  start_connected();
  auto& who = join();
  fail_requests(who, 5);
  for (int i = 0; i < 500 && dials[0]->units.empty(); ++i)
    pass(1ms);
  answer(0, reply::status("PONG"));
  auto x = report_of(who);
  x.admitted = 4;
  tell(x);
  pass(299ms);
  CAF_CHECK(breaker().state == breaker_state::half_open);
  pass(2ms);
  CAF_CHECK(breaker().cause == breaker_cause::half_open_timeout);
}

// -- the ramp -------------------------------------------------------------------

CAF_TEST(units of the ramp follow what was in flight while all was well) {
  start_connected();
  join();
  join();
  report_well(*clients[0].told, 10, 60);
  report_well(*clients[1].told, 10, 40);
  recover();
  // A quarter of a hundred.
  CAF_CHECK_EQUAL(units(0) + units(1), 25u);
  auto& last = clients[0].told->gates.back();
  CAF_CHECK(last.state == breaker_state::closed);
  CAF_CHECK(last.ramp_until == now() + 200ms);
  CAF_CHECK_EQUAL(breaker().ramp, 0.25);
  pass(100ms);
  CAF_CHECK_EQUAL(units(0) + units(1), 50u);
  CAF_CHECK_EQUAL(breaker().ramp, 0.5);
  pass(100ms);
  CAF_CHECK_EQUAL(breaker().ramp, 1.0);
  CAF_CHECK_EQUAL(units(0) + units(1), 50u);
  // All are told that it is over.
  for (auto& each : clients)
    CAF_CHECK(each.told->gates.back().ramp_until == api::time_point{});
  // The next ramp begins anew.
  recover();
  CAF_CHECK_EQUAL(units(0) + units(1), 75u);
}

CAF_TEST(units that came back are leased to those who wait) {
  options().breaker.ramp_step = 1s;
  start_connected();
  join();
  join();
  report_well(*clients[0].told, 10, 100);
  recover();
  CAF_CHECK_EQUAL(units(0) + units(1), 25u);
  auto had = units(1);
  auto waits = report_of(*clients[1].told);
  waits.waiting = 50;
  tell(waits);
  CAF_CHECK_EQUAL(clients[0].told->gates.back().units_recalled, units(0));
  auto x = report_of(*clients[0].told);
  x.units_returned = 4;
  // Of another ramp.
  x.generation -= 1;
  tell(x);
  CAF_CHECK_EQUAL(units(1), had);
  x.generation += 1;
  tell(x);
  CAF_CHECK_EQUAL(units(1), had + 4);
}

CAF_TEST(units of a request actor that died go to those who wait) {
  options().breaker.ramp_step = 1s;
  start_connected();
  join();
  join();
  report_well(*clients[0].told, 10, 4);
  report_well(*clients[1].told, 10, 40);
  recover();
  CAF_REQUIRE(units(1) < 10u);
  auto waits = report_of(*clients[1].told);
  waits.waiting = 50;
  tell(waits);
  kill(clients[0].handle);
  consume_messages();
  // The survivor carries 40, of which a quarter may be in flight.
  CAF_CHECK_EQUAL(units(1), 10u);
}

CAF_TEST(reports of trouble are no measure of what is usual) {
  start_connected();
  auto& who = join();
  report_well(who, 10, 100);
  auto x = report_of(who);
  x.successes = 1;
  x.failures = 1;
  x.peak = 7;
  tell(x);
  x.successes = x.failures = 0;
  tell(x);
  recover();
  CAF_CHECK_EQUAL(units(0), 25u);
  // Nor are those of the ramp.
  report_well(who, 10, 25);
  pass(100ms);
  CAF_CHECK_EQUAL(units(0), 50u);
}

CAF_TEST(a request actor that takes the place of another has its share of the usual) {
  config.replace_client = [this](uint64_t id) -> std::optional<client_place> {
    auto told = std::make_shared<client_record>();
    told->id = id;
    clients.push_back({told, sys.spawn<recording_client>(told)});
    return client_place{clients.back().handle, id, 0};
  };
  start_connected();
  join();
  join();
  report_well(*clients[1].told, 10, 100);
  kill(clients[1].handle);
  consume_messages();
  recover();
  CAF_CHECK_EQUAL(units(0) + units(2), 25u);
}

// -- new options ----------------------------------------------------------------

CAF_TEST(new options are in force at once) {
  start_connected();
  auto& who = join();
  reconfigure x{options().breaker, options().budget};
  x.breaker.consecutive_failures = 3;
  x.breaker.slow_call = 70ms;
  x.budget.per_second = 5;
  auto answered = expect_answer<runtime_status>(ask(x));
  CAF_CHECK_EQUAL(answered.budget.tokens, 50u);
  CAF_CHECK(who.gates.back().slow_call == 70ms);
  fail_requests(who, 3);
  CAF_CHECK(breaker().state == breaker_state::open);
}

CAF_TEST(bad options are refused by name and the old ones stay in force) {
  start_connected();
  auto& who = join();
  auto refused = [&](auto change) {
    reconfigure x{options().breaker, options().budget};
    x.breaker.consecutive_failures = 1;
    change(x);
    auto why = expect_failure<runtime_status>(ask(x));
    CAF_CHECK(why.code == errc::invalid_options);
    CAF_CHECK(why.outcome == fate::not_sent);
    return why.last_message.substr(0, why.last_message.find(':'));
  };
  CAF_CHECK_EQUAL(refused([](auto& x) { x.breaker.half_open_permits = 0; }),
                  "breaker.half_open_permits");
  CAF_CHECK_EQUAL(refused([](auto& x) {
                    x.breaker.ramp = {0.5, 0.2};
                  }),
                  "breaker.ramp");
  CAF_CHECK_EQUAL(refused([](auto& x) { x.breaker.failure_rate = 2; }),
                  "breaker.failure_rate");
  CAF_CHECK_EQUAL(refused([](auto& x) {
                    x.breaker.window = window_kind::count;
                    x.breaker.window_calls = 5;
                  }),
                  "breaker.minimum_calls");
  CAF_CHECK_EQUAL(refused([](auto& x) { x.budget.ratio = -1; }),
                  "budget.ratio");
  fail_requests(who, 4);
  CAF_CHECK(breaker().state == breaker_state::closed);
}

CAF_TEST(a new deadline of probes is in force at once) {
  start_connected();
  join();
  reconfigure x{options().breaker, options().budget};
  x.breaker.probe_timeout = 20ms;
  expect_answer<runtime_status>(ask(x));
  fail_requests(*clients[0].told, 5);
  for (int i = 0; i < 500 && dials[0]->units.empty(); ++i)
    pass(1ms);
  CAF_REQUIRE(breaker().state == breaker_state::half_open);
  pass(21ms);
  CAF_CHECK(breaker().cause == breaker_cause::probe_failed);
}

CAF_TEST(new options outlive the supervisor) {
  start_connected();
  join();
  reconfigure x{options().breaker, options().budget};
  x.breaker.consecutive_failures = 2;
  expect_answer<runtime_status>(ask(x));
  kill_supervisor();
  start_successor();
  fail_requests(*clients[0].told, 2);
  CAF_CHECK(breaker().state == breaker_state::open);
}

CAF_TEST(switching the breaker off by new options closes it) {
  start_connected();
  auto& who = join();
  fail_requests(who, 5);
  CAF_REQUIRE(breaker().state == breaker_state::open);
  reconfigure x{options().breaker, options().budget};
  x.breaker.enabled = false;
  expect_answer<runtime_status>(ask(x));
  CAF_CHECK(who.gates.back().state == breaker_state::closed);
  CAF_CHECK(breaker().mode == breaker_mode::disabled);
}

// -- the budget -----------------------------------------------------------------

CAF_TEST(tokens are leased as asked for and denied when none are left) {
  start_connected();
  auto& who = join();
  CAF_CHECK(who.gates.back().budget);
  auto x = report_of(who);
  x.tokens.asked = 120;
  tell(x);
  CAF_CHECK_EQUAL(who.gates.back().tokens, 100u);
  CAF_CHECK_EQUAL(who.gates.back().tokens_denied, 20u);
  CAF_CHECK(who.gates.back().tokens_until == now() + 1s);
  CAF_CHECK_EQUAL(status().budget.leased, 100u);
  auto gates = who.gates.size();
  // The same totals once more ask for nothing.
  tell(x);
  CAF_CHECK_EQUAL(who.gates.size(), gates);
  x.tokens.taken = 60;
  x.tokens.refunded = 10;
  x.tokens.returned = 50;
  tell(x);
  auto budget = status().budget;
  CAF_CHECK_EQUAL(budget.leased, 0u);
  CAF_CHECK_EQUAL(budget.tokens, 50u);
}

CAF_TEST(successes of all request actors earn tokens) {
  start_connected();
  join();
  join();
  auto x = report_of(*clients[0].told);
  x.counters.succeeded = 500;
  tell(x);
  CAF_CHECK_EQUAL(status().budget.tokens, 200u);
  x = report_of(*clients[1].told);
  x.counters.succeeded = 50;
  tell(x);
  CAF_CHECK_EQUAL(status().budget.tokens, 210u);
}

CAF_TEST(without a budget the gate says so) {
  options().budget.enabled = false;
  start_connected();
  auto& who = join();
  CAF_CHECK(!who.gates.back().budget);
  CAF_CHECK(!status().budget.enabled);
}

CAF_TEST(what was told to a dead supervisor about tokens is made good) {
  start_connected();
  auto& who = join();
  auto x = report_of(who);
  x.tokens.asked = 40;
  tell(x);
  kill_supervisor();
  start_successor();
  x.tokens.taken = 40;
  x.tokens.asked = 50;
  tell(x);
  CAF_CHECK_EQUAL(who.gates.back().tokens, 10u);
  CAF_CHECK_EQUAL(status().budget.leased, 10u);
  CAF_CHECK_EQUAL(status().budget.tokens, 50u);
}

CAF_TEST_FIXTURE_SCOPE_END()
