#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace redoubt {

/// The time within which a share of the recent replies came. Times fall into
/// buckets that grow by a quarter of a power of two, so that an answer is at most
/// a quarter too long; older times fade by halves.
///
/// After HdrHistogram's idea of buckets of equal relative width.
class latency_percentile {
public:
  using duration = std::chrono::microseconds;

  /// Replies that are looked at before there is an answer.
  static constexpr uint32_t enough = 64;

  /// `share` is in (0, 1).
  explicit latency_percentile(double share) noexcept : share_(share) {}

  void record(duration x) noexcept;

  /// 0 while too few were recorded.
  duration value() const noexcept { return value_; }

private:
  /// Up to 2^32 µs, which is more than an hour.
  static constexpr size_t buckets = 4 * 32;

  void count() noexcept;

  double share_;
  std::array<uint32_t, buckets> counts_{};
  uint32_t total_ = 0;
  uint32_t since_count_ = 0;
  duration value_{0};
};

} // namespace redoubt
