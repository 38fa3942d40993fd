#include <redoubt/actors/request/adaptive_limit.hpp>

#include <algorithm>

namespace redoubt {

namespace {

/// Fresh links carry on with this much.
constexpr double initial = 128;

/// The mean is that of the first samples, then of about the last 600.
constexpr uint32_t warm_up = 10;
constexpr double window = 600;

/// Latency may be this many times the mean before the limit shrinks.
constexpr double tolerance = 1.5;

/// Commands that may always wait on top of what the gradient allows, so that the
/// limit can grow.
constexpr double headroom = 4;

/// Weight of the newest estimate.
constexpr double smoothing = 0.2;

} // namespace

adaptive_limit::adaptive_limit(uint32_t floor, uint32_t ceiling) noexcept
  : floor_(std::min(floor, ceiling)),
    ceiling_(ceiling),
    limit_(std::clamp(initial, floor_, ceiling_)) {
}

void adaptive_limit::learn_mean(double latency) noexcept {
  if (samples_ < warm_up) {
    ++samples_;
    mean_ += (latency - mean_) / samples_;
    return;
  }
  mean_ += (latency - mean_) * 2 / (window + 1);
  // After a long overload the mean is far too high; let it come down.
  if (mean_ > 2 * latency)
    mean_ *= 0.95;
}

void adaptive_limit::answered(duration latency, size_t in_flight) noexcept {
  auto value = std::max(static_cast<double>(latency.count()), 1.0);
  learn_mean(value);
  if (static_cast<double>(in_flight) < limit_ / 2)
    return;
  auto gradient = std::clamp(tolerance * mean_ / value, 0.5, 1.0);
  auto next = limit_ * gradient + headroom;
  limit_ = std::clamp(limit_ + (next - limit_) * smoothing, floor_, ceiling_);
}

} // namespace redoubt
