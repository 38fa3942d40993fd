#define CAF_SUITE retry_allocations

#include <redoubt/actors/request/retry_decision.hpp>
#include <redoubt/messages/reply.hpp>

#include <redoubt/tests/support/allocations.hpp>
#include <redoubt/tests/support/check.hpp>

#include <memory>

using namespace redoubt;
using namespace std::chrono_literals;
using redoubt::test::allocations;

namespace {

attempt_result lost_read() {
  attempt_result x;
  x.code = errc::disconnected;
  x.outcome = fate::unknown;
  x.cls = command_class::read_only;
  x.attempts = 1;
  x.left = 2s;
  x.message = "Connection reset by peer";
  return x;
}

/// Everything that a policy can hold.
retry_policy large_policy() {
  auto always = [](auto&) { return true; };
  return retry_policy{
    at_most(
      chain(2 * (fixed(1ms) + uniform(0ms, 5ms)),
            slow_for(decorrelated_jitter(1ms, 1s), incrementing(1ms, 1ms, 1s))
              + from_failure(
                "f", [](auto&) { return 1ms; }, 1s),
            exponential(1ms, 1s) + equal_jitter(1ms, 1s)
              + exponential_jitter(1ms, 1s)),
      500ms),
    (stop_after(100) & stop_after_delay(1h)) | stop_before_deadline()
      | stop_never(),
    on_nil() | on_reply("a") | on_reply(1) | on_reply("f", always)
      | (message_contains("reset") & !on_error("OOM", "MISCONF"))
      | on_errc(errc::busy) | on(fate::refused)
      | (on_failure("f", always) & idempotent()) | by_default()};
}

} // namespace

CAF_TEST(allocations are counted) {
  auto before = allocations();
  auto x = std::make_unique<int>(1);
  CAF_CHECK_EQUAL(allocations() - before, 1u);
}

CAF_TEST(a decision allocates nothing) {
  random_source random{42};
  auto value = reply::string(std::string(100, 'x'));
  for (auto& policy : {retry_policy{}, large_policy()}) {
    auto failed = lost_read();
    auto replied = failed;
    replied.code = errc::none;
    replied.outcome = fate::answered;
    replied.value = &value;
    uint64_t retries = 0;
    auto before = allocations();
    for (int i = 0; i < 1000; ++i) {
      retries += decide_retry(policy, failed, {}, 0, random).retry ? 1 : 0;
      retries += decide_retry(policy, replied, {}, 0, random).retry ? 1 : 0;
    }
    CAF_CHECK_EQUAL(allocations() - before, 0u);
    CAF_CHECK_GREATER_OR_EQUAL(retries, 1000u);
  }
}

CAF_TEST(a copy of a policy allocates nothing) {
  auto policy = large_policy();
  auto before = allocations();
  auto copy = policy;
  CAF_CHECK_EQUAL(allocations() - before, 0u);
  before = allocations();
  retry_policy standard;
  CAF_CHECK_EQUAL(allocations() - before, 0u);
  CAF_CHECK(copy == policy);
}
