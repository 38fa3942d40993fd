#pragma once

#include <redoubt/actors/ring.hpp>

#include <algorithm>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace redoubt {

/// Requests that must keep their place among those of the same caller: what is
/// sent again, and what came in behind it and touches the same keys. A caller has
/// a lane only while something of its waits, so that nobody else pays for it.
class caller_lanes {
public:
  struct entry {
    uint64_t order;
    /// Id of the attempt; stale once the request is answered.
    uint64_t id;
  };

  struct lane {
    /// By order.
    std::vector<entry> entries;
    /// Nothing newer of its caller may leave before it.
    bool closed = false;
    /// It stands in the list of lanes to be looked at.
    bool listed = false;
  };

  bool empty() const noexcept { return lanes_.empty(); }

  bool contains(uint64_t caller) const {
    return !lanes_.empty() && lanes_.contains(caller);
  }

  bool is_closed(uint64_t caller) const {
    auto i = lanes_.find(caller);
    return i != lanes_.end() && i->second.closed;
  }

  lane* find(uint64_t caller) {
    auto i = lanes_.find(caller);
    return i == lanes_.end() ? nullptr : &i->second;
  }

  /// Puts an entry in its place, makes the lane if there is none.
  void insert(uint64_t caller, entry x) {
    auto& entries = lanes_[caller].entries;
    auto at = std::upper_bound(entries.begin(), entries.end(), x,
                               [](const entry& a, const entry& b) {
                                 return a.order < b.order;
                               });
    entries.insert(at, x);
  }

  /// Puts the lane on the list of those that may have something to send.
  void list(uint64_t caller) {
    auto x = find(caller);
    if (x == nullptr || x->listed)
      return;
    x->listed = true;
    listed_.push_back(caller);
  }

  bool anything_listed() const noexcept { return !listed_.empty(); }

  /// Takes the next lane off the list.
  uint64_t take_listed() {
    auto caller = listed_.front();
    listed_.pop_front();
    if (auto x = find(caller))
      x->listed = false;
    return caller;
  }

  /// Puts a lane back in front: it is still its turn.
  void put_back(uint64_t caller) {
    if (auto x = find(caller); x != nullptr && !x->listed) {
      x->listed = true;
      listed_.push_front(caller);
    }
  }

  void erase_if_empty(uint64_t caller) {
    auto i = lanes_.find(caller);
    if (i != lanes_.end() && i->second.entries.empty())
      lanes_.erase(i);
  }

private:
  std::unordered_map<uint64_t, lane> lanes_;
  ring<uint64_t> listed_;
};

} // namespace redoubt
