#pragma once

#include <redoubt/app/demo/scenario.hpp>

#include <cstdint>
#include <optional>

namespace redoubt::demo {

/// One client in one scenario, in numbers. Everything is counted per request;
/// INCRs of which nobody knows whether they ran are counted apart from those
/// that failed.
struct summary {
  uint64_t issued = 0;
  /// Due from the loss until the server was back.
  uint64_t due_in_fault = 0;
  /// Due from the loss until this client's first success.
  uint64_t due_until_success = 0;
  /// Rejected ones included.
  uint64_t failed = 0;
  uint64_t unknown = 0;
  /// Failed or unknown although issued after the first success.
  uint64_t bad_after_success = 0;
  /// Failed although issued after the server was back.
  uint64_t failed_after_back = 0;
  /// Failed although their deadline ended after the first success.
  uint64_t failed_too_early = 0;
  /// Never answered.
  uint64_t unanswered = 0;
  /// Answered later than the deadline and the tolerance allow.
  uint64_t late = 0;
  uint64_t answered_twice = 0;
  /// Got the reply of another request.
  uint64_t crossed = 0;

  double p99_ms = 0;
  double longest_ms = 0;
  /// From the first PONG to the prober to this client's first success; empty if
  /// it had none.
  std::optional<double> back_to_success_ms;

  // INCRs of the server that is there at the end.
  int64_t incr_acknowledged = 0;
  int64_t incr_unknown = 0;
  int64_t incr_final = 0;
  /// Acknowledged INCRs that are not in the final value.
  int64_t incr_lost = 0;
  /// INCRs that ran more often than they were sent, or returned a value that
  /// another one returned.
  int64_t incr_doubled = 0;

  uint64_t trips = 0;
};

/// Sweep of the runtime's deadlines plus what a busy machine may add.
constexpr auto deadline_tick = std::chrono::milliseconds{5};
constexpr auto scheduling_tolerance = std::chrono::milliseconds{50};

summary summarize(const outcome& x, const client_run& run);

} // namespace redoubt::demo
