#include <redoubt/bench/core/histogram.hpp>

#include <algorithm>
#include <bit>

namespace redoubt::bench {

void histogram::add(uint64_t nanoseconds) noexcept {
  auto x = std::max<uint64_t>(nanoseconds, 32);
  auto power = static_cast<size_t>(std::bit_width(x) - 1);
  auto part = static_cast<size_t>(x >> (power - 5)) & 31;
  ++counts_[power * 32 + part];
  ++total_;
}

void histogram::add(const histogram& other) noexcept {
  for (size_t i = 0; i < counts_.size(); ++i)
    counts_[i] += other.counts_[i];
  total_ += other.total_;
}

void histogram::clear() noexcept {
  std::fill(counts_.begin(), counts_.end(), 0);
  total_ = 0;
}

double histogram::quantile_us(double quantile) const noexcept {
  auto wanted = static_cast<uint64_t>(quantile * static_cast<double>(total_));
  uint64_t seen = 0;
  for (size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen > wanted) {
      auto low = static_cast<double>(1ull << (i / 32));
      return low * (1.0 + (static_cast<double>(i % 32) + 0.5) / 32.0) / 1000.0;
    }
  }
  return 0;
}

} // namespace redoubt::bench
