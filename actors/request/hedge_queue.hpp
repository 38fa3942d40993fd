#pragma once

#include <redoubt/messages/caf_api.hpp>

#include <cstdint>
#include <optional>
#include <queue>
#include <vector>

namespace redoubt {

/// Attempts that get a second copy unless they are over by then. What is over is
/// not taken out: whoever takes it looks.
class hedge_queue {
public:
  void add(uint64_t id, api::time_point due) { entries_.push({due, id}); }

  /// `time_point::max()` if there is none.
  api::time_point next() const {
    return entries_.empty() ? api::time_point::max() : entries_.top().due;
  }

  /// Takes one that is due.
  std::optional<uint64_t> take(api::time_point now) {
    if (next() > now)
      return std::nullopt;
    auto id = entries_.top().id;
    entries_.pop();
    return id;
  }

private:
  struct entry {
    api::time_point due;
    uint64_t id;

    bool operator<(const entry& other) const noexcept {
      return due > other.due;
    }
  };

  std::priority_queue<entry> entries_;
};

} // namespace redoubt
