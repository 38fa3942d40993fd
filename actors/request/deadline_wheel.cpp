#include <redoubt/actors/request/deadline_wheel.hpp>

#include <algorithm>
#include <bit>

namespace redoubt {

deadline_wheel::deadline_wheel(time_point now) : origin_(now) {
  heads_.fill(nil);
}

uint64_t deadline_wheel::tick_after(time_point when) const noexcept {
  if (when <= origin_)
    return 1;
  auto n = (when - origin_ + tick - time_point::duration{1}) / tick;
  return static_cast<uint64_t>(n) + 1;
}

uint64_t deadline_wheel::tick_before(time_point when) const noexcept {
  return when <= origin_ ? 1
                         : static_cast<uint64_t>((when - origin_) / tick) + 1;
}

void deadline_wheel::schedule(uint32_t entry, time_point due) {
  if (entry >= nodes_.size())
    nodes_.resize(std::max<size_t>(entry + 1, nodes_.size() * 2));
  auto at = std::max(tick_after(due), current_ + 1);
  auto& x = nodes_[entry];
  if (x.tick == at)
    return;
  if (x.tick != 0)
    unlink(entry);
  auto bucket = at % bucket_count;
  x.tick = at;
  x.previous = nil;
  x.next = heads_[bucket];
  if (x.next != nil)
    nodes_[x.next].previous = entry;
  heads_[bucket] = entry;
  occupied_[bucket / 64] |= 1ull << (bucket % 64);
}

void deadline_wheel::unlink(uint32_t entry) noexcept {
  auto& x = nodes_[entry];
  auto bucket = x.tick % bucket_count;
  if (x.previous != nil)
    nodes_[x.previous].next = x.next;
  else
    heads_[bucket] = x.next;
  if (x.next != nil)
    nodes_[x.next].previous = x.previous;
  if (heads_[bucket] == nil)
    occupied_[bucket / 64] &= ~(1ull << (bucket % 64));
  x.tick = 0;
}

void deadline_wheel::cancel(uint32_t entry) noexcept {
  if (scheduled(entry))
    unlink(entry);
}

bool deadline_wheel::scheduled(uint32_t entry) const noexcept {
  return entry < nodes_.size() && nodes_[entry].tick != 0;
}

void deadline_wheel::advance(time_point now, std::vector<uint32_t>& due) {
  auto until = tick_before(now);
  if (until <= current_)
    return;
  // One round visits every bucket, however much time has passed.
  auto last = std::min(until, current_ + bucket_count);
  for (auto at = current_ + 1; at <= last; ++at) {
    auto bucket = at % bucket_count;
    for (auto entry = heads_[bucket]; entry != nil;) {
      auto following = nodes_[entry].next;
      if (nodes_[entry].tick <= until) {
        unlink(entry);
        due.push_back(entry);
      }
      entry = following;
    }
  }
  current_ = until;
}

deadline_wheel::time_point deadline_wheel::next() const noexcept {
  constexpr auto words = bucket_count / 64;
  auto first = (current_ + 1) % bucket_count;
  // The word of `first` is looked at twice: its upper part at the start, its
  // lower part at the end of the round.
  for (size_t i = 0; i <= words; ++i) {
    auto word = (first / 64 + i) % words;
    auto bits = occupied_[word];
    if (i == 0)
      bits &= ~0ull << (first % 64);
    else if (i == words)
      bits &= ~(~0ull << (first % 64));
    if (bits == 0)
      continue;
    auto bucket = word * 64 + static_cast<size_t>(std::countr_zero(bits));
    auto ahead = (bucket + bucket_count - first) % bucket_count;
    return origin_ + static_cast<int64_t>(current_ + ahead) * tick;
  }
  return time_point::max();
}

} // namespace redoubt
