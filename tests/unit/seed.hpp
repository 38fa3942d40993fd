#pragma once

#include <chrono>
#include <cstdint>
#include <cstdlib>

namespace redoubt::test {

/// The seed of a random test: REDOUBT_SEED if that is set, else a new one for
/// each run. A test prints it, so that a run that fails can be had again.
inline uint64_t seed_of_this_run() {
  if (auto x = std::getenv("REDOUBT_SEED"))
    return std::strtoull(x, nullptr, 10);
  return static_cast<uint64_t>(
    std::chrono::system_clock::now().time_since_epoch().count());
}

} // namespace redoubt::test
