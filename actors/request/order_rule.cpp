#include <redoubt/actors/request/order_rule.hpp>

#include <algorithm>
#include <unordered_map>

namespace redoubt {

bool key_index::meets(const key_set& x) const {
  if (everything_)
    return !x.empty();
  if (x.everything)
    return !keys_.empty();
  return std::any_of(x.keys.begin(), x.keys.end(),
                     [this](auto key) { return keys_.contains(key); });
}

void key_index::add(const key_set& x) {
  keys_.insert(x.keys.begin(), x.keys.end());
  everything_ = everything_ || x.everything;
}

bool key_set::meets(const key_set& other) const noexcept {
  if (everything)
    return !other.empty();
  if (other.everything)
    return !empty();
  return std::any_of(keys.begin(), keys.end(), [&](std::string_view key) {
    return std::find(other.keys.begin(), other.keys.end(), key)
           != other.keys.end();
  });
}

void key_set::add(const key_set& other) {
  keys.insert(keys.end(), other.keys.begin(), other.keys.end());
  everything = everything || other.everything;
}

void apply_order_rule(std::vector<lost_request>& lost,
                      const keys_of_lost& keys) {
  std::unordered_map<uint64_t, key_index> settled;
  for (auto i = lost.size(); i-- > 0;) {
    auto& x = lost[i];
    if (!x.sent)
      continue;
    if (x.again && x.cls != command_class::read_only) {
      auto mine = settled.find(x.caller);
      if (mine != settled.end() && mine->second.meets(keys(i)))
        x.again = false;
    }
    if (!x.again)
      settled[x.caller].add(keys(i));
  }
}

} // namespace redoubt
