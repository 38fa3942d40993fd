#include <redoubt/actors/request/fair_queue.hpp>

#include <algorithm>
#include <cassert>
#include <tuple>
#include <utility>

namespace redoubt {

fair_queue::fair_queue(uint64_t requests, uint64_t bytes)
  : most_requests_(requests), most_bytes_(bytes) {
}

// -- lines ------------------------------------------------------------------------

uint32_t fair_queue::find_line(uint64_t caller) const {
  auto i = by_caller_.find(caller);
  return i == by_caller_.end() ? none : i->second;
}

bool fair_queue::holds(uint64_t caller) const {
  return !by_caller_.empty() && find_line(caller) != none;
}

uint32_t fair_queue::line_of(uint64_t caller) {
  if (auto known = find_line(caller); known != none)
    return known;
  uint32_t index;
  if (free_lines_.empty()) {
    index = static_cast<uint32_t>(lines_.size());
    lines_.emplace_back();
  } else {
    index = free_lines_.back();
    free_lines_.pop_back();
  }
  lines_[index] = line{};
  lines_[index].caller = caller;
  if (spare_nodes_.empty()) {
    by_caller_.emplace(caller, index);
  } else {
    auto x = std::move(spare_nodes_.back());
    spare_nodes_.pop_back();
    x.key() = caller;
    x.mapped() = index;
    by_caller_.insert(std::move(x));
  }
  return index;
}

void fair_queue::close_line(uint32_t index) {
  no_turn(index, all);
  no_turn(index, free);
  spare_nodes_.push_back(by_caller_.extract(lines_[index].caller));
  free_lines_.push_back(index);
}

// -- turns ------------------------------------------------------------------------

bool fair_queue::has_turn_before(uint32_t a, uint32_t b,
                                 kind k) const noexcept {
  auto key = [this, k](uint32_t index) {
    auto& x = lines_[index];
    auto& mine = x.next[k];
    // Lines that were taken back may be equal but for their caller.
    return std::make_tuple(mine.priority, mine.round,
                           nodes_[x.head[k]].deadline, mine.joined, x.caller);
  };
  return key(a) < key(b);
}

uint32_t fair_queue::front(kind k) const noexcept {
  return turns_[k].empty() ? none : lines_[turns_[k].top()].head[k];
}

/// Called whenever a line has a new head, or had its turn.
void fair_queue::next_turn(uint32_t index, kind k, bool keeps_round) {
  auto& x = lines_[index];
  if (x.head[k] == none) {
    no_turn(index, k);
    return;
  }
  auto& mine = x.next[k];
  auto priority = nodes_[x.head[k]].priority;
  if (!keeps_round || mine.priority != priority) {
    mine.priority = priority;
    mine.round = round_[level_of(priority)] + 1;
    mine.joined = ++joined_;
  }
  if (!x.suspended)
    turns_[k].put(index, [this, k](uint32_t a, uint32_t b) {
      return has_turn_before(a, b, k);
    });
}

void fair_queue::no_turn(uint32_t index, kind k) {
  turns_[k].erase(index, [this, k](uint32_t a, uint32_t b) {
    return has_turn_before(a, b, k);
  });
}

void fair_queue::suspend(uint64_t caller) {
  auto index = find_line(caller);
  if (index == none)
    return;
  lines_[index].suspended = true;
  no_turn(index, all);
  no_turn(index, free);
}

void fair_queue::resume(uint64_t caller) {
  auto index = find_line(caller);
  if (index == none || !lines_[index].suspended)
    return;
  lines_[index].suspended = false;
  next_turn(index, all, true);
  next_turn(index, free, true);
}

// -- in and out -------------------------------------------------------------------

fair_queue::node& fair_queue::place(uint32_t entry, const item& x) {
  if (entry >= nodes_.size())
    nodes_.resize(std::max<size_t>(entry + 1, nodes_.size() * 2));
  auto& mine = nodes_[entry];
  assert(mine.line == none);
  mine = node{};
  mine.line = line_of(x.caller);
  mine.past_gate = x.past_gate;
  mine.priority = x.priority;
  mine.deadline = x.deadline;
  mine.order = x.order;
  mine.bytes = x.bytes;
  mine.pipeline = x.pipeline;
  return mine;
}

bool fair_queue::in_same_pipeline(uint32_t a, uint32_t b) const noexcept {
  return a != none && b != none && nodes_[a].pipeline != 0
         && nodes_[a].pipeline == nodes_[b].pipeline;
}

void fair_queue::count(line& mine, const node& x, bool whole_request, bool in) {
  auto level = level_of(x.priority);
  for (auto each : {&held_, &held_at_[level], &mine.held[level]}) {
    // Unsigned: subtracting is adding the complement.
    auto sign = in ? uint64_t{1} : ~uint64_t{0};
    each->entries += sign;
    each->requests += whole_request ? sign : 0;
    each->bytes += sign * x.bytes;
  }
}

void fair_queue::push_back(uint32_t entry, const item& x) {
  auto& mine = place(entry, x);
  auto index = mine.line;
  auto& into = lines_[index];
  auto level = level_of(x.priority);
  mine.previous = std::exchange(into.tail[all], entry);
  mine.previous_equal = std::exchange(into.newest[level], entry);
  if (mine.previous_equal != none)
    nodes_[mine.previous_equal].next_equal = entry;
  count(into, mine, !in_same_pipeline(entry, mine.previous_equal), true);
  show_length(index, level);
  if (mine.previous != none) {
    nodes_[mine.previous].next = entry;
  } else {
    into.head[all] = entry;
    next_turn(index, all, false);
  }
  if (!x.past_gate)
    return;
  mine.previous_free = std::exchange(into.tail[free], entry);
  if (mine.previous_free != none) {
    nodes_[mine.previous_free].next_free = entry;
  } else {
    into.head[free] = entry;
    next_turn(index, free, false);
  }
}

void fair_queue::put_back(uint32_t entry, const item& x) {
  auto& mine = place(entry, x);
  auto index = mine.line;
  auto& into = lines_[index];
  auto level = level_of(x.priority);
  // Found from the oldest, to which it is close.
  auto older = [&](uint32_t other) {
    return other != none && nodes_[other].order < x.order;
  };
  mine.next = into.head[all];
  while (older(mine.next))
    mine.next = nodes_[mine.next].next;
  auto& after = mine.next != none ? nodes_[mine.next].previous : into.tail[all];
  mine.previous = std::exchange(after, entry);
  (mine.previous != none ? nodes_[mine.previous].next : into.head[all]) = entry;
  if (x.past_gate) {
    mine.next_free = into.head[free];
    while (older(mine.next_free))
      mine.next_free = nodes_[mine.next_free].next_free;
    auto& after_free = mine.next_free != none
                         ? nodes_[mine.next_free].previous_free
                         : into.tail[free];
    mine.previous_free = std::exchange(after_free, entry);
    (mine.previous_free != none ? nodes_[mine.previous_free].next_free
                                : into.head[free]) = entry;
  }
  mine.next_equal = mine.next;
  while (mine.next_equal != none
         && nodes_[mine.next_equal].priority != x.priority)
    mine.next_equal = nodes_[mine.next_equal].next;
  auto& after_equal = mine.next_equal != none
                        ? nodes_[mine.next_equal].previous_equal
                        : into.newest[level];
  mine.previous_equal = std::exchange(after_equal, entry);
  if (mine.previous_equal != none)
    nodes_[mine.previous_equal].next_equal = entry;
  count(into, mine,
        !in_same_pipeline(entry, mine.previous_equal)
          && !in_same_pipeline(entry, mine.next_equal),
        true);
  show_length(index, level);
  // It had its turn: ahead of every round.
  for (auto k : {all, free}) {
    if (into.head[k] != entry)
      continue;
    into.next[k].priority = x.priority;
    into.next[k].round = 0;
    next_turn(index, k, true);
  }
}

/// Takes an entry out of its line, not yet out of the turns.
void fair_queue::unlink(uint32_t entry) {
  auto& x = nodes_[entry];
  auto& mine = lines_[x.line];
  auto level = level_of(x.priority);
  auto whole = !in_same_pipeline(entry, x.previous_equal)
               && !in_same_pipeline(entry, x.next_equal);
  count(mine, x, whole, false);
  (x.previous != none ? nodes_[x.previous].next : mine.head[all]) = x.next;
  (x.next != none ? nodes_[x.next].previous : mine.tail[all]) = x.previous;
  if (x.past_gate) {
    (x.previous_free != none ? nodes_[x.previous_free].next_free
                             : mine.head[free]) = x.next_free;
    (x.next_free != none ? nodes_[x.next_free].previous_free
                         : mine.tail[free]) = x.previous_free;
  }
  if (x.previous_equal != none)
    nodes_[x.previous_equal].next_equal = x.next_equal;
  (x.next_equal != none ? nodes_[x.next_equal].previous_equal
                        : mine.newest[level]) = x.previous_equal;
  show_length(x.line, level);
}

void fair_queue::take(uint32_t entry) {
  auto index = nodes_[entry].line;
  auto& mine = lines_[index];
  auto used = mine.head[all] == entry ? all : free;
  assert(mine.head[used] == entry && !mine.suspended);
  auto& round = round_[level_of(nodes_[entry].priority)];
  round = std::max(round, mine.next[used].round);
  unlink(entry);
  nodes_[entry].line = none;
  if (mine.head[all] == none) {
    close_line(index);
    return;
  }
  next_turn(index, all, false);
  next_turn(index, free, false);
}

void fair_queue::erase(uint32_t entry) {
  if (entry >= nodes_.size() || nodes_[entry].line == none)
    return;
  auto index = nodes_[entry].line;
  auto& mine = lines_[index];
  auto before = mine.head;
  unlink(entry);
  nodes_[entry].line = none;
  if (mine.head[all] == none) {
    close_line(index);
    return;
  }
  for (auto k : {all, free})
    if (mine.head[k] != before[k])
      next_turn(index, k, true);
}

// -- bounds -----------------------------------------------------------------------

/// How much of the bounds so much takes up, in requests of average size.
uint64_t fair_queue::share(uint64_t requests, uint64_t bytes) const noexcept {
  return requests + bytes / std::max<uint64_t>(most_bytes_ / most_requests_, 1);
}

uint64_t fair_queue::length(uint32_t index, size_t level) const noexcept {
  auto& x = lines_[index].held[level];
  return share(x.requests, x.bytes);
}

void fair_queue::show_length(uint32_t index, size_t level) {
  auto longer = [this, level](uint32_t a, uint32_t b) {
    return length(a, level) > length(b, level);
  };
  if (lines_[index].held[level].entries > 0)
    longest_[level].put(index, longer);
  else
    longest_[level].erase(index, longer);
}

/// What must go so that `x` finds room.
fair_queue::amount fair_queue::missing(const item& x,
                                       uint64_t others) const noexcept {
  amount result;
  if (held_.requests >= most_requests_)
    result.requests = held_.requests + 1 - most_requests_;
  auto held = held_.bytes + others;
  if (held > 0 && held + x.bytes > most_bytes_)
    result.bytes = held + x.bytes - most_bytes_;
  return result;
}

bool fair_queue::has_room(const item& x, uint64_t others) const noexcept {
  auto need = missing(x, others);
  return need.requests == 0 && need.bytes == 0;
}

bool fair_queue::can_make_room(const item& x, uint64_t others) const {
  auto need = missing(x, others);
  for (auto level = level_of(x.priority) + 1; level < levels; ++level) {
    need.requests -= std::min(need.requests, held_at_[level].requests);
    need.bytes -= std::min(need.bytes, held_at_[level].bytes);
  }
  if (need.requests == 0 && need.bytes == 0)
    return true;
  auto level = level_of(x.priority);
  if (longest_[level].empty())
    return false;
  auto longest = longest_[level].top();
  auto left = lines_[longest].held[level];
  auto own = find_line(x.caller);
  auto wanted = share(1, x.bytes) + (own == none ? 0 : length(own, level));
  // Its newest requests one by one, as they would go: many small ones shorten a
  // line more than few large ones that free as many bytes.
  auto entry = lines_[longest].newest[level];
  while (entry != none && (need.requests > 0 || need.bytes > 0)) {
    uint64_t bytes = 0;
    auto last = entry;
    do {
      bytes += nodes_[entry].bytes;
      last = entry;
      entry = nodes_[entry].previous_equal;
    } while (in_same_pipeline(last, entry));
    left.requests -= 1;
    left.bytes -= bytes;
    need.requests -= std::min<uint64_t>(need.requests, 1);
    need.bytes -= std::min(need.bytes, bytes);
    if (share(left.requests, left.bytes) < wanted)
      return false;
  }
  return need.requests == 0 && need.bytes == 0;
}

void fair_queue::next_to_go(const item& x, std::vector<uint32_t>& out) const {
  auto level = levels - 1;
  while (level > level_of(x.priority) && longest_[level].empty())
    --level;
  if (longest_[level].empty())
    return;
  auto entry = lines_[longest_[level].top()].newest[level];
  do {
    out.push_back(entry);
    entry = nodes_[entry].previous_equal;
  } while (in_same_pipeline(out.back(), entry));
}

} // namespace redoubt
