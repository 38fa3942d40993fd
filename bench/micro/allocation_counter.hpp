#pragma once

#include <redoubt/tests/support/allocations.hpp>

#include <benchmark/benchmark.h>

#include <cstdint>

namespace redoubt::bench {

/// Counts the allocations of a benchmark's loop, on its thread.
class allocation_counter {
public:
  explicit allocation_counter(benchmark::State& state)
    : state_(state), before_(test::allocations()) {}

  allocation_counter(const allocation_counter&) = delete;
  allocation_counter& operator=(const allocation_counter&) = delete;

  ~allocation_counter() { tell(state_, test::allocations() - before_); }

  /// So many were made over all iterations, on whatever thread.
  static void tell(benchmark::State& state, uint64_t allocations) {
    state.counters["allocations"] = benchmark::Counter(
      static_cast<double>(allocations), benchmark::Counter::kAvgIterations);
  }

private:
  benchmark::State& state_;
  uint64_t before_;
};

} // namespace redoubt::bench
