#pragma once

#include <redoubt/messages/caf_api.hpp>

#include <array>
#include <cstdint>
#include <vector>

namespace redoubt {

/// When each entry of a table is due: a hashed timing wheel (Varghese and Lauck,
/// 1987) with one tick of 5 ms. Scheduling, moving and cancelling are O(1) and
/// allocate nothing once the table has its size; entries are numbers below the
/// table's size. An entry is never due early, and at most one tick late.
class deadline_wheel {
public:
  using time_point = api::time_point;

  static constexpr std::chrono::milliseconds tick{5};

  explicit deadline_wheel(time_point now);

  /// Sets or moves the time of `entry`.
  void schedule(uint32_t entry, time_point due);

  void cancel(uint32_t entry) noexcept;

  bool scheduled(uint32_t entry) const noexcept;

  /// Moves to `now` and appends all entries that are due to `due`, which are then
  /// no longer scheduled.
  void advance(time_point now, std::vector<uint32_t>& due);

  /// When to advance next: not after the earliest entry's tick.
  /// `time_point::max()` if nothing is scheduled.
  time_point next() const noexcept;

private:
  static constexpr size_t bucket_count = 512;
  static constexpr uint32_t nil = UINT32_MAX;

  struct node {
    uint32_t previous = nil;
    uint32_t next = nil;
    /// Tick at which the entry is due; 0 if it is not scheduled.
    uint64_t tick = 0;
  };

  uint64_t tick_after(time_point when) const noexcept;
  uint64_t tick_before(time_point when) const noexcept;
  void unlink(uint32_t entry) noexcept;

  time_point origin_;
  /// Last tick that was processed.
  uint64_t current_ = 1;
  std::vector<node> nodes_;
  std::array<uint32_t, bucket_count> heads_;
  std::array<uint64_t, bucket_count / 64> occupied_{};
};

} // namespace redoubt
