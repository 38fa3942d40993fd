#pragma once

#include <redoubt/messages/caf_api.hpp>
#include <redoubt/messages/status.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>

namespace redoubt {

/// How busy a loop is, and how long its turns take. While a turn runs nothing else
/// is done, so its length is what a message or a readable socket may have to wait.
///
/// Told by the loop's own thread, read by any: all is kept in words of its own, so
/// that a reader may see a window half turned over, but never a wrong length.
class loop_watch {
public:
  using time_point = api::time_point;

  /// What is told covers one to two of these.
  static constexpr std::chrono::seconds window{5};

  /// The loop begins to work.
  void begin(time_point now) noexcept {
    if (window_began_.load(relaxed) == never)
      window_began_.store(ticks(now), relaxed);
    turn_began_.store(ticks(now), relaxed);
  }

  /// One turn is over, and another one begins.
  void next(time_point now) noexcept {
    close_turn(ticks(now));
    turn_began_.store(ticks(now), relaxed);
  }

  /// The loop has nothing to do.
  void end(time_point now) noexcept {
    close_turn(ticks(now));
    turn_began_.store(never, relaxed);
  }

  /// A turn that is under way counts with the time that it took so far. Any thread.
  loop_status read(time_point now) const noexcept {
    auto at = ticks(now);
    auto began = window_began_.load(relaxed);
    auto longest = std::max(last_.longest.load(relaxed),
                            present_.longest.load(relaxed));
    auto busy = last_.busy.load(relaxed) + present_.busy.load(relaxed);
    auto span = last_.span.load(relaxed);
    if (began != never)
      span += std::max<int64_t>(at - began, 0);
    if (auto turn = turn_began_.load(relaxed); turn != never) {
      longest = std::max(longest, at - turn);
      busy += std::max<int64_t>(at - turn, 0);
    }
    using std::chrono::duration_cast;
    using std::chrono::microseconds;
    loop_status result;
    result.longest_turn = duration_cast<microseconds>(api::duration{longest});
    if (span > 0)
      result.busy = std::min(
        static_cast<double>(busy) / static_cast<double>(span), 1.0);
    return result;
  }

private:
  static constexpr auto relaxed = std::memory_order_relaxed;
  static constexpr int64_t never = INT64_MIN;

  /// Sums of a window.
  struct sums {
    std::atomic<int64_t> longest{0};
    std::atomic<int64_t> busy{0};
    std::atomic<int64_t> span{0};
  };

  static int64_t ticks(time_point x) noexcept {
    return x.time_since_epoch().count();
  }

  void close_turn(int64_t now) noexcept {
    auto began = window_began_.load(relaxed);
    if (now - began >= api::duration{window}.count()) {
      last_.longest.store(present_.longest.load(relaxed), relaxed);
      last_.busy.store(present_.busy.load(relaxed), relaxed);
      last_.span.store(now - began, relaxed);
      present_.longest.store(0, relaxed);
      present_.busy.store(0, relaxed);
      window_began_.store(now, relaxed);
    }
    auto length = now - turn_began_.load(relaxed);
    if (length > present_.longest.load(relaxed))
      present_.longest.store(length, relaxed);
    present_.busy.store(present_.busy.load(relaxed) + length, relaxed);
  }

  sums last_;
  sums present_;
  std::atomic<int64_t> window_began_{never};
  std::atomic<int64_t> turn_began_{never};
};

} // namespace redoubt
