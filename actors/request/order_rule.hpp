#pragma once

#include <redoubt/messages/command_class.hpp>

#include <cstdint>
#include <functional>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace redoubt {

/// The keys that a request touches.
struct key_set {
  std::vector<std::string_view> keys;
  /// A write that names no key (FLUSHALL, CONFIG SET) may touch any.
  bool everything = false;

  bool empty() const noexcept { return !everything && keys.empty(); }

  /// True if some key is in both.
  bool meets(const key_set& other) const noexcept;

  void add(const key_set& other);
};

/// Many keys, to look others up in.
class key_index {
public:
  bool empty() const noexcept { return !everything_ && keys_.empty(); }

  /// True if some key of `x` is in it.
  bool meets(const key_set& x) const;

  void add(const key_set& x);

private:
  std::unordered_set<std::string_view> keys_;
  bool everything_ = false;
};

/// A request whose connection was lost, as the order rule sees it.
struct lost_request {
  uint64_t caller = 0;
  command_class cls = command_class::accumulating;
  /// It may have reached the server.
  bool sent = false;
  /// In: the retry policy would send it again. Out: it may.
  bool again = false;
};

using keys_of_lost = std::function<key_set(size_t)>;

/// Keeps writes of one caller in order when some of them are sent again: a write
/// is sent again only if no later request of its caller on one of its keys was
/// sent and is not itself sent again after it. `lost` stands in the order in
/// which the requests were sent; `keys` answers the keys of its i-th entry.
void apply_order_rule(std::vector<lost_request>& lost,
                      const keys_of_lost& keys);

} // namespace redoubt
