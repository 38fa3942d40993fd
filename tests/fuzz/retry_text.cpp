// What is read from the text of a retry policy can be written and read again, and
// keeps its bounds when it is run.
//
// Input: the text of a wait, a stop or a condition.

#include <redoubt/tests/fuzz/target.hpp>

#include <redoubt/actors/request/retry_decision.hpp>
#include <redoubt/actors/request/retry_evaluation.hpp>
#include <redoubt/messages/reply.hpp>
#include <redoubt/messages/retry_text.hpp>

#include <array>
#include <limits>
#include <string>

using namespace redoubt;
using fuzz::check;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds longest_wait = std::chrono::hours{24};
constexpr milliseconds forever = std::chrono::hours{24 * 365};

/// Reads `text`; what it is read as must survive being written.
template <class Part>
std::optional<Part> read(std::optional<Part> (*parse)(std::string_view,
                                                      retry_text_error&),
                         std::string_view text) {
  retry_text_error error{1, "of an earlier call"};
  auto x = parse(text, error);
  check(x.has_value() == error.what.empty(), "a part or an error");
  if (!x) {
    check(error.position >= 1 && error.position <= text.size() + 1,
          "an error stands in the text", to_string(error));
    return x;
  }
  auto written = to_string(*x);
  auto again = parse(written, error);
  check(again.has_value(), "what is written can be read",
        written + "\n" + to_string(error));
  check(*again == *x, "what is written is read as the same", written);
  check(to_string(*again) == written, "it is written as the same", written);
  return x;
}

const reply& sample_reply(uint64_t i) {
  static const std::array all{reply{},
                              reply::status("OK"),
                              reply::string("not yet"),
                              reply::integer(-1),
                              reply::integer(0),
                              reply::array({reply{}})};
  return all[i % all.size()];
}

std::string_view sample_message(uint64_t i) {
  static constexpr std::array<std::string_view, 5> all{
    "", "LOADING Redis is loading the dataset in memory", "OOM",
    "EXECABORT Transaction discarded because of: MISCONF disk", "ERR not yet"};
  return all[i % all.size()];
}

milliseconds sample_time(random_source& random) {
  return random.next() % 4 == 0 ? milliseconds{0}
                                : random.between(milliseconds{0}, forever);
}

/// Any result that the runtime could show a policy, and the ends of its ranges.
attempt_result sample_result(random_source& random) {
  static constexpr std::array<uint32_t, 6> attempts{
    0, 1, 2, 17, 1000, std::numeric_limits<uint32_t>::max()};
  attempt_result x;
  x.attempts = attempts[random.next() % attempts.size()];
  x.cls = static_cast<command_class>(random.next() % 4);
  x.elapsed = sample_time(random);
  x.left = sample_time(random);
  x.previous_wait = random.between(milliseconds{0}, longest_wait);
  if (random.next() % 3 == 0) {
    x.outcome = fate::answered;
    x.value = &sample_reply(random.next());
  } else {
    auto last = static_cast<uint64_t>(errc::invalid_options);
    x.code = static_cast<errc>(random.next() % (last + 1));
    x.outcome = static_cast<fate>(random.next() % 4);
    x.message = sample_message(random.next());
  }
  return x;
}

void check_wait(const wait_strategy& wait, const attempt_result& x,
                uint64_t seed) {
  random_source random{seed};
  random_source twin{seed};
  auto some = next_wait(wait, x, random);
  check(some >= milliseconds{0} && some <= longest_wait,
        "a wait is at most a day", to_string(wait));
  check(some == next_wait(wait, x, twin), "the same seed gives the same wait");
  if (wait.steps().size() == max_retry_steps)
    return;
  check(next_wait(at_most(wait, milliseconds{5}), x, twin) <= milliseconds{5},
        "a bound on a wait is kept", to_string(wait));
}

void check_stop(const stop_condition& stop, const attempt_result& x) {
  auto ends = stops(stop, x, milliseconds{10}, 0);
  if (stop.steps().size() + 2 > max_retry_steps)
    return;
  check(stops(stop | stop_never(), x, milliseconds{10}, 0) == ends,
        "or never changes nothing", to_string(stop));
  check(!stops(stop & stop_never(), x, milliseconds{10}, 0),
        "and never never stops", to_string(stop));
}

void check_condition(const retry_condition& when, const attempt_result& x) {
  auto wanted = wants_retry(when, x);
  auto contrary = !when;
  check((!contrary) == when, "not not is nothing", to_string(when));
  if (when.steps().size() * 2 + 1 > max_retry_steps)
    return;
  check(wants_retry(when | when, x) == wanted, "either of the same",
        to_string(when));
  check(wants_retry(when & when, x) == wanted, "both of the same",
        to_string(when));
  check(!wants_retry(when & contrary, x), "nothing holds with its contrary",
        to_string(when));
}

void check_decision(const retry_policy& policy, const attempt_result& x,
                    random_source& random) {
  auto bits = random.next();
  retry_bounds bounds{.unfenced = (bits & 1) != 0,
                      .never_ran = (bits & 2) != 0,
                      .overtaken = (bits & 4) != 0};
  auto y = decide_retry(policy, x, bounds, bits % 5, random);
  if (!y.retry) {
    check(y == retry_decision{}, "no retry, no wait");
    return;
  }
  check(may_retry(x, bounds), "no policy widens what is safe");
  check(x.left > milliseconds{0}, "a retry has time left");
  check(wants_retry(policy.when(), x), "a retry is wanted");
  check(y.wait >= milliseconds{0} && y.wait <= longest_wait,
        "the wait of a retry is at most a day");
}

} // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto text = fuzz::text_of(data, size);
  auto wait = read(parse_wait, text);
  auto stop = read(parse_stop, text);
  auto when = read(parse_condition, text);
  if (!wait && !stop && !when)
    return 0;
  random_source random{fuzz::seed_of(text)};
  retry_policy policy{wait.value_or(no_wait()), stop.value_or(stop_after(1000)),
                      when.value_or(on_failure())};
  for (int i = 0; i < 8; ++i) {
    auto x = sample_result(random);
    check_wait(policy.wait(), x, random.next());
    check_stop(policy.stop(), x);
    check_condition(policy.when(), x);
    check_decision(policy, x, random);
  }
  return 0;
}
