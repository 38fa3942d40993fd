#include <redoubt/tests/sim/attempts.hpp>

#include <redoubt/tests/sim/ledger.hpp>

#include <fmt/format.h>

#include <cstdlib>
#include <utility>

namespace redoubt::sim {

void attempt_ledger::fail(uint64_t number, const std::string& what) {
  throw violation(fmt::format("request {}: {}", number, what));
}

void attempt_ledger::begin(uint64_t number, watched_request x) {
  if (!x.free && !x.pipeline)
    for (auto& key : x.keys)
      on_key_[{x.caller, x.handle, key}].insert(number);
  open_[number].what = std::move(x);
}

void attempt_ledger::remove(uint64_t number) {
  auto i = open_.find(number);
  if (i == open_.end())
    return;
  auto& x = i->second.what;
  for (auto& key : x.keys)
    if (auto on = on_key_.find({x.caller, x.handle, key}); on != on_key_.end())
      on->second.erase(number);
  open_.erase(i);
}

void attempt_ledger::told(const attempt_event& e, api::time_point now) {
  auto number = std::strtoull(e.operation.c_str(), nullptr, 10);
  auto i = open_.find(number);
  if (i == open_.end())
    return;
  auto& x = i->second;
  switch (e.what) {
    case attempt_event::kind::begins: on_begins(number, x, e, now); break;
    case attempt_event::kind::ends: break;
    case attempt_event::kind::waits:
      if (x.what.before_deadline && e.elapsed + e.wait > x.what.deadline)
        fail(number,
             fmt::format("waits {} ms beyond its deadline", e.wait.count()));
      if (x.what.pipeline)
        break;
      x.now = state::waits;
      x.since = now;
      x.not_before = now + e.wait;
  }
}

void attempt_ledger::on_begins(uint64_t number, entry& x,
                               const attempt_event& e, api::time_point now) {
  governed_ += x.what.free ? 0 : 1;
  if (e.attempt > x.what.max_attempts)
    fail(number,
         fmt::format("attempt {} of {}", e.attempt, x.what.max_attempts));
  if (x.what.pipeline)
    return;
  if (x.now == state::waits && now < x.not_before)
    fail(number, "is sent again before its wait is over");
  x.now = state::under_way;
  x.since = now;
  begun_.push_back(number);
}

void attempt_ledger::end_of_instant(api::time_point now) {
  if (governed_ > 0 || !changes_.empty())
    check_breaker();
  for (auto number : std::exchange(ended_, {}))
    remove(number);
  if (!begun_.empty())
    check_order(now);
  begun_.clear();
}

/// While it is open nobody who heeds it is sent, and in half-open no more than there
/// are permits, over all request actors together.
void attempt_ledger::check_breaker() {
  auto before = breaker_;
  auto sent = std::exchange(governed_, 0);
  auto changes = std::exchange(changes_, {});
  if (!changes.empty())
    breaker_ = changes.back();
  if (before == breaker_state::open && changes.empty() && sent > 0)
    throw violation(
      "a request that heeds the breaker is sent while it is open");
  auto trial = before == breaker_state::half_open ? changes.empty()
               : before == breaker_state::open
                 ? changes.size() == 1 && breaker_ == breaker_state::half_open
                 : false;
  if (before != breaker_state::half_open || !changes.empty())
    admitted_ = 0;
  if (!trial)
    return;
  admitted_ += sent;
  if (admitted_ > permits_)
    throw violation(fmt::format("half-open admits {} requests, with {} permits",
                                admitted_, permits_));
}

/// Nothing is sent while something older of its caller on one of its keys waits,
/// be it for its first attempt or for another.
void attempt_ledger::check_order(api::time_point now) const {
  for (auto number : begun_) {
    auto i = open_.find(number);
    if (i == open_.end() || i->second.what.free)
      continue;
    auto& mine = i->second.what;
    for (auto& key : mine.keys)
      for (auto other : on_key_.at({mine.caller, mine.handle, key})) {
        if (other >= number)
          break;
        auto& x = open_.at(other);
        if (x.now == state::new_here
            || (x.now == state::waits && x.since < now))
          fail(number,
               fmt::format("passes {} of the same caller on {}", other, key));
      }
  }
}

} // namespace redoubt::sim
