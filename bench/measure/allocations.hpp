#pragma once

#include <cstdint>

namespace redoubt::bench {

/// What all threads of this process took from the heap, by whatever function.
struct allocation_count {
  uint64_t allocations = 0;
  uint64_t bytes = 0;
};

/// False where the heap's functions cannot be taken over (no glibc, sanitizers).
bool allocations_are_counted() noexcept;

/// Counts from 0; until `stop`. Counting costs time: what runs meanwhile is not
/// what is timed.
void start_counting() noexcept;
allocation_count stop_counting() noexcept;

} // namespace redoubt::bench
