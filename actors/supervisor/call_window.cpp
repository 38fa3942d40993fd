#include <redoubt/actors/supervisor/call_window.hpp>

#include <algorithm>

namespace redoubt {

// -- the last calls -----------------------------------------------------------

count_window::count_window(uint32_t calls) : calls_(std::max(calls, 1u)) {
}

void count_window::add(const call_counts& x, uint64_t run) noexcept {
  run = x.successes > 0 ? std::min(run, x.failures) : x.failures;
  auto all = x.calls();
  // By age within what came in, the oldest first.
  for (auto age = std::min<uint64_t>(all, calls_.size()); age-- > 0;) {
    auto succeeded = age >= run && age - run < x.successes;
    push({!succeeded, age < x.slow});
  }
}

void count_window::push(call x) noexcept {
  auto& place = calls_[next_];
  if (size_ == calls_.size()) {
    --(place.failed ? sum_.failures : sum_.successes);
    sum_.slow -= place.slow ? 1 : 0;
  } else {
    ++size_;
  }
  place = x;
  ++(x.failed ? sum_.failures : sum_.successes);
  sum_.slow += x.slow ? 1 : 0;
  next_ = (next_ + 1) % calls_.size();
}

void count_window::clear() noexcept {
  size_ = 0;
  next_ = 0;
  sum_ = {};
}

void count_window::resize(uint32_t calls) {
  count_window result{calls};
  auto n = calls_.size();
  for (auto age = size_; age-- > 0;)
    result.push(calls_[(next_ + n - 1 - age) % n]);
  *this = std::move(result);
}

// -- either -------------------------------------------------------------------

call_window::call_window(const breaker_options& options)
  : kind_(options.window),
    time_(options.buckets, options.bucket),
    // No room for calls that are not counted one by one.
    count_(options.window == window_kind::count ? options.window_calls : 1) {
}

void call_window::add(const call_counts& x, uint64_t run,
                      time_point now) noexcept {
  if (kind_ == window_kind::time)
    time_.add(x, now);
  else
    count_.add(x, run);
}

call_counts call_window::sum(time_point now) const noexcept {
  return kind_ == window_kind::time ? time_.sum(now) : count_.sum();
}

void call_window::clear() noexcept {
  time_.clear();
  count_.clear();
}

void call_window::resize(const breaker_options& options) {
  if (options.window != kind_) {
    *this = call_window{options};
    return;
  }
  if (kind_ == window_kind::time)
    time_.resize(options.buckets, options.bucket);
  else
    count_.resize(options.window_calls);
}

} // namespace redoubt
