// Connections: dialling, losing, restarting; and request actors coming and going.

#include <redoubt/actors/supervisor/supervisor.hpp>

#include <algorithm>
#include <array>
#include <exception>
#include <tuple>

namespace redoubt {

namespace {

constexpr std::array lanes{link_lane::shared, link_lane::bulk};

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
  while (may_dial() && dials_.should_dial(now))
    dial_one(now);
}

bool supervisor::has_room() const noexcept {
  return links_.size() + leases_.size() < config_.options.pool.max_connections;
}

/// Nothing is missing, or there is room. For the successor of an old connection one
/// dial at a time is enough.
bool supervisor::may_dial() const {
  return has_room() && (dials_.dialing() == 0 || !only_old_missing());
}

/// The bulk lane of a reactor has connections once somebody uses it.
uint32_t supervisor::wanted_at(uint32_t reactor, link_lane lane) const {
  auto& pool = config_.options.pool;
  if (lane == link_lane::shared)
    return pool.connections;
  auto used = std::any_of(clients_.begin(), clients_.end(), [&](auto& x) {
    return x.reactor == reactor && x.lane == lane;
  });
  return used ? pool.bulk_connections : 0;
}

uint32_t supervisor::lasting_at(uint32_t reactor, link_lane lane) const {
  auto is_there = [&](auto& each) {
    auto& x = each.second;
    return x.reactor == reactor && x.lane == lane && x.lasts();
  };
  return static_cast<uint32_t>(
    std::count_if(links_.begin(), links_.end(), is_there));
}

void supervisor::plan_links() {
  uint32_t wanted = 0;
  for (uint32_t i = 0; i < config_.options.threads.reactors; ++i)
    for (auto lane : lanes)
      wanted += wanted_at(i, lane);
  dials_.want(wanted);
}

/// Where connections are missing; of several such places the one with the fewest
/// dials under way.
supervisor::link_place supervisor::place_to_dial() const {
  std::optional<std::tuple<bool, ptrdiff_t, link_place>> best;
  for (uint32_t i = 0; i < config_.options.threads.reactors; ++i)
    for (auto lane : lanes) {
      auto wanted = wanted_at(i, lane);
      if (wanted == 0)
        continue;
      auto all = std::count_if(links_.begin(), links_.end(), [&](auto& each) {
        auto& x = each.second;
        return x.reactor == i && x.lane == lane && !x.leaving && !x.old;
      });
      std::tuple rank{lasting_at(i, lane) >= wanted, all, link_place{i, lane}};
      best = best ? std::min(*best, rank) : rank;
    }
  return std::get<link_place>(*best);
}

void supervisor::dial_one(api::time_point now) {
  auto id = ++next_link_;
  auto place = place_to_dial();
  dials_.dial_started(now);
  // Known before it lives: else an exception in between would leave a connection
  // that nobody ends.
  auto& x = links_[id];
  std::tie(x.reactor, x.lane) = place;
  x.since = now;
  try {
    x.connection = config_.dial(x.reactor, id, link_observer{this}, {});
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
  auto serves = [](auto& each) { return each.second.serves(); };
  return static_cast<uint32_t>(
    std::count_if(links_.begin(), links_.end(), serves));
}

uint32_t supervisor::lasting_links() const {
  auto lasts = [](auto& each) { return each.second.lasts(); };
  return static_cast<uint32_t>(
    std::count_if(links_.begin(), links_.end(), lasts));
}

/// One of the bulk lane only if there is no other: it may be busy for long.
link_entry* supervisor::any_ready_link(uint64_t& id) {
  link_entry* found = nullptr;
  for (auto& [link, x] : links_)
    if (x.serves() && (found == nullptr || x.lane < found->lane)) {
      id = link;
      found = &x;
    }
  return found;
}

void supervisor::on_link_up(link_up& x) {
  if (on_lease_up(x))
    return;
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
  auto others = lasting_at(entry.reactor, entry.lane);
  entry.state = connection_state::ready;
  entry.client_id = x.client_id;
  entry.since = now;
  entry.old_at = lifetimes_.draw(now);
  last_up_ = now;
  if (draining_ || others >= wanted_at(entry.reactor, entry.lane)) {
    // Of several dials that hung, more came through than are wanted.
    dials_.closed();
    entry.leaving = true;
    api::send(this, x.connection, close_link{errc::shutting_down});
    tend();
    return;
  }
  for (auto& each : clients_)
    if (each.reactor == entry.reactor && each.lane == entry.lane)
      api::send(this, entry.connection, attach_client{each.handle});
  log_limited(spdlog::level::info, errc::none,
              "connection {} to {} is ready ({} of {})", x.link,
              to_string(config_.options.server), ready_links(),
              dials_.wanted());
  publish(connection_event(event_kind::connection_up, x.link));
  replace_old_link(entry);
  if (trouble_ != errc::none) {
    trouble_ = errc::none;
    push_gate();
  }
  apply(breaker_.connection_ready(now));
  tend();
}

void supervisor::on_link_closed(link_closed& x) {
  if (on_lease_closed(x))
    return;
  auto i = links_.find(x.link);
  if (i == links_.end())
    return;
  auto leaving = i->second.leaving;
  auto counted = i->second.lasts();
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
      on_ready_link_lost(x, counted, now);
    else
      on_dial_failed(x, started, now);
  }
  tend();
}

/// What is lost while it is old was given up for another one already.
void supervisor::on_ready_link_lost(const link_closed& x, bool counted,
                                    api::time_point now) {
  ++connections_lost_;
  ++restarted_;
  last_error_ = x.cause;
  last_error_text_ = x.text;
  if (counted)
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
    if (!x.serves())
      continue;
    if (x.lasts())
      dials_.lost(now);
    x.leaving = true;
    api::send(this, x.connection, close_link{errc::read_only_replica, true});
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
  if (keep_old_link(now)) {
    log_limited(spdlog::level::warn, x.cause,
                "an old connection to {} stays, there is no other: {}: {}",
                to_string(config_.options.server), to_string(x.cause), x.text);
    return;
  }
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

// -- growing old --------------------------------------------------------------------------

/// All that are wanted serve, and one of them is old.
bool supervisor::only_old_missing() const {
  auto is_old = [](auto& each) {
    return each.second.old && each.second.serves();
  };
  return lasting_links() + 1 == dials_.wanted()
         && std::any_of(links_.begin(), links_.end(), is_old);
}

/// One after the other, and only while none is missing: its successor is dialled
/// now.
void supervisor::retire_old_links(api::time_point now) {
  if (draining_ || next_old() > now)
    return;
  auto oldest = std::min_element(
    links_.begin(), links_.end(), [](auto& a, auto& b) {
      auto rank = [](const link_entry& x) {
        return x.lasts() ? x.old_at : api::time_point::max();
      };
      return rank(a.second) < rank(b.second);
    });
  auto& x = oldest->second;
  x.old = true;
  dials_.lost(now);
  if (has_room())
    return;
  // There is no room for both.
  x.leaving = true;
  api::send(this, x.connection, close_link{errc::disconnected, true});
}

/// When the next one is due, if nothing keeps it.
api::time_point supervisor::next_old() const {
  if (lasting_links() < dials_.wanted())
    return api::time_point::max();
  auto next = api::time_point::max();
  for (auto& [id, x] : links_) {
    if (x.old && x.serves())
      return api::time_point::max();
    if (x.lasts())
      next = std::min(next, x.old_at);
  }
  return next;
}

void supervisor::replace_old_link(link_entry& by) {
  for (auto& [id, x] : links_)
    if (x.old && x.serves() && x.reactor == by.reactor && x.lane == by.lane) {
      x.leaving = true;
      log_->info("connection {} is replaced, it was old", id);
      api::send(this, x.connection, close_link{errc::disconnected, true});
      publish(connection_event(event_kind::connection_closed, id));
      return;
    }
}

/// The successor of an old one could not be had. True if nothing else is wrong:
/// then it serves on.
bool supervisor::keep_old_link(api::time_point now) {
  if (!only_old_missing())
    return false;
  for (auto& [id, x] : links_)
    if (std::exchange(x.old, false))
      x.old_at = lifetimes_.draw(now);
  dials_.recount(lasting_links(), dials_.dialing());
  return true;
}

// -- request actors ---------------------------------------------------------------------

void supervisor::on_register(register_client& x) {
  auto known = std::any_of(clients_.begin(), clients_.end(),
                           [&](auto& each) { return each.id == x.id; });
  if (known)
    return;
  introduce(add_client({x.client, x.id, x.reactor, x.lane}));
  tend();
}

client_entry& supervisor::add_client(const client_place& x) {
  client_entry added;
  added.handle = x.handle;
  added.reactor = x.reactor;
  added.lane = x.lane;
  added.id = x.id;
  shares_.join(x.id);
  auto& result = clients_.emplace_back(std::move(added));
  plan_links();
  return result;
}

/// Makes a request actor acquainted with the breaker and the connections.
void supervisor::introduce(client_entry& x) {
  api::monitor(this, x.handle);
  api::send(this, x.handle, current_gate());
  for (auto& [id, link] : links_)
    if (link.reactor == x.reactor && link.lane == x.lane && link.serves())
      api::send(this, link.connection, attach_client{x.handle});
  if (draining_)
    api::send(this, x.handle, drain_client{drain_deadline_});
}

} // namespace redoubt
