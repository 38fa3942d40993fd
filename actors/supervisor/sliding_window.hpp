#pragma once

#include <redoubt/messages/caf_api.hpp>

#include <cstdint>
#include <limits>
#include <vector>

namespace redoubt {

/// Sum of two counts that sticks at the largest value instead of wrapping: a
/// wrapped count would read as a healthy endpoint.
constexpr uint64_t saturating_add(uint64_t x, uint64_t y) noexcept {
  constexpr auto most = std::numeric_limits<uint64_t>::max();
  return x > most - y ? most : x + y;
}

/// Calls by how they went. Slow ones are counted among the others, too.
struct call_counts {
  uint64_t successes = 0;
  uint64_t failures = 0;
  uint64_t slow = 0;

  uint64_t calls() const noexcept {
    return saturating_add(successes, failures);
  }

  void add(const call_counts& x) noexcept {
    successes = saturating_add(successes, x.successes);
    failures = saturating_add(failures, x.failures);
    slow = saturating_add(slow, x.slow);
  }

  bool operator==(const call_counts&) const = default;
};

/// Successes and failures of the last `buckets` times `bucket`. Time advances
/// bucket by bucket: a count is forgotten together with its whole bucket, so
/// that the window covers between one bucket less than its length and its
/// length. It never goes back: what comes with an older `now` than seen before
/// counts as of the newest bucket.
///
/// After resilience4j's sliding time window.
class sliding_window {
public:
  using time_point = api::time_point;
  using duration = api::duration;

  sliding_window(uint32_t buckets, duration bucket);

  void add(const call_counts& x, time_point now) noexcept;

  /// What is in the window that ends at `now`.
  call_counts sum(time_point now) const noexcept;

  void clear() noexcept;

  /// Takes another size. Counts move to the bucket of the time at which theirs
  /// began; those that do not fit are forgotten.
  void resize(uint32_t buckets, duration bucket);

private:
  int64_t number_of(time_point now) const noexcept;
  uint64_t buckets_until(int64_t number) const noexcept;

  duration width_;
  /// Ring; `head_` is the newest bucket, the ones before it are older.
  std::vector<call_counts> buckets_;
  size_t head_ = 0;
  /// Number of the newest bucket, counted from the clock's epoch. Below that of
  /// any time, so that the first one is always an advance.
  int64_t newest_ = std::numeric_limits<int64_t>::min();
};

} // namespace redoubt
