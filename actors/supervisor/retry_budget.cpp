#include <redoubt/actors/supervisor/retry_budget.hpp>

#include <redoubt/actors/supervisor/sliding_window.hpp>

#include <algorithm>
#include <cmath>

namespace redoubt {

void retry_budget::options(const budget_options& x, time_point now) noexcept {
  auto all = sum(now);
  auto new_width = x.window != options_.window;
  options_ = x;
  if (!new_width)
    return;
  // As if all of it happened now: nothing that was spent is forgotten early.
  buckets_.fill({});
  newest_ = number_of(now);
  buckets_[static_cast<size_t>(newest_) % buckets] = all;
}

void retry_budget::deposit(uint64_t successes, time_point now) noexcept {
  advance(now);
  auto each = static_cast<uint64_t>(std::llround(options_.ratio * unit));
  auto& sum = buckets_[static_cast<size_t>(newest_) % buckets].deposited;
  // No count of requests comes near to where this product would overflow.
  sum = saturating_add(sum, std::min<uint64_t>(successes, UINT32_MAX) * each);
}

uint64_t retry_budget::available(time_point now) const noexcept {
  auto all = sum(now);
  auto seconds = std::chrono::duration<double>{options_.window}.count();
  auto floor = static_cast<uint64_t>(options_.per_second * seconds);
  auto earned = saturating_add(floor, all.deposited / unit);
  auto used = saturating_add(all.spent, leased_);
  return earned > used ? earned - used : 0;
}

uint64_t retry_budget::lease(uint64_t n, time_point now) noexcept {
  n = std::min(n, available(now));
  leased_ += n;
  return n;
}

void retry_budget::spend(uint64_t n, time_point now) noexcept {
  advance(now);
  put_back(n);
  auto& sum = buckets_[static_cast<size_t>(newest_) % buckets].spent;
  sum = saturating_add(sum, n);
}

void retry_budget::refund(uint64_t n, time_point now) noexcept {
  advance(now);
  leased_ = saturating_add(leased_, n);
  // The oldest first, which would be forgotten first: else one that was really
  // spent later would be forgotten in place of this one.
  auto oldest = std::max<int64_t>(newest_ - (buckets - 1), 0);
  for (auto number = oldest; number <= newest_ && n > 0; ++number) {
    auto& spent = buckets_[static_cast<size_t>(number) % buckets].spent;
    auto taken = std::min(n, spent);
    spent -= taken;
    n -= taken;
  }
}

void retry_budget::put_back(uint64_t n) noexcept {
  leased_ -= std::min(n, leased_);
}

budget_status retry_budget::status(time_point now) const noexcept {
  budget_status result;
  result.enabled = options_.enabled;
  result.tokens = available(now);
  result.leased = leased_;
  return result;
}

int64_t retry_budget::number_of(time_point now) const noexcept {
  // The window covers between its length and one bucket more: what is spent
  // counts for all of it.
  auto width = std::chrono::duration_cast<api::duration>(options_.window)
               / (buckets - 1);
  return now.time_since_epoch() / width;
}

void retry_budget::advance(time_point now) noexcept {
  auto number = number_of(now);
  if (number <= newest_)
    return;
  auto steps = std::min<int64_t>(number - newest_, buckets);
  for (int64_t i = 0; i < steps; ++i)
    buckets_[static_cast<size_t>(number - i) % buckets] = {};
  newest_ = number;
}

retry_budget::counts retry_budget::sum(time_point now) const noexcept {
  counts result;
  auto gone = std::max<int64_t>(number_of(now) - newest_, 0);
  auto ages = std::min(static_cast<int64_t>(buckets) - gone, newest_ + 1);
  for (int64_t age = 0; age < ages; ++age) {
    auto& x = buckets_[static_cast<size_t>(newest_ - age) % buckets];
    result.deposited = saturating_add(result.deposited, x.deposited);
    result.spent = saturating_add(result.spent, x.spent);
  }
  return result;
}

} // namespace redoubt
