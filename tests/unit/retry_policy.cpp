#define CAF_SUITE retry_policy

#include <redoubt/messages/reply.hpp>
#include <redoubt/messages/retry_text.hpp>

#include <redoubt/tests/support/check.hpp>

#include <cmath>
#include <stdexcept>
#include <string>

using namespace redoubt;
using namespace std::chrono_literals;
using std::chrono::milliseconds;

namespace {

constexpr auto day = milliseconds{24h};

/// What a function objects to; empty if it does not.
template <class Make>
std::string objection(Make make) {
  try {
    static_cast<void>(make());
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return {};
}

template <class Make>
void check_objection(Make make, const std::string& expected) {
  CAF_CHECK_EQUAL(objection(make), expected);
}

constexpr char not_a_wait[] = " must be a duration from 0s to 24h";

} // namespace

CAF_TEST(a policy is written as one reads it) {
  retry_policy policy{exponential_jitter(10ms, 250ms) + uniform(0ms, 20ms),
                      stop_after(5) | stop_before_deadline(),
                      on(fate::not_sent, fate::refused)
                        | (on_errc(errc::attempt_timeout) & idempotent())};
  CAF_CHECK_EQUAL(
    to_string(policy),
    "wait = exponential_jitter(10ms, 250ms) + uniform(0s, 20ms)\n"
    "stop = stop_after(5) | stop_before_deadline()\n"
    "when = on(not_sent, refused) | on_errc(attempt_timeout) & idempotent()");
  retry_policy brief{exponential_jitter(10ms, 1s), stop_after(3)};
  CAF_CHECK_EQUAL(to_string(brief.when()), "by_default()");
}

CAF_TEST(the default policy and that of the article are what the docs say) {
  CAF_CHECK_EQUAL(to_string(retry_policy{}),
                  "wait = slow_for(decorrelated_jitter(10ms, 250ms), "
                  "decorrelated_jitter(100ms, 1s))\n"
                  "stop = stop_after(3) | stop_before_deadline()\n"
                  "when = by_default()");
  CAF_CHECK_EQUAL(to_string(retry_policy::article()),
                  "wait = equal_jitter(100ms, 1m)\n"
                  "stop = stop_after(5) | stop_before_deadline()\n"
                  "when = by_default()");
}

CAF_TEST(policies compare by what they say) {
  auto make = [] { return retry_policy{fixed(1s) + fixed(2s), stop_never()}; };
  CAF_CHECK(make() == make());
  CAF_CHECK(make() != (retry_policy{fixed(1s) + fixed(3s), stop_never()}));
  CAF_CHECK(make() != (retry_policy{fixed(1s) + fixed(2s), stop_after(1)}));
  CAF_CHECK(make()
            != (retry_policy{fixed(1s) + fixed(2s), stop_never(), on_nil()}));
  CAF_CHECK(retry_policy{} == retry_policy{});
  CAF_CHECK(retry_policy{} != retry_policy::article());
}

CAF_TEST(a policy that was moved from is still one) {
  retry_policy a{fixed(1s), stop_never()};
  auto b = std::move(a);
  // What is checked is that nothing of the kind happens.
  CAF_CHECK(a == b); // NOLINT(bugprone-use-after-move)
}

CAF_TEST(a policy knows whether it asks of replies and counts attempts) {
  auto of = [](retry_condition when) {
    return retry_policy{no_wait(), stop_never(), std::move(when)};
  };
  for (auto& when :
       {on_nil(), !on_nil(), on_reply("x"), on_reply(3),
        by_default() | on_nil(), on_reply("f", [](auto&) { return true; })})
    CAF_CHECK(of(when).looks_at_replies());
  for (auto& when :
       {by_default(), on_failure(), on(fate::answered), on_errc(errc::busy),
        idempotent(), on_error("OOM"), message_contains("x"),
        on_failure("f", [](auto&) { return true; })})
    CAF_CHECK(!of(when).looks_at_replies());
  CAF_CHECK(retry_policy{}.counts_attempts());
  CAF_CHECK(!of(by_default()).counts_attempts());
}

// -- what is refused ----------------------------------------------------------

CAF_TEST(negative waits are refused by name) {
  check_objection([] { return fixed(-1ms); },
                  std::string{"fixed: the wait"} + not_a_wait);
  check_objection([] { return fixed(day + 1ms); },
                  std::string{"fixed: the wait"} + not_a_wait);
  check_objection([] { return uniform(-1ms, 1ms); },
                  std::string{"uniform: low"} + not_a_wait);
  check_objection([] { return uniform(1ms, milliseconds::max()); },
                  std::string{"uniform: high"} + not_a_wait);
  check_objection([] { return incrementing(1ms, -1ms, 1s); },
                  std::string{"incrementing: step"} + not_a_wait);
  check_objection([] { return at_most(no_wait(), -1ms); },
                  std::string{"at_most: max"} + not_a_wait);
  check_objection(
    [] {
      return from_failure(
        "f", [](auto&) { return 1ms; }, -1ms);
    },
    std::string{"from_failure: max"} + not_a_wait);
  check_objection([] { return exponential(0ms, 1s); },
                  "exponential: base must be a duration from 1ms to 24h");
  check_objection([] { return stop_after_delay(0ms); },
                  "stop_after_delay: the delay must be a duration from 1ms to "
                  "24h");
}

CAF_TEST(a maximum below the minimum is refused by name) {
  check_objection([] { return uniform(2ms, 1ms); },
                  "uniform: low must not be longer than high");
  check_objection([] { return incrementing(2ms, 1ms, 1ms); },
                  "incrementing: start must not be longer than max");
  check_objection([] { return exponential(2ms, 1ms); },
                  "exponential: base must not be longer than max");
  check_objection([] { return exponential_jitter(2ms, 1ms); },
                  "exponential_jitter: base must not be longer than max");
  check_objection([] { return equal_jitter(2ms, 1ms); },
                  "equal_jitter: base must not be longer than max");
  check_objection([] { return decorrelated_jitter(2ms, 1ms); },
                  "decorrelated_jitter: base must not be longer than max");
  CAF_CHECK_EQUAL(objection([] { return uniform(1ms, 1ms); }), "");
  CAF_CHECK_EQUAL(objection([] { return exponential(1ms, 1ms); }), "");
}

CAF_TEST(factors and counts have ranges) {
  for (auto factor : {0.0, 0.99, 100.1, -1.0, static_cast<double>(NAN),
                      static_cast<double>(INFINITY)})
    check_objection([=] { return equal_jitter(1ms, 1s, factor); },
                    "equal_jitter: factor must be a number from 1 to 100");
  for (auto factor : {1.0, 1.5, 100.0})
    CAF_CHECK_EQUAL(objection([=] { return equal_jitter(1ms, 1s, factor); }),
                    "");
  for (auto n : {0u, 1001u, ~0u}) {
    check_objection([=] { return stop_after(n); },
                    "stop_after: attempts must be a number from 1 to 1000");
    check_objection([=] { return n * fixed(1s); },
                    "chain: the number of waits must be a number from 1 to "
                    "1000");
  }
  CAF_CHECK_EQUAL(objection([] { return stop_after(1000); }), "");
}

CAF_TEST(what is empty is refused) {
  check_objection([] { return chain(); }, "chain: needs at least one wait");
  check_objection([] { return on(std::vector<fate>{}); },
                  "on: needs at least one value");
  check_objection([] { return on_errc(std::vector<errc>{}); },
                  "on_errc: needs at least one value");
  check_objection([] { return on_error(std::vector<std::string>{}); },
                  "on_error: needs at least one word");
  check_objection([] { return message_contains(""); },
                  "message_contains: the text must have 1 to 256 bytes");
  check_objection([] { return from_failure("f", nullptr, 1s); },
                  "from_failure: the function is empty");
  check_objection([] { return on_failure("f", nullptr); },
                  "on_failure: the predicate is empty");
  check_objection([] { return on_reply("f", nullptr); },
                  "on_reply: the predicate is empty");
  auto gone = fixed(1s);
  auto taken = std::move(gone);
  check_objection([&] { return taken + gone; },
                  "retry policy: a part of it was moved away");
  check_objection(
    [&] {
      return retry_policy{gone, stop_never()};
    },
    "retry policy: a part of it was moved away");
}

CAF_TEST(values that are none are refused) {
  check_objection([] { return on_errc(errc::none); }, "on_errc: no such value");
  check_objection([] { return on_errc(static_cast<errc>(200)); },
                  "on_errc: no such value");
  check_objection([] { return on(static_cast<fate>(9)); }, "on: no such value");
  check_objection([] { return on_class(static_cast<command_class>(9)); },
                  "on_class: no such value");
  check_objection([] { return on_error("OOM command"); },
                  "on_error: takes first words, which have no blank");
  for (auto name : {"", "1st", "a b", "a-b", "\xc3\xa4"})
    CAF_CHECK(!objection([=] {
                 return on_reply(name, [](auto&) { return true; });
               }).empty());
}

CAF_TEST(a part has as many steps as it may and not one more) {
  auto whole = fixed(1ms);
  for (int i = 0; i < 31; ++i)
    whole = whole + fixed(1ms);
  CAF_CHECK_EQUAL(whole.steps().size(), 63u);
  auto most = at_most(whole, 1s);
  check_objection([&] { return at_most(most, 1s); },
                  "retry policy: no part may have more than 64 steps");
  check_objection([&] { return whole + no_wait(); },
                  "retry policy: no part may have more than 64 steps");
}
