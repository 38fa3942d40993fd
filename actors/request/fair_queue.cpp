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

uint32_t fair_queue::find_line(uint64_t key) const {
  auto i = by_key_.find(key);
  return i == by_key_.end() ? none : i->second;
}

bool fair_queue::holds(uint64_t caller) const {
  return !by_key_.empty()
         && (find_line(key_of(caller, false)) != none
             || find_line(key_of(caller, true)) != none);
}

uint32_t fair_queue::line_of(uint64_t key) {
  if (auto known = find_line(key); known != none)
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
  lines_[index].key = key;
  if (spare_keys_.empty()) {
    by_key_.emplace(key, index);
  } else {
    auto x = std::move(spare_keys_.back());
    spare_keys_.pop_back();
    x.key() = key;
    x.mapped() = index;
    by_key_.insert(std::move(x));
  }
  return index;
}

void fair_queue::close_line(uint32_t index) {
  auto key = lines_[index].key;
  turns_[key & 1].erase(index, [this](uint32_t a, uint32_t b) {
    return has_turn_before(a, b);
  });
  spare_keys_.push_back(by_key_.extract(key));
  free_lines_.push_back(index);
}

// -- turns ------------------------------------------------------------------------

bool fair_queue::has_turn_before(uint32_t a, uint32_t b) const noexcept {
  auto key = [this](uint32_t index) {
    auto& x = lines_[index];
    // Lines that were taken back may be equal but for their key.
    return std::make_tuple(x.priority, x.round, nodes_[x.head].deadline,
                           x.joined, x.key & 1, x.key >> 1);
  };
  return key(a) < key(b);
}

uint32_t fair_queue::front() const noexcept {
  auto& gated = turns_[0];
  auto& free = turns_[1];
  if (free.empty())
    return gated.empty() ? none : lines_[gated.top()].head;
  if (gated.empty())
    return front_past_gate();
  auto first = has_turn_before(free.top(), gated.top()) ? free.top()
                                                        : gated.top();
  // Its caller's turn goes to the older of its two lines.
  auto mine = lines_[first].head;
  auto other = find_line(lines_[first].key ^ 1);
  if (other == none || nodes_[mine].order <= nodes_[lines_[other].head].order)
    return mine;
  return lines_[other].head;
}

uint32_t fair_queue::front_past_gate() const noexcept {
  return turns_[1].empty() ? none : lines_[turns_[1].top()].head;
}

/// Called whenever a line has a new head.
void fair_queue::next_turn(uint32_t index, bool keeps_round) {
  auto& x = lines_[index];
  auto priority = nodes_[x.head].priority;
  if (!keeps_round || x.priority != priority) {
    x.priority = priority;
    x.round = round_[level_of(priority)] + 1;
    x.joined = ++joined_;
  }
  if (!x.suspended)
    turns_[x.key & 1].put(index, [this](uint32_t a, uint32_t b) {
      return has_turn_before(a, b);
    });
}

void fair_queue::suspend(uint64_t caller) {
  for (auto past_gate : {false, true}) {
    auto index = find_line(key_of(caller, past_gate));
    if (index == none)
      continue;
    lines_[index].suspended = true;
    turns_[past_gate].erase(index, [this](uint32_t a, uint32_t b) {
      return has_turn_before(a, b);
    });
  }
}

void fair_queue::resume(uint64_t caller) {
  for (auto past_gate : {false, true}) {
    auto index = find_line(key_of(caller, past_gate));
    if (index == none || !lines_[index].suspended)
      continue;
    lines_[index].suspended = false;
    next_turn(index, true);
  }
}

// -- in and out -------------------------------------------------------------------

fair_queue::node& fair_queue::place(uint32_t entry, const item& x) {
  if (entry >= nodes_.size())
    nodes_.resize(std::max<size_t>(entry + 1, nodes_.size() * 2));
  auto& mine = nodes_[entry];
  assert(mine.line == none);
  mine = node{};
  mine.line = line_of(key_of(x.caller, x.past_gate));
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
  auto& into = lines_[mine.line];
  auto level = level_of(x.priority);
  mine.previous = std::exchange(into.tail, entry);
  mine.previous_equal = std::exchange(into.newest[level], entry);
  if (mine.previous_equal != none)
    nodes_[mine.previous_equal].next_equal = entry;
  count(into, mine, !in_same_pipeline(entry, mine.previous_equal), true);
  show_length(mine.line, level);
  if (mine.previous != none) {
    nodes_[mine.previous].next = entry;
    return;
  }
  into.head = entry;
  next_turn(mine.line, false);
}

void fair_queue::push_front(uint32_t entry, const item& x) {
  auto& mine = place(entry, x);
  auto& into = lines_[mine.line];
  auto level = level_of(x.priority);
  mine.next = std::exchange(into.head, entry);
  if (mine.next != none)
    nodes_[mine.next].previous = entry;
  else
    into.tail = entry;
  // The oldest of its priority: found from the head, which is close to it.
  auto equal = mine.next;
  while (equal != none && nodes_[equal].priority != x.priority)
    equal = nodes_[equal].next;
  mine.next_equal = equal;
  if (equal != none)
    nodes_[equal].previous_equal = entry;
  else
    into.newest[level] = entry;
  count(into, mine, !in_same_pipeline(entry, equal), true);
  show_length(mine.line, level);
  // It had its turn: ahead of every round.
  into.priority = x.priority;
  into.round = 0;
  next_turn(mine.line, true);
}

/// Takes an entry out of its line, not yet out of the turns.
void fair_queue::unlink(uint32_t entry) {
  auto& x = nodes_[entry];
  auto& mine = lines_[x.line];
  auto level = level_of(x.priority);
  auto whole = !in_same_pipeline(entry, x.previous_equal)
               && !in_same_pipeline(entry, x.next_equal);
  count(mine, x, whole, false);
  (x.previous != none ? nodes_[x.previous].next : mine.head) = x.next;
  (x.next != none ? nodes_[x.next].previous : mine.tail) = x.previous;
  if (x.previous_equal != none)
    nodes_[x.previous_equal].next_equal = x.next_equal;
  (x.next_equal != none ? nodes_[x.next_equal].previous_equal
                        : mine.newest[level]) = x.previous_equal;
  show_length(x.line, level);
}

void fair_queue::take(uint32_t entry) {
  auto index = nodes_[entry].line;
  assert(lines_[index].head == entry && !lines_[index].suspended);
  auto& round = round_[level_of(nodes_[entry].priority)];
  round = std::max(round, lines_[index].round);
  unlink(entry);
  nodes_[entry].line = none;
  if (lines_[index].head == none)
    close_line(index);
  else
    next_turn(index, false);
}

void fair_queue::erase(uint32_t entry) {
  if (entry >= nodes_.size() || nodes_[entry].line == none)
    return;
  auto index = nodes_[entry].line;
  auto was_head = lines_[index].head == entry;
  unlink(entry);
  nodes_[entry].line = none;
  if (lines_[index].head == none)
    close_line(index);
  else if (was_head)
    next_turn(index, true);
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
  auto own = find_line(key_of(x.caller, x.past_gate));
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
