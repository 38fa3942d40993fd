#pragma once

#include <redoubt/actors/supervisor/sliding_window.hpp>
#include <redoubt/messages/options.hpp>

#include <algorithm>
#include <vector>

namespace redoubt {

/// Both kinds of the breaker's window as a list of calls.
class call_log {
public:
  using time_point = api::time_point;

  explicit call_log(const breaker_options& options) : options_(options) {}

  /// Calls that came in together: the last failures are the newest, and the slow
  /// ones are.
  void note(const call_counts& x, uint64_t run, time_point now) {
    std::erase_if(calls_, [&](auto& call) { return !in_window(call, now); });
    auto last = x.successes > 0 ? std::min(run, x.failures) : x.failures;
    auto first = calls_.size();
    auto add = [&](uint64_t n, bool failed) {
      calls_.insert(calls_.end(), n, call{bucket(now), failed, false});
    };
    add(x.failures - last, true);
    add(x.successes, false);
    add(last, true);
    auto slow = x.slow;
    for (auto i = calls_.size(); i-- > first && slow > 0; --slow)
      calls_[i].slow = true;
    if (options_.window == window_kind::count
        && calls_.size() > options_.window_calls)
      calls_.erase(calls_.begin(), calls_.end() - options_.window_calls);
  }

  uint64_t count(time_point now) const {
    return count_if(now, [](auto&) { return true; });
  }

  uint64_t count_failed(time_point now) const {
    return count_if(now, [](auto& x) { return x.failed; });
  }

  uint64_t count_slow(time_point now) const {
    return count_if(now, [](auto& x) { return x.slow; });
  }

  void clear() { calls_.clear(); }

private:
  struct call {
    int64_t bucket;
    bool failed;
    bool slow;
  };

  int64_t bucket(time_point now) const {
    return now.time_since_epoch() / options_.bucket;
  }

  bool in_window(const call& x, time_point now) const {
    return options_.window == window_kind::count
           || x.bucket > bucket(now) - int64_t{options_.buckets};
  }

  template <class Predicate>
  uint64_t count_if(time_point now, Predicate holds) const {
    uint64_t result = 0;
    for (auto& x : calls_)
      result += in_window(x, now) && holds(x) ? 1 : 0;
    return result;
  }

  breaker_options options_;
  std::vector<call> calls_;
};

} // namespace redoubt
