#pragma once

#include <cstdint>

namespace redoubt::test {

/// Times that this thread has called `operator new` so far. Linking what defines
/// it replaces the operator for the whole program.
uint64_t allocations() noexcept;

} // namespace redoubt::test
