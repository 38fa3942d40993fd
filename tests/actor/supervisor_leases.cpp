#define CAF_SUITE supervisor_leases

#include "supervisor_fixture.hpp"

#include <redoubt/actors/random.hpp>

using namespace redoubt_test;

namespace {

class fixture : public supervisor_fixture {
public:
  /// Brings the breaker to half-open; its probe is under way.
  void half_open() {
    if (clients.empty())
      join();
    auto n = dials[0]->units.size();
    fail_requests(*clients[0].told, 5);
    for (int i = 0; i < 2000 && dials[0]->units.size() == n; ++i)
      pass(1ms);
    CAF_REQUIRE(breaker().state == breaker_state::half_open);
  }

  void join_many(int n) {
    for (int i = 0; i < n; ++i)
      join();
  }

  uint64_t permits(size_t client, uint64_t generation) const {
    return clients.at(client).told->permits(generation);
  }

  /// Permits that all request actors were ever leased in `generation`.
  uint64_t all_permits(uint64_t generation) const {
    uint64_t sum = 0;
    for (auto& each : clients)
      sum += each.told->permits(generation);
    return sum;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(supervisor_leases_tests, fixture)

CAF_TEST(permits go to those who have something to send) {
  start_connected();
  join_many(8);
  half_open();
  for (size_t i : {2, 5, 6}) {
    auto x = report_of(*clients[i].told);
    x.waiting = 3;
    tell(x);
  }
  CAF_CHECK_EQUAL(all_permits(2), 0u);
  answer(0, reply::status("PONG"));
  CAF_CHECK_EQUAL(all_permits(2), 4u);
  for (size_t i : {2, 5, 6})
    CAF_CHECK(permits(i, 2) >= 1);
  for (size_t i : {0, 1, 3, 4, 7})
    CAF_CHECK_EQUAL(permits(i, 2), 0u);
}

CAF_TEST(permits that nobody asked for are spread) {
  start_connected();
  join_many(8);
  half_open();
  answer(0, reply::status("PONG"));
  CAF_CHECK_EQUAL(all_permits(2), 4u);
  for (size_t i = 0; i < 8; ++i)
    CAF_CHECK(permits(i, 2) <= 1);
}

CAF_TEST(request actors take turns from one half-open to the next) {
  start_connected();
  join_many(8);
  half_open();
  answer(0, reply::status("PONG"));
  half_open();
  answer(0, reply::status("PONG"));
  for (size_t i = 0; i < 8; ++i)
    CAF_CHECK_EQUAL(permits(i, 2) + permits(i, 4), 1u);
}

CAF_TEST(a request actor that joins in half-open brings no permit with it) {
  start_connected();
  half_open();
  answer(0, reply::status("PONG"));
  auto& late = join();
  CAF_CHECK_EQUAL(late.gates.size(), 1u);
  CAF_CHECK_EQUAL(late.permits(2), 0u);
}

CAF_TEST(trials that succeed close the breaker) {
  start_connected();
  half_open();
  answer(0, reply::status("PONG"));
  auto x = report_of(*clients[0].told);
  x.admitted = 4;
  x.successes = 3;
  tell(x);
  CAF_CHECK(breaker().state == breaker_state::half_open);
  x.admitted = 0;
  x.successes = 1;
  tell(x);
  CAF_CHECK(breaker().state == breaker_state::closed);
  CAF_CHECK(breaker().cause == breaker_cause::trials_succeeded);
  CAF_CHECK_EQUAL(clients[0].told->gates.back().generation, 3u);
}

CAF_TEST(a trial that fails opens the breaker again) {
  start_connected();
  half_open();
  answer(0, reply::status("PONG"));
  auto x = report_of(*clients[0].told);
  x.admitted = 2;
  x.successes = 1;
  x.failures = 1;
  x.run = 1;
  tell(x);
  CAF_CHECK(breaker().state == breaker_state::open);
  CAF_CHECK(breaker().cause == breaker_cause::trial_failed);
}

CAF_TEST(leases that nobody uses come back and the supervisor ends half-open) {
  start_connected();
  join_many(2);
  half_open();
  answer(0, reply::status("PONG"));
  pass(199ms);
  CAF_CHECK_EQUAL(dials[0]->units.size(), 1u);
  pass(1ms);
  // One probe after the other for the other four trials.
  for (size_t i = 2; i <= 5; ++i) {
    CAF_CHECK(breaker().state == breaker_state::half_open);
    CAF_REQUIRE_EQUAL(dials[0]->units.size(), i);
    CAF_CHECK_EQUAL(wire(0, i - 1), "*1\r\n$4\r\nPING\r\n");
    answer(0, reply::status("PONG"));
  }
  CAF_CHECK(breaker().state == breaker_state::closed);
  CAF_CHECK_EQUAL(all_permits(2), 4u);
}

CAF_TEST(half-open ends without any request actor) {
  start();
  endpoint = mood::refuses;
  settle();
  pass(2s);
  CAF_REQUIRE(breaker().state == breaker_state::open);
  answers_pings = true;
  endpoint = mood::accepts;
  pass(300ms);
  CAF_CHECK(breaker().state == breaker_state::closed);
}

CAF_TEST(requests that are admitted and never reported come back as probes) {
  start_connected();
  half_open();
  answer(0, reply::status("PONG"));
  auto x = report_of(*clients[0].told);
  x.admitted = 4;
  tell(x);
  answers_pings = true;
  pass(200ms);
  CAF_CHECK(breaker().state == breaker_state::half_open);
  pass(400ms);
  CAF_CHECK(breaker().state == breaker_state::closed);
}

CAF_TEST(what a request actor that died was leased comes back) {
  start_connected();
  half_open();
  answer(0, reply::status("PONG"));
  CAF_CHECK_EQUAL(permits(0, 2), 4u);
  kill(clients[0].handle);
  consume_messages();
  answers_pings = true;
  pass(201ms);
  CAF_CHECK(breaker().state == breaker_state::closed);
}

CAF_TEST(reports of an older generation change the counters only) {
  start_connected();
  half_open();
  auto& who = *clients[0].told;
  auto stale = report_of(who);
  answers_pings = true;
  pass(300ms);
  auto before = breaker();
  CAF_REQUIRE(before.state == breaker_state::closed);
  stale.failures = stale.run = 1000;
  stale.counters.attempts = 77;
  for (uint64_t generation = 0; generation < before.generation; ++generation) {
    stale.generation = generation;
    tell(stale);
  }
  CAF_CHECK(breaker() == before);
  CAF_CHECK_EQUAL(status().requests.attempts, 77u);
}

CAF_TEST(stale successes do not prove a server that is on trial) {
  start_connected();
  half_open();
  auto stale = report_of(*clients[0].told);
  stale.generation = 0;
  stale.successes = 1000;
  tell(stale);
  CAF_CHECK(breaker().state == breaker_state::half_open);
  CAF_CHECK_EQUAL(all_permits(2), 0u);
}

// However eight request actors use, waste or give back what they are leased,
// and whenever they ask for more.
CAF_TEST(half-open never leases more than its permits over all request actors) {
  constexpr uint64_t rounds = 60;
  start_connected();
  join_many(8);
  random_source random{7};
  auto lot = [&](uint64_t n) { return random.next() % n; };
  std::vector<uint64_t> unused(8);
  for (uint64_t round = 0; round < rounds; ++round) {
    half_open();
    auto generation = breaker().generation;
    std::vector<size_t> seen(8);
    std::vector<uint64_t> held(8);
    for (size_t i = 0; i < seen.size(); ++i)
      seen[i] = clients[i].told->gates.size();
    for (int i = 0; i < 200; ++i) {
      pass(5ms);
      if (lot(3) == 0 && dials[0]->answered < dials[0]->units.size())
        answer(0, reply::status("PONG"));
      if (breaker().generation != generation)
        break;
      auto k = lot(8);
      auto& who = *clients[k].told;
      for (; seen[k] < who.gates.size(); ++seen[k])
        held[k] = std::max<uint64_t>(held[k], who.gates[seen[k]].permits);
      auto x = report_of(who);
      x.waiting = lot(4);
      x.admitted = lot(held[k] + 1);
      held[k] -= x.admitted;
      x.returned = lot(x.admitted + 1);
      tell(x);
    }
    CAF_CHECK(all_permits(generation) <= 5);
    force(force_breaker::action::reset);
    // What came after its deadline is still to be answered.
    while (dials[0]->answered < dials[0]->units.size())
      answer(0, reply::status("PONG"));
  }
}

CAF_TEST_FIXTURE_SCOPE_END()
