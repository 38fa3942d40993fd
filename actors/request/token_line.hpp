#pragma once

#include <redoubt/actors/ring.hpp>

#include <cstdint>

namespace redoubt {

/// Who asked for a token of the retry budget, in order: the supervisor answers as
/// many as asked and does not say whom. The place of somebody who is gone by then
/// is kept, or the answer would be taken by somebody who asked later.
class token_line {
public:
  /// Stands for somebody who wants a token and does not wait for it.
  static constexpr uint64_t in_advance = UINT64_MAX;

  /// The place of one who is gone.
  static constexpr uint64_t nobody = UINT64_MAX - 1;

  bool empty() const noexcept { return entries_.empty(); }

  /// Places, where those of neighbours who are gone may be one.
  size_t size() const noexcept { return entries_.size(); }

  void push(uint64_t id) { entries_.push_back({id, 1}); }

  /// Whose turn it is to be answered: it has been, with this.
  uint64_t pop() {
    auto& first = entries_.front();
    auto id = first.id;
    if (--first.places == 0)
      entries_.pop_front();
    return id;
  }

  /// Replaces those for whom `is_gone` holds by `nobody`; there are no more
  /// entries then than two for each of the others and one.
  template <class Predicate>
  void shorten(Predicate is_gone) {
    auto n = entries_.size();
    size_t kept = 0;
    for (size_t i = 0; i < n; ++i) {
      auto x = entries_.front();
      entries_.pop_front();
      if (x.id != in_advance && x.id != nobody && is_gone(x.id))
        x.id = nobody;
      if (kept > 0 && x.id == nobody && entries_.back().id == nobody) {
        entries_.back().places += x.places;
        continue;
      }
      entries_.push_back(x);
      ++kept;
    }
  }

private:
  struct entry {
    uint64_t id = nobody;
    uint64_t places = 0;
  };

  ring<entry> entries_;
};

} // namespace redoubt
