#include <redoubt/actors/request/resend_groups.hpp>

#include <algorithm>
#include <optional>

namespace redoubt {

void resend_groups::close() {
  // The nearest later one on each key; it knows of all that follow it.
  std::unordered_map<std::string_view, size_t> next;
  std::optional<size_t> next_of_all;
  std::optional<size_t> next_of_any;
  for (auto i = entries_.size(); i-- > 0;) {
    auto& x = entries_[i];
    x.last = i;
    auto join = [&](size_t other) {
      x.last = std::max(x.last, entries_[other].last);
      x.due = x.due && entries_[other].due;
    };
    if (x.keys.everything) {
      // It meets each of them, and they need not meet one another.
      for (auto k = i + 1; next_of_any && k < entries_.size(); ++k)
        join(k);
      next_of_all = i;
    } else {
      if (next_of_all)
        join(*next_of_all);
      for (auto key : x.keys.keys)
        if (auto k = next.find(key); k != next.end())
          join(k->second);
    }
    // The lane ends at the first that does not leave, whatever its keys.
    for (auto k = i + 1; k <= x.last; k = entries_[k].last + 1)
      join(k);
    for (auto key : x.keys.keys)
      next[key] = i;
    next_of_any = i;
    x.keys = {};
  }
}

} // namespace redoubt
