// What the supervisor leases: permits, the share of the ramp, tokens.

#include <redoubt/actors/request/client.hpp>

#include <algorithm>
#include <utility>

namespace redoubt {

namespace {

/// How long a retry waits at least for the answer to whether it may be: a retry
/// without a backoff, too, while the supervisor is busy or another takes over.
constexpr std::chrono::milliseconds token_patience{50};

/// Whoever cannot wait for a token finds one if some are there before: so many
/// are asked for when the last one is taken.
constexpr int tokens_in_advance = 4;

} // namespace

// -- the gate -----------------------------------------------------------------------

void client::on_gate(gate& x) {
  if (x.generation != gate_.generation) {
    tally_ = report{};
    tally_.client = config_.id;
    permits_ = 0;
    permits_asked_ = false;
    share_.begin();
  }
  // Permits of an earlier lease are not added: they are on their way back.
  if (x.permits > 0)
    permits_ = x.permits;
  if (x.permits > 0 || x.units > 0)
    permits_asked_ = false;
  share_.end_at(x.ramp_until);
  share_.lease(x.units, x.units_recalled);
  on_tokens(x);
  auto lease_until = x.permits > 0 ? x.lease_until : gate_.lease_until;
  gate_ = std::move(x);
  gate_.lease_until = lease_until;
  tally_.generation = gate_.generation;
  reject_waiting();
  pump();
}

void client::reject_waiting() {
  if (gate_.trouble == errc::none && gate_.state != breaker_state::open)
    return;
  for (uint32_t i = 0; i < table_.capacity(); ++i) {
    auto& x = table_[i];
    if (x.phase != request_phase::queued && x.phase != request_phase::waiting)
      continue;
    if (auto code = gate_error(x); code != errc::none)
      fail(i, code, x.so_far);
  }
}

/// Why the gate turns a request away that would have to wait.
errc client::gate_error(const request_slot& x) const noexcept {
  if (gate_.trouble != errc::none)
    return gate_.trouble;
  return gate_.state == breaker_state::open && x.use_breaker
             && x.on_open == on_open_policy::fail_fast
           ? errc::circuit_open
           : errc::none;
}

bool client::gate_admits(const request_slot& x, size_t behind) {
  return !x.use_breaker || gate_admits_governed(behind);
}

/// True if the breaker and its ramp leave room for one more, and for `behind`
/// others.
bool client::gate_admits_governed(size_t behind) {
  if (gate_.state == breaker_state::closed)
    return !share_.in_force(now())
           || share_.admits(governed_in_flight() + behind, now());
  return gate_.state == breaker_state::half_open && permits_ > behind
         && now() < gate_.lease_until;
}

/// What the ramp bounds; hedges on other connections are part of it.
uint64_t client::governed_in_flight() const noexcept {
  auto result = link_ ? link_->governed : 0;
  for (auto& each : spare_links_)
    result += each.governed;
  return result;
}

/// It goes out: what is leased for it is used.
void client::use_leases(request_slot& x) {
  x.token = token_state::none;
  if (!x.use_breaker)
    return;
  ++link_->governed;
  peak_ = std::max(peak_, link_->governed);
  if (gate_.state == breaker_state::half_open) {
    --permits_;
    ++tally_.admitted;
    report_now_ = true;
  }
}

/// Something waits: if for the supervisor's leave, it should know.
void client::ask_for_leave() {
  auto rationed = gate_.state == breaker_state::half_open
                  || share_.in_force(now());
  if (!rationed || permits_asked_)
    return;
  permits_asked_ = true;
  report_now_ = true;
}

void client::tally_slow(const request_slot& x) {
  if (gate_.slow_call.count() == 0)
    return;
  auto sent = x.attempt_due - x.attempt_timeout;
  tally_.slow += now() - sent > gate_.slow_call ? 1 : 0;
}

// -- what runs out, and what goes back ------------------------------------------------

void client::tend_leases() {
  if (share_.over() && purse_.empty())
    return;
  // A grant may be over when it comes.
  if (purse_.expire(now()))
    report_now_ = true;
  if (share_.give_back(governed_in_flight()) > 0)
    report_now_ = true;
  auto next = api::time_point::max();
  if (share_.in_force(now()))
    next = share_.until();
  if (purse_.tokens(now()) > 0)
    next = std::min(next, purse_.until());
  if (next >= lease_armed_for_)
    return;
  lease_armed_for_ = next;
  api::send_at(this, client_actor{this}, next, tick{0, tick_purpose::lease});
}

void client::on_lease_over() {
  if (now() < lease_armed_for_)
    return;
  lease_armed_for_ = api::time_point::max();
  if (purse_.expire(now()))
    report_now_ = true;
  pump();
}

void client::tell_leases(report& x) {
  x.peak = std::exchange(peak_, link_ ? link_->governed : 0);
  x.units_returned = share_.returned();
  x.tokens = purse_.told();
}

// -- tokens ---------------------------------------------------------------------------

bool client::take_token() {
  if (!gate_.budget)
    return true;
  auto taken = purse_.take(now());
  if (purse_.tokens(now()) > 0 || std::exchange(token_asked_, true))
    return taken;
  for (int i = 0; i < tokens_in_advance; ++i) {
    purse_.ask();
    token_line_.push(token_line::in_advance);
  }
  report_now_ = true;
  return taken;
}

/// Called with its backoff running: a retry holds its token from the start.
void client::reserve_token(uint32_t index) {
  auto& x = table_[index];
  if (!gate_.budget)
    return;
  if (purse_.take(now())) {
    x.token = token_state::held;
    return;
  }
  x.token = token_state::asked;
  x.own_extras().token_due = std::max(x.not_before, now() + token_patience);
  purse_.ask();
  report_now_ = true;
  token_line_.push(table_.id(index));
  // Nobody answers while the supervisor is dead; those who ended do not pile up.
  if (token_line_.size() > 4 * waiting_ + 1024)
    token_line_.shorten(
      [this](uint64_t id) { return table_.find(id) == nullptr; });
}

void client::release_token(request_slot& x) {
  if (x.token == token_state::held)
    purse_.give_back(now());
  x.token = token_state::none;
}

/// Its backoff is over, and there is still no token.
bool client::lacks_token(const request_slot& x) {
  return x.phase == request_phase::waiting && x.token == token_state::asked
         && now() >= x.extras().token_due;
}

void client::refuse_retry(uint32_t index) {
  auto& x = table_[index];
  x.token = token_state::denied;
  ++counters_.budget_exhausted;
  fail(index, x.last_code, x.so_far);
}

void client::on_tokens(const gate& x) {
  purse_.grant(x.tokens, x.tokens_until);
  if (!x.budget) {
    // Whoever waits needs none any more.
    while (!token_line_.empty()) {
      auto r = table_.find(token_line_.pop());
      if (r == nullptr || r->token != token_state::asked)
        continue;
      r->token = token_state::none;
      lanes_.list(r->caller);
    }
    token_asked_ = false;
    return;
  }
  answer_asked(x.tokens + x.tokens_denied);
}

/// So many of those who asked first get a token, as long as there are any.
void client::answer_asked(uint64_t n) {
  for (; n > 0 && !token_line_.empty(); --n) {
    auto id = token_line_.pop();
    if (id == token_line::in_advance) {
      token_asked_ = false;
      continue;
    }
    auto r = table_.find(id);
    if (r == nullptr || r->token != token_state::asked)
      continue;
    if (purse_.take(now())) {
      r->token = token_state::held;
      lanes_.list(r->caller);
    } else {
      refuse_retry(request_table::index_of(id));
    }
  }
}

} // namespace redoubt
