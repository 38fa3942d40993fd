#define CAF_SUITE share_ledger

#include <redoubt/actors/random.hpp>
#include <redoubt/actors/request/in_flight_share.hpp>
#include <redoubt/actors/supervisor/share_ledger.hpp>

#include <redoubt/tests/support/check.hpp>
#include <redoubt/tests/unit/seed.hpp>

#include <numeric>
#include <string>
#include <vector>

using namespace redoubt;
using namespace std::chrono_literals;

namespace {

struct fixture {
  share_ledger ledger;

  void join(uint64_t n) {
    for (uint64_t i = 1; i <= n; ++i)
      ledger.join(i);
  }

  /// `holder+leased`, `holder-recalled`, in the order of holders.
  std::string settle(uint64_t total) {
    std::string result;
    for (auto& x : ledger.settle(total)) {
      result += result.empty() ? "" : " ";
      result += std::to_string(x.holder);
      if (x.leased > 0)
        result += "+" + std::to_string(x.leased);
      if (x.recalled > 0)
        result += "-" + std::to_string(x.recalled);
    }
    return result;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(share_ledger_tests, fixture)

CAF_TEST(what nobody waits for is spread) {
  join(3);
  CAF_CHECK_EQUAL(settle(7), "1+3 2+2 3+2");
  CAF_CHECK_EQUAL(ledger.leased(), 7u);
  CAF_CHECK_EQUAL(settle(7), "");
}

CAF_TEST(those who wait come first) {
  join(4);
  ledger.report(2, 0, 10);
  ledger.report(4, 0, 1);
  CAF_CHECK_EQUAL(settle(8), "2+4 4+4");
}

CAF_TEST(the remainder goes round) {
  join(3);
  CAF_CHECK_EQUAL(settle(1), "1+1");
  CAF_CHECK_EQUAL(settle(2), "2+1");
  CAF_CHECK_EQUAL(settle(4), "1+1 3+1");
}

CAF_TEST(more is leased when more is allowed) {
  join(2);
  ledger.report(1, 0, 5);
  CAF_CHECK_EQUAL(settle(4), "1+4");
  ledger.report(2, 0, 5);
  CAF_CHECK_EQUAL(settle(10), "1+3 2+3");
}

CAF_TEST(units of those who do not wait are recalled for those who do) {
  join(2);
  CAF_CHECK_EQUAL(settle(10), "1+5 2+5");
  ledger.report(2, 0, 9);
  CAF_CHECK_EQUAL(settle(10), "1-5");
  // Recalled once only, and out until it came back.
  CAF_CHECK_EQUAL(settle(10), "");
  CAF_CHECK_EQUAL(ledger.leased(), 10u);
  ledger.report(1, 3, 0);
  CAF_CHECK_EQUAL(settle(10), "2+3");
  ledger.report(1, 5, 0);
  CAF_CHECK_EQUAL(settle(10), "2+2");
}

CAF_TEST(with fewer units than request actors they go round) {
  join(2);
  ledger.report(1, 0, 9);
  CAF_CHECK_EQUAL(settle(1), "1+1");
  ledger.report(2, 0, 9);
  CAF_CHECK_EQUAL(settle(1), "1-1");
  ledger.report(1, 1, 9);
  // Not recalled before it was of use.
  CAF_CHECK_EQUAL(settle(1), "2+1");
  ledger.report(2, 0, 8);
  CAF_CHECK_EQUAL(settle(1), "2-1");
  ledger.report(2, 1, 8);
  CAF_CHECK_EQUAL(settle(1), "1+1");
}

CAF_TEST(who has nothing comes before whose turn it is) {
  join(2);
  ledger.report(1, 0, 1);
  CAF_CHECK_EQUAL(settle(1), "1+1");
  ledger.report(2, 0, 1);
  CAF_CHECK_EQUAL(settle(2), "2+1");
  ledger.report(2, 0, 0);
  CAF_CHECK_EQUAL(settle(2), "2-1");
  ledger.report(2, 1, 1);
  // It would be the first one's turn.
  CAF_CHECK_EQUAL(settle(2), "2+1");
}

CAF_TEST(what is beyond a smaller total is recalled) {
  join(2);
  settle(10);
  CAF_CHECK_EQUAL(settle(7), "1-2 2-1");
  CAF_CHECK_EQUAL(settle(7), "");
  ledger.report(1, 2, 0);
  ledger.report(2, 1, 0);
  CAF_CHECK_EQUAL(ledger.leased(), 7u);
  CAF_CHECK_EQUAL(settle(7), "");
}

CAF_TEST(the units of who is gone are free) {
  join(2);
  settle(10);
  ledger.leave(1);
  CAF_CHECK_EQUAL(settle(10), "2+5");
  ledger.join(3);
  ledger.report(3, 0, 1);
  CAF_CHECK_EQUAL(settle(10), "2-10");
}

CAF_TEST(a new ramp begins with nothing leased) {
  join(2);
  settle(10);
  ledger.report(1, 2, 0);
  ledger.begin();
  CAF_CHECK_EQUAL(ledger.leased(), 0u);
  CAF_CHECK_EQUAL(settle(2), "1+1 2+1");
  ledger.report(1, 1, 0);
  CAF_CHECK_EQUAL(ledger.leased(), 1u);
}

CAF_TEST(more than was leased does not come back) {
  join(1);
  settle(3);
  ledger.report(1, 99, 0);
  CAF_CHECK_EQUAL(ledger.leased(), 0u);
  ledger.report(7, 1, 1);
  CAF_CHECK_EQUAL(settle(2), "1+2");
}

CAF_TEST(without request actors nothing is leased) {
  CAF_CHECK_EQUAL(settle(100), "");
}

// Eight request actors between messages that take their time, in both
// directions.
CAF_TEST(never are more in flight than there are and everybody gets a turn) {
  constexpr size_t n = 8;
  constexpr api::time_point now{1000s};
  auto seed = test::seed_of_this_run();
  CAF_MESSAGE("REDOUBT_SEED=" << seed);
  random_source random{seed};
  for (int walk = 0; walk < 200; ++walk) {
    share_ledger all;
    struct actor {
      in_flight_share share;
      std::vector<share_ledger::change> inbox;
      uint64_t waiting = 0;
      uint64_t in_flight = 0;
      uint64_t served = 0;
    };
    std::vector<actor> actors(n);
    for (size_t i = 0; i < n; ++i) {
      all.join(i);
      actors[i].share.end_at(now + 1h);
      actors[i].waiting = random.next() % 3;
    }
    uint64_t total = 1 + random.next() % 12;
    for (int step = 0; step < 3000; ++step) {
      auto i = random.next() % n;
      auto& x = actors[i];
      if (!x.inbox.empty()) {
        x.share.lease(x.inbox.front().leased, x.inbox.front().recalled);
        x.inbox.erase(x.inbox.begin());
      }
      if (random.next() % 3 == 0)
        x.in_flight -= x.in_flight > 0;
      if (random.next() % 2 == 0)
        x.waiting = std::min<uint64_t>(x.waiting + 1, 5);
      while (x.waiting > 0 && x.share.admits(x.in_flight, now)) {
        --x.waiting;
        ++x.in_flight;
        ++x.served;
      }
      x.share.give_back(x.in_flight);
      all.report(i, x.share.returned(), x.waiting);
      if (random.next() % 100 == 0)
        ++total;
      for (auto& change : all.settle(total))
        actors[change.holder].inbox.push_back(change);
      uint64_t in_flight = 0;
      for (auto& each : actors)
        in_flight += each.in_flight;
      if (in_flight > total || all.leased() > total)
        CAF_FAIL(in_flight << " in flight of " << total << " at step " << step
                           << ", REDOUBT_SEED=" << seed);
    }
    for (auto& each : actors)
      if (each.served < 5)
        CAF_FAIL("only " << each.served << " served, REDOUBT_SEED=" << seed);
  }
}

CAF_TEST_FIXTURE_SCOPE_END()
