#pragma once

#include <redoubt/actors/runtime.hpp>
#include <redoubt/bench/contenders/redoubt.hpp>
#include <redoubt/bench/measure/interval_timer.hpp>

#include <optional>
#include <vector>

namespace redoubt::bench {

/// Requests at a fixed rate, whatever comes back: what a service does whose users
/// do not wait for each other.
struct open_loop {
  /// Of all askers together.
  double per_second = 0;
  double seconds = 1;
  std::chrono::milliseconds deadline{2000};
  /// How often each asks for what is due.
  std::chrono::microseconds pace = open_loop_pace;
  /// Without one it is GETs of one key, and any reply will do.
  std::optional<workload> load = {};
};

/// What became of the requests. Latencies are from when each was due.
struct asked {
  uint64_t sent = 0;
  uint64_t wrong = 0;
  // Counted until the last one was due.
  uint64_t in_time = 0;
  uint64_t shed = 0;
  uint64_t late = 0;
  uint64_t rejected = 0;
  // Of all.
  histogram answered;
  histogram failed;
};

/// Has one asker per entry of `to`, pinned to the reactor, ask for its part of the
/// rate.
asked run_open_loop(runtime& rt, const std::vector<request_actor>& to,
                    const open_loop& plan);

/// One asker at that rate. What fails counts, too.
runner redoubt_open_loop(const runtime_options& options, const workload& load,
                         double per_second);

/// The same while the breaker is forced open: every request must be rejected.
runner redoubt_rejected_open_loop(const runtime_options& options,
                                  double per_second);

} // namespace redoubt::bench

REDOUBT_LOCAL_MESSAGE(redoubt::bench::asked)
