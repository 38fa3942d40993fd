#pragma once

#include <redoubt/actors/supervisor/sliding_window.hpp>
#include <redoubt/messages/options.hpp>

#include <cstdint>
#include <vector>

namespace redoubt {

/// The last so many calls, whenever they were. After resilience4j's count-based
/// window.
class count_window {
public:
  explicit count_window(uint32_t calls);

  /// Adds calls that came in together. Of these the newest are the `run` of
  /// failures, before it the successes, before those the other failures; the
  /// newest `slow` ones were slow.
  void add(const call_counts& x, uint64_t run) noexcept;

  const call_counts& sum() const noexcept { return sum_; }

  void clear() noexcept;

  /// Takes another size; the newest calls stay.
  void resize(uint32_t calls);

private:
  struct call {
    bool failed = false;
    bool slow = false;
  };

  void push(call x) noexcept;

  /// Ring; `next_` is where the next call goes, over the oldest one.
  std::vector<call> calls_;
  size_t next_ = 0;
  size_t size_ = 0;
  call_counts sum_;
};

/// The calls that a circuit breaker judges: those of the last time, or the last
/// ones.
class call_window {
public:
  using time_point = api::time_point;

  explicit call_window(const breaker_options& options);

  void add(const call_counts& x, uint64_t run, time_point now) noexcept;

  call_counts sum(time_point now) const noexcept;

  void clear() noexcept;

  /// Takes another size. Counts stay as far as they fit, unless the kind is
  /// another one: then all are forgotten.
  void resize(const breaker_options& options);

private:
  window_kind kind_;
  sliding_window time_;
  count_window count_;
};

} // namespace redoubt
