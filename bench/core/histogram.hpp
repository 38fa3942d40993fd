#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace redoubt::bench {

/// Collects latencies of one run in buckets of 1/32 of a power of two.
class histogram {
public:
  void add(uint64_t nanoseconds) noexcept;
  void add(const histogram& other) noexcept;
  void clear() noexcept;

  uint64_t total() const noexcept { return total_; }

  /// Latency below which the share `quantile` of all lies, in microseconds.
  double quantile_us(double quantile) const noexcept;

private:
  static constexpr size_t bucket_count = 64 * 32;

  std::vector<uint64_t> counts_ = std::vector<uint64_t>(bucket_count);
  uint64_t total_ = 0;
};

/// Operations and latencies of a run under way. Not for two threads at a time.
struct sample {
  histogram latencies;
  uint64_t operations = 0;
  /// Of those, the ones that failed, where that may be.
  uint64_t failed = 0;

  void add(const sample& other) noexcept {
    latencies.add(other.latencies);
    operations += other.operations;
    failed += other.failed;
  }

  void clear() noexcept {
    latencies.clear();
    operations = 0;
    failed = 0;
  }
};

} // namespace redoubt::bench
