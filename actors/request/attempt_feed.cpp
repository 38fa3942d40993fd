#include <redoubt/actors/request/attempt_feed.hpp>

#include <algorithm>

namespace redoubt {

void attempt_feed::add_observer(const attempt_observer& x) {
  auto known = std::any_of(observers_.begin(), observers_.end(),
                           [&](auto& each) { return each.who == x; });
  if (x && !known)
    observers_.push_back({x, ++last_number_, 0, 0});
}

void attempt_feed::remove_observer(const attempt_observer& x) {
  std::erase_if(observers_, [&](auto& each) { return each.who == x; });
}

void attempt_feed::remove_observer(uint64_t number) {
  std::erase_if(observers_, [=](auto& each) { return each.number == number; });
}

void attempt_feed::add(attempt_event x, size_t limit) {
  if (pending_.size() < limit)
    pending_.push_back(std::move(x));
  else
    ++overflow_;
}

std::vector<attempt_feed::batch> attempt_feed::take(size_t limit) {
  auto events = std::exchange(pending_, {});
  auto overflow = std::exchange(overflow_, 0);
  std::vector<batch> result;
  for (auto& each : observers_) {
    auto room = limit - std::min(each.outstanding, limit);
    auto fits = std::min(room, events.size());
    auto lost = events.size() - fits + overflow;
    if (fits == 0) {
      each.dropped += lost;
      continue;
    }
    auto end = events.begin() + static_cast<ptrdiff_t>(fits);
    batch x{each.who, each.number, {{events.begin(), end}, each.dropped}};
    each.outstanding += fits;
    // Lost behind these: the next batch tells.
    each.dropped = lost;
    result.push_back(std::move(x));
  }
  return result;
}

void attempt_feed::acknowledge(uint64_t observer, size_t events) {
  for (auto& each : observers_)
    if (each.number == observer)
      each.outstanding -= std::min(events, each.outstanding);
}

void attempt_feed::clear() {
  observers_.clear();
  pending_.clear();
}

} // namespace redoubt
