#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>

namespace redoubt {

/// Which client handle an actor is, or was, behind. Of each handle the newest
/// `remembered` actors are known: one that is replaced over and over must not
/// take ever more room.
class handle_numbers {
public:
  /// A service re-resolves a handle as soon as a request to it fails; this is
  /// many deaths later.
  static constexpr size_t remembered = 64;

  /// `actor` is now behind handle `number`.
  void add(uint64_t actor, uint64_t number) {
    numbers_[actor] = number;
    auto& all = actors_[number];
    all.push_back(actor);
    if (all.size() > remembered) {
      numbers_.erase(all.front());
      all.pop_front();
    }
  }

  std::optional<uint64_t> find(uint64_t actor) const {
    auto i = numbers_.find(actor);
    if (i == numbers_.end())
      return std::nullopt;
    return i->second;
  }

  /// Actors that are known.
  size_t size() const noexcept { return numbers_.size(); }

private:
  std::unordered_map<uint64_t, uint64_t> numbers_;
  std::unordered_map<uint64_t, std::deque<uint64_t>> actors_;
};

} // namespace redoubt
