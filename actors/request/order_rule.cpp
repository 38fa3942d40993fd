#include <redoubt/actors/request/order_rule.hpp>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

namespace redoubt {

void apply_order_rule(std::vector<lost_request>& lost,
                      const keys_of_lost& keys) {
  // Keys that a later request of the caller touched for good.
  std::unordered_map<uint64_t, std::unordered_set<std::string_view>> settled;
  for (auto i = lost.size(); i-- > 0;) {
    auto& x = lost[i];
    if (x.again && x.cls != command_class::read_only && x.sent) {
      auto mine = settled.find(x.caller);
      if (mine != settled.end())
        for (auto key : keys(i))
          if (mine->second.contains(key)) {
            x.again = false;
            break;
          }
    }
    if (!x.again && x.sent)
      for (auto key : keys(i))
        settled[x.caller].insert(key);
  }
}

bool share_a_key(const std::vector<std::string_view>& a,
                 const std::vector<std::string_view>& b) noexcept {
  return std::any_of(a.begin(), a.end(), [&](std::string_view key) {
    return std::find(b.begin(), b.end(), key) != b.end();
  });
}

} // namespace redoubt
