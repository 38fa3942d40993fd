#include <redoubt/tests/sim/ledger.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <tuple>

namespace redoubt::sim {

namespace {

/// "c<caller>:<id>" of a value.
uint64_t id_in(const std::string& value) {
  return std::strtoull(value.c_str() + value.find(':') + 1, nullptr, 10);
}

std::string value_of(const operation& x) {
  return fmt::format("c{}:{}", x.caller, x.id);
}

constexpr auto tick = std::chrono::milliseconds{5};

} // namespace

std::string to_string(const operation& x) {
  static constexpr const char* names[] = {"GET", "SET", "INCR", "RPUSH",
                                          "RPUSH twice"};
  return fmt::format("operation {} of caller {}: {} {}", x.id, x.caller,
                     names[static_cast<size_t>(x.kind)], x.key);
}

void ledger::fail(const operation& x, const std::string& what) const {
  throw violation(to_string(x) + ": " + what);
}

// -- callers ----------------------------------------------------------------------

operation& ledger::begin(op_kind kind, uint64_t caller, uint64_t handle,
                         uint32_t key, std::chrono::milliseconds deadline) {
  operation x;
  x.id = all_.size() + 1;
  x.kind = kind;
  x.caller = caller;
  x.handle = handle;
  static constexpr const char* prefixes[] = {"s", "s", "n", "l", "t"};
  x.key = fmt::format("{}{}.{}", prefixes[static_cast<size_t>(kind)], caller,
                      key);
  x.invoked = now_();
  x.deadline = x.invoked + deadline;
  unanswered_.emplace(x.deadline, x.id);
  return all_.emplace_back(std::move(x));
}

command ledger::command_of(const operation& x) {
  switch (x.kind) {
    case op_kind::get: return command{"GET", x.key};
    case op_kind::set: return command{"SET", x.key, value_of(x)};
    case op_kind::incr: return command{"INCR", x.key};
    default: return command{"RPUSH", x.key, value_of(x)};
  }
}

void ledger::end(uint64_t id, const outcome& result) {
  auto& x = all_.at(id - 1);
  if (x.answered)
    fail(x, "answered twice");
  x.answered = true;
  auto range = unanswered_.equal_range(x.deadline);
  for (auto i = range.first; i != range.second; ++i)
    if (i->second == id) {
      unanswered_.erase(i);
      break;
    }
  if (now_() > x.deadline + tick)
    fail(x, "answered after its deadline");
  if (auto why = std::get_if<failure>(&result)) {
    x.became = why->outcome;
    if (x.runs > 0 && x.kind != op_kind::get && x.became != fate::unknown)
      fail(x, fmt::format("ran, and ends as {}: {}", to_string(x.became),
                          redoubt::to_string(*why)));
    // Reads may have a hedge, which is no attempt of its own.
    if (x.became == fate::unknown && why->attempts == 0
        && x.kind != op_kind::get)
      fail(x, "is unknown without an attempt");
    return;
  }
  auto& value = std::get<reply>(result);
  x.became = fate::answered;
  x.ok = !value.is_error();
  x.repeated = value.repeated;
  if (x.runs > 1 && !value.repeated)
    fail(x, "ran more than once, and its reply does not say so");
  if (!x.ok) {
    std::string error{value.text()};
    for (auto passing : {"LOADING ", "BUSY ", "READONLY "})
      if (error.starts_with(passing))
        fail(x, "is answered with what passes: " + error);
    // A copy of an earlier attempt may have run, and then the reply says so.
    if (x.runs > 0 && !value.repeated)
      fail(x, "ran, and ends as an error: " + std::string{value.text()});
    return;
  }
  if (x.kind != op_kind::get && x.kind != op_kind::incr && x.runs == 0)
    fail(x, "was acknowledged and never ran");
  check_value(x, value);
  if (x.kind == op_kind::set && !x.free) {
    auto& newest = newest_[{x.caller, x.handle, x.key}];
    newest = std::max(newest, x.id);
  } else if (x.kind == op_kind::incr) {
    counted_[x.key].push_back(value.number());
  }
}

/// A reply that belongs to another request would not be of this kind, or speak of
/// another key.
void ledger::check_value(const operation& x, const reply& value) const {
  if (x.kind == op_kind::set) {
    if (value.kind() != reply_kind::status || value.text() != "OK")
      fail(x, "got somebody else's reply: " + redoubt::to_string(value));
    return;
  }
  if (x.kind != op_kind::get) {
    if (value.kind() != reply_kind::integer)
      fail(x, "got somebody else's reply: " + redoubt::to_string(value));
    return;
  }
  // What the key held at some time while the read was under way.
  auto i = versions_.find(x.key);
  std::string text{value.text()};
  auto held = value.is_nil()
              && (i == versions_.end() || i->second.front().since >= x.invoked);
  if (i != versions_.end())
    for (size_t k = 0; k < i->second.size() && !held; ++k) {
      auto last = k + 1 == i->second.size();
      held = i->second[k].value == text
             && (last || i->second[k + 1].since >= x.invoked);
    }
  if (!held)
    fail(x, "read what was not there: " + redoubt::to_string(value));
}

// -- the server -------------------------------------------------------------------

void ledger::ran(const words& x, int link, api::time_point given_up) {
  if (x[0] == "SET" || x[0] == "RPUSH") {
    auto& op = all_.at(id_in(x[2]) - 1);
    if (op.key != x[1] || value_of(op) != x[2])
      fail(op, "ran with the bytes of another");
    ++op.runs;
    // Nothing more comes over a lost connection once a write of it went out anew.
    if (op.runs > 1 && link != op.ran_over && given_up < op.ran_at)
      fail(op, "runs over a connection that was given up, after its retry");
    op.ran_over = link;
    op.ran_at = now_();
    check_run(op);
    if (x[0] == "SET")
      versions_[x[1]].push_back({now_(), x[2]});
  }
}

void ledger::check_run(operation& x) {
  if (x.answered && !x.ok && x.became != fate::unknown && !x.repeated)
    fail(x, fmt::format("runs after it ended as {}", to_string(x.became)));
  if (x.kind == op_kind::push && x.runs > 1)
    fail(x, "ran twice");
  if (x.kind != op_kind::set || (x.answered && !x.ok))
    return;
  auto newest = newest_.find({x.caller, x.handle, x.key});
  if (newest != newest_.end() && newest->second > x.id)
    fail(x, fmt::format("ran after the newer write {} was acknowledged",
                        newest->second));
}

// -- checks -----------------------------------------------------------------------

void ledger::check_deadlines() const {
  if (!unanswered_.empty() && now_() > unanswered_.begin()->first + tick)
    fail(all_.at(unanswered_.begin()->second - 1), "has no answer in time");
}

void ledger::check_end(const server& final) const {
  for (auto& x : all_) {
    if (!x.answered)
      fail(x, "was never answered");
    // A transaction ran as a whole or not at all.
    if (x.unit != 0 && x.runs != all_.at(x.unit - 1).runs)
      fail(x, "ran without the rest of its transaction");
    if (x.kind != op_kind::push && x.kind != op_kind::push_twice)
      continue;
    auto i = final.lists().find(x.key);
    auto there = i == final.lists().end()
                   ? 0
                   : std::count(i->second.begin(), i->second.end(),
                                value_of(x));
    if (there != x.runs)
      fail(x, "ran and is not there");
    if (x.ok && there == 0)
      fail(x, "was acknowledged and is lost");
  }
  check_order(final);
  check_counters(final);
}

/// What one caller had acknowledged over one request actor stands in its order.
void ledger::check_order(const server& final) const {
  for (auto& [key, list] : final.lists()) {
    if (key[0] != 'l')
      continue;
    std::map<uint64_t, uint64_t> last;
    for (auto& value : list) {
      auto& x = all_.at(id_in(value) - 1);
      if (!x.ok || x.free)
        continue;
      auto& before = last[x.handle];
      if (before > x.id)
        fail(x, fmt::format("stands behind the newer operation {}", before));
      before = x.id;
    }
  }
}

void ledger::check_counters(const server& final) const {
  std::map<std::string, std::pair<uint64_t, uint64_t>> sums;
  for (auto& x : all_)
    if (x.kind == op_kind::incr) {
      auto& [acknowledged, unknown] = sums[x.key];
      acknowledged += x.ok ? 1 : 0;
      unknown += !x.ok && x.became == fate::unknown ? 1 : 0;
    }
  for (auto& [key, sum] : sums) {
    auto i = final.strings().find(key);
    auto value = i == final.strings().end()
                   ? 0
                   : std::strtoull(i->second.c_str(), nullptr, 10);
    if (value < sum.first || value > sum.first + sum.second)
      throw violation(
        fmt::format("counter {} is {}: {} acknowledged and {} unknown", key,
                    value, sum.first, sum.second));
    if (auto told = counted_.find(key); told != counted_.end()) {
      auto all = told->second;
      std::sort(all.begin(), all.end());
      if (std::adjacent_find(all.begin(), all.end()) != all.end())
        throw violation("counter " + key + " gave one number twice");
    }
  }
}

} // namespace redoubt::sim
