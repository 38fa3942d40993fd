#include <redoubt/bench/figures.hpp>

#include <sys/resource.h>

#include <algorithm>
#include <bit>
#include <chrono>

namespace redoubt::bench {

namespace {

double median(std::vector<double> xs) {
  std::sort(xs.begin(), xs.end());
  return xs.empty() ? 0 : xs[xs.size() / 2];
}

double microseconds(const timeval& x) {
  return static_cast<double>(x.tv_sec) * 1e6 + static_cast<double>(x.tv_usec);
}

} // namespace

figures median_of(std::vector<figures> runs) {
  auto of = [&](double figures::*field) {
    std::vector<double> xs;
    for (auto& each : runs)
      xs.push_back(each.*field);
    return median(std::move(xs));
  };
  return {of(&figures::ops_per_s), of(&figures::cpu_us_per_op),
          of(&figures::p50_us), of(&figures::p99_us)};
}

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

double cpu_time_us() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return microseconds(usage.ru_utime) + microseconds(usage.ru_stime);
}

figures measure(const contender& what, double seconds) {
  sample taken;
  what.run(0.1, taken);
  taken.latencies.clear();
  taken.operations = 0;
  auto cpu = cpu_time_us();
  auto start = std::chrono::steady_clock::now();
  what.run(seconds, taken);
  auto took = std::chrono::duration<double>(std::chrono::steady_clock::now()
                                            - start)
                .count();
  auto operations = static_cast<double>(taken.operations);
  figures result;
  result.ops_per_s = operations / took;
  result.cpu_us_per_op = (cpu_time_us() - cpu) / operations;
  result.p50_us = taken.latencies.quantile_us(0.5);
  result.p99_us = taken.latencies.quantile_us(0.99);
  return result;
}

} // namespace redoubt::bench
