#pragma once

#include <redoubt/actors/ring.hpp>
#include <redoubt/messages/wiring.hpp>

#include <cstdint>
#include <utility>
#include <vector>

namespace redoubt {

/// Units that request actors handed over and that were not yet encoded for the
/// socket. Request actors take turns, one unit each, and each keeps its order: a
/// large batch of one does not keep the others waiting.
class send_turns {
public:
  struct unit {
    uint32_t owner = 0;
    api::time_point since{};
    submission what;
  };

  bool empty() const noexcept { return turns_.empty(); }

  void push(unit x) {
    auto owner = x.owner;
    if (owner >= waiting_.size())
      waiting_.resize(owner + 1);
    if (waiting_[owner].empty())
      turns_.push_back(owner);
    waiting_[owner].push_back(std::move(x));
  }

  unit pop() {
    auto owner = turns_.front();
    turns_.pop_front();
    auto& mine = waiting_[owner];
    auto result = std::move(mine.front());
    mine.pop_front();
    if (!mine.empty())
      turns_.push_back(owner);
    return result;
  }

  /// Units of an owner that had no turn yet.
  size_t count(uint32_t owner) const noexcept {
    return owner < waiting_.size() ? waiting_[owner].size() : 0;
  }

private:
  /// By owner.
  std::vector<ring<unit>> waiting_;
  /// Owners with units, the next one first.
  ring<uint32_t> turns_;
};

} // namespace redoubt
