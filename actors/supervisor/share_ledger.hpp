#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace redoubt {

/// Divides what may be in flight during the breaker's ramp among the request
/// actors: unit by unit leased, recalled and come back. A recalled unit counts
/// until it came back, so that no more are ever out than there are. A value
/// without a clock.
///
/// Those who wait come first, each in turn; what nobody waits for is spread. When
/// nothing is left, units are recalled from those who do not wait; if there are
/// none, one by one from those who have the most, for those who have nothing: so
/// with fewer units than request actors they go round.
class share_ledger {
public:
  struct change {
    uint64_t holder = 0;
    uint64_t leased = 0;
    uint64_t recalled = 0;

    bool operator==(const change&) const = default;
  };

  /// A ramp begins: nothing is leased to anybody.
  void begin() noexcept;

  void join(uint64_t holder);
  /// What it had is free again.
  void leave(uint64_t holder) noexcept;

  /// A holder gave back `returned` units since the ramp began, and has so many
  /// requests that wait.
  void report(uint64_t holder, uint64_t returned, uint64_t waiting) noexcept;

  /// What to lease and to recall so that `total` units are well used.
  std::vector<change> settle(uint64_t total);

  /// Units that are out.
  uint64_t leased() const noexcept;

private:
  struct entry {
    uint64_t id = 0;
    uint64_t units = 0;
    /// Of these, called back and not yet here.
    uint64_t recalled = 0;
    uint64_t returned = 0;
    uint64_t waiting = 0;
    uint64_t to_lease = 0;
    uint64_t to_recall = 0;

    bool starves() const noexcept { return waiting > 0 && units == recalled; }
    uint64_t kept() const noexcept { return units - recalled; }
  };

  void lease_out(uint64_t free);
  template <class Predicate>
  void lease_evenly(uint64_t& free, uint64_t most_each, Predicate wanted);
  void recall_surplus(uint64_t total);
  void recall_for_those_who_wait();
  void recall(entry& x, uint64_t n) noexcept;
  entry* richest() noexcept;

  std::vector<entry> entries_;
  /// Whose turn it is.
  size_t next_ = 0;
};

} // namespace redoubt
