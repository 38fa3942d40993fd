#pragma once

#include <redoubt/actors/random.hpp>
#include <redoubt/messages/retry_policy.hpp>

#include <chrono>
#include <cstdint>

namespace redoubt {

/// What, beside the result itself, decides whether running the command again is
/// safe.
struct retry_bounds {
  /// We, not the peer, ended the connection, and no fence keeps the first copy
  /// from arriving late.
  bool unfenced = false;
  /// The server raised its error before it ran anything
  /// (`raised_before_running`).
  bool never_ran = false;
  /// A newer request of the caller on one of its keys was sent.
  bool overtaken = false;
};

struct retry_decision {
  bool retry = false;
  /// Time to wait before the next attempt.
  std::chrono::milliseconds wait{0};

  bool operator==(const retry_decision&) const = default;
};

/// Whether a command may be sent again at all, whatever a policy wants:
///
/// | result               | sent again                                        |
/// |----------------------|---------------------------------------------------|
/// | not_sent, refused    | any command, if the code's row in the error table  |
/// |                      | has `retry`                                       |
/// | unknown              | the same, and: read_only; idempotent and convergent |
/// |                      | unless unfenced; accumulating never               |
/// | answered, an error   | any command, if the server never ran it           |
/// | answered, a reply    | read_only; idempotent and convergent unless       |
/// |                      | overtaken; accumulating never                     |
///
/// No policy can widen this bound; callers opt in by raising the command's class.
bool may_retry(const attempt_result& x, const retry_bounds& bounds) noexcept;

/// Decides whether and when an attempt is followed by another one. A command that
/// was not sent, and that the policy wants sent, goes at once, however often,
/// while any time is left: it waits for a connection, not for the server, and
/// costs no attempt. `max_attempts` replaces the policy's number of attempts, or
/// bounds a policy that has none; 0 leaves it alone.
retry_decision decide_retry(const retry_policy& policy, attempt_result x,
                            const retry_bounds& bounds, uint32_t max_attempts,
                            random_source& random) noexcept;

} // namespace redoubt
