#include <redoubt/actors/request/retry_policy.hpp>

#include <redoubt/actors/request/backoff.hpp>

namespace redoubt {

namespace {

bool may_run_twice(const attempt_failure& x) noexcept {
  switch (x.cls) {
    case command_class::read_only: return true;
    case command_class::idempotent:
    case command_class::convergent:
      // A copy that we gave up on may still arrive, after a later write of the
      // same caller to the same key.
      return !x.unfenced;
    case command_class::accumulating: return false;
  }
  return false;
}

} // namespace

bool may_retry(const attempt_failure& x) noexcept {
  if (!rule_of(x.code).retry)
    return false;
  switch (x.outcome) {
    case fate::not_sent:
    case fate::refused: return true;
    case fate::unknown: return may_run_twice(x);
    case fate::answered: return false;
  }
  return false;
}

retry_decision retry_policy::decide(const attempt_failure& x,
                                    std::chrono::milliseconds previous,
                                    std::chrono::milliseconds left,
                                    random_source& random) const noexcept {
  using std::chrono::milliseconds;
  if (!may_retry(x) || left <= milliseconds::zero())
    return {};
  if (x.outcome == fate::not_sent)
    return {.retry = true};
  if (x.attempts >= options_.attempts)
    return {};
  auto slow = rule_of(x.code).slow_backoff;
  auto wait = next_wait(options_, previous, slow, random);
  if (wait >= left)
    return {};
  return {.retry = true, .wait = wait};
}

} // namespace redoubt
