// Connections: dialling, losing, restarting; and request actors coming and going.

#include <redoubt/actors/supervisor/supervisor.hpp>

#include <algorithm>
#include <exception>

namespace redoubt {

namespace {

/// The server answered and does not want us.
bool turned_away(errc cause) noexcept {
  return cause == errc::auth_failed || cause == errc::too_many_clients;
}

event connection_event(event_kind kind, uint64_t link) {
  event x;
  x.kind = kind;
  x.connection = link;
  return x;
}

} // namespace

// -- dialling -------------------------------------------------------------------------

void supervisor::start_dials(api::time_point now) {
  while (dials_.should_dial(now))
    dial_one(now);
}

uint32_t supervisor::reactor_to_dial() const {
  // Where connections are missing; where several reactors miss some, on the one
  // with the fewest dials under way.
  struct place {
    bool full = false;
    uint32_t ready = 0;
    uint32_t all = 0;
  };
  std::vector<place> places(config_.options.threads.reactors);
  for (auto& [id, x] : links_) {
    auto& each = places[x.reactor];
    each.all += x.leaving ? 0 : 1;
    each.ready += !x.leaving && x.state == connection_state::ready ? 1 : 0;
    each.full = each.ready >= config_.options.pool.connections;
  }
  auto best = std::min_element(
    places.begin(), places.end(), [](const place& a, const place& b) {
      return std::pair{a.full, a.all} < std::pair{b.full, b.all};
    });
  return static_cast<uint32_t>(best - places.begin());
}

void supervisor::dial_one(api::time_point now) {
  auto id = ++next_link_;
  dials_.dial_started(now);
  // Known before it lives: else an exception in between would leave a connection
  // that nobody ends.
  auto& x = links_[id];
  x.reactor = reactor_to_dial();
  x.since = now;
  try {
    x.connection = config_.dial(x.reactor, id, link_observer{this});
  } catch (const std::exception& e) {
    links_.erase(id);
    link_closed failed;
    failed.link = id;
    failed.cause = errc::resource_error;
    failed.text = e.what();
    on_dial_failed(failed, now, now);
  }
}

uint32_t supervisor::ready_links() const {
  uint32_t n = 0;
  for (auto& [id, x] : links_)
    if (x.state == connection_state::ready && !x.leaving)
      ++n;
  return n;
}

link_entry* supervisor::any_ready_link(uint64_t& id) {
  for (auto& [link, x] : links_)
    if (x.state == connection_state::ready && !x.leaving) {
      id = link;
      return &x;
    }
  return nullptr;
}

void supervisor::on_link_up(link_up& x) {
  auto i = links_.find(x.link);
  if (i == links_.end())
    return;
  auto now = api::now(this);
  auto& entry = i->second;
  entry.owner = x.owner;
  entry.connection = x.connection;
  // One of the supervisor's predecessor says that it is still there.
  if (entry.state == connection_state::ready)
    return;
  dials_.dial_finished(dial_schedule::result::ready, now);
  auto is_ready = [&](auto& each) {
    return each.second.reactor == entry.reactor && !each.second.leaving
           && each.second.state == connection_state::ready;
  };
  auto others = std::count_if(links_.begin(), links_.end(), is_ready);
  entry.state = connection_state::ready;
  entry.client_id = x.client_id;
  entry.since = now;
  last_up_ = now;
  if (draining_ || others >= config_.options.pool.connections) {
    // Of several dials that hung, more came through than are wanted.
    dials_.closed();
    entry.leaving = true;
    api::send(this, x.connection, close_link{errc::shutting_down});
    tend();
    return;
  }
  for (auto& each : clients_)
    if (each.reactor == entry.reactor)
      api::send(this, entry.connection, attach_client{each.handle});
  log_limited(spdlog::level::info, errc::none,
              "connection {} to {} is ready ({} of {})", x.link,
              to_string(config_.options.server), ready_links(),
              dials_.wanted());
  publish(connection_event(event_kind::connection_up, x.link));
  if (trouble_ != errc::none) {
    trouble_ = errc::none;
    push_gate();
  }
  apply(breaker_.connection_ready(now));
  tend();
}

void supervisor::on_link_closed(link_closed& x) {
  auto i = links_.find(x.link);
  if (i == links_.end())
    return;
  auto leaving = i->second.leaving;
  auto started = i->second.since;
  links_.erase(i);
  std::vector<uint64_t> orphans;
  for (auto& [id, each] : own_)
    if (each.link == x.link)
      orphans.push_back(id);
  for (auto id : orphans)
    finish(id, nullptr, x.cause, x.text);
  auto now = api::now(this);
  if (!leaving && !draining_) {
    if (x.was_ready)
      on_ready_link_lost(x, now);
    else
      on_dial_failed(x, started, now);
  }
  tend();
}

void supervisor::on_ready_link_lost(const link_closed& x, api::time_point now) {
  ++connections_lost_;
  ++restarted_;
  last_error_ = x.cause;
  last_error_text_ = x.text;
  dials_.lost(now);
  log_limited(spdlog::level::warn, x.cause, "connection {} was lost: {}: {}",
              x.link, to_string(x.cause), x.text);
  auto closed = connection_event(event_kind::connection_closed, x.link);
  closed.error = x.cause;
  closed.text = x.text;
  publish(std::move(closed));
  publish(connection_event(event_kind::connection_restarted, x.link));
  count_crash(now);
  if (x.cause == errc::read_only_replica)
    leave_old_links(now);
  // A server that turned into a replica, or wants other credentials, is well.
  if (x.cause != errc::read_only_replica && x.cause != errc::auth_failed)
    apply(breaker_.record(circuit_breaker::link_event::lost, now));
}

/// The endpoint's name leads elsewhere by now, or will: what goes over the other
/// connections would be turned away one by one. All are made anew.
void supervisor::leave_old_links(api::time_point now) {
  for (auto& [id, x] : links_) {
    if (x.leaving || x.state != connection_state::ready)
      continue;
    x.leaving = true;
    dials_.lost(now);
    api::send(this, x.connection, close_link{errc::read_only_replica});
    auto closed = connection_event(event_kind::connection_closed, id);
    closed.error = errc::read_only_replica;
    publish(std::move(closed));
  }
}

void supervisor::on_dial_failed(const link_closed& x, api::time_point started,
                                api::time_point now) {
  dials_.dial_finished(turned_away(x.cause) ? dial_schedule::result::turned_away
                                            : dial_schedule::result::failed,
                       now);
  // Those who wait should know for what.
  auto news = last_error_ != x.cause;
  last_error_ = x.cause;
  last_error_text_ = x.text;
  if (news)
    push_gate();
  log_limited(spdlog::level::warn, x.cause, "cannot connect to {}: {}: {}",
              to_string(config_.options.server), to_string(x.cause), x.text);
  if (x.cause == errc::auth_failed) {
    // Not the server's health: nothing that waiting or retrying would mend.
    if (ready_links() == 0 && trouble_ == errc::none) {
      trouble_ = errc::auth_failed;
      push_gate();
    }
    return;
  }
  if (trouble_ != errc::none) {
    trouble_ = errc::none;
    push_gate();
  }
  // A dial that hung since before a later one came through tells of the past.
  if (started >= last_up_)
    apply(breaker_.record(circuit_breaker::link_event::dial_failed, now));
}

// -- request actors ---------------------------------------------------------------------

void supervisor::on_register(register_client& x) {
  auto known = std::any_of(clients_.begin(), clients_.end(),
                           [&](auto& each) { return each.id == x.id; });
  if (known)
    return;
  introduce(add_client({x.client, x.id, x.reactor}));
}

client_entry& supervisor::add_client(const client_place& x) {
  client_entry added;
  added.handle = x.handle;
  added.reactor = x.reactor;
  added.id = x.id;
  shares_.join(x.id);
  return clients_.emplace_back(std::move(added));
}

/// Makes a request actor acquainted with the breaker and the connections.
void supervisor::introduce(client_entry& x) {
  api::monitor(this, x.handle);
  api::send(this, x.handle, current_gate());
  for (auto& [id, link] : links_)
    if (link.reactor == x.reactor && !link.leaving
        && link.state == connection_state::ready)
      api::send(this, link.connection, attach_client{x.handle});
  if (draining_)
    api::send(this, x.handle, drain_client{drain_deadline_});
}

} // namespace redoubt
