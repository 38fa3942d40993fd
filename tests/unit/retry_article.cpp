#define CAF_SUITE retry_article

// The examples of the article that redoubt implements, in C++ and as they stand in
// a configuration file. docs/retry.md shows the same.

#include <redoubt/actors/request/retry_evaluation.hpp>
#include <redoubt/messages/options_toml.hpp>
#include <redoubt/messages/reply.hpp>

#include <redoubt/tests/support/check.hpp>

#include <algorithm>
#include <string>

using namespace redoubt;
using namespace std::chrono_literals;
using std::chrono::milliseconds;

namespace {

struct fixture {
  random_source random{42};

  /// The policy of a section `[retry.example]` with these lines, in force.
  static retry_policy from_file(const std::string& lines) {
    std::vector<config_error> errors;
    auto options = parse_options("client.retry = \"example\"\n[retry.example]\n"
                                   + lines,
                                 "x.toml", errors);
    for (auto& x : errors)
      CAF_ERROR(to_string(x));
    CAF_REQUIRE(options.has_value());
    return options->client.retry;
  }

  milliseconds wait_after(const retry_policy& policy, uint32_t attempts) {
    attempt_result x;
    x.code = errc::disconnected;
    x.attempts = attempts;
    return next_wait(policy.wait(), x, random);
  }

  /// Draws the wait after that many attempts until both ends were met.
  void check_span(const retry_policy& policy, uint32_t attempts,
                  milliseconds low, milliseconds high) {
    auto least = milliseconds::max();
    auto most = milliseconds::min();
    for (int i = 0; i < 50000; ++i) {
      auto x = wait_after(policy, attempts);
      least = std::min(least, x);
      most = std::max(most, x);
    }
    CAF_CHECK(least >= low && least <= low + 5ms);
    CAF_CHECK(most <= high && most >= high - 5ms);
  }

  static bool gives_up(const retry_policy& policy, uint32_t attempts,
                       milliseconds elapsed) {
    attempt_result x;
    x.attempts = attempts;
    x.elapsed = elapsed;
    x.left = 1h;
    return stops(policy.stop(), x, 0ms, 0);
  }

  static bool wants(const retry_policy& policy, const attempt_result& x) {
    return wants_retry(policy.when(), x);
  }

  static attempt_result failed(errc code, std::string_view message = {}) {
    attempt_result x;
    x.code = code;
    x.outcome = fate::unknown;
    x.message = message;
    return x;
  }

  static attempt_result replied(const reply& value) {
    attempt_result x;
    x.outcome = fate::answered;
    x.value = &value;
    return x;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(retry_article_tests, fixture)

// wait=wait_fixed(2)
CAF_TEST(always wait 2 seconds) {
  retry_policy policy{fixed(2s), stop_after(5)};
  CAF_CHECK(policy
            == from_file("wait = \"fixed(2s)\"\n"
                         "stop = \"stop_after(5)\""));
  for (uint32_t n = 1; n < 10; ++n)
    CAF_CHECK(wait_after(policy, n) == 2s);
}

// wait=wait_random(min=1, max=3)
CAF_TEST(wait for 1 to 3 seconds by chance) {
  retry_policy policy{uniform(1s, 3s), stop_after(5)};
  CAF_CHECK(policy
            == from_file("wait = \"uniform(1s, 3s)\"\n"
                         "stop = \"stop_after(5)\""));
  check_span(policy, 1, 1s, 3s);
  check_span(policy, 4, 1s, 3s);
}

// wait=wait_combine(wait_exponential(multiplier=1, max=10),
//                   wait_random(min=0, max=2))
CAF_TEST(combine exponential waits with random ones) {
  retry_policy policy{exponential(1s, 10s) + uniform(0s, 2s), stop_after(5)};
  CAF_CHECK(policy
            == from_file("wait = \"exponential(1s, 10s) + uniform(0s, 2s)\"\n"
                         "stop = \"stop_after(5)\""));
  check_span(policy, 1, 1s, 3s);
  check_span(policy, 3, 4s, 6s);
  check_span(policy, 9, 10s, 12s);
}

// stop=stop_after_delay(30)
CAF_TEST(stop after 30 seconds) {
  retry_policy policy{fixed(2s), stop_after_delay(30s)};
  CAF_CHECK(policy
            == from_file("wait = \"fixed(2s)\"\n"
                         "stop = \"stop_after_delay(30s)\""));
  CAF_CHECK(!gives_up(policy, 1000, 29999ms));
  CAF_CHECK(gives_up(policy, 1, 30s));
}

// stop=(stop_after_attempt(5) | stop_after_delay(30))
CAF_TEST(stop after 5 attempts or 30 seconds) {
  retry_policy policy{fixed(2s), stop_after(5) | stop_after_delay(30s)};
  CAF_CHECK(policy
            == from_file("wait = \"fixed(2s)\"\n"
                         "stop = \"stop_after(5) | stop_after_delay(30s)\""));
  CAF_CHECK(!gives_up(policy, 4, 29s));
  CAF_CHECK(gives_up(policy, 5, 1s));
  CAF_CHECK(gives_up(policy, 1, 30s));
}

// stop=stop_never
CAF_TEST(never stop) {
  retry_policy policy{fixed(2s), stop_never()};
  CAF_CHECK(policy
            == from_file("wait = \"fixed(2s)\"\n"
                         "stop = \"stop_never()\""));
  CAF_CHECK(!gives_up(policy, 1'000'000, 1h));
}

// retry=retry_if_result(lambda x: x is None)
CAF_TEST(retry while there is no value) {
  retry_policy policy{fixed(2s), stop_after(5), on_nil()};
  CAF_CHECK(policy
            == from_file("wait = \"fixed(2s)\"\n"
                         "stop = \"stop_after(5)\"\n"
                         "when = \"on_nil()\""));
  CAF_CHECK(wants(policy, replied(reply{})));
  CAF_CHECK(!wants(policy, replied(reply::string("v"))));
  // As in tenacity: it is asked of results alone.
  CAF_CHECK(!wants(policy, failed(errc::disconnected)));
}

// retry=retry_if_not_result(lambda x: x is None)
CAF_TEST(retry while there is a value) {
  retry_policy policy{fixed(2s), stop_after(5), !on_nil()};
  CAF_CHECK(policy
            == from_file("wait = \"fixed(2s)\"\n"
                         "stop = \"stop_after(5)\"\n"
                         "when = \"!on_nil()\""));
  CAF_CHECK(!wants(policy, replied(reply{})));
  CAF_CHECK(wants(policy, replied(reply::string("v"))));
  CAF_CHECK(!wants(policy, failed(errc::disconnected)));
}

// retry=retry_if_exception(
//   lambda e: isinstance(e, redis.ConnectionError) and "timeout" in str(e))
CAF_TEST(retry connection errors that tell of a timeout) {
  retry_policy policy{fixed(2s), stop_after(5),
                      on_errc(errc::connect_failed, errc::disconnected,
                              errc::attempt_timeout)
                        & message_contains("timeout")};
  CAF_CHECK(policy
            == from_file("wait = \"fixed(2s)\"\n"
                         "stop = \"stop_after(5)\"\n"
                         "when = \"on_errc(connect_failed, disconnected, "
                         "attempt_timeout) & message_contains('timeout')\""));
  CAF_CHECK(wants(policy, failed(errc::connect_failed, "connect timeout")));
  CAF_CHECK(!wants(policy, failed(errc::connect_failed, "refused")));
  CAF_CHECK(!wants(policy, failed(errc::busy, "timeout")));
}

// RedisRetryConfig(max_attempts=5, base_delay=0.1, max_delay=60.0,
//                  exponential_base=2.0)
CAF_TEST(the configuration of the article is a policy of its own) {
  auto policy = retry_policy::article();
  CAF_CHECK(policy
            == from_file("wait = \"equal_jitter(100ms, 60s)\"\n"
                         "stop = \"stop_after(5) | stop_before_deadline()\"\n"
                         "when = \"by_default()\""));
  CAF_CHECK(runtime_options::article().client.retry == policy);
  check_span(policy, 1, 50ms, 100ms);
  check_span(policy, 2, 100ms, 200ms);
  check_span(policy, 4, 400ms, 800ms);
  CAF_CHECK(!gives_up(policy, 4, 0s));
  CAF_CHECK(gives_up(policy, 5, 0s));
}

CAF_TEST_FIXTURE_SCOPE_END()
