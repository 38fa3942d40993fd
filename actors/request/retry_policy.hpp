#pragma once

#include <redoubt/actors/random.hpp>
#include <redoubt/messages/command_class.hpp>
#include <redoubt/messages/error.hpp>
#include <redoubt/messages/options.hpp>

#include <chrono>
#include <cstdint>

namespace redoubt {

/// What the retry policy must know of an attempt that failed.
struct attempt_failure {
  errc code = errc::none;
  fate outcome = fate::not_sent;
  command_class cls = command_class::accumulating;
  /// Times the command was handed to a connection so far.
  uint32_t attempts = 0;
  /// We, not the peer, ended the connection, and no fence keeps the first copy
  /// from arriving late.
  bool unfenced = false;
};

struct retry_decision {
  bool retry = false;
  /// Time to wait before the next attempt.
  std::chrono::milliseconds wait{0};

  bool operator==(const retry_decision&) const = default;
};

/// Whether a command may be sent again at all, and is worth it: the code's row
/// in the error table, then by fate.
///
/// | fate     | sent again                                               |
/// |----------|----------------------------------------------------------|
/// | not_sent | any command, free of charge                              |
/// | refused  | any command, within the attempts                         |
/// | unknown  | within the attempts: read_only; idempotent and convergent |
/// |          | unless unfenced; accumulating never                      |
/// | answered | never                                                    |
///
/// This bound is not the caller's to widen, whatever strategy decides on waits
/// and attempts; callers opt in by raising the command's class.
bool may_retry(const attempt_failure& x) noexcept;

/// Decides whether and when a failed attempt is followed by another one.
class retry_policy {
public:
  explicit retry_policy(const retry_options& options) noexcept
    : options_(options) {}

  const retry_options& options() const noexcept { return options_; }

  /// `previous` is the wait before the failed attempt, 0 if there was none;
  /// `left` is the time until the request's deadline. A wait that would not end
  /// before the deadline is no retry. A command that was not sent is retried at
  /// once, however often, while any time is left: it waits for a connection,
  /// not for the server, and counts no attempt.
  retry_decision decide(const attempt_failure& x,
                        std::chrono::milliseconds previous,
                        std::chrono::milliseconds left,
                        random_source& random) const noexcept;

private:
  retry_options options_;
};

} // namespace redoubt
