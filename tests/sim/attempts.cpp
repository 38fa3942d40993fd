#include <redoubt/tests/sim/attempts.hpp>

#include <redoubt/tests/sim/ledger.hpp>

#include <fmt/format.h>

#include <algorithm>
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
  all_[number].what = std::move(x);
}

/// What observers are told of its last attempt may come later.
void attempt_ledger::end(uint64_t number, fate became, api::time_point now) {
  auto& x = all_.at(number);
  x.may_have_run = became == fate::unknown || became == fate::answered;
  x.now = state::over;
  x.since = now;
}

void attempt_ledger::told(const attempt_event& e, api::time_point now) {
  auto number = std::strtoull(e.operation.c_str(), nullptr, 10);
  auto& x = all_.at(number);
  auto over = x.now == state::over;
  switch (e.what) {
    case attempt_event::kind::begins: on_begins(number, x, e, now); return;
    case attempt_event::kind::ends:
      if (!over && !x.what.pipeline && e.outcome == fate::not_sent) {
        x.now = state::queued;
        x.since = now;
        --x.attempts;
      }
      return;
    case attempt_event::kind::waits:
      if (x.what.before_deadline && e.elapsed + e.wait > x.what.deadline)
        fail(number,
             fmt::format("waits {} ms beyond its deadline", e.wait.count()));
      if (over || x.what.pipeline)
        return;
      x.now = state::waits;
      x.since = now;
      x.not_before = now + e.wait;
      // After a refusal it waits for its keys alone, whatever was before.
      x.may_have_run = e.outcome == fate::unknown
                       && (e.code == errc::attempt_timeout
                           || e.code == errc::disconnected
                           || e.code == errc::protocol_error);
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
  ++x.attempts;
  if (x.now == state::over)
    return;
  auto waited = x.now == state::waits;
  if (waited && now < x.not_before)
    fail(number, "is sent again before its wait is over");
  x.now = state::under_way;
  x.since = now;
  begun_.emplace_back(number, waited && x.may_have_run);
}

void attempt_ledger::end_of_instant() {
  if (governed_ > 0 || !changes_.empty())
    check_breaker();
  for (auto [number, again] : std::exchange(begun_, {})) {
    auto& x = all_.at(number);
    // What is over, or waits once more, had its time when others had not.
    if (x.now != state::under_way || x.what.free)
      continue;
    check_order(number, x);
    if (again && x.what.write)
      check_resent(number, x);
  }
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
  // Of an instant in which it changes nobody knows what was sent before.
  auto on_trial = before == breaker_state::half_open && changes.empty();
  auto just_now = before == breaker_state::open && changes.size() == 1
                  && breaker_ == breaker_state::half_open;
  if (!on_trial)
    admitted_ = 0;
  if (!on_trial && !just_now)
    return;
  admitted_ += sent;
  if (admitted_ > permits_)
    throw violation(fmt::format("half-open admits {} requests, with {} permits",
                                admitted_, permits_));
}

/// Nothing is sent while something older of its caller on one of its keys waits,
/// be it for its first attempt or for another.
void attempt_ledger::check_order(uint64_t number, const entry& x) const {
  auto& mine = x.what;
  for (auto& key : mine.keys)
    for (auto other : on_key_.at({mine.caller, mine.handle, key})) {
      if (other >= number)
        break;
      auto& older = all_.at(other);
      if (older.now == state::queued
          || (older.now == state::waits && older.since < x.since))
        fail(number,
             fmt::format("passes {} of the same caller on {}", other, key));
    }
}

/// A write that may have run is sent again only if all writes after it are that were
/// sent.
void attempt_ledger::check_resent(uint64_t number, const entry& x) const {
  auto& mine = x.what;
  for (auto& key : mine.keys) {
    auto& all = on_key_.at({mine.caller, mine.handle, key});
    for (auto i = all.upper_bound(number); i != all.end(); ++i) {
      auto& newer = all_.at(*i);
      if (!newer.what.write || newer.attempts == 0 || !newer.may_have_run
          || newer.since >= x.since)
        continue;
      if (newer.now == state::over)
        fail(number, fmt::format("is sent again after {} of the same caller on "
                                 "{}, which may have run",
                                 *i, key));
      if (newer.now == state::waits && !little_credit_)
        fail(number, fmt::format("is sent again without {} of the same caller "
                                 "on {}, which waits",
                                 *i, key));
    }
  }
}

} // namespace redoubt::sim
