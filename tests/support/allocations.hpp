#pragma once

#include <cstddef>
#include <cstdint>

namespace redoubt::test {

/// Times that this thread has called `operator new` so far. Linking what defines
/// it replaces the operator for the whole program.
uint64_t allocations() noexcept;

/// While it lives, each `operator new` of at least so many bytes fails, on every
/// thread. One at a time.
class no_memory_for {
public:
  explicit no_memory_for(size_t bytes) noexcept;

  no_memory_for(const no_memory_for&) = delete;
  no_memory_for& operator=(const no_memory_for&) = delete;

  ~no_memory_for();

  /// Allocations that it made fail.
  uint64_t hits() const noexcept;
};

/// While it lives, the `n`th `operator new` of this thread from now on fails, the
/// first being 0. One at a time.
class no_memory_at {
public:
  explicit no_memory_at(uint64_t n) noexcept;

  no_memory_at(const no_memory_at&) = delete;
  no_memory_at& operator=(const no_memory_at&) = delete;

  ~no_memory_at();

  /// Whether it came to that.
  bool hit() const noexcept;
};

} // namespace redoubt::test
