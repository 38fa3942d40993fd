// What request actors are leased: permits, shares of the ramp, tokens.

#include <redoubt/actors/supervisor/supervisor.hpp>

#include <algorithm>
#include <utility>

namespace redoubt {

namespace {

/// How long tokens may lie unused with a request actor.
constexpr std::chrono::milliseconds token_lease{1000};

/// Totals only grow.
uint64_t growth(uint64_t from, uint64_t to) noexcept {
  return to > from ? to - from : 0;
}

} // namespace

void supervisor::lease_permits(api::time_point now) {
  auto permits = breaker_.lease(breaker_.permits_available(), now);
  if (clients_.empty())
    return; // They come back, and probes take their place.
  // Those who have something to send come first, each in turn; what is left is
  // spread for those who will.
  std::vector<uint32_t> shares(clients_.size());
  auto wanting = std::any_of(clients_.begin(), clients_.end(),
                             [](auto& x) { return x.waiting > 0; });
  while (permits > 0) {
    auto i = next_leaseholder_++ % clients_.size();
    if (wanting && clients_[i].waiting == 0)
      continue;
    ++shares[i];
    --permits;
  }
  for (size_t i = 0; i < shares.size(); ++i) {
    if (shares[i] == 0)
      continue;
    auto x = current_gate();
    x.permits = shares[i];
    x.lease_until = breaker_.lease_until();
    api::send(this, clients_[i].handle, std::move(x));
  }
}

// -- the ramp ---------------------------------------------------------------------------

/// Leases what may be in flight on the ramp, and tells everybody when it is over.
void supervisor::tend_ramp() {
  if (!breaker_.ramping()) {
    if (std::exchange(on_ramp_, false))
      push_gate();
    return;
  }
  uint64_t usual = 0;
  for (auto& each : clients_)
    usual += each.peak;
  for (auto& change : shares_.settle(breaker_.ramp_allowance(usual)))
    for (auto& each : clients_)
      if (each.id == change.holder) {
        auto x = current_gate();
        x.units = change.leased;
        x.units_recalled = change.recalled;
        api::send(this, each.handle, std::move(x));
      }
}

// -- reports ----------------------------------------------------------------------------

void supervisor::note_leases(client_entry& who, const report& x,
                             api::time_point now) {
  auto present = x.generation == breaker_.generation();
  // What it carries while all is well; the ramp itself is no measure for that.
  if (present && breaker_.state() == breaker_state::closed
      && !breaker_.ramping() && x.successes > 0 && x.failures == 0)
    who.peak = x.peak;
  shares_.report(who.id, present ? x.units_returned : 0, x.waiting);
  budget_.deposit(growth(who.counters.succeeded, x.counters.succeeded), now);
  settle_tokens(who, x.tokens, now);
}

void supervisor::settle_tokens(client_entry& who, const token_totals& x,
                               api::time_point now) {
  auto& seen = who.tokens;
  budget_.spend(growth(seen.taken, x.taken), now);
  budget_.refund(growth(seen.refunded, x.refunded), now);
  budget_.put_back(growth(seen.returned, x.returned));
  auto asked = growth(seen.asked, x.asked);
  seen = x;
  if (asked == 0)
    return;
  auto answer = current_gate();
  answer.tokens = budget_.lease(asked, now);
  answer.tokens_denied = asked - answer.tokens;
  answer.tokens_until = now + token_lease;
  who.tokens_granted += answer.tokens;
  api::send(this, who.handle, std::move(answer));
}

/// Nobody knows whether it used the tokens that it had: they count as spent.
void supervisor::forfeit_tokens(const client_entry& gone) {
  auto& x = gone.tokens;
  auto had = gone.tokens_granted + x.refunded;
  budget_.spend(growth(x.taken + x.returned, had), api::now(this));
}

} // namespace redoubt
