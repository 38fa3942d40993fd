#pragma once

#include <redoubt/messages/caf_api.hpp>

#include <cstddef>
#include <cstdint>

namespace redoubt {

/// A limit on commands in flight that follows latency: while the latest latencies
/// are no more than half above their long-term mean it grows, else it shrinks in
/// proportion (Gradient2 of Netflix's concurrency-limits, 2018, with its
/// constants). A value: it is told what was answered.
class adaptive_limit {
public:
  using duration = api::duration;

  adaptive_limit(uint32_t floor, uint32_t ceiling) noexcept;

  /// A reply came after `latency`; `in_flight` commands were under way when its
  /// command was sent, itself included. A link that is used for less than half of
  /// the limit says nothing about it.
  void answered(duration latency, size_t in_flight) noexcept;

  size_t limit() const noexcept { return static_cast<size_t>(limit_); }

private:
  void learn_mean(double latency) noexcept;

  double floor_;
  double ceiling_;
  double limit_;
  double mean_ = 0;
  uint32_t samples_ = 0;
};

} // namespace redoubt
