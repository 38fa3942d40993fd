#pragma once

#include <chrono>
#include <cstdint>

namespace redoubt {

/// A small seeded generator for jitter (SplitMix64, Steele et al. 2014). Not
/// for secrets. The same seed gives the same sequence, so that a run can be
/// replayed.
class random_source {
public:
  explicit random_source(uint64_t seed) noexcept : state_(seed) {}

  uint64_t next() noexcept {
    auto z = (state_ += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
  }

  /// Uniform in [0, 1).
  double unit() noexcept {
    return static_cast<double>(next() >> 11) * 0x1.0p-53;
  }

  /// Uniform in [low, high].
  template <class Rep, class Period>
  auto between(std::chrono::duration<Rep, Period> low,
               std::chrono::duration<Rep, Period> high) noexcept {
    using result = std::chrono::duration<Rep, Period>;
    if (high <= low)
      return low;
    auto span = static_cast<double>((high - low).count());
    return low + result{static_cast<Rep>(unit() * (span + 1))};
  }

private:
  uint64_t state_;
};

} // namespace redoubt
