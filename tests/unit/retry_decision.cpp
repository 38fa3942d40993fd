#define CAF_SUITE retry_policy

#include <redoubt/actors/request/retry_policy.hpp>

#include <redoubt/tests/support/check.hpp>

#include <algorithm>
#include <set>
#include <string>

using namespace redoubt;
using namespace std::chrono_literals;
using std::chrono::milliseconds;

namespace {

constexpr auto last_errc = static_cast<int>(errc::resource_error);

// Three attempts, waits of 10 ms to 250 ms, slow ones of 100 ms to 1000 ms.
struct fixture {
  retry_policy policy{retry_options{}};
  random_source random{42};

  retry_decision decide(attempt_failure x, milliseconds left = 2s) {
    return policy.decide(x, 0ms, left, random);
  }

  // Calls `f` with every failure that can be, of a first attempt.
  template <class F>
  void for_each_failure(F f) {
    for (int code = 0; code <= last_errc; ++code)
      for (auto outcome :
           {fate::not_sent, fate::refused, fate::unknown, fate::answered})
        for (auto cls :
             {command_class::read_only, command_class::idempotent,
              command_class::convergent, command_class::accumulating})
          for (auto unfenced : {false, true})
            f(attempt_failure{static_cast<errc>(code), outcome, cls, 1,
                              unfenced});
  }

  std::string name(const attempt_failure& x) {
    return std::string{to_string(x.code)} + " "
           + std::string{to_string(x.outcome)} + " class "
           + std::to_string(static_cast<int>(x.cls))
           + (x.unfenced ? " unfenced" : "");
  }
};

// The contract, spelled out once more and without the tables of the runtime.
const std::set<errc> retried{
  errc::resolve_failed,   errc::connect_failed, errc::handshake_failed,
  errc::disconnected,     errc::protocol_error, errc::attempt_timeout,
  errc::loading,          errc::busy,           errc::read_only_replica,
  errc::master_down,      errc::cluster_down,   errc::try_again,
  errc::too_many_clients,
};

const std::set<errc> slow{errc::loading, errc::busy, errc::too_many_clients};

bool expected(const attempt_failure& x) {
  if (retried.count(x.code) == 0 || x.outcome == fate::answered)
    return false;
  if (x.outcome != fate::unknown || x.cls == command_class::read_only)
    return true;
  return x.cls != command_class::accumulating && !x.unfenced;
}

constexpr attempt_failure loading{errc::loading, fate::refused,
                                  command_class::accumulating, 1, false};
constexpr attempt_failure lost_read{errc::disconnected, fate::unknown,
                                    command_class::read_only, 1, false};
constexpr attempt_failure unsent{errc::connect_failed, fate::not_sent,
                                 command_class::accumulating, 0, false};

} // namespace

CAF_TEST_FIXTURE_SCOPE(retry_policy_tests, fixture)

CAF_TEST(every error with every fate and class is decided by the contract) {
  int checked = 0;
  for_each_failure([&](const attempt_failure& x) {
    ++checked;
    if (decide(x).retry != expected(x) || may_retry(x) != expected(x))
      CAF_ERROR("wrong decision: " << name(x));
  });
  CAF_CHECK_EQUAL(checked, (last_errc + 1) * 4 * 4 * 2);
}

CAF_TEST(an accumulating command that may have run is never sent again) {
  for_each_failure([&](const attempt_failure& x) {
    if (x.cls == command_class::accumulating && x.outcome == fate::unknown
        && decide(x).retry)
      CAF_ERROR("would run twice: " << name(x));
  });
}

CAF_TEST(only what was not sent is retried without a wait) {
  for_each_failure([&](const attempt_failure& x) {
    auto decision = decide(x);
    if (!decision.retry)
      return;
    auto no_wait = decision.wait == 0ms;
    if (no_wait != (x.outcome == fate::not_sent))
      CAF_ERROR("wrong wait: " << name(x));
    auto long_wait = decision.wait >= 100ms;
    if (!no_wait && long_wait != (slow.count(x.code) > 0))
      CAF_ERROR("wrong kind of wait: " << name(x));
  });
}

CAF_TEST(attempts are bounded unless nothing was sent) {
  for_each_failure([&](attempt_failure x) {
    x.attempts = 2;
    if (decide(x).retry != expected(x))
      CAF_ERROR("the third attempt: " << name(x));
    for (auto attempts : {3u, 4u, ~0u}) {
      x.attempts = attempts;
      if (decide(x).retry != (expected(x) && x.outcome == fate::not_sent))
        CAF_ERROR("an attempt beyond the third: " << name(x));
    }
  });
}

CAF_TEST(with one attempt nothing that was sent is retried) {
  retry_options once;
  once.attempts = 1;
  policy = retry_policy{once};
  CAF_CHECK(!decide(loading).retry);
  CAF_CHECK(!decide(lost_read).retry);
  CAF_CHECK(decide(unsent).retry);
}

CAF_TEST(no command is retried when the deadline has passed) {
  for_each_failure([&](const attempt_failure& x) {
    if (decide(x, 0ms).retry || decide(x, -1ms).retry)
      CAF_ERROR("retried too late: " << name(x));
  });
}

CAF_TEST(a wait that would not end before the deadline is no retry) {
  for (int i = 0; i < 1000; ++i) {
    auto decision = decide(loading, 200ms);
    if (decision.retry && decision.wait >= 200ms)
      CAF_ERROR("waits past the deadline");
  }
  CAF_CHECK(!decide(loading, 100ms).retry);
  CAF_CHECK(!decide(lost_read, 10ms).retry);
  CAF_CHECK(decide(lost_read, 31ms).retry);
}

CAF_TEST(what was not sent is retried as long as any time is left) {
  CAF_CHECK(decide(unsent, 1ms).retry);
}

CAF_TEST(waits grow from the previous one) {
  auto longest = 0ms;
  for (int i = 0; i < 1000; ++i)
    longest = std::max(longest,
                       policy.decide(lost_read, 60ms, 2s, random).wait);
  CAF_CHECK_LESS_OR_EQUAL(longest.count(), 180);
  CAF_CHECK_GREATER(longest.count(), 150);
}

CAF_TEST(a code or class out of range is never retried) {
  auto x = lost_read;
  x.cls = static_cast<command_class>(9);
  CAF_CHECK(!decide(x).retry);
  x = lost_read;
  x.outcome = static_cast<fate>(9);
  CAF_CHECK(!decide(x).retry);
  x = lost_read;
  x.code = static_cast<errc>(200);
  CAF_CHECK(!decide(x).retry);
}

CAF_TEST_FIXTURE_SCOPE_END()
