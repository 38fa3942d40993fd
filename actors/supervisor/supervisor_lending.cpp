// Connections that are leased to one caller each.

#include <redoubt/actors/supervisor/supervisor.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <utility>

namespace redoubt {

void supervisor::on_lease(const lease_connection& x) {
  // The promise takes it.
  auto holder = current_sender();
  auto promise = owed<leased>();
  // Nobody who could hold it.
  if (!holder || !promise.is_awaited())
    return;
  auto deadline = api::now(this) + api::bounded(x.timeout);
  failure why;
  if (config_.options.pool.leased == 0) {
    why.code = errc::overloaded;
    why.last_message = "no connection may be leased: pool.leased is 0";
  } else if (lease_waiters_.size() >= config_.options.limits.queue) {
    why.code = errc::overloaded;
    why.last_message = "too many wait for a connection to lease";
  } else {
    lease_waiters_.push_back({std::move(promise), deadline, holder, 0});
    tend();
    return;
  }
  promise.deliver(to_error(std::move(why)));
}

/// Connections that the runtime may want for itself.
size_t supervisor::shared_connections() const noexcept {
  auto& pool = config_.options.pool;
  return size_t{config_.options.threads.reactors}
         * (size_t{pool.connections} + pool.bulk_connections);
}

/// What keeps a lease from being begun; `none` if nothing does. A server that is
/// down is dialled by the schedule alone: leases wait until it is back.
failure supervisor::lease_obstacle(api::time_point now) const {
  auto& pool = config_.options.pool;
  failure why;
  if (draining_) {
    why.code = errc::shutting_down;
  } else if (ready_links() == 0) {
    why.code = last_error_ == errc::none ? errc::connect_failed : last_error_;
    why.last_message = last_error_text_;
  } else if (breaker_.status(now).state == breaker_state::open) {
    why.code = errc::circuit_open;
    why.last_message = last_error_text_;
  } else if (leases_.size() >= pool.leased) {
    why.code = errc::overloaded;
    why.last_message = fmt::format("all {} connections that may be leased are "
                                   "in use",
                                   pool.leased);
  } else if (leases_.size() + std::max(links_.size(), shared_connections())
             >= pool.max_connections) {
    // Those that all share come first, also those that nobody uses yet.
    why.code = errc::overloaded;
    why.last_message = fmt::format("{} connections are in use, which is "
                                   "pool.max_connections",
                                   pool.max_connections);
  }
  return why;
}

/// Begins the leases that can be had, first come, first served, and answers those
/// who waited in vain.
void supervisor::lend(api::time_point now) {
  if (lease_waiters_.empty())
    return;
  auto obstacle = lease_obstacle(now);
  std::erase_if(lease_waiters_, [&](lease_waiter& x) {
    if (api::is_terminated(*x.holder->get())) {
      abort_lease(x.link);
      return true;
    }
    if (!draining_ && x.deadline > now)
      return false;
    auto why = obstacle;
    if (x.link != 0 && !draining_) {
      why = {};
      why.code = errc::connect_failed;
      why.last_message = "the connection was not ready in time";
    } else if (why.code == errc::none) {
      why.code = errc::deadline_exceeded;
    }
    abort_lease(x.link);
    x.promise.deliver(to_error(std::move(why)));
    return true;
  });
  for (auto& x : lease_waiters_) {
    if (x.link != 0)
      continue;
    if (adopts_at_ || obstacle.code != errc::none || now < next_lease_dial_)
      break;
    begin_lease(x, now);
    obstacle = lease_obstacle(now);
  }
}

/// When a lease may be begun that waits for nothing but the rate of dials.
api::time_point supervisor::next_lease(api::time_point now) const {
  auto waits = std::any_of(lease_waiters_.begin(), lease_waiters_.end(),
                           [](auto& x) { return x.link == 0; });
  return waits && next_lease_dial_ > now ? next_lease_dial_
                                         : api::time_point::max();
}

void supervisor::begin_lease(lease_waiter& x, api::time_point now) {
  std::vector<size_t> load(config_.options.threads.reactors);
  for (auto& [id, each] : leases_)
    ++load[each.reactor];
  auto least = std::min_element(load.begin(), load.end());
  next_lease_dial_ = now + config_.options.pool.dial_min;
  auto id = ++next_link_;
  x.link = id;
  // Known before it lives, as a dial of the pool.
  auto& entry = leases_[id];
  entry.reactor = static_cast<uint32_t>(least - load.begin());
  entry.since = now;
  try {
    entry.lease = config_.lend(entry.reactor, x.holder);
    api::monitor(this, entry.lease);
    entry.connection = config_.dial(entry.reactor, id, link_observer{this},
                                    link_client{entry.lease});
  } catch (const std::exception& e) {
    link_closed failed;
    failed.link = id;
    failed.cause = errc::resource_error;
    failed.text = e.what();
    api::send(this, link_observer{this}, std::move(failed));
  }
}

/// Nobody waits for it any more. Its place is free once its connection is gone.
void supervisor::abort_lease(uint64_t link) {
  auto i = leases_.find(link);
  if (i == leases_.end())
    return;
  auto& x = i->second;
  if (x.lease)
    api::kill(x.lease);
  if (x.connection)
    api::send(this, x.connection, close_link{errc::cancelled});
}

bool supervisor::on_lease_up(const link_up& x) {
  auto i = leases_.find(x.link);
  if (i == leases_.end())
    return false;
  auto& entry = i->second;
  // One of the supervisor's predecessor says that it is still there.
  if (entry.state == connection_state::ready)
    return true;
  entry.state = connection_state::ready;
  auto who = std::find_if(lease_waiters_.begin(), lease_waiters_.end(),
                          [&](auto& each) { return each.link == x.link; });
  if (who == lease_waiters_.end()) {
    abort_lease(x.link);
    return true;
  }
  who->promise.deliver(leased{leased_connection{entry.lease}});
  lease_waiters_.erase(who);
  tend();
  return true;
}

bool supervisor::on_lease_closed(const link_closed& x) {
  auto i = leases_.find(x.link);
  if (i == leases_.end())
    return false;
  auto entry = std::move(i->second);
  leases_.erase(i);
  // One that was handed out says by itself why it is over.
  if (entry.state != connection_state::ready) {
    if (entry.lease)
      api::kill(entry.lease);
    // Who is turned away does not ask as often.
    if (x.cause == errc::too_many_clients || x.cause == errc::auth_failed)
      next_lease_dial_ = api::now(this) + config_.options.pool.slow_dial_min;
  }
  auto who = std::find_if(lease_waiters_.begin(), lease_waiters_.end(),
                          [&](auto& each) { return each.link == x.link; });
  if (who != lease_waiters_.end()) {
    failure why;
    why.code = draining_ ? errc::shutting_down : x.cause;
    why.last_message = x.text;
    who->promise.deliver(to_error(std::move(why)));
    lease_waiters_.erase(who);
  }
  tend();
  return true;
}

void supervisor::on_lease_down(const caf::actor_addr& who) {
  for (auto& [id, x] : leases_) {
    if (x.lease == who && x.connection)
      api::send(this, x.connection, close_link{errc::cancelled});
    if (x.connection == who) {
      link_closed gone;
      gone.link = id;
      gone.cause = errc::disconnected;
      gone.text = "the connection actor died";
      api::send(this, link_observer{this}, std::move(gone));
    }
  }
}

/// Whoever waited was answered by the supervisor that died: only those that were
/// handed out live on.
void supervisor::adopt_leases() {
  std::erase_if(leases_, [](auto& each) {
    auto& x = each.second;
    if (!x.connection && x.lease)
      api::kill(x.lease);
    return !x.connection;
  });
  for (auto& [id, x] : leases_) {
    api::monitor(this, x.lease);
    api::monitor(this, x.connection);
    api::send(this, x.connection, adopt_link{link_observer{this}});
    if (x.state != connection_state::ready)
      abort_lease(id);
  }
}

} // namespace redoubt
