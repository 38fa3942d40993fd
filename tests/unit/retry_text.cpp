#define CAF_SUITE retry_text

#include "seed.hpp"

#include <redoubt/actors/random.hpp>
#include <redoubt/messages/reply.hpp>
#include <redoubt/messages/retry_text.hpp>

#include <redoubt/tests/support/check.hpp>

#include <string>

using namespace redoubt;
using namespace std::chrono_literals;
using std::chrono::milliseconds;

namespace {

template <class Part, class Parse>
void check_round_trip(Parse parse, const Part& x, const std::string& text) {
  CAF_CHECK_EQUAL(to_string(x), text);
  retry_text_error error;
  auto copy = parse(text, error);
  if (!copy)
    CAF_FAIL(text << ": " << to_string(error));
  CAF_CHECK(*copy == x);
}

void check_wait(const wait_strategy& x, const std::string& text) {
  check_round_trip(parse_wait, x, text);
}

void check_stop(const stop_condition& x, const std::string& text) {
  check_round_trip(parse_stop, x, text);
}

void check_when(const retry_condition& x, const std::string& text) {
  check_round_trip(parse_condition, x, text);
}

template <class Parse>
std::string fault_of(Parse parse, std::string_view text) {
  retry_text_error error;
  if (parse(text, error))
    return "none";
  return to_string(error);
}

std::string wait_fault(std::string_view text) {
  return fault_of(parse_wait, text);
}

std::string when_fault(std::string_view text) {
  return fault_of(parse_condition, text);
}

constexpr char duration_expected[] = "expected a duration such as \"500ms\" or "
                                     "\"2s\"; units are us, ms, s, m "
                                     "and h";

} // namespace

CAF_TEST(every wait is written as it is read) {
  check_wait(no_wait(), "no_wait()");
  check_wait(fixed(2s), "fixed(2s)");
  check_wait(uniform(1s, 1500ms), "uniform(1s, 1500ms)");
  check_wait(incrementing(1ms, 0ms, 1h), "incrementing(1ms, 0s, 1h)");
  check_wait(exponential(1ms, 1s), "exponential(1ms, 1s)");
  check_wait(exponential(1ms, 1s, 2.5), "exponential(1ms, 1s, 2.5)");
  check_wait(exponential_jitter(1ms, 1s, 3), "exponential_jitter(1ms, 1s, 3)");
  check_wait(equal_jitter(1ms, 1s), "equal_jitter(1ms, 1s)");
  check_wait(decorrelated_jitter(1ms, 1s), "decorrelated_jitter(1ms, 1s)");
  check_wait(decorrelated_jitter(1ms, 1s, 2),
             "decorrelated_jitter(1ms, 1s, 2)");
  check_wait(slow_for(fixed(1s) + fixed(2s), fixed(3s)),
             "slow_for(fixed(1s) + fixed(2s), fixed(3s))");
  check_wait(at_most(fixed(1s) + fixed(2s), 2s),
             "at_most(fixed(1s) + fixed(2s), 2s)");
}

CAF_TEST(sums and chains keep their structure) {
  auto a = fixed(1s);
  auto b = fixed(2s);
  auto c = fixed(3s);
  check_wait(a + b + c, "fixed(1s) + fixed(2s) + fixed(3s)");
  check_wait(a + (b + c), "fixed(1s) + (fixed(2s) + fixed(3s))");
  check_wait(chain(a, b, c), "chain(fixed(1s), fixed(2s), fixed(3s))");
  check_wait(chain(3 * a, 2 * b, c),
             "chain(3 * fixed(1s), 2 * fixed(2s), fixed(3s))");
  check_wait(chain(3 * (a + b), c),
             "chain(3 * (fixed(1s) + fixed(2s)), fixed(3s))");
  check_wait(chain(a + b, c), "chain(fixed(1s) + fixed(2s), fixed(3s))");
  check_wait(chain(a, b) + c, "chain(fixed(1s), fixed(2s)) + fixed(3s)");
  check_wait(chain(2 * chain(a, b), c),
             "chain(2 * chain(fixed(1s), fixed(2s)), fixed(3s))");
  CAF_CHECK(chain(2 * a, chain(3 * b, c)) == chain(2 * a, 3 * b, c));
  CAF_CHECK(chain(a) == a);
}

CAF_TEST(every stop is written as it is read) {
  auto a = stop_after(5);
  auto b = stop_after_delay(30s);
  auto c = stop_before_deadline();
  check_stop(a, "stop_after(5)");
  check_stop(b, "stop_after_delay(30s)");
  check_stop(c, "stop_before_deadline()");
  check_stop(stop_never(), "stop_never()");
  check_stop(a | b | c,
             "stop_after(5) | stop_after_delay(30s) | stop_before_deadline()");
  check_stop(a | (b & c), "stop_after(5) | stop_after_delay(30s) & "
                          "stop_before_deadline()");
  check_stop((a | b) & c, "(stop_after(5) | stop_after_delay(30s)) & "
                          "stop_before_deadline()");
  check_stop(a & (b & c), "stop_after(5) & (stop_after_delay(30s) & "
                          "stop_before_deadline())");
}

CAF_TEST(every condition is written as it is read) {
  check_when(by_default(), "by_default()");
  check_when(on_failure(), "on_failure()");
  check_when(on(fate::unknown, fate::refused), "on(refused, unknown)");
  check_when(on_errc(errc::busy, errc::loading), "on_errc(loading, busy)");
  check_when(on_class(command_class::read_only), "on_class(read_only)");
  check_when(idempotent(), "idempotent()");
  check_when(message_contains("time out"), "message_contains('time out')");
  check_when(message_contains("it's \\ \"x\""),
             "message_contains('it\\'s \\\\ \"x\"')");
  check_when(on_error("OOM", "MISCONF"), "on_error('OOM', 'MISCONF')");
  check_when(on_nil(), "on_nil()");
  check_when(on_reply("PENDING"), "on_reply('PENDING')");
  check_when(on_reply(""), "on_reply('')");
  check_when(on_reply(-1), "on_reply(-1)");
  check_when(on_reply(0), "on_reply(0)");
}

CAF_TEST(every code and fate and class has its name in a text) {
  for (int i = 1; i <= static_cast<int>(errc::invalid_options); ++i) {
    auto code = static_cast<errc>(i);
    check_when(on_errc(code), "on_errc(" + std::string{to_string(code)} + ")");
  }
  for (auto x : {fate::not_sent, fate::refused, fate::unknown, fate::answered})
    check_when(on(x), "on(" + std::string{to_string(x)} + ")");
  for (auto x : {command_class::read_only, command_class::idempotent,
                 command_class::convergent, command_class::accumulating})
    check_when(on_class(x), "on_class(" + std::string{to_string(x)} + ")");
}

CAF_TEST(a negation moves to what it speaks of) {
  auto a = on_nil();
  auto b = idempotent();
  check_when(!a, "!on_nil()");
  CAF_CHECK((!!a) == a);
  check_when(!(a | b), "!on_nil() & !idempotent()");
  check_when(!(a & b), "!on_nil() | !idempotent()");
  retry_text_error error;
  CAF_CHECK(parse_condition("!(on_nil() | !idempotent())", error)
            == ((!a) & b));
}

CAF_TEST(blanks and other quotes do not matter) {
  retry_text_error error;
  CAF_CHECK(parse_wait(" fixed( 1s )\n+\tno_wait ( ) ", error)
            == fixed(1s) + no_wait());
  CAF_CHECK(parse_condition("message_contains(\"a\")", error)
            == message_contains("a"));
  CAF_CHECK(parse_condition("((on_nil()))", error) == on_nil());
}

CAF_TEST(functions of ones own have names that cannot be read) {
  retry_policy x{from_failure(
                   "pushback", [](auto&) { return 1s; }, 5s),
                 stop_never(),
                 on_failure("odd", [](auto&) { return true; })
                   | on_reply("not_yet", [](auto&) { return true; })};
  CAF_CHECK_EQUAL(to_string(x), "wait = from_failure(pushback, 5s)\n"
                                "stop = stop_never()\n"
                                "when = on_failure(odd) | on_reply(not_yet)");
  CAF_CHECK(!has_text(x));
  CAF_CHECK(has_text(retry_policy{}));
  CAF_CHECK(!has_text(retry_policy{x.wait(), stop_never()}));
  CAF_CHECK_EQUAL(wait_fault("from_failure(pushback, 5s)"),
                  "at 1: from_failure is for code only");
  CAF_CHECK_EQUAL(when_fault("on_failure(odd)"),
                  "at 12: predicates are for code only");
  CAF_CHECK_EQUAL(when_fault("on_reply(not_yet)"),
                  "at 10: predicates are for code only");
}

// -- faults -------------------------------------------------------------------

CAF_TEST(a fault tells its place and what was expected) {
  CAF_CHECK_EQUAL(wait_fault("fixed(500)"),
                  std::string{"at 7: "} + duration_expected);
  CAF_CHECK_EQUAL(wait_fault("fixed()"),
                  std::string{"at 7: "} + duration_expected);
  CAF_CHECK_EQUAL(wait_fault("fixed(1500us)"),
                  "at 7: expected a whole number of milliseconds");
  CAF_CHECK_EQUAL(wait_fault("uniform(1s)"), "at 11: expected ','");
  CAF_CHECK_EQUAL(wait_fault("fixed(1s"), "at 9: expected ')'");
  CAF_CHECK_EQUAL(wait_fault("fixed 1s"), "at 7: expected '('");
  CAF_CHECK_EQUAL(wait_fault("fixed(1s) fixed(2s)"),
                  "at 11: expected an operator or the end");
  CAF_CHECK_EQUAL(wait_fault("exponential(1s, 2s, x)"),
                  "at 21: expected a number");
  CAF_CHECK_EQUAL(wait_fault("chain(0.5 * no_wait())"),
                  "at 7: expected a whole number");
  CAF_CHECK_EQUAL(wait_fault("chain(2 no_wait())"), "at 9: expected '*'");
  CAF_CHECK_EQUAL(fault_of(parse_stop, "stop_after(-1)"),
                  "at 12: the number is out of range");
  CAF_CHECK_EQUAL(fault_of(parse_stop, "stop_after(1) |"),
                  "at 16: expected a stop condition: stop_after, "
                  "stop_after_delay, stop_before_deadline or stop_never");
  CAF_CHECK_EQUAL(fault_of(parse_stop, "!stop_never()"),
                  "at 1: expected a stop condition: stop_after, "
                  "stop_after_delay, stop_before_deadline or stop_never");
  CAF_CHECK_EQUAL(when_fault("on(sent)"),
                  "at 4: expected a fate: not_sent, refused, unknown or "
                  "answered");
  CAF_CHECK_EQUAL(when_fault("on_errc(timeout)"),
                  "at 9: expected the name of an error code");
  CAF_CHECK_EQUAL(when_fault("on_class(fast)"),
                  "at 10: expected a class: read_only, idempotent, convergent "
                  "or accumulating");
  CAF_CHECK_EQUAL(when_fault("message_contains(timeout)"),
                  "at 18: expected a text in quotes");
  CAF_CHECK_EQUAL(when_fault("message_contains('timeout)"),
                  "at 18: the text in quotes is not closed");
  CAF_CHECK_EQUAL(when_fault("on_reply(1.5)"),
                  "at 10: expected a whole number");
  CAF_CHECK_EQUAL(when_fault("on_reply()"),
                  "at 10: expected a text in quotes or a number");
}

CAF_TEST(an unknown name is told with all that are known) {
  CAF_CHECK_EQUAL(wait_fault("no_wait() + fixd(1s)"),
                  "at 13: expected a wait: no_wait, fixed, uniform, "
                  "incrementing, exponential, exponential_jitter, "
                  "equal_jitter, decorrelated_jitter, slow_for, at_most or "
                  "chain");
  CAF_CHECK_EQUAL(when_fault(""),
                  "at 1: expected a condition: by_default, on_failure, on, "
                  "on_errc, on_class, idempotent, message_contains, on_error, "
                  "on_nil or on_reply");
}

CAF_TEST(what makes no sense is told where it stands) {
  CAF_CHECK_EQUAL(wait_fault("no_wait() + uniform(2s, 1s)"),
                  "at 13: uniform: low must not be longer than high");
  CAF_CHECK_EQUAL(wait_fault("fixed(-1ms)"),
                  "at 1: fixed: the wait must be a duration from 0s to 24h");
  CAF_CHECK_EQUAL(wait_fault("chain(0 * no_wait())"),
                  "at 1: chain: the number of waits must be a number from 1 "
                  "to 1000");
  CAF_CHECK_EQUAL(when_fault("on_errc(none)"), "at 1: on_errc: no such value");
  CAF_CHECK_EQUAL(fault_of(parse_stop, "stop_after(1001)"),
                  "at 1: stop_after: attempts must be a number from 1 to "
                  "1000");
}

CAF_TEST(a policy that would be too long when written is not read) {
  std::string words = "'a'";
  for (int i = 0; i < 1000; ++i)
    words += ",'a'";
  retry_text_error error;
  CAF_CHECK(!parse_condition("on_error(" + words + ")", error));
  CAF_CHECK_EQUAL(to_string(error), "at 1: what it says takes more than 4096 "
                                    "bytes to write");
  // In code it may be as long as it likes, but no file can have it.
  auto when = on_error(std::vector<std::string>(1000, "a"));
  CAF_CHECK(!has_text(retry_policy{no_wait(), stop_never(), when}));
}

CAF_TEST(nesting and length have bounds) {
  CAF_CHECK_EQUAL(
    when_fault(std::string(33, '(') + "on_nil()" + std::string(33, ')')),
    "at 33: is nested too deep");
  CAF_CHECK_EQUAL(
    when_fault(std::string(31, '(') + "on_nil()" + std::string(31, ')')),
    "none");
  CAF_CHECK_EQUAL(when_fault(std::string(100000, '!')),
                  "at 4097: the text has more than 4096 bytes");
  CAF_CHECK_EQUAL(when_fault(std::string(4000, '!')),
                  "at 33: is nested too deep");
  std::string sum = "no_wait()";
  for (int i = 0; i < 40; ++i)
    sum += " + no_wait()";
  CAF_CHECK_EQUAL(wait_fault(sum),
                  "at 383: retry policy: no part may have more than 64 steps");
}

// -- anything -------------------------------------------------------------------

namespace {

/// Makes any condition, by chance.
retry_condition any_condition(random_source& random, int depth) {
  auto pick = [&](uint64_t n) { return random.next() % n; };
  if (depth == 0 || pick(3) == 0)
    switch (pick(8)) {
      case 0: return by_default();
      case 1: return on_errc(static_cast<errc>(1 + pick(20)), errc::busy);
      case 2: return on(static_cast<fate>(pick(4)));
      case 3: return on_class(static_cast<command_class>(pick(4)));
      case 4: return message_contains(std::string(1 + pick(3), '\''));
      case 5: return on_reply(static_cast<int64_t>(random.next()));
      case 6: return on_error("OOM", "A");
      default: return on_nil();
    }
  auto a = any_condition(random, depth - 1);
  switch (pick(3)) {
    case 0: return !a;
    case 1: return a | any_condition(random, depth - 1);
    default: return a & any_condition(random, depth - 1);
  }
}

wait_strategy any_wait(random_source& random, int depth) {
  auto pick = [&](uint64_t n) { return random.next() % n; };
  if (depth == 0 || pick(3) == 0)
    switch (pick(4)) {
      case 0: return fixed(milliseconds{pick(5000)});
      case 1: return uniform(milliseconds{pick(9)}, 1s);
      case 2: return exponential(1ms, 1s, 1 + random.unit());
      default: return decorrelated_jitter(1ms, milliseconds{1 + pick(99)});
    }
  auto a = any_wait(random, depth - 1);
  auto b = any_wait(random, depth - 1);
  switch (pick(4)) {
    case 0: return a + b;
    case 1: return chain(static_cast<uint32_t>(1 + pick(3)) * a, b);
    case 2: return slow_for(a, b);
    default: return at_most(a, milliseconds{pick(100)});
  }
}

} // namespace

CAF_TEST(any policy is read as it was written) {
  auto seed = test::seed_of_this_run();
  CAF_MESSAGE("seed " << seed);
  random_source random{seed};
  for (int i = 0; i < 3000; ++i) {
    auto when = any_condition(random, 4);
    check_when(when, to_string(when));
    auto wait = any_wait(random, 4);
    check_wait(wait, to_string(wait));
  }
}

CAF_TEST(a text with a few bytes changed is read or refused) {
  auto seed = test::seed_of_this_run();
  CAF_MESSAGE("seed " << seed);
  random_source random{seed};
  for (int i = 0; i < 20000; ++i) {
    auto text = to_string(i % 2 == 0 ? retry_policy{}.wait()
                                     : any_wait(random, 3));
    for (int n = 0; n < 3; ++n)
      text[random.next()
           % text.size()] = "()+*,|&!'\" 019msaef_x\\-."[random.next() % 25];
    retry_text_error error;
    if (auto x = parse_wait(text, error))
      CAF_CHECK(parse_wait(to_string(*x), error) == x);
    else if (error.what.empty() || error.position == 0
             || error.position > text.size() + 1)
      CAF_ERROR("no good fault of " << text);
    if (auto x = parse_condition(text, error))
      CAF_CHECK(parse_condition(to_string(*x), error) == x);
  }
}
