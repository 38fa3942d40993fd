#include <redoubt/tests/chaos/checker.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

namespace redoubt::chaos {

namespace {

constexpr microseconds tick = 5'000;
constexpr microseconds never = std::numeric_limits<microseconds>::max();

/// All operations on one key, in the order of their ids.
using operations = std::vector<const operation*>;

class judge {
public:
  judge(const history& x, findings& out) : x_(x), out_(out) {
    for (auto& each : x_.operations) {
      by_id_.emplace(each.id, &each);
      keys_[each.op][each.key].push_back(&each);
      if (each.unit != 0)
        units_[each.unit].push_back(&each);
    }
    auto sort = [](operations& all) {
      std::sort(all.begin(), all.end(),
                [](auto a, auto b) { return a->id < b->id; });
    };
    for (auto& [op, keys] : keys_)
      for (auto& [key, all] : keys)
        sort(all);
    // What a caller that was killed left behind is written in any order.
    for (auto& [unit, members] : units_)
      sort(members);
  }

  void run() {
    count();
    for (auto& [key, list] : x_.final.lists)
      check_list(key, list);
    for (auto& [key, all] : keys_[op_kind::push])
      check_pushes(all);
    for (auto& [key, all] : keys_[op_kind::incr])
      check_counter(key, all);
    for (auto& [key, all] : keys_[op_kind::set])
      check_register(key, all);
    for (auto& [unit, members] : units_)
      if (members.front()->atomic)
        check_transaction(members);
    for (auto& each : x_.operations) {
      check_reply(each);
      check_answer(each);
    }
    check_strikes();
    check_dials();
    check_breaker();
    check_footprint();
  }

private:
  void fail(const char* check, std::string what,
            std::vector<uint64_t> shown = {}) {
    out_.violations.push_back({check, std::move(what), std::move(shown)});
  }

  static std::string name(const operation& x) {
    return fmt::format("operation {} ({} {} of caller {})", x.id,
                       to_string(x.op), x.key, x.caller);
  }

  static bool acknowledged(const operation& x) {
    return x.became == ending::ok;
  }

  void count() {
    for (auto& each : x_.operations) {
      ++out_.operations;
      out_.acknowledged += acknowledged(each) ? 1 : 0;
      out_.unknown += each.became == ending::unknown ? 1 : 0;
      out_.failed += each.became == ending::failed ? 1 : 0;
    }
  }

  // -- lists ------------------------------------------------------------------------

  /// Where each token stands first; `npos` if it does not.
  static constexpr size_t npos = std::numeric_limits<size_t>::max();

  size_t place_of(const operation& x) const {
    auto i = places_.find(x.id);
    return i == places_.end() ? npos : i->second;
  }

  void check_list(const std::string& key,
                  const std::vector<std::string>& list) {
    const operation* latest = nullptr;
    std::map<std::pair<uint64_t, uint64_t>, const operation*> before;
    for (size_t i = 0; i < list.size(); ++i) {
      auto known = by_id_.find(id_in(list[i]));
      if (known == by_id_.end() || known->second->token != list[i]
          || known->second->op != op_kind::push || known->second->key != key) {
        fail("invented", key + " holds " + list[i] + ", which nobody sent");
        continue;
      }
      auto& it = *known->second;
      if (!places_.emplace(it.id, i).second) {
        if (!it.opt_in) {
          ++out_.duplicated;
          fail("doubled", name(it) + " ran twice", {it.id});
        }
        continue;
      }
      if (acknowledged(it) && latest != nullptr && latest->invoked > it.done)
        fail("order",
             name(it) + " was acknowledged before " + name(*latest)
               + " was sent, and stands behind it",
             {it.id, latest->id});
      if (latest == nullptr || latest->invoked < it.invoked)
        latest = &it;
      if (!acknowledged(it) || it.free || it.opt_in)
        continue;
      auto& last = before[{it.caller, it.lane}];
      if (last != nullptr && last->id > it.id)
        fail("order", name(it) + " stands behind the later " + name(*last),
             {it.id, last->id});
      else
        last = &it;
    }
  }

  void check_pushes(const operations& all) {
    for (auto each : all) {
      auto there = place_of(*each) != npos;
      if (acknowledged(*each) && !there) {
        ++out_.lost;
        fail("lost", name(*each) + " was acknowledged and is not there",
             {each->id});
      }
      if (each->became == ending::failed && there && !each->repeated)
        fail("refuted",
             fmt::format("{} ended as {} ({}) and ran", name(*each),
                         redoubt::to_string(each->outcome), each->errc),
             {each->id});
    }
  }

  void check_transaction(const operations& members) {
    size_t there = 0;
    size_t pushes = 0;
    std::map<std::string, size_t> last;
    for (auto each : members) {
      if (each->op != op_kind::push)
        continue;
      ++pushes;
      auto place = place_of(*each);
      if (place == npos)
        continue;
      ++there;
      auto [before, first] = last.emplace(each->key, place);
      if (!first && place != before->second + 1)
        fail("torn", name(*each) + " does not follow the member before it",
             {members.front()->id, each->id});
      before->second = place;
    }
    if (there != 0 && there != pushes)
      fail("torn",
           fmt::format("the transaction of {} has {} of {} pushes there",
                       name(*members.front()), there, pushes),
           {members.front()->id});
  }

  // -- counters ---------------------------------------------------------------------

  void check_counter(const std::string& key, const operations& all) {
    uint64_t sure = 0;
    uint64_t perhaps = 0;
    std::vector<std::pair<uint64_t, const operation*>> numbers;
    auto once = true;
    for (auto each : all) {
      sure += acknowledged(*each) ? 1 : 0;
      perhaps += each->became == ending::unknown
                     || each->became == ending::pending
                   ? 1
                   : 0;
      once = once && !each->opt_in;
      if (acknowledged(*each) && each->kind == "integer")
        numbers.emplace_back(std::strtoull(each->value.c_str(), nullptr, 10),
                             each);
    }
    auto held = x_.final.strings.find(key);
    auto value = held == x_.final.strings.end()
                   ? 0
                   : std::strtoull(held->second.c_str(), nullptr, 10);
    if (value < sure) {
      out_.lost += sure - value;
      fail("counter",
           fmt::format("{} is {}, and {} were acknowledged", key, value, sure));
    }
    if (once && value > sure + perhaps) {
      out_.duplicated += value - sure - perhaps;
      fail("counter", fmt::format("{} is {}: {} acknowledged, {} unknown", key,
                                  value, sure, perhaps));
    }
    std::stable_sort(numbers.begin(), numbers.end(),
                     [](auto& a, auto& b) { return a.first < b.first; });
    const operation* latest = nullptr;
    for (size_t i = 0; i < numbers.size(); ++i) {
      auto [number, it] = numbers[i];
      if (i > 0 && numbers[i - 1].first == number)
        fail("number",
             fmt::format("{} was returned twice: {} and {}", number,
                         name(*numbers[i - 1].second), name(*it)),
             {numbers[i - 1].second->id, it->id});
      if (number == 0 || number > value)
        fail("number",
             fmt::format("{} returned {}, and the end is {}", name(*it), number,
                         value),
             {it->id});
      if (latest != nullptr && latest->invoked > it->done)
        fail("order",
             name(*it) + " was acknowledged before " + name(*latest)
               + " was sent, and counted after it",
             {it->id, latest->id});
      if (latest == nullptr || latest->invoked < it->invoked)
        latest = it;
    }
  }

  // -- registers --------------------------------------------------------------------

  /// Both are acknowledged writes of a key's writer.
  static bool precedes(const operation& a, const operation& b) {
    return a.done < b.invoked
           || (a.lane == b.lane && !a.free && !b.free && a.id < b.id);
  }

  /// The writes of one key, and all that was read of it.
  void check_register(const std::string& key, const operations& writes) {
    if (auto reads = keys_[op_kind::get].find(key);
        reads != keys_[op_kind::get].end())
      for (auto each : reads->second)
        if (acknowledged(*each))
          check_read(*each, writes);
    auto held = x_.final.strings.find(key);
    auto token = held == x_.final.strings.end() ? "" : held->second;
    check_value("at the end " + key + " holds ", nullptr, token, writes, never,
                never);
  }

  void check_read(const operation& x, const operations& writes) {
    if (x.kind != "string" && x.kind != "nil")
      return; // check_reply says so.
    check_value(name(x) + " reads ", &x, x.value, writes, x.invoked, x.done);
  }

  /// Judges what a read that began and ended then got.
  void check_value(const std::string& whose, const operation* reader,
                   const std::string& token, const operations& writes,
                   microseconds began, microseconds ended) {
    std::vector<uint64_t> shown;
    if (reader != nullptr)
      shown.push_back(reader->id);
    const operation* from = nullptr;
    if (!token.empty()) {
      auto i = std::lower_bound(writes.begin(), writes.end(), id_in(token),
                                [](auto a, uint64_t id) { return a->id < id; });
      if (i == writes.end() || (*i)->token != token) {
        ++out_.crossed;
        fail("crossed", whose + token + ", which nobody wrote there", shown);
        return;
      }
      from = *i;
      shown.push_back(from->id);
      if (from->invoked > ended)
        fail("crossed", whose + "what was written later", shown);
      if (from->became == ending::failed && !from->repeated)
        fail("refuted",
             fmt::format("{}{}, which ended as {} ({})", whose, name(*from),
                         redoubt::to_string(from->outcome), from->errc),
             shown);
      if (!acknowledged(*from))
        return; // It may run at any time.
    }
    // Those that were sent before the read began; ids ascend with time.
    auto newest = std::partition_point(
      writes.begin(), writes.end(), [&](auto x) { return x->invoked < began; });
    for (auto i = std::make_reverse_iterator(newest); i != writes.rend(); ++i) {
      auto& newer = **i;
      if (from != nullptr && newer.id < from->id)
        return;
      if (!acknowledged(newer) || newer.done >= began || &newer == from)
        continue;
      if (from == nullptr || precedes(*from, newer)) {
        shown.push_back(newer.id);
        if (from == nullptr)
          ++out_.lost;
        fail("stale",
             whose + (from == nullptr ? "nothing" : name(*from)) + " after "
               + name(newer) + " was acknowledged",
             shown);
        return;
      }
    }
  }

  // -- replies ----------------------------------------------------------------------

  void check_reply(const operation& x) {
    if (!acknowledged(x))
      return;
    auto right = true;
    switch (x.op) {
      case op_kind::push:
      case op_kind::incr: right = x.kind == "integer"; break;
      case op_kind::set: right = x.kind == "status" && x.value == "OK"; break;
      case op_kind::get: right = x.kind == "string" || x.kind == "nil"; break;
      case op_kind::echo:
        right = x.kind == "string" && x.value == x.token;
        break;
    }
    // Keys that were never written: nobody else looks at what was read of them.
    if (right && x.op == op_kind::get && x.kind == "string"
        && keys_[op_kind::set].count(x.key) == 0)
      right = false;
    if (right)
      return;
    ++out_.crossed;
    fail("crossed",
         fmt::format("{} got a {} that is not its own: {}", name(x), x.kind,
                     x.value.substr(0, 100)),
         {x.id});
  }

  void check_answer(const operation& x) {
    if (x.abandoned)
      return;
    if (x.became == ending::pending) {
      fail("answered", name(x) + " was never answered", {x.id});
      return;
    }
    if (x.answers != 1)
      fail("answered",
           fmt::format("{} was answered {} times", name(x), x.answers), {x.id});
    auto late = x.done - x.invoked - x.deadline - tick - x_.run.slack;
    if (late > 0 && late > stalled(x.invoked, x.done))
      fail("late",
           fmt::format("{} was answered {} ms after its deadline", name(x),
                       (x.done - x.invoked - x.deadline) / 1000),
           {x.id});
    if (x.last && !acknowledged(x))
      fail("healed", name(x) + " failed when all faults were over: " + x.errc,
           {x.id});
  }

  microseconds stalled(microseconds from, microseconds until) const {
    microseconds sum = 0;
    for (auto& each : x_.stalls)
      sum += std::max<microseconds>(0, std::min(until, each.until)
                                         - std::max(from, each.from));
    return sum;
  }

  // -- the whole --------------------------------------------------------------------

  void check_strikes() {
    std::set<std::string> fired;
    for (auto& each : x_.strikes) {
      if (each.fired)
        fired.insert(each.fault);
      if (each.recovered < 0)
        fail("healed", fmt::format("no request succeeded within {} ms after {} "
                                   "was over, at {} ms",
                                   x_.run.recovery_limit / 1000, each.fault,
                                   each.healed / 1000));
    }
    for (auto& each : x_.run.faults)
      if (fired.count(each) == 0)
        fail("fired", each + " never struck");
  }

  /// Between two looks at most one dial per gap, and one more.
  void check_dials() {
    auto& all = x_.dials;
    size_t from = 0;
    for (size_t i = 1; i < all.size(); ++i) {
      // Windows of some two seconds.
      while (all[i].told - all[from].asked > 2'000'000 && from + 1 < i)
        ++from;
      for (auto j : {from, i - 1}) {
        auto allowed = static_cast<uint64_t>(
          (all[i].told - all[j].asked) / x_.run.dial_gap + 1);
        if (all[i].dials > all[j].dials + allowed) {
          fail("dials", fmt::format("{} dials within {} ms, at {} ms",
                                    all[i].dials - all[j].dials,
                                    (all[i].told - all[j].asked) / 1000,
                                    all[j].asked / 1000));
          return;
        }
      }
    }
  }

  void check_breaker() {
    using enum breaker_state;
    static const std::set<std::pair<breaker_state, breaker_state>> legal{
      {closed, open},
      {open, half_open},
      {half_open, closed},
      {half_open, open}};
    const breaker_edge* before = nullptr;
    for (auto& each : x_.edges) {
      auto way = fmt::format("{} to {} in generation {}",
                             redoubt::to_string(each.from),
                             redoubt::to_string(each.to), each.generation);
      if (legal.count({each.from, each.to}) == 0)
        fail("breaker", "no legal way: " + way);
      if (before != nullptr) {
        if (each.generation <= before->generation)
          fail("breaker", "an older generation: " + way);
        else if (each.generation == before->generation + 1
                 && each.from != before->to)
          fail("breaker", "it was not in that state: " + way);
      }
      before = &each;
    }
  }

  void check_footprint() {
    auto& [descriptors, actors, threads] = x_.run.before;
    auto& after = x_.run.after;
    auto same = [&](const char* what, uint64_t x, uint64_t y) {
      if (x != y)
        fail("leaked", fmt::format("{} {} before, {} after", x, what, y));
    };
    same("descriptors", descriptors, after.descriptors);
    same("actors", actors, after.actors);
    same("threads", threads, after.threads);
    if (x_.run.shutdown > x_.run.shutdown_limit)
      fail("shutdown", fmt::format("the runtime took {} ms to end",
                                   x_.run.shutdown / 1000));
  }

  const history& x_;
  findings& out_;
  std::unordered_map<uint64_t, const operation*> by_id_;
  std::map<op_kind, std::map<std::string, operations>> keys_;
  std::map<uint64_t, operations> units_;
  /// First place of each push in its list, by id.
  std::unordered_map<uint64_t, size_t> places_;
};

} // namespace

findings check(const history& x) {
  findings result;
  judge{x, result}.run();
  return result;
}

} // namespace redoubt::chaos
