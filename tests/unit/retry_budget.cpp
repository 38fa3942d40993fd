#define CAF_SUITE retry_budget

#include <redoubt/actors/random.hpp>
#include <redoubt/actors/supervisor/retry_budget.hpp>

#include <redoubt/tests/support/check.hpp>
#include <redoubt/tests/unit/seed.hpp>

#include <vector>

using namespace redoubt;
using namespace std::chrono_literals;

namespace {

struct fixture {
  budget_options options;
  retry_budget budget{options};
  api::time_point now{1000s};

  void use(double ratio, uint32_t per_second,
           std::chrono::milliseconds window = 10s) {
    options.ratio = ratio;
    options.per_second = per_second;
    options.window = window;
    budget = retry_budget{options};
  }

  /// Leases and spends.
  uint64_t retry(uint64_t n) {
    auto leased = budget.lease(n, now);
    budget.spend(leased, now);
    return leased;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(retry_budget_tests, fixture)

CAF_TEST(a fresh budget has the floor of one window) {
  CAF_CHECK_EQUAL(budget.available(now), 100u);
  CAF_CHECK_EQUAL(retry(1000), 100u);
  CAF_CHECK_EQUAL(retry(1), 0u);
}

CAF_TEST(what was spent comes back a window later) {
  retry(100);
  now += 10s;
  CAF_CHECK_EQUAL(budget.available(now), 0u);
  now += 1200ms;
  CAF_CHECK_EQUAL(budget.available(now), 100u);
}

CAF_TEST(a fifth of the successes may be sent again) {
  use(0.2, 0);
  budget.deposit(1000, now);
  CAF_CHECK_EQUAL(retry(1000), 200u);
  budget.deposit(4, now);
  CAF_CHECK_EQUAL(retry(1), 0u);
  budget.deposit(1, now);
  CAF_CHECK_EQUAL(retry(1), 1u);
}

CAF_TEST(successes count for a window) {
  use(0.2, 0);
  budget.deposit(100, now);
  now += 10s;
  CAF_CHECK_EQUAL(budget.available(now), 20u);
  now += 1200ms;
  CAF_CHECK_EQUAL(budget.available(now), 0u);
}

CAF_TEST(five hundred reads of a lost connection are covered by its traffic) {
  for (int i = 0; i < 100; ++i, now += 100ms)
    budget.deposit(100, now);
  CAF_CHECK_EQUAL(retry(500), 500u);
}

CAF_TEST(what is leased is not leased twice) {
  CAF_CHECK_EQUAL(budget.lease(60, now), 60u);
  CAF_CHECK_EQUAL(budget.lease(60, now), 40u);
  CAF_CHECK_EQUAL(budget.available(now), 0u);
  auto status = budget.status(now);
  CAF_CHECK_EQUAL(status.tokens, 0u);
  CAF_CHECK_EQUAL(status.leased, 100u);
  // However long it is kept.
  now += 1h;
  CAF_CHECK_EQUAL(budget.available(now), 0u);
}

CAF_TEST(what comes back unused is there at once) {
  budget.lease(100, now);
  budget.put_back(30);
  CAF_CHECK_EQUAL(budget.available(now), 30u);
}

CAF_TEST(a refund is leased again) {
  budget.lease(100, now);
  budget.spend(100, now);
  budget.refund(10, now);
  CAF_CHECK_EQUAL(budget.available(now), 0u);
  CAF_CHECK_EQUAL(budget.status(now).leased, 10u);
  budget.put_back(10);
  CAF_CHECK_EQUAL(budget.available(now), 10u);
}

CAF_TEST(a late refund does not make others be forgotten early) {
  budget.lease(100, now);
  budget.spend(50, now);
  now += 5s;
  budget.spend(50, now);
  budget.refund(50, now);
  budget.put_back(50);
  now += 6200ms;
  CAF_CHECK_EQUAL(budget.available(now), 50u);
  now += 5s;
  CAF_CHECK_EQUAL(budget.available(now), 100u);
}

CAF_TEST(new options take effect at once and forget nothing early) {
  retry(100);
  options.per_second = 20;
  budget.options(options, now);
  CAF_CHECK_EQUAL(budget.available(now), 100u);
  now += 5s;
  options.window = 5s;
  budget.options(options, now);
  CAF_CHECK_EQUAL(budget.available(now), 0u);
  now += 6s;
  CAF_CHECK_EQUAL(budget.available(now), 100u);
}

CAF_TEST(times near the epoch of the clock count once) {
  now = api::time_point{1ns};
  budget.deposit(50, now);
  CAF_CHECK_EQUAL(retry(1000), 110u);
  now += 5s;
  CAF_CHECK_EQUAL(retry(1000), 0u);
}

// Against a list of all that happened.
CAF_TEST(never is more spent in a window than was deposited for it) {
  struct entry {
    api::time_point at;
    double deposited;
    uint64_t spent;
  };
  auto seed = test::seed_of_this_run();
  CAF_MESSAGE("REDOUBT_SEED=" << seed);
  random_source random{seed};
  for (int walk = 0; walk < 50; ++walk) {
    use(0.1 * static_cast<double>(random.next() % 10),
        static_cast<uint32_t>(random.next() % 5), 1s);
    std::vector<entry> all;
    uint64_t leased = 0;
    for (int i = 0; i < 2000; ++i) {
      now += std::chrono::milliseconds{random.next() % 40};
      auto n = random.next() % 20;
      switch (random.next() % 5) {
        case 0:
          budget.deposit(n, now);
          all.push_back({now, options.ratio * static_cast<double>(n), 0});
          break;
        case 1: leased += budget.lease(n, now); break;
        case 2:
          n = std::min(n, leased);
          budget.put_back(n);
          leased -= n;
          break;
        default:
          n = std::min(n, leased);
          budget.spend(n, now);
          leased -= n;
          all.push_back({now, 0, n});
      }
      // Held, or spent within the window; earned within that and a bucket.
      double earned = options.per_second;
      uint64_t used = leased;
      for (auto& x : all) {
        earned += x.at + 1s + 112ms > now ? x.deposited : 0;
        used += x.at + 1s > now ? x.spent : 0;
      }
      auto available = static_cast<double>(budget.available(now));
      if (available > 0
          && available + static_cast<double>(used) > earned + 1e-6)
        CAF_FAIL(available << " available, " << used << " used of " << earned
                           << " at step " << i << ", REDOUBT_SEED=" << seed);
    }
  }
}

CAF_TEST_FIXTURE_SCOPE_END()
