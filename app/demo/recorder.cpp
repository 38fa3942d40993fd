#include <redoubt/app/demo/recorder.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

namespace redoubt::demo {

uint32_t recorder::add(time_point due) {
  std::lock_guard guard{mutex_};
  auto index = static_cast<uint32_t>(records_.size());
  records_.push_back({op_of(index), due, {}, result::pending, 0});
  ++pending_;
  return index;
}

void recorder::reply(uint32_t index, const raw_reply& x) {
  if (x.what == raw_reply::kind::error)
    settle(index, result::failed, 0);
  else
    settle(index, workload_.fits(index, x) ? result::ok : result::crossed,
           x.number);
}

void recorder::fail(uint32_t index, result what) {
  if (what == result::unknown && op_of(index) != op::incr)
    what = result::failed;
  settle(index, what, 0);
}

void recorder::settle(uint32_t index, result what, int64_t number) {
  auto now = clock::now();
  std::lock_guard guard{mutex_};
  auto& x = records_[index];
  if (x.what != result::pending) {
    ++twice_;
    return;
  }
  x.done = now;
  x.what = what;
  x.number = number;
  switch (what) {
    case result::ok:
      ++current_.ok;
      latencies_ms_.push_back(
        std::chrono::duration<double, std::milli>(now - x.due).count());
      break;
    case result::rejected: ++current_.rejected; break;
    case result::unknown: ++current_.unknown; break;
    default: ++current_.failed; break;
  }
  if (--pending_ == 0)
    changed_.notify_all();
}

interval recorder::take_interval() {
  std::unique_lock guard{mutex_};
  auto result = std::exchange(current_, {});
  auto latencies = std::exchange(latencies_ms_, {});
  result.waiting = pending_;
  guard.unlock();
  result.p50_ms = quantile(latencies, 0.5);
  result.p99_ms = quantile(std::move(latencies), 0.99);
  return result;
}

bool recorder::wait_answered(time_point until) const {
  std::unique_lock guard{mutex_};
  return changed_.wait_until(guard, until, [this] { return pending_ == 0; });
}

std::vector<record> recorder::records() const {
  std::lock_guard guard{mutex_};
  return records_;
}

uint32_t recorder::answered_twice() const {
  std::lock_guard guard{mutex_};
  return twice_;
}

double quantile(std::vector<double> values, double q) {
  if (values.empty())
    return 0;
  // Nearest rank.
  auto rank = std::ceil(q * static_cast<double>(values.size()));
  auto at = values.begin() + static_cast<long>(std::max(rank, 1.0)) - 1;
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

} // namespace redoubt::demo
