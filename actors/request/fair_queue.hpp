#pragma once

#include <redoubt/actors/request/index_heap.hpp>
#include <redoubt/messages/caf_api.hpp>
#include <redoubt/messages/options.hpp>

#include <array>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace redoubt {

/// Requests that wait for their first attempt: whose turn is next, and who has to
/// go when there is no room.
///
/// Requests of one caller keep their order. Callers take turns: a caller whose
/// oldest request has a higher priority comes before all others; among equals
/// everybody has one turn per round, and within a round the earliest deadline
/// goes first. A caller that joins takes part from the next round on, so that nobody
/// waits for more than two turns of anybody else (rounds instead of the weighted
/// virtual times of start-time fair queueing: Goyal, Vin and Cheng, 1996). One that
/// was suspended keeps its round. Priorities put callers before callers and never
/// a request before an older one of its own caller.
///
/// While the breaker holds the others back, requests that ignore it go, in turns of
/// their own; a turn of either kind is the caller's one turn of the round.
///
/// When there is no room the newcomer is turned away, unless somebody holds more
/// than its share: the newest requests of lower priority go first, then those of
/// the caller with the longest line, if that stays at least as long as the
/// newcomer's. A pipeline is one request: it finds room as a whole and goes as a
/// whole.
///
/// Entries are the numbers of requests in their table. All operations are
/// O(log callers) and allocate nothing once the queue has had its size; what is
/// taken out leaves nothing behind.
class fair_queue {
public:
  using time_point = api::time_point;

  /// No entry.
  static constexpr uint32_t none = UINT32_MAX;

  /// What the queue must know of a request.
  struct item {
    uint64_t caller = 0;
    request_priority priority = request_priority::normal;
    /// It ignores the breaker.
    bool past_gate = false;
    time_point deadline{};
    /// Its place among the requests of its caller; ascending.
    uint64_t order = 0;
    uint64_t bytes = 0;
    /// Not 0: the pipeline of which it is a part. Its parts follow each other.
    uint64_t pipeline = 0;
  };

  /// Holds at most `requests` requests and `bytes` bytes, as far as `has_room` is
  /// asked before.
  fair_queue(uint64_t requests, uint64_t bytes);

  bool empty() const noexcept { return held_.entries == 0; }

  /// Entries; each part of a pipeline is one.
  uint64_t size() const noexcept { return held_.entries; }

  /// Requests; a pipeline is one.
  uint64_t requests() const noexcept { return held_.requests; }

  uint64_t bytes() const noexcept { return held_.bytes; }

  /// True if requests of the caller wait here.
  bool holds(uint64_t caller) const;

  void push_back(uint32_t entry, const item& x);

  /// Puts a request back that had its turn and was not sent, in its place among
  /// those of its caller, which waits for no round.
  void put_back(uint32_t entry, const item& x);

  /// The entry whose turn it is, or `none`.
  uint32_t front() const noexcept { return front(all); }

  /// The same among those that ignore the breaker.
  uint32_t front_past_gate() const noexcept { return front(free); }

  /// Takes out an entry whose turn it is; that was its caller's turn.
  void take(uint32_t entry);

  /// Takes out an entry that was answered. Its caller keeps its turn.
  void erase(uint32_t entry);

  /// While suspended a caller's requests wait, and others have the turns.
  void suspend(uint64_t caller);
  void resume(uint64_t caller);

  // -- bounds: `x` is the newcomer, with the bytes of its whole pipeline, and
  // `others` are bytes held elsewhere that count as well.

  /// True if there is room. A single request may be larger than the bound if
  /// nothing else is held.
  bool has_room(const item& x, uint64_t others) const noexcept;

  /// True if it pays to let others go until there is room.
  bool can_make_room(const item& x, uint64_t others) const;

  /// Appends the entries of the request that should go next to `out`; all of
  /// them must be erased before the next call.
  void next_to_go(const item& x, std::vector<uint32_t>& out) const;

private:
  static constexpr size_t levels = 3;

  struct node {
    uint32_t previous = none;
    uint32_t next = none;
    /// Neighbours of the same priority in the same line.
    uint32_t previous_equal = none;
    uint32_t next_equal = none;
    /// Neighbours in the same line that ignore the breaker as well.
    uint32_t previous_free = none;
    uint32_t next_free = none;
    uint32_t line = none;
    request_priority priority = request_priority::normal;
    bool past_gate = false;
    time_point deadline{};
    uint64_t order = 0;
    uint64_t bytes = 0;
    uint64_t pipeline = 0;
  };

  struct amount {
    uint64_t entries = 0;
    uint64_t requests = 0;
    uint64_t bytes = 0;
  };

  /// Whose turns are looked at: all, or those that ignore the breaker.
  enum kind : uint8_t { all, free, kinds };

  struct turn {
    request_priority priority = request_priority::normal;
    uint64_t round = 0;
    uint64_t joined = 0;
  };

  /// The requests of one caller.
  struct line {
    uint64_t caller = 0;
    /// Oldest and newest of all, and of those that ignore the breaker.
    std::array<uint32_t, kinds> head{none, none};
    std::array<uint32_t, kinds> tail{none, none};
    /// The next turn of each kind.
    std::array<turn, kinds> next;
    /// Newest entry of each priority, and what there is of it.
    std::array<uint32_t, levels> newest{none, none, none};
    std::array<amount, levels> held{};
    bool suspended = false;
  };

  static size_t level_of(request_priority x) noexcept {
    return static_cast<size_t>(x);
  }

  node& place(uint32_t entry, const item& x);
  uint32_t line_of(uint64_t caller);
  uint32_t find_line(uint64_t caller) const;
  void close_line(uint32_t index);
  uint32_t front(kind k) const noexcept;
  bool has_turn_before(uint32_t a, uint32_t b, kind k) const noexcept;
  void next_turn(uint32_t index, kind k, bool keeps_round);
  void no_turn(uint32_t index, kind k);
  void show_length(uint32_t index, size_t level);
  void unlink(uint32_t entry);
  void count(line& mine, const node& x, bool whole_request, bool in);
  bool in_same_pipeline(uint32_t a, uint32_t b) const noexcept;

  uint64_t share(uint64_t requests, uint64_t bytes) const noexcept;
  uint64_t length(uint32_t index, size_t level) const noexcept;
  amount missing(const item& x, uint64_t others) const noexcept;

  uint64_t most_requests_;
  uint64_t most_bytes_;
  amount held_;
  std::array<amount, levels> held_at_{};
  /// By entry.
  std::vector<node> nodes_;
  std::vector<line> lines_;
  std::vector<uint32_t> free_lines_;
  std::unordered_map<uint64_t, uint32_t> by_caller_;
  /// Nodes of `by_caller_` for the callers to come.
  std::vector<std::unordered_map<uint64_t, uint32_t>::node_type> spare_nodes_;
  /// Lines by their turns.
  std::array<index_heap, kinds> turns_;
  /// Lines by what they hold of each priority, the longest first.
  std::array<index_heap, levels> longest_;
  /// Round of the latest turn at each priority.
  std::array<uint64_t, levels> round_{};
  uint64_t joined_ = 0;
};

} // namespace redoubt
