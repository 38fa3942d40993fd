#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace redoubt {

/// A binary heap of small numbers that know their places, so that any of them can
/// be moved or taken out in O(log n). What comes first is up to the caller, who
/// passes the same order to every call and moves a number after its key changed.
/// Allocates nothing once it has its size.
class index_heap {
public:
  bool empty() const noexcept { return items_.empty(); }

  uint32_t top() const noexcept {
    assert(!items_.empty());
    return items_.front();
  }

  bool contains(uint32_t x) const noexcept {
    return x < places_.size() && places_[x] != nowhere;
  }

  /// Puts `x` where it belongs, whether it was in the heap or not.
  template <class Before>
  void put(uint32_t x, Before before) {
    if (x >= places_.size())
      places_.resize(x + 1, nowhere);
    if (places_[x] == nowhere) {
      items_.push_back(x);
      places_[x] = static_cast<uint32_t>(items_.size() - 1);
    }
    settle(places_[x], before);
  }

  template <class Before>
  void erase(uint32_t x, Before before) {
    if (!contains(x))
      return;
    auto hole = places_[x];
    places_[x] = nowhere;
    auto last = items_.back();
    items_.pop_back();
    if (last == x)
      return;
    set(hole, last);
    settle(hole, before);
  }

private:
  static constexpr uint32_t nowhere = UINT32_MAX;

  void set(uint32_t place, uint32_t x) noexcept {
    items_[place] = x;
    places_[x] = place;
  }

  template <class Before>
  void settle(uint32_t place, Before before) {
    auto x = items_[place];
    while (place > 0 && before(x, items_[(place - 1) / 2])) {
      set(place, items_[(place - 1) / 2]);
      place = (place - 1) / 2;
    }
    for (;;) {
      auto child = 2 * size_t{place} + 1;
      if (child >= items_.size())
        break;
      if (child + 1 < items_.size() && before(items_[child + 1], items_[child]))
        ++child;
      if (!before(items_[child], x))
        break;
      set(place, items_[child]);
      place = static_cast<uint32_t>(child);
    }
    set(place, x);
  }

  std::vector<uint32_t> items_;
  /// By number.
  std::vector<uint32_t> places_;
};

} // namespace redoubt
