#define CAF_SUITE fleet

#include "fleet_fixture.hpp"

#include <redoubt/actors/random.hpp>

using namespace redoubt_test;

namespace {

const reply loading = reply::error(
  "LOADING Redis is loading the dataset in memory");

const retry_policy five_attempts{uniform(100ms, 1s), stop_after(5)};

class fixture : public fleet_fixture {
public:
  fixture() { options.client.on_open = on_open_policy::wait; }

  /// Trips the breaker, with nothing left in flight.
  void trip() {
    request_options once;
    once.attempts = 1;
    for (int i = 0; i < 5; ++i) {
      ask(0, 1, once);
      run();
      answer(1, loading);
      run();
    }
    CAF_REQUIRE(status().breaker.state == breaker_state::open);
    CAF_REQUIRE(wire().pending.empty());
  }

  /// Answers until the breaker closes.
  void recover() {
    for (int i = 0; status().breaker.state != breaker_state::closed; ++i) {
      CAF_REQUIRE(i < 500);
      pass(1ms);
      answer(5);
      run();
    }
  }

  uint64_t in_flight() { return wire().pending.size(); }

  /// Everybody has something waiting.
  void all_want(uint64_t each) {
    request_options patient;
    patient.deadline = 1h;
    patient.attempt_timeout = 1h;
    for (size_t i = 0; i < fleet.size(); ++i)
      ask(i, each, patient);
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(fleet_tests, fixture)

CAF_TEST(eight request actors together use no more permits than there are) {
  start(8);
  trip();
  all_want(50);
  uint64_t most = 0;
  auto before = wire().received;
  auto look = [&] { most = std::max(most, in_flight()); };
  pass(150ms, look);
  CAF_REQUIRE(status().breaker.state == breaker_state::half_open);
  // The probe was the first of the five trials.
  CAF_CHECK_EQUAL(most, 4u);
  pass(150ms, look);
  CAF_CHECK_EQUAL(wire().received - before, 4u);
}

CAF_TEST(on the ramp eight request actors together have their share in flight) {
  options.breaker.ramp_step = 1s;
  start(8);
  work_well(100);
  trip();
  all_want(300);
  run();
  recover();
  random_source random{11};
  for (auto [share, allowed] : {std::pair{0.25, 200u}, {0.5, 400u}}) {
    uint64_t most = 0;
    auto seen = most;
    while (status().breaker.ramp == share) {
      most = seen;
      CAF_REQUIRE(most <= allowed);
      answer(random.next() % 2);
      auto look = [&] { seen = std::max(seen, in_flight()); };
      run(look);
      pass(1ms, look);
    }
    CAF_CHECK_EQUAL(most, allowed);
  }
  CAF_CHECK_EQUAL(status().breaker.ramp, 1.0);
  pass(10ms);
  // Nothing holds the rest back.
  CAF_CHECK(in_flight() > 400u);
  while (told->ended() < offered) {
    answer(100);
    pass(1ms);
  }
  CAF_CHECK_EQUAL(told->failed, 5u);
}

CAF_TEST(with fewer units than request actors each gets its turn) {
  options.breaker.ramp = {0.01};
  options.breaker.ramp_step = 1h;
  options.breaker.half_open_permits = 2;
  start(8);
  trip();
  all_want(20);
  run();
  recover();
  std::vector<uint64_t> served(wire().owners.size());
  for (int i = 0; i < 200 && told->ended() < offered; ++i) {
    CAF_REQUIRE(in_flight() > 0);
    ++served.at(wire().pending.front().owner);
    answer(1);
    run([&] { CAF_REQUIRE(in_flight() <= 2u); });
    pass(1ms, [&] { CAF_REQUIRE(in_flight() <= 2u); });
    if (i == 40)
      for (size_t who = 1; who < served.size(); ++who)
        CAF_CHECK(served[who] >= 3u);
  }
  CAF_CHECK_EQUAL(told->ended(), offered);
}

CAF_TEST(a ramp whose supervisor died ends all the same) {
  start(2);
  work_well(20);
  trip();
  all_want(100);
  run();
  recover();
  caf::anon_send_exit(boss, caf::exit_reason::kill);
  run();
  pass(190ms, [&] { CAF_REQUIRE(in_flight() <= 10u); });
  pass(20ms);
  CAF_CHECK(in_flight() > 100u);
}

CAF_TEST(a successor goes on with the ramp) {
  options.breaker.ramp_step = 10s;
  start(4);
  work_well(10);
  trip();
  all_want(50);
  run();
  recover();
  // A quarter of four times ten.
  auto look = [&] { CAF_REQUIRE(in_flight() <= 10u); };
  caf::anon_send_exit(boss, caf::exit_reason::kill);
  run();
  start(4);
  for (int i = 0; i < 100; ++i) {
    answer(3);
    run(look);
    pass(1ms, look);
  }
  CAF_CHECK_EQUAL(told->succeeded, 240u);
}

// -- the budget -----------------------------------------------------------------

CAF_TEST(retries of all request actors together stay within the budget) {
  options.client.retry = five_attempts;
  options.client.timeouts.request = 1h;
  options.breaker.enabled = false;
  server = [](const std::string&) { return loading; };
  start(8);
  for (size_t i = 0; i < 8; ++i)
    ask(i, 100);
  run([&] { CAF_REQUIRE(wire().received <= 800u + 100u); });
  pass(5s, [&] { CAF_REQUIRE(wire().received <= 800u + 100u); });
  CAF_CHECK_EQUAL(wire().received, 900u);
  CAF_CHECK_EQUAL(told->ended(), 800u);
  CAF_CHECK(told->exhausted > 700u);
  auto budget = status().budget;
  CAF_CHECK(budget.enabled);
  CAF_CHECK_EQUAL(budget.tokens, 0u);
  CAF_CHECK_EQUAL(budget.leased, 0u);
  CAF_CHECK_EQUAL(budget.exhausted, told->exhausted);
}

CAF_TEST(an overloaded server gets a quarter more commands instead of five times) {
  uint64_t received[2] = {};
  for (auto enabled : {true, false}) {
    fixture x;
    x.options.budget.enabled = enabled;
    x.options.breaker.enabled = false;
    x.options.client.retry = five_attempts;
    x.options.client.timeouts.request = 1h;
    x.server = [](const std::string&) { return loading; };
    x.start(4);
    for (int i = 0; i < 250; ++i) {
      for (size_t k = 0; k < 4; ++k)
        x.ask(k, 2);
      x.pass(4ms);
    }
    x.pass(10s);
    CAF_CHECK_EQUAL(x.told->ended(), x.offered);
    CAF_CHECK_EQUAL(x.offered, 2000u);
    received[enabled ? 0 : 1] = x.wire().received;
  }
  CAF_MESSAGE("2000 requests, all refused, 5 attempts: "
              << received[0] << " commands with the budget, " << received[1]
              << " without");
  CAF_CHECK(received[0] <= 2500u);
  CAF_CHECK_EQUAL(received[1], 10000u);
}

CAF_TEST(a server that does not answer is not flooded either) {
  uint64_t received[2] = {};
  for (auto enabled : {true, false}) {
    fixture x;
    x.options.budget.enabled = enabled;
    x.options.breaker.enabled = false;
    x.options.client.retry = five_attempts;
    x.options.client.timeouts.request = 1h;
    x.options.client.timeouts.attempt = 50ms;
    // By itself it would not be sent more than it was ever seen to answer.
    x.options.limits.link_share = 0;
    x.start(4);
    for (int i = 0; i < 200; ++i) {
      for (size_t k = 0; k < 4; ++k)
        x.ask(k, 1);
      x.pass(5ms);
    }
    x.pass(10s);
    CAF_CHECK_EQUAL(x.told->ended(), x.offered);
    received[enabled ? 0 : 1] = x.wire().received;
  }
  CAF_MESSAGE("800 requests, none answered, 5 attempts: "
              << received[0] << " commands with the budget, " << received[1]
              << " without");
  CAF_CHECK(received[0] <= 1000u);
  CAF_CHECK_EQUAL(received[1], 4000u);
}

CAF_TEST(five hundred reads of a lost connection are all sent again) {
  start(4);
  for (int i = 0; i < 20; ++i)
    work_well(40);
  auto before = told->succeeded;
  for (size_t i = 0; i < 4; ++i)
    ask(i, 125);
  run();
  CAF_REQUIRE_EQUAL(in_flight(), 500u);
  lose();
  for (int i = 0; i < 1000 && told->ended() < offered; ++i) {
    pass(1ms);
    answer(500);
    run();
  }
  CAF_CHECK_EQUAL(told->succeeded - before, 500u);
  CAF_CHECK_EQUAL(told->failed, 0u);
}

CAF_TEST(retries neither hang nor get lost when the supervisor is dead) {
  options.client.timeouts.request = 10s;
  start(2);
  ask(0, 50);
  run();
  caf::anon_send_exit(boss, caf::exit_reason::kill);
  run();
  answer(50, loading);
  pass(2s);
  // Nobody could grant a token.
  CAF_CHECK_EQUAL(told->failed, 50u);
  CAF_CHECK_EQUAL(told->exhausted, 50u);
}

CAF_TEST(retries that ask while one supervisor follows another are granted) {
  start(2);
  ask(0, 50);
  run();
  caf::anon_send_exit(boss, caf::exit_reason::kill);
  run();
  answer(50, loading);
  run();
  start(2);
  pass(400ms);
  CAF_REQUIRE_EQUAL(in_flight(), 50u);
  answer(50);
  run();
  CAF_CHECK_EQUAL(told->succeeded, 50u);
}

CAF_TEST(what a dead request actor held counts as spent) {
  start(2);
  ask(0, 30);
  run();
  answer(30, loading);
  run();
  CAF_CHECK_EQUAL(status().budget.tokens, 70u);
  caf::anon_send_exit(fleet[0], caf::exit_reason::kill);
  run();
  CAF_CHECK_EQUAL(status().budget.tokens, 70u);
  pass(12s);
  CAF_CHECK_EQUAL(status().budget.tokens, 100u);
  CAF_CHECK_EQUAL(status().budget.leased, 0u);
}

CAF_TEST_FIXTURE_SCOPE_END()
