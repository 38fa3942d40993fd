#include <redoubt/actors/request/latency_percentile.hpp>

#include <algorithm>
#include <bit>

namespace redoubt {

namespace {

/// So many are remembered at most; then all counts are halved.
constexpr uint32_t memory = 4096;

/// Number of the bucket: the power of two, and the two bits behind the first.
size_t bucket_of(uint64_t us) noexcept {
  if (us < 4)
    return us;
  auto power = static_cast<uint64_t>(std::bit_width(us)) - 1;
  return 4 * (power - 1) + (us >> (power - 2)) % 4;
}

/// Where the bucket ends.
uint64_t end_of(size_t bucket) noexcept {
  if (bucket < 4)
    return bucket + 1;
  auto power = bucket / 4 + 1;
  return (uint64_t{5} + bucket % 4) << (power - 2);
}

} // namespace

void latency_percentile::record(duration x) noexcept {
  auto us = static_cast<uint64_t>(std::max<duration::rep>(x.count(), 0));
  ++counts_[std::min(bucket_of(us), buckets - 1)];
  ++total_;
  if (++since_count_ >= enough)
    count();
}

void latency_percentile::count() noexcept {
  since_count_ = 0;
  auto wanted = static_cast<uint32_t>(share_ * total_);
  uint32_t seen = 0;
  size_t i = 0;
  while (i + 1 < buckets && (seen += counts_[i]) <= wanted)
    ++i;
  value_ = duration{static_cast<duration::rep>(end_of(i))};
  if (total_ < memory)
    return;
  total_ = 0;
  for (auto& each : counts_)
    total_ += each /= 2;
}

} // namespace redoubt
