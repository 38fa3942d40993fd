#include <redoubt/actors/supervisor/sliding_window.hpp>

#include <algorithm>

namespace redoubt {

sliding_window::sliding_window(uint32_t buckets, duration bucket)
  : width_(std::max(bucket, duration{1})), buckets_(std::max(buckets, 1u)) {
}

void sliding_window::add(const call_counts& x, time_point now) noexcept {
  auto number = number_of(now);
  auto steps = std::min<uint64_t>(buckets_until(number), buckets_.size());
  for (uint64_t i = 0; i < steps; ++i) {
    head_ = (head_ + 1) % buckets_.size();
    buckets_[head_] = {};
  }
  newest_ = std::max(newest_, number);
  buckets_[head_].add(x);
}

void sliding_window::clear() noexcept {
  std::fill(buckets_.begin(), buckets_.end(), call_counts{});
}

void sliding_window::resize(uint32_t buckets, duration bucket) {
  sliding_window result{buckets, bucket};
  auto n = buckets_.size();
  for (size_t age = n; age-- > 0;) {
    auto& x = buckets_[(head_ + n - age) % n];
    if (x != call_counts{}) {
      auto began = (newest_ - static_cast<int64_t>(age)) * width_;
      result.add(x, time_point{began});
    }
  }
  *this = std::move(result);
}

int64_t sliding_window::number_of(time_point now) const noexcept {
  // Not a plain division, which rounds up below the epoch.
  auto since = now.time_since_epoch();
  auto number = since / width_;
  return since % width_ < duration::zero() ? number - 1 : number;
}

uint64_t sliding_window::buckets_until(int64_t number) const noexcept {
  // Unsigned, because the distance of two signed numbers may not fit.
  if (number <= newest_)
    return 0;
  return static_cast<uint64_t>(number) - static_cast<uint64_t>(newest_);
}

call_counts sliding_window::sum(time_point now) const noexcept {
  call_counts result;
  auto n = buckets_.size();
  auto fallen_out = std::min<uint64_t>(buckets_until(number_of(now)), n);
  for (size_t age = 0; age < n - fallen_out; ++age) {
    result.add(buckets_[(head_ + n - age) % n]);
  }
  return result;
}

} // namespace redoubt
