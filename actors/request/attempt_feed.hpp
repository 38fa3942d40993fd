#pragma once

#include <redoubt/messages/interfaces.hpp>

#include <cstdint>
#include <utility>
#include <vector>

namespace redoubt {

/// Attempt events on their way to observers: gathers those of a turn, and bounds
/// what each observer has not acknowledged. Costs one look at a size while nobody
/// observes.
class attempt_feed {
public:
  /// What one observer is sent.
  struct batch {
    attempt_observer to;
    uint64_t observer = 0;
    attempt_events what;
  };

  bool observed() const noexcept { return !observers_.empty(); }

  /// There is something to be sent.
  bool anything() const noexcept { return !pending_.empty(); }

  void add_observer(const attempt_observer& x);
  void remove_observer(const attempt_observer& x);

  /// By the number that its batches carry.
  void remove_observer(uint64_t number);

  /// Keeps no more than `limit` events of one turn.
  void add(attempt_event x, size_t limit);

  /// Takes the events of the turn: a batch for each observer that has fewer than
  /// `limit` events unacknowledged, with as many events as it has room for. What
  /// finds no room is counted as dropped in the observer's next batch.
  std::vector<batch> take(size_t limit);

  /// `observer` acknowledges that many events.
  void acknowledge(uint64_t observer, size_t events);

  void clear();

private:
  struct receiver {
    attempt_observer who;
    uint64_t number = 0;
    size_t outstanding = 0;
    uint64_t dropped = 0;
  };

  std::vector<receiver> observers_;
  std::vector<attempt_event> pending_;
  /// Events of this turn beyond the limit.
  uint64_t overflow_ = 0;
  uint64_t last_number_ = 0;
};

} // namespace redoubt
