// Actors that die: request actors, and the supervisor itself.

#include <redoubt/actors/supervisor/supervisor.hpp>

#include <algorithm>
#include <utility>

namespace redoubt {

namespace {

/// How long a supervisor keeps still whose predecessors died too often: one that
/// dies of what it was left must not do so in a loop.
constexpr std::chrono::seconds rest{1};

event replaced_event(std::string_view what, uint64_t client = 0) {
  event x;
  x.kind = event_kind::handle_replaced;
  x.text = what;
  x.client = client;
  return x;
}

} // namespace

supervisor_standing::supervisor_standing(const runtime_options& options,
                                         uint64_t seed, api::time_point now)
  : started_(now),
    breaker_(options.breaker, seed),
    budget_(options.budget),
    dials_(options.pool, options.pool.connections * options.threads.reactors,
           seed + 1),
    lifetimes_(options.pool.lifetime, seed + 2),
    restarts_(options.pool.max_restarts, options.pool.restart_window,
              options.breaker.lump) {
}

// -- the supervisor -----------------------------------------------------------------------

void supervisor::begin() {
  if (!config_.inherited) {
    tend();
    return;
  }
  static_cast<supervisor_standing&>(*this) = std::move(*config_.inherited);
  config_.inherited = nullptr;
  // Who acknowledges to the one before acknowledges to nobody.
  for (auto& each : subscriptions_)
    each.outstanding = 0;
  auto now = api::now(this);
  count_crash(now);
  if (!restarts_.degraded()) {
    adopt();
    return;
  }
  adopts_at_ = now + rest;
  arm(now);
}

/// Takes over the living. Whatever they told the one before may be lost, so that
/// all are asked to say where they stand, and watched: who died meanwhile is
/// heard of at once. What it had only half done, if it died by an exception, is
/// done again or counted anew.
void supervisor::adopt() {
  log_->warn("the supervisor died, another one takes over");
  for (auto& each : subscriptions_)
    api::monitor(this, each.who);
  // What was admitted may have been told to the dead one only.
  breaker_.forget_leases(api::now(this));
  if (config_.roster)
    for (auto& place : config_.roster()) {
      auto known = std::find_if(clients_.begin(), clients_.end(),
                                [&](auto& x) { return x.id == place.id; });
      if (known != clients_.end())
        known->handle = place.handle;
      else
        add_client(place);
    }
  // Without an actor: the dial itself failed.
  std::erase_if(links_, [](auto& each) { return !each.second.connection; });
  uint32_t dialing = 0;
  for (auto& [id, x] : links_) {
    api::monitor(this, x.connection);
    api::send(this, x.connection, adopt_link{link_observer{this}});
    if (x.leaving)
      // It may not have been told. What it was sent is still answered.
      api::send(this, x.connection, close_link{errc::disconnected, true});
    else if (x.state != connection_state::ready)
      ++dialing;
  }
  dials_.recount(lasting_links(), dialing);
  adopt_leases();
  if (ready_links() > 0)
    trouble_ = errc::none;
  for (auto& each : clients_) {
    api::send(this, each.handle, new_supervisor{report_sink{this}});
    introduce(each);
  }
  publish(replaced_event("supervisor"));
  tend();
}

void supervisor::count_crash(api::time_point now) {
  if (!restarts_.record(now))
    return;
  dials_.degraded(true, now);
  log_->warn(
    "connections or actors die too often, dialling slowly from now on");
  event x;
  x.kind = event_kind::degraded;
  publish(std::move(x));
}

// -- others -------------------------------------------------------------------------------

void supervisor::on_down(const caf::actor_addr& who) {
  std::erase_if(subscriptions_,
                [&](const subscription& x) { return x.who == who; });
  // A connection says itself why it ended, in a message that this one may have
  // overtaken; whichever comes second finds nothing.
  for (auto& [id, x] : links_)
    if (x.connection == who) {
      link_closed gone;
      gone.link = id;
      gone.cause = errc::disconnected;
      gone.text = "the connection actor died";
      gone.gave_up = true;
      gone.was_ready = x.state == connection_state::ready;
      api::send(this, link_observer{this}, std::move(gone));
    }
  on_lease_down(who);
  on_client_down(who);
}

void supervisor::on_client_down(const caf::actor_addr& who) {
  auto i = std::find_if(clients_.begin(), clients_.end(),
                        [&](const client_entry& x) { return x.handle == who; });
  if (i == clients_.end())
    return;
  auto gone = std::move(*i);
  clients_.erase(i);
  for (auto& [id, link] : links_)
    if (link.reactor == gone.reactor && link.lane == gone.lane)
      api::send(this, link.connection, detach_client{gone.handle});
  auto last = gone.counters;
  last.queued = last.in_flight = last.backing_off = 0;
  past_ += last;
  shares_.leave(gone.id);
  forfeit_tokens(gone);
  if (config_.replace_client && !draining_) {
    if (auto place = config_.replace_client(gone.id)) {
      log_->warn("request actor {} died, another one takes its place", gone.id);
      auto& next = add_client(*place);
      next.peak = gone.peak;
      introduce(next);
      count_crash(api::now(this));
      publish(replaced_event("request actor", gone.id));
    }
  }
  tend();
}

} // namespace redoubt
