#include <redoubt/actors/supervisor/share_ledger.hpp>

#include <algorithm>

namespace redoubt {

void share_ledger::begin() noexcept {
  for (auto& x : entries_)
    x = {.id = x.id, .waiting = x.waiting};
}

void share_ledger::join(uint64_t holder) {
  leave(holder);
  entries_.push_back({.id = holder});
}

void share_ledger::leave(uint64_t holder) noexcept {
  std::erase_if(entries_, [=](auto& x) { return x.id == holder; });
}

void share_ledger::report(uint64_t holder, uint64_t returned,
                          uint64_t waiting) noexcept {
  for (auto& x : entries_) {
    if (x.id != holder)
      continue;
    x.waiting = waiting;
    if (returned > x.returned) {
      auto n = std::min(returned - x.returned, x.units);
      x.returned = returned;
      x.units -= n;
      x.recalled -= std::min(n, x.recalled);
    }
  }
}

std::vector<share_ledger::change> share_ledger::settle(uint64_t total) {
  auto out = leased();
  if (out < total)
    lease_out(total - out);
  else
    recall_surplus(total);
  recall_for_those_who_wait();
  std::vector<change> result;
  for (auto& x : entries_) {
    if (x.to_lease > 0 || x.to_recall > 0)
      result.push_back({x.id, x.to_lease, x.to_recall});
    x.to_lease = x.to_recall = 0;
  }
  return result;
}

uint64_t share_ledger::leased() const noexcept {
  uint64_t result = 0;
  for (auto& x : entries_)
    result += x.units;
  return result;
}

void share_ledger::lease_out(uint64_t free) {
  auto waits = [](const entry& x) { return x.waiting > 0; };
  lease_evenly(free, 1, [](const entry& x) { return x.starves(); });
  if (std::any_of(entries_.begin(), entries_.end(), waits))
    lease_evenly(free, UINT64_MAX, waits);
  else
    lease_evenly(free, UINT64_MAX, [](const entry&) { return true; });
}

template <class Predicate>
void share_ledger::lease_evenly(uint64_t& free, uint64_t most_each,
                                Predicate wanted) {
  std::vector<entry*> takers;
  auto n = entries_.size();
  for (size_t i = 0; i < n; ++i)
    if (auto& x = entries_[(next_ + i) % n]; wanted(x))
      takers.push_back(&x);
  if (takers.empty())
    return;
  auto each = free / takers.size();
  auto rest = free % takers.size();
  for (auto x : takers) {
    auto share = std::min(each + (rest > 0 ? 1 : 0), most_each);
    rest -= rest > 0 ? 1 : 0;
    x->units += share;
    x->to_lease += share;
    free -= share;
    if (share > 0)
      next_ = static_cast<size_t>(x - entries_.data()) + 1;
  }
}

void share_ledger::recall_surplus(uint64_t total) {
  uint64_t kept = 0;
  for (auto& x : entries_)
    kept += x.kept();
  for (; kept > total; --kept)
    recall(*richest(), 1);
}

void share_ledger::recall_for_those_who_wait() {
  uint64_t starving = 0;
  auto anybody_waits = false;
  for (auto& x : entries_) {
    starving += x.starves();
    anybody_waits = anybody_waits || x.waiting > 0;
  }
  if (!anybody_waits)
    return;
  uint64_t coming = 0;
  for (auto& x : entries_) {
    if (x.waiting == 0)
      recall(x, x.kept());
    coming += x.recalled;
  }
  for (; starving > coming; ++coming) {
    auto from = richest();
    if (from == nullptr)
      return;
    recall(*from, 1);
  }
}

void share_ledger::recall(entry& x, uint64_t n) noexcept {
  x.recalled += n;
  x.to_recall += n;
}

/// The one that keeps the most; in turn among equals. Null if nobody keeps any.
/// What is leased just now may be used before it is recalled: else it would go
/// round and round without a use.
share_ledger::entry* share_ledger::richest() noexcept {
  entry* result = nullptr;
  auto n = entries_.size();
  for (size_t i = 0; i < n; ++i) {
    auto& x = entries_[(next_ + i) % n];
    if (x.kept() > 0 && x.to_lease == 0
        && (result == nullptr || x.kept() > result->kept()))
      result = &x;
  }
  return result;
}

} // namespace redoubt
