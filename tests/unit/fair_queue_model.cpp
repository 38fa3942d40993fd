// The fair queue against one that is too simple to be wrong.
#define CAF_SUITE fair_queue_model

#include <redoubt/actors/random.hpp>
#include <redoubt/actors/request/fair_queue.hpp>
#include <redoubt/tests/unit/seed.hpp>

#include <redoubt/tests/support/check.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <vector>

using namespace redoubt;

namespace {

/// Looks at everything each time.
class simple_queue {
public:
  struct turn {
    request_priority priority = request_priority::normal;
    uint64_t round = 0;
    uint64_t joined = 0;
  };

  struct line {
    std::vector<uint32_t> waiting;
    /// Of all, and of those that ignore the breaker.
    turn next[2];
    bool suspended = false;
  };

  uint32_t head(const line& x, bool past_gate_only) {
    for (auto entry : x.waiting)
      if (!past_gate_only || items[entry].past_gate)
        return entry;
    return fair_queue::none;
  }

  void push_back(uint32_t entry, const fair_queue::item& x) {
    items[entry] = x;
    auto& mine = lines[x.caller];
    mine.waiting.push_back(entry);
    for (auto k : {false, true})
      if (head(mine, k) == entry)
        join(mine, k);
  }

  void put_back(uint32_t entry, const fair_queue::item& x) {
    items[entry] = x;
    auto& mine = lines[x.caller];
    auto younger = std::find_if(mine.waiting.begin(), mine.waiting.end(),
                                [&](auto other) {
                                  return items[other].order > x.order;
                                });
    mine.waiting.insert(younger, entry);
    for (auto k : {false, true}) {
      if (head(mine, k) != entry)
        continue;
      mine.next[k].priority = x.priority;
      mine.next[k].round = 0;
    }
  }

  uint32_t front(bool k) {
    using rank = std::tuple<request_priority, uint64_t, api::time_point,
                            uint64_t, uint64_t>;
    std::optional<std::pair<rank, uint32_t>> best;
    for (auto& [caller, x] : lines) {
      auto first = head(x, k);
      if (x.suspended || first == fair_queue::none)
        continue;
      std::pair<rank, uint32_t> mine{{x.next[k].priority, x.next[k].round,
                                      items[first].deadline, x.next[k].joined,
                                      caller},
                                     first};
      if (!best || mine.first < best->first)
        best = mine;
    }
    return best ? best->second : fair_queue::none;
  }

  void take(uint32_t entry) {
    auto caller = items[entry].caller;
    auto& mine = lines[caller];
    auto& used = mine.next[head(mine, false) != entry];
    auto& round = rounds[items[entry].priority];
    round = std::max(round, used.round);
    std::erase(mine.waiting, entry);
    items.erase(entry);
    if (mine.waiting.empty()) {
      lines.erase(caller);
      return;
    }
    for (auto k : {false, true})
      if (head(mine, k) != fair_queue::none)
        join(mine, k);
  }

  void erase(uint32_t entry) {
    auto caller = items[entry].caller;
    auto& mine = lines[caller];
    bool had_turn[] = {head(mine, false) == entry, head(mine, true) == entry};
    std::erase(mine.waiting, entry);
    items.erase(entry);
    if (mine.waiting.empty()) {
      lines.erase(caller);
      return;
    }
    for (auto k : {false, true})
      if (auto first = head(mine, k);
          had_turn[k] && first != fair_queue::none
          && items[first].priority != mine.next[k].priority)
        join(mine, k);
  }

  void suspend(uint64_t caller, bool on) {
    if (auto i = lines.find(caller); i != lines.end())
      i->second.suspended = on;
  }

  uint64_t bytes() const {
    uint64_t sum = 0;
    for (auto& [entry, x] : items)
      sum += x.bytes;
    return sum;
  }

  /// Requests of one priority in one line; a pipeline counts once.
  uint64_t requests(const line& x, request_priority priority) {
    uint64_t singles = 0;
    std::set<uint64_t> pipelines;
    for (auto entry : x.waiting) {
      auto& each = items[entry];
      if (each.priority != priority)
        continue;
      if (each.pipeline == 0)
        ++singles;
      else
        pipelines.insert(each.pipeline);
    }
    return singles + pipelines.size();
  }

  uint64_t requests() {
    uint64_t sum = 0;
    for (auto& [k, x] : lines)
      for (auto priority : {request_priority::high, request_priority::normal,
                            request_priority::low})
        sum += requests(x, priority);
    return sum;
  }

  std::map<uint32_t, fair_queue::item> items;
  std::map<uint64_t, line> lines;

private:
  void join(line& x, bool k) {
    auto& mine = x.next[k];
    mine.priority = items[head(x, k)].priority;
    mine.round = rounds[mine.priority] + 1;
    mine.joined = ++joined_;
  }

  std::map<request_priority, uint64_t> rounds;
  uint64_t joined_ = 0;
};

struct walk {
  explicit walk(uint64_t seed) : random(seed), queue(12, 400) {}

  uint64_t up_to(uint64_t n) { return random.next() % n; }

  fair_queue::item any_item() {
    fair_queue::item x;
    x.caller = 1 + up_to(5);
    x.priority = static_cast<request_priority>(up_to(3));
    x.past_gate = up_to(4) == 0;
    x.deadline += std::chrono::milliseconds(up_to(20));
    x.bytes = 1 + up_to(30);
    return x;
  }

  uint32_t any_entry() {
    auto i = model.items.begin();
    std::advance(i, static_cast<ptrdiff_t>(up_to(model.items.size())));
    return i->first;
  }

  uint32_t unused() {
    uint32_t entry = 0;
    while (model.items.contains(entry))
      ++entry;
    return entry;
  }

  void push(fair_queue::item x) {
    auto parts = up_to(6) == 0 ? 1 + up_to(4) : 1;
    x.pipeline = parts > 1 ? ++pipelines : 0;
    auto whole = x;
    whole.bytes *= parts;
    if (!make_room(whole))
      return;
    for (; parts > 0; --parts) {
      auto entry = unused();
      x.order = ++orders;
      model.push_back(entry, x);
      queue.push_back(entry, x);
      // The actor does so; a line that is new knows nothing of it.
      if (suspended.contains(x.caller)) {
        model.suspend(x.caller, true);
        queue.suspend(x.caller);
      }
    }
  }

  /// What makes room must be allowed to, and be enough.
  bool make_room(const fair_queue::item& x) {
    auto others = up_to(8) == 0 ? up_to(200) : 0;
    if (queue.has_room(x, others))
      return true;
    if (!queue.can_make_room(x, others)) {
      ++refused;
      return false;
    }
    while (!queue.has_room(x, others)) {
      std::vector<uint32_t> gone;
      queue.next_to_go(x, gone);
      if (gone.empty()) {
        broken = "promises room that it cannot make";
        return false;
      }
      judge(x, gone);
      for (auto entry : gone) {
        queue.erase(entry);
        model.erase(entry);
      }
    }
    ++made_room;
    return true;
  }

  void judge(const fair_queue::item& x, const std::vector<uint32_t>& gone) {
    auto first = model.items.at(gone.front());
    if (first.priority < x.priority)
      broken = "a higher priority goes for a lower one";
    for (auto& [entry, each] : model.items)
      if (each.priority > first.priority)
        broken = "there is a lower priority";
    auto& its = model.lines.at(first.caller);
    std::vector<uint32_t> newest;
    for (auto i = its.waiting.rbegin(); i != its.waiting.rend(); ++i) {
      auto& each = model.items.at(*i);
      if (each.priority == first.priority
          && (newest.empty()
              || (first.pipeline != 0 && each.pipeline == first.pipeline)))
        newest.push_back(*i);
    }
    if (newest != gone)
      broken = "it is not the newest request of its line";
    if (first.priority == x.priority && first.caller == x.caller)
      broken = "a caller makes room for itself";
  }

  void step() {
    switch (up_to(10)) {
      case 0:
      case 1:
      case 2:
      case 3: push(any_item()); break;
      case 4:
      case 5:
      case 6: {
        auto entry = up_to(3) == 0 ? queue.front_past_gate() : queue.front();
        if (entry == fair_queue::none)
          break;
        auto x = model.items.at(entry);
        queue.take(entry);
        model.take(entry);
        if (up_to(5) == 0 && !suspended.contains(x.caller)) {
          queue.put_back(entry, x);
          model.put_back(entry, x);
        }
        break;
      }
      case 7:
        if (!model.items.empty()) {
          auto entry = any_entry();
          queue.erase(entry);
          model.erase(entry);
        }
        break;
      default: {
        auto caller = 1 + up_to(5);
        if (suspended.insert(caller).second) {
          queue.suspend(caller);
          model.suspend(caller, true);
        } else {
          suspended.erase(caller);
          queue.resume(caller);
          model.suspend(caller, false);
        }
      }
    }
  }

  bool agrees() {
    auto expect = [this](bool holds, std::string_view what) {
      if (!holds && broken.empty())
        broken = what;
    };
    expect(queue.size() == model.items.size(), "the size differs");
    expect(queue.bytes() == model.bytes(), "the bytes differ");
    expect(queue.requests() == model.requests(), "the requests differ");
    expect(queue.front() == model.front(false), "the turn differs");
    expect(queue.front_past_gate() == model.front(true),
           "the turn past the gate differs");
    return broken.empty();
  }

  random_source random;
  fair_queue queue;
  simple_queue model;
  std::set<uint64_t> suspended;
  uint64_t pipelines = 0;
  uint64_t orders = 0;
  std::string broken;
  size_t refused = 0;
  size_t made_room = 0;
};

} // namespace

CAF_TEST(random walks agree with the model) {
  auto seed = test::seed_of_this_run();
  CAF_MESSAGE("REDOUBT_SEED=" << seed);
  size_t refused = 0;
  size_t made_room = 0;
  for (uint64_t i = 0; i < 300; ++i) {
    walk x{seed + i};
    for (int step = 0; step < 400; ++step) {
      x.step();
      if (!x.agrees())
        CAF_FAIL("walk " << i << ", step " << step << ": " << x.broken
                         << " REDOUBT_SEED=" << seed);
    }
    refused += x.refused;
    made_room += x.made_room;
  }
  // The walks came to where it matters.
  CAF_CHECK(refused > 100);
  CAF_CHECK(made_room > 100);
}
