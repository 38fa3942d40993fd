#include <redoubt/actors/request/retry_decision.hpp>

#include <redoubt/actors/request/retry_evaluation.hpp>

namespace redoubt {

namespace {

/// `disturbed`: something could come between the two runs.
bool may_run_twice(command_class cls, bool disturbed) noexcept {
  switch (cls) {
    case command_class::read_only: return true;
    case command_class::idempotent:
    case command_class::convergent: return !disturbed;
    case command_class::accumulating: return false;
  }
  return false;
}

} // namespace

bool may_retry(const attempt_result& x, const retry_bounds& bounds) noexcept {
  switch (x.outcome) {
    case fate::not_sent:
    case fate::refused: return rule_of(x.code).retry;
    case fate::unknown:
      // A copy that we gave up on may still arrive, after a later write of the
      // same caller to the same key.
      return rule_of(x.code).retry && may_run_twice(x.cls, bounds.unfenced);
    case fate::answered:
      // A later write of the caller must not be undone.
      return x.value != nullptr ? may_run_twice(x.cls, bounds.overtaken)
                                : bounds.never_ran;
  }
  return false;
}

retry_decision decide_retry(const retry_policy& policy, attempt_result x,
                            const retry_bounds& bounds, uint32_t max_attempts,
                            random_source& random) noexcept {
  using std::chrono::milliseconds;
  if (!may_retry(x, bounds) || x.left <= milliseconds{0}
      || !wants_retry(policy.when(), x))
    return {};
  auto wait = milliseconds{0};
  if (x.outcome == fate::not_sent)
    x.attempts = 0;
  else
    wait = next_wait(policy.wait(), x, random);
  if (stops(policy.stop(), x, wait, max_attempts))
    return {};
  if (max_attempts != 0 && x.attempts >= max_attempts
      && !policy.counts_attempts())
    return {};
  return {.retry = true, .wait = wait};
}

} // namespace redoubt
