#define CAF_SUITE retry_decision

#include <redoubt/actors/request/retry_decision.hpp>

#include "seed.hpp"

#include <redoubt/messages/reply.hpp>
#include <redoubt/messages/retry_text.hpp>

#include <redoubt/tests/support/check.hpp>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

using namespace redoubt;
using namespace std::chrono_literals;
using std::chrono::milliseconds;

namespace {

constexpr auto last_errc = static_cast<int>(errc::invalid_options);

struct failed_attempt {
  attempt_result result;
  retry_bounds bounds;
};

// Three attempts, waits of 10 ms to 250 ms, slow ones of 100 ms to 1000 ms.
struct fixture {
  retry_policy policy;
  random_source random{42};

  retry_decision decide(failed_attempt x, milliseconds left = 2s) {
    x.result.left = left;
    return decide_retry(policy, x.result, x.bounds, 0, random);
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
          for (auto unfenced : {false, true}) {
            failed_attempt x;
            x.result.code = static_cast<errc>(code);
            x.result.outcome = outcome;
            x.result.cls = cls;
            x.result.attempts = 1;
            x.bounds.unfenced = unfenced;
            f(x);
          }
  }

  std::string name(const failed_attempt& x) {
    return std::string{to_string(x.result.code)} + " "
           + std::string{to_string(x.result.outcome)} + " class "
           + std::to_string(static_cast<int>(x.result.cls))
           + (x.bounds.unfenced ? " unfenced" : "");
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

bool expected(const failed_attempt& x) {
  auto& result = x.result;
  if (retried.count(result.code) == 0 || result.outcome == fate::answered)
    return false;
  if (result.outcome != fate::unknown || result.cls == command_class::read_only)
    return true;
  return result.cls != command_class::accumulating && !x.bounds.unfenced;
}

failed_attempt sample(errc code, fate outcome, command_class cls,
                      uint32_t attempts) {
  failed_attempt x;
  x.result.code = code;
  x.result.outcome = outcome;
  x.result.cls = cls;
  x.result.attempts = attempts;
  return x;
}

const auto loading = sample(errc::loading, fate::refused,
                            command_class::accumulating, 1);
const auto lost_read = sample(errc::disconnected, fate::unknown,
                              command_class::read_only, 1);
const auto unsent = sample(errc::connect_failed, fate::not_sent,
                           command_class::accumulating, 0);

/// What asks for as much as a policy can.
std::vector<retry_policy> greedy_policies() {
  auto always = [](auto&) { return true; };
  auto everything = on_failure() | on_nil() | !on_nil()
                    | on_failure("always", always) | on_reply("always", always);
  return {
    retry_policy{no_wait(), stop_never(), everything},
    retry_policy{no_wait(), stop_never(),
                 !(on_errc(errc::resource_error) & on_nil())},
    retry_policy{no_wait(), stop_never(),
                 on(fate::not_sent, fate::refused, fate::unknown,
                    fate::answered)},
    retry_policy{fixed(1ms), stop_after(1000),
                 everything | !on_class(command_class::read_only)},
    retry_policy{},
  };
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(retry_decision_tests, fixture)

CAF_TEST(every error with every fate and class is decided by the contract) {
  int checked = 0;
  for_each_failure([&](const failed_attempt& x) {
    ++checked;
    if (decide(x).retry != expected(x)
        || may_retry(x.result, x.bounds) != expected(x))
      CAF_ERROR("wrong decision: " << name(x));
  });
  CAF_CHECK_EQUAL(checked, (last_errc + 1) * 4 * 4 * 2);
}

CAF_TEST(an accumulating command that may have run is never sent again) {
  for_each_failure([&](const failed_attempt& x) {
    if (x.result.cls == command_class::accumulating
        && x.result.outcome == fate::unknown && decide(x).retry)
      CAF_ERROR("would run twice: " << name(x));
  });
}

CAF_TEST(only what was not sent is retried without a wait) {
  for_each_failure([&](const failed_attempt& x) {
    auto decision = decide(x);
    if (!decision.retry)
      return;
    auto no_wait = decision.wait == 0ms;
    if (no_wait != (x.result.outcome == fate::not_sent))
      CAF_ERROR("wrong wait: " << name(x));
    auto long_wait = decision.wait >= 100ms;
    if (!no_wait && long_wait != (slow.count(x.result.code) > 0))
      CAF_ERROR("wrong kind of wait: " << name(x));
  });
}

CAF_TEST(attempts are bounded unless nothing was sent) {
  for_each_failure([&](failed_attempt x) {
    x.result.attempts = 2;
    if (decide(x).retry != expected(x))
      CAF_ERROR("the third attempt: " << name(x));
    for (auto attempts : {3u, 4u, ~0u}) {
      x.result.attempts = attempts;
      if (decide(x).retry
          != (expected(x) && x.result.outcome == fate::not_sent))
        CAF_ERROR("an attempt beyond the third: " << name(x));
    }
  });
}

CAF_TEST(with one attempt nothing that was sent is retried) {
  policy = retry_policy{policy.wait(), stop_after(1)};
  CAF_CHECK(!decide(loading).retry);
  CAF_CHECK(!decide(lost_read).retry);
  CAF_CHECK(decide(unsent).retry);
}

CAF_TEST(no command is retried when the deadline has passed) {
  for_each_failure([&](const failed_attempt& x) {
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
  auto x = lost_read;
  x.result.previous_wait = 60ms;
  for (int i = 0; i < 1000; ++i)
    longest = std::max(longest, decide(x).wait);
  CAF_CHECK_LESS_OR_EQUAL(longest.count(), 180);
  CAF_CHECK_GREATER(longest.count(), 150);
}

CAF_TEST(a code or class out of range is never retried) {
  auto x = lost_read;
  x.result.cls = static_cast<command_class>(9);
  CAF_CHECK(!decide(x).retry);
  x = lost_read;
  x.result.outcome = static_cast<fate>(9);
  CAF_CHECK(!decide(x).retry);
  x = lost_read;
  x.result.code = static_cast<errc>(200);
  CAF_CHECK(!decide(x).retry);
}

// -- other policies ---------------------------------------------------------------

CAF_TEST(no policy runs an accumulating command again that may have run) {
  auto value = reply::integer(1);
  for (auto& each : greedy_policies()) {
    policy = each;
    for_each_failure([&](failed_attempt x) {
      auto allowed = expected(x);
      for (auto has_value : {false, true}) {
        x.result.value = has_value ? &value : nullptr;
        if (has_value && x.result.outcome != fate::answered)
          continue;
        auto may = has_value ? x.result.cls != command_class::accumulating
                             : allowed;
        if (decide(x).retry && !may)
          CAF_ERROR("widens the bound: " << name(x) << "\n"
                                         << to_string(policy));
      }
    });
  }
}

CAF_TEST(any policy of random parts stays within the bound) {
  auto seed = test::seed_of_this_run();
  CAF_MESSAGE("seed " << seed);
  random_source chance{seed};
  auto greedy = greedy_policies();
  for (int i = 0; i < 200; ++i) {
    auto any = [&] { return greedy[chance.next() % greedy.size()].when(); };
    auto when = any();
    for (auto n = chance.next() % 3; n > 0; --n)
      when = chance.next() % 2 == 0 ? when | any() : when & !any();
    policy = retry_policy{no_wait(), stop_never(), when};
    for_each_failure([&](const failed_attempt& x) {
      if (decide(x).retry && !expected(x))
        CAF_ERROR("widens the bound: " << name(x) << "\n" << to_string(policy));
    });
  }
}

CAF_TEST(a policy narrows what is retried) {
  policy = retry_policy{no_wait(), stop_never(), on_errc(errc::loading)};
  for_each_failure([&](const failed_attempt& x) {
    if (decide(x).retry != (expected(x) && x.result.code == errc::loading))
      CAF_ERROR("wrong decision: " << name(x));
  });
}

CAF_TEST(a definite error is sent again only if it never ran) {
  policy = retry_policy{fixed(1s), stop_never(), on_error("OOM")};
  auto x = sample(errc::none, fate::answered, command_class::accumulating, 1);
  x.result.message = "OOM command not allowed";
  CAF_CHECK(!decide(x).retry);
  x.bounds.never_ran = true;
  CAF_CHECK(decide(x) == (retry_decision{true, 1s}));
  policy = retry_policy{};
  CAF_CHECK(!decide(x).retry);
}

CAF_TEST(a reply is asked for again by class and order) {
  policy = retry_policy{fixed(1ms), stop_never(), on_nil()};
  reply nil;
  for (auto overtaken : {false, true})
    for (auto cls : {command_class::read_only, command_class::idempotent,
                     command_class::convergent, command_class::accumulating}) {
      auto x = sample(errc::none, fate::answered, cls, 1);
      x.result.value = &nil;
      x.bounds.overtaken = overtaken;
      CAF_CHECK_EQUAL(decide(x).retry,
                      cls == command_class::read_only
                        || (cls != command_class::accumulating && !overtaken));
    }
}

CAF_TEST(without a stop at the deadline the wait may end after it) {
  policy = retry_policy{fixed(1s), stop_never()};
  CAF_CHECK(decide(lost_read, 10ms) == (retry_decision{true, 1s}));
  policy = retry_policy{fixed(1s), stop_before_deadline()};
  CAF_CHECK(!decide(lost_read, 10ms).retry);
}

CAF_TEST(a request with its own number of attempts bounds any policy) {
  auto again = [&](uint32_t attempts, uint32_t most) {
    auto x = lost_read;
    x.result.attempts = attempts;
    x.result.left = 2s;
    return decide_retry(policy, x.result, x.bounds, most, random).retry;
  };
  CAF_CHECK(again(4, 5));
  CAF_CHECK(!again(5, 5));
  CAF_CHECK(!again(1, 1));
  policy = retry_policy{no_wait(), stop_never()};
  CAF_CHECK(again(900, 0));
  CAF_CHECK(again(4, 5));
  CAF_CHECK(!again(5, 5));
}

CAF_TEST(time stops what was not sent and attempts do not) {
  policy = retry_policy{fixed(1s), stop_after(1) | stop_after_delay(50ms)};
  auto x = unsent;
  x.result.attempts = 7;
  x.result.elapsed = 49ms;
  CAF_CHECK(decide(x) == (retry_decision{true, 0ms}));
  x.result.elapsed = 50ms;
  CAF_CHECK(!decide(x).retry);
}

CAF_TEST_FIXTURE_SCOPE_END()
