#pragma once

#include <redoubt/actors/runtime.hpp>
#include <redoubt/bench/figures.hpp>

#include <chrono>
#include <cstdint>
#include <vector>

namespace redoubt::bench {

/// Requests at a fixed rate, whatever comes back: what a service does whose users
/// do not wait for each other.
struct open_loop {
  /// Of all askers together.
  double per_second = 0;
  double seconds = 1;
  std::chrono::milliseconds deadline{2000};
};

/// What became of the requests by the end of the time.
struct asked {
  uint64_t sent = 0;
  uint64_t in_time = 0;
  uint64_t shed = 0;
  uint64_t late = 0;
  uint64_t rejected = 0;
  histogram latencies;
};

/// Has one asker per entry of `to` ask for GETs, each its part of the rate.
asked run_open_loop(runtime& rt, const std::vector<request_actor>& to,
                    const open_loop& plan);

} // namespace redoubt::bench
