#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace redoubt::bench {

/// What one run of one contender measured.
struct figures {
  double ops_per_s = 0;
  /// CPU time of this process per operation, in microseconds.
  double cpu_us_per_op = 0;
  double p50_us = 0;
  double p99_us = 0;
};

/// Median of each figure on its own.
figures median_of(std::vector<figures> runs);

/// Collects latencies of one run in buckets of 1/32 of a power of two.
class histogram {
public:
  void add(uint64_t nanoseconds) noexcept;
  void add(const histogram& other) noexcept;
  void clear() noexcept;

  /// Latency below which the share `quantile` of all lies, in microseconds.
  double quantile_us(double quantile) const noexcept;

private:
  static constexpr size_t bucket_count = 64 * 32;

  std::vector<uint64_t> counts_ = std::vector<uint64_t>(bucket_count);
  uint64_t total_ = 0;
};

/// Operations and latencies of a run under way. A contender that has threads of
/// its own must add from one of them only.
struct sample {
  histogram latencies;
  uint64_t operations = 0;
};

/// CPU time of this process so far, in microseconds.
double cpu_time_us();

/// Something that is measured: runs for about `seconds` and fills `out`. Every
/// reply is checked; a wrong one throws `std::runtime_error`.
struct contender {
  std::string row;
  std::string name;
  std::function<void(double seconds, sample& out)> run;
  /// Name of the contender in the same row that this one is held against.
  std::string against;
};

/// Times one run, after a short warm-up.
figures measure(const contender& what, double seconds);

} // namespace redoubt::bench
