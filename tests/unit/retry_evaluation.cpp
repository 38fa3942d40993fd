#define CAF_SUITE retry_evaluation

#include <redoubt/actors/request/retry_evaluation.hpp>

#include <redoubt/messages/reply.hpp>

#include <redoubt/tests/support/check.hpp>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

using namespace redoubt;
using namespace std::chrono_literals;
using std::chrono::milliseconds;

namespace {

struct fixture {
  random_source random{42};

  /// A result of the `n`th attempt.
  static attempt_result result(uint32_t n, milliseconds previous = 0ms) {
    attempt_result x;
    x.code = errc::disconnected;
    x.outcome = fate::unknown;
    x.attempts = n;
    x.previous_wait = previous;
    x.left = 2s;
    return x;
  }

  static attempt_result slow_result(uint32_t n, milliseconds previous = 0ms) {
    auto x = result(n, previous);
    x.code = errc::loading;
    return x;
  }

  milliseconds wait_after(const wait_strategy& wait, uint32_t n,
                          milliseconds previous = 0ms) {
    return next_wait(wait, result(n, previous), random);
  }

  /// The waits after attempts 1 to `n`.
  std::vector<milliseconds> waits(const wait_strategy& wait, uint32_t n) {
    std::vector<milliseconds> all;
    for (uint32_t i = 1; i <= n; ++i)
      all.push_back(wait_after(wait, i));
    return all;
  }

  void check_waits(const wait_strategy& wait,
                   const std::vector<milliseconds>& expected) {
    auto all = waits(wait, static_cast<uint32_t>(expected.size()));
    if (all != expected)
      for (size_t i = 0; i < all.size(); ++i)
        CAF_CHECK_EQUAL(all[i].count(), expected[i].count());
    CAF_CHECK(all == expected);
  }

  /// Draws from it: uniform between both ends, and both are met.
  void check_uniform(const wait_strategy& wait, const attempt_result& x,
                     milliseconds least, milliseconds most) {
    constexpr int n = 20000;
    auto low = milliseconds::max();
    auto high = milliseconds::min();
    double mean = 0;
    for (int i = 0; i < n; ++i) {
      auto drawn = next_wait(wait, x, random);
      low = std::min(low, drawn);
      high = std::max(high, drawn);
      mean += static_cast<double>(drawn.count()) / n;
    }
    CAF_CHECK_EQUAL(low.count(), least.count());
    CAF_CHECK_EQUAL(high.count(), most.count());
    // Five standard errors around the middle.
    auto middle = static_cast<double>((least + most).count()) / 2;
    auto width = static_cast<double>((most - least).count());
    CAF_CHECK_LESS(std::abs(mean - middle), 0.012 * width + 0.001);
  }
};

attempt_result failure_of_code(errc code, fate outcome,
                               command_class cls = command_class::read_only) {
  attempt_result x;
  x.code = code;
  x.outcome = outcome;
  x.cls = cls;
  x.attempts = 1;
  return x;
}

/// An error that is the server's definite answer.
attempt_result error_reply(std::string_view text) {
  auto x = failure_of_code(errc::none, fate::answered);
  x.message = text;
  return x;
}

attempt_result value_reply(const reply& value) {
  auto x = failure_of_code(errc::none, fate::answered);
  x.value = &value;
  return x;
}

const auto lost = failure_of_code(errc::disconnected, fate::unknown);
const auto refused = failure_of_code(errc::loading, fate::refused);
const reply nil;
const auto text = reply::string("v");

} // namespace

CAF_TEST_FIXTURE_SCOPE(retry_evaluation_tests, fixture)

// -- waits ----------------------------------------------------------------------

CAF_TEST(waits without chance are what they say) {
  check_waits(no_wait(), {0ms, 0ms});
  check_waits(fixed(2s), {2s, 2s, 2s});
  check_waits(incrementing(1s, 500ms, 3s), {1s, 1500ms, 2s, 2500ms, 3s, 3s});
  check_waits(exponential(100ms, 1s), {100ms, 200ms, 400ms, 800ms, 1s, 1s});
  check_waits(exponential(100ms, 1s, 1.5), {100ms, 150ms, 225ms, 337ms, 506ms});
  check_waits(exponential(100ms, 1s, 1), {100ms, 100ms, 100ms});
}

CAF_TEST(waits with chance are uniform between their ends) {
  check_uniform(uniform(1s, 1050ms), result(1), 1s, 1050ms);
  check_uniform(exponential_jitter(10ms, 1s), result(1), 0ms, 10ms);
  check_uniform(exponential_jitter(10ms, 1s), result(3), 0ms, 40ms);
  check_uniform(exponential_jitter(10ms, 30ms), result(3), 0ms, 30ms);
  check_uniform(equal_jitter(10ms, 1s), result(1), 5ms, 10ms);
  check_uniform(equal_jitter(10ms, 1s), result(4), 40ms, 80ms);
  check_uniform(equal_jitter(10ms, 60ms), result(4), 30ms, 60ms);
}

CAF_TEST(decorrelated waits are between the base and a multiple of the last) {
  auto wait = decorrelated_jitter(10ms, 250ms);
  check_uniform(wait, result(1), 10ms, 30ms);
  check_uniform(wait, result(2, 20ms), 10ms, 60ms);
  check_uniform(wait, result(3, 80ms), 10ms, 240ms);
  check_uniform(wait, result(3, 84ms), 10ms, 250ms);
  check_uniform(wait, result(3, 900ms), 10ms, 250ms);
  check_uniform(decorrelated_jitter(10ms, 250ms, 1.5), result(2, 30ms), 10ms,
                45ms);
  check_uniform(decorrelated_jitter(250ms, 250ms), result(2, 250ms), 250ms,
                250ms);
}

CAF_TEST(a server that needs time is given it) {
  auto wait = retry_policy{}.wait();
  check_uniform(wait, result(1), 10ms, 30ms);
  check_uniform(wait, slow_result(1), 100ms, 300ms);
  check_uniform(wait, slow_result(2, 300ms), 100ms, 900ms);
  check_uniform(wait, slow_result(2, 1000ms), 100ms, 1000ms);
  check_uniform(wait, slow_result(2, 20ms), 100ms, 300ms);
}

CAF_TEST(waits add up) {
  check_waits(fixed(1s) + fixed(2s) + incrementing(0ms, 1s, 9s), {3s, 4s, 5s});
  check_uniform(exponential(10ms, 1s) + uniform(0ms, 20ms), result(2), 20ms,
                40ms);
}

CAF_TEST(a sum is never longer than a day) {
  check_waits(fixed(24h) + fixed(24h), {24h});
}

CAF_TEST(a wait is cut at its maximum) {
  check_waits(at_most(exponential(100ms, 10s), 250ms), {100ms, 200ms, 250ms});
  check_waits(at_most(fixed(1s) + fixed(1s), 1500ms) + fixed(1s), {2500ms});
}

CAF_TEST(a chain uses each of its waits in turn and the last for ever) {
  check_waits(chain(fixed(1s), fixed(2s), fixed(5s)), {1s, 2s, 5s, 5s, 5s});
  check_waits(chain(3 * fixed(1s), 2 * fixed(2s), fixed(9s)),
              {1s, 1s, 1s, 2s, 2s, 9s, 9s});
  check_waits(chain(fixed(1s)), {1s, 1s});
}

CAF_TEST(each wait of a chain counts from its own first) {
  check_waits(chain(2 * no_wait(), exponential(10ms, 1s)),
              {0ms, 0ms, 10ms, 20ms, 40ms});
  check_waits(chain(1 * fixed(1s), 2 * incrementing(1ms, 1ms, 1s),
                    incrementing(5ms, 5ms, 1s) + fixed(100ms)),
              {1s, 1ms, 2ms, 105ms, 110ms});
  check_waits(chain(1 * fixed(9ms), chain(2 * fixed(1ms), fixed(2ms))
                                      + incrementing(0ms, 10ms, 1s)),
              {9ms, 1ms, 11ms, 22ms});
}

CAF_TEST(a wait can be what the failure says) {
  auto wait = from_failure(
    "pushback",
    [](const attempt_result& x) {
      if (x.message.empty())
        throw std::runtime_error{"says nothing"};
      return milliseconds{std::stoi(std::string{x.message})};
    },
    5s);
  auto x = result(1);
  CAF_CHECK(next_wait(wait, x, random) == 0ms);
  x.message = "3000";
  CAF_CHECK(next_wait(wait, x, random) == 3s);
  x.message = "9000";
  CAF_CHECK(next_wait(wait, x, random) == 5s);
  x.message = "-1";
  CAF_CHECK(next_wait(wait, x, random) == 0ms);
  x.message = "much";
  CAF_CHECK(next_wait(wait + fixed(1s), x, random) == 1s);
}

CAF_TEST(waits after very many attempts do not overflow) {
  for (auto& wait : {exponential(1ms, 24h, 100), exponential(24h, 24h, 1.0001),
                     equal_jitter(24h, 24h, 2), incrementing(24h, 24h, 24h),
                     decorrelated_jitter(1ms, 24h, 100) + fixed(24h)})
    for (auto n : {1u, 1000u, 1u << 31, ~0u})
      for (auto previous : {0ms, milliseconds{24h}}) {
        auto x = wait_after(wait, n, previous);
        CAF_CHECK(x >= 0ms);
        CAF_CHECK(x <= 24h);
      }
}

CAF_TEST(the same seed gives the same waits) {
  auto wait = retry_policy::article().wait() + uniform(0ms, 1s);
  random_source first{7};
  random_source second{7};
  for (uint32_t i = 1; i < 100; ++i)
    CAF_CHECK(next_wait(wait, result(i), first)
              == next_wait(wait, result(i), second));
}

CAF_TEST(waits spread instead of falling into step) {
  // A schedule of three waits from the same failure: hardly two of 1000
  // clients meet in the same millisecond more often than chance allows.
  auto wait = retry_policy{}.wait();
  std::vector<int> hits(3 * 250 + 1);
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    random_source mine{seed};
    auto last = 0ms;
    auto end = 0ms;
    for (uint32_t i = 1; i <= 3; ++i) {
      last = next_wait(wait, result(i, last), mine);
      end += last;
    }
    ++hits[static_cast<size_t>(end.count())];
  }
  CAF_CHECK_LESS(*std::max_element(hits.begin(), hits.end()), 40);
}

// -- stops ----------------------------------------------------------------------

CAF_TEST(attempts and time and deadline stop) {
  auto x = result(2);
  x.elapsed = 500ms;
  x.left = 100ms;
  CAF_CHECK(!stops(stop_after(3), x, 0ms, 0));
  CAF_CHECK(stops(stop_after(2), x, 0ms, 0));
  CAF_CHECK(stops(stop_after(1), x, 0ms, 0));
  CAF_CHECK(!stops(stop_after_delay(501ms), x, 0ms, 0));
  CAF_CHECK(stops(stop_after_delay(500ms), x, 0ms, 0));
  CAF_CHECK(!stops(stop_before_deadline(), x, 99ms, 0));
  CAF_CHECK(stops(stop_before_deadline(), x, 100ms, 0));
  CAF_CHECK(!stops(stop_never(), x, 1h, 0));
}

CAF_TEST(a request can bring its own number of attempts) {
  CAF_CHECK(!stops(stop_after(2), result(2), 0ms, 3));
  CAF_CHECK(stops(stop_after(2), result(3), 0ms, 3));
  CAF_CHECK(stops(stop_after(9) | stop_never(), result(1), 0ms, 1));
  CAF_CHECK(!stops(stop_never(), result(9), 0ms, 1));
}

CAF_TEST(stops compose as the operators of logic do) {
  auto yes = stop_after(1);
  auto no = stop_never();
  auto holds = [](const stop_condition& x) {
    return stops(x, result(5), 0ms, 0);
  };
  CAF_CHECK(holds(yes) && !holds(no));
  CAF_CHECK(holds(yes | no) && holds(no | yes) && holds(yes | yes));
  CAF_CHECK(!holds(no | no));
  CAF_CHECK(!holds(yes & no) && !holds(no & yes) && !holds(no & no));
  CAF_CHECK(holds(yes & yes));
  CAF_CHECK(holds(yes | (no & no)) && !holds((yes | no) & no));
  CAF_CHECK(holds(no | (yes & (no | yes))));
  CAF_CHECK(!holds(yes & (no | (no & yes))));
}

// -- conditions -------------------------------------------------------------------

CAF_TEST(failures are told by code and fate and class and message) {
  CAF_CHECK(wants_retry(on_failure(), lost));
  CAF_CHECK(wants_retry(on_errc(errc::busy, errc::disconnected), lost));
  CAF_CHECK(!wants_retry(on_errc(errc::busy), lost));
  CAF_CHECK(wants_retry(on(fate::unknown), lost));
  CAF_CHECK(!wants_retry(on(fate::not_sent, fate::refused), lost));
  CAF_CHECK(wants_retry(on_class(command_class::read_only), lost));
  CAF_CHECK(!wants_retry(on_class(command_class::convergent), lost));
  auto x = lost;
  x.message = "Connection reset by peer";
  CAF_CHECK(wants_retry(message_contains("reset"), x));
  CAF_CHECK(!wants_retry(message_contains("timeout"), x));
  CAF_CHECK(wants_retry(on_error("OOM", "Connection"), x));
  CAF_CHECK(!wants_retry(on_error("Conn"), x));
}

CAF_TEST(idempotent commands are all but the accumulating) {
  for (auto cls : {command_class::read_only, command_class::idempotent,
                   command_class::convergent, command_class::accumulating})
    CAF_CHECK_EQUAL(
      wants_retry(idempotent(),
                  failure_of_code(errc::disconnected, fate::unknown, cls)),
      cls != command_class::accumulating);
}

CAF_TEST(the default goes by the error table) {
  for (int i = 1; i <= static_cast<int>(errc::invalid_options); ++i) {
    auto code = static_cast<errc>(i);
    CAF_CHECK_EQUAL(wants_retry(by_default(),
                                failure_of_code(code, fate::refused)),
                    rule_of(code).retry);
  }
  CAF_CHECK(!wants_retry(by_default(), error_reply("OOM")));
  CAF_CHECK(!wants_retry(by_default(), value_reply(nil)));
}

CAF_TEST(replies are told by nil and text and number and predicate) {
  auto number = reply::integer(3);
  auto error = error_reply("ERR no");
  CAF_CHECK(wants_retry(on_nil(), value_reply(nil)));
  CAF_CHECK(!wants_retry(on_nil(), value_reply(text)));
  CAF_CHECK(wants_retry(on_reply("v"), value_reply(text)));
  CAF_CHECK(wants_retry(on_reply("v"), value_reply(reply::status("v"))));
  CAF_CHECK(!wants_retry(on_reply("w"), value_reply(text)));
  CAF_CHECK(!wants_retry(on_reply(""), value_reply(nil)));
  CAF_CHECK(wants_retry(on_reply(3), value_reply(number)));
  CAF_CHECK(!wants_retry(on_reply(0), value_reply(nil)));
  auto not_yet = on_reply("not_yet",
                          [](const reply& x) { return x.number() < 3; });
  CAF_CHECK(!wants_retry(not_yet, value_reply(number)));
  CAF_CHECK(wants_retry(not_yet, value_reply(reply::integer(2))));
  for (auto& when : {on_nil(), !on_nil(), on_reply("v"), not_yet})
    CAF_CHECK(!wants_retry(when, error));
}

CAF_TEST(a negation speaks of what its condition speaks of) {
  CAF_CHECK(!wants_retry(!on_nil(), value_reply(nil)));
  CAF_CHECK(wants_retry(!on_nil(), value_reply(text)));
  CAF_CHECK(!wants_retry(!on_nil(), lost));
  CAF_CHECK(wants_retry(!on_errc(errc::busy), lost));
  CAF_CHECK(!wants_retry(!on_errc(errc::disconnected), lost));
  CAF_CHECK(!wants_retry(!on_errc(errc::busy), value_reply(text)));
  CAF_CHECK(!wants_retry(!on_errc(errc::busy), error_reply("OOM")));
  CAF_CHECK(!wants_retry(!message_contains("x"), value_reply(text)));
  CAF_CHECK(wants_retry(!message_contains("x"), error_reply("OOM")));
}

CAF_TEST(a class alone asks for no other reply) {
  CAF_CHECK(!wants_retry(idempotent(), value_reply(nil)));
  CAF_CHECK(!wants_retry(!idempotent(), value_reply(nil)));
  CAF_CHECK(!wants_retry(idempotent(), error_reply("OOM")));
  CAF_CHECK(!wants_retry(idempotent() | on_nil(), value_reply(text)));
  CAF_CHECK(wants_retry(idempotent() | on_nil(), value_reply(nil)));
  CAF_CHECK(wants_retry(idempotent() & on_nil(), value_reply(nil)));
  CAF_CHECK(!wants_retry(on_nil() & !idempotent(), value_reply(nil)));
}

CAF_TEST(definite errors are told by their word and message) {
  auto oom = error_reply("OOM command not allowed when used memory > "
                         "'maxmemory'.");
  CAF_CHECK(wants_retry(on_error("OOM"), oom));
  CAF_CHECK(wants_retry(on_error("MISCONF", "OOM"), oom));
  CAF_CHECK(!wants_retry(on_error("OO"), oom));
  CAF_CHECK(wants_retry(on(fate::answered), oom));
  CAF_CHECK(wants_retry(message_contains("maxmemory"), oom));
  CAF_CHECK(!wants_retry(on_failure(), oom));
  CAF_CHECK(wants_retry(on_error("OOM") & idempotent(), oom));
  auto aborted = failure_of_code(errc::transaction_aborted, fate::answered);
  aborted.message = "EXECABORT Transaction discarded because of: OOM command";
  CAF_CHECK(wants_retry(on_error("OOM"), aborted));
}

CAF_TEST(conditions compose as the operators of logic do) {
  auto yes = on_failure();
  auto no = on_errc(errc::busy);
  auto holds = [](const retry_condition& x) { return wants_retry(x, lost); };
  CAF_CHECK(holds(yes) && !holds(no));
  CAF_CHECK(holds(yes | no) && holds(no | yes) && !holds(no | no));
  CAF_CHECK(!holds(yes & no) && !holds(no & yes) && holds(yes & yes));
  CAF_CHECK(!holds(!yes) && holds(!no));
  CAF_CHECK(holds(yes | (no & no)) && !holds((yes | no) & no));
  CAF_CHECK(holds(!(yes & no)) && !holds(!(yes | no)));
  CAF_CHECK(holds(!(no | !(yes & !no))));
}

CAF_TEST(a predicate sees the failure and one that throws says no) {
  auto x = lost;
  x.attempts = 4;
  x.message = "gone";
  auto seen = on_failure("seen", [](const attempt_result& y) {
    return y.attempts == 4 && y.code == errc::disconnected
           && y.outcome == fate::unknown && y.message == "gone";
  });
  CAF_CHECK(wants_retry(seen, x));
  CAF_CHECK(!wants_retry(seen, lost));
  auto broken = on_failure("broken", [](const attempt_result&) -> bool {
    throw std::runtime_error{"no"};
  });
  CAF_CHECK(!wants_retry(broken, x));
  auto broken_value = on_reply("broken", [](const reply&) -> bool {
    throw std::runtime_error{"no"};
  });
  CAF_CHECK(!wants_retry(broken_value, value_reply(nil)));
}

CAF_TEST_FIXTURE_SCOPE_END()
