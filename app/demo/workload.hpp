#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace redoubt::demo {

/// What one request does; requests take turns: GET, SET, INCR.
enum class op : uint8_t { get, set, incr };

op op_of(uint32_t index) noexcept;

/// A reply, whichever client got it.
struct raw_reply {
  enum class kind : uint8_t { nil, text, status, integer, error, other };

  kind what = kind::nil;
  std::string text;
  int64_t number = 0;
};

/// The commands of one client in one scenario. Its keys are its own, and each
/// value names its key, so that a reply that belongs to another request or to
/// another client is known by its look.
class workload {
public:
  explicit workload(std::string prefix) : prefix_(std::move(prefix)) {}

  /// The words of request `index`.
  std::vector<std::string> words(uint32_t index) const;

  /// True if `x` can be the reply to request `index`.
  bool fits(uint32_t index, const raw_reply& x) const;

  /// Key of all INCRs.
  std::string counter() const { return prefix_ + ":n"; }

private:
  std::string key(uint32_t index) const;

  std::string prefix_;
};

} // namespace redoubt::demo
