// Second copies of reads that are slow.

#include <redoubt/actors/request/client.hpp>

#include <algorithm>
#include <map>
#include <utility>

namespace redoubt {

namespace {

/// How long a hedge waits for a token, once: the supervisor answers in less, unless
/// the budget has none.
constexpr std::chrono::milliseconds token_time{1};

} // namespace

/// An attempt left that will be hedged if it is slow. Not while the server is on
/// trial: it would be sent more than it is trusted with.
void client::plan_hedge(uint32_t index) {
  auto& x = table_[index];
  if (x.cls != command_class::read_only || x.is_transaction()
      || gate_.state != breaker_state::closed)
    return;
  api::duration delay = x.hedge.delay;
  if (x.hedge.mode == hedge_mode::p95) {
    latency_measured_ = true;
    delay = std::max<api::duration>(delay, latency_.value());
  }
  // What is over by then needs no place until then.
  if (now() + delay < std::min(x.attempt_due, x.deadline))
    hedges_.add(table_.id(index), now() + delay);
}

void client::send_hedges() {
  std::map<uint64_t, std::vector<submission>> copies;
  while (auto id = hedges_.take(now())) {
    auto x = table_.find(*id);
    if (x == nullptr || x->phase != request_phase::in_flight
        || gate_.state != breaker_state::closed || share_.in_force(now())
        || draining_)
      continue;
    auto link = link_for_hedge(*x);
    if (link == nullptr)
      continue;
    if (!take_token()) {
      // One was asked for. Whoever hedges now and then has none at hand.
      if (!std::exchange(x->hedge_deferred, true))
        hedges_.add(*id, now() + token_time);
      continue;
    }
    x->hedged_on = link->id;
    ++counters_.hedges;
    auto charged = std::min<uint64_t>(x->bytes(), link->credit_bytes);
    --link->credit;
    link->credit_bytes -= charged;
    auto ahead = static_cast<uint32_t>(link->sent.size());
    link->sent.push_back(
      {*id, x->caller, charged, now(), ahead, x->use_breaker});
    link->governed += x->use_breaker ? 1 : 0;
    copies[link->id].push_back(
      submission{*id, x->cmd.buffer(), 1, link_patience(*x)});
  }
  for (auto& [id, units] : copies) {
    auto link = find_link(id);
    api::send(this, link->connection,
              submit_many{link->owner, std::move(units)});
  }
}

/// The other connection on which we wait for least.
client::link_state* client::link_for_hedge(const request_slot& x) {
  link_state* best = nullptr;
  for (auto& each : spare_links_)
    if (each.id != x.sent_on && each.credit > 0
        && (x.bytes() <= each.credit_bytes || each.sent.empty())
        && (best == nullptr || each.sent.size() < best->sent.size()))
      best = &each;
  return best;
}

/// True if another copy of the attempt is still under way when the one on `link`
/// failed: the attempt is not over.
bool client::awaits_other_copy(request_slot& x, uint64_t link) {
  if (x.hedged_on == 0 || x.only_hedge_left)
    return false;
  x.so_far = fate::unknown;
  if (link == x.hedged_on)
    x.hedged_on = 0;
  else
    x.only_hedge_left = true;
  return true;
}

/// A connection is gone over which nothing but hedges went.
void client::lose_hedges(const link_closed& x, link_state& lost) {
  // As for requests that lost their only copy.
  auto code = x.cause == errc::protocol_error ? x.cause : errc::disconnected;
  for (size_t i = 0; i < lost.sent.size(); ++i) {
    auto id = lost.sent[i].id;
    auto r = table_.find(id);
    if (r != nullptr && !awaits_other_copy(*r, lost.id))
      attempt_failed(request_table::index_of(id), code, fate::unknown, x.text);
  }
  pump();
}

/// A reply came over a link. Late ones are as good as others, or the slow ones
/// would be those that nobody sees.
void client::learn_latency(const link_state& from,
                           const link_state::sent_unit& x) {
  if (link_ && from.id == link_->id)
    latency_.record(
      std::chrono::floor<latency_percentile::duration>(now() - x.since));
}

void client::arm_hedges() {
  auto next = hedges_.next();
  if (next >= hedges_armed_for_)
    return;
  hedges_armed_for_ = next;
  api::send_at(this, client_actor{this}, next, tick{0, tick_purpose::hedge});
}

} // namespace redoubt
