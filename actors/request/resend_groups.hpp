#pragma once

#include <redoubt/actors/request/order_rule.hpp>

#include <cstddef>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace redoubt {

/// Writes of one caller that may have run and wait to be sent again, in order. One
/// of them must not be sent without the later ones on its keys: should one of
/// those then end before it is sent, an older write would have come after it. So
/// they leave together or not at all, and with them what stands in between: reads
/// as well, which are added without keys.
class resend_groups {
public:
  /// Adds the next one. `due`: it may leave now as far as it goes by itself. The
  /// keys must live until `close`.
  void add(key_set keys, bool due) {
    entries_.push_back({std::move(keys), due});
  }

  /// All were added.
  void close();

  /// True if the `i`th and all that have to leave with it are due.
  bool may_leave(size_t i) const { return entries_[i].due; }

  /// How many leave behind the `i`th at most.
  size_t behind(size_t i) const { return entries_[i].last - i; }

private:
  struct entry {
    key_set keys;
    bool due = false;
    /// The last one that has to leave with it.
    size_t last = 0;
  };

  std::vector<entry> entries_;
};

} // namespace redoubt
