// What operators ask: status, health, events, readiness, drain.

#include <redoubt/actors/supervisor/supervisor.hpp>

#include <redoubt/actors/supervisor/server_info.hpp>

#include <algorithm>

namespace redoubt {

runtime_status supervisor::status() {
  auto now = api::now(this);
  auto since = [&](api::time_point x) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(now - x);
  };
  runtime_status result;
  result.server = to_string(config_.options.server);
  result.uptime = since(started_);
  result.breaker = breaker_.status(now);
  for (auto& [id, x] : links_)
    result.connections.push_back(
      {id, x.reactor, x.lane, x.state, x.client_id, since(x.since)});
  result.connections_wanted = dials_.wanted();
  result.leased = leases_.size();
  result.lease_waiters = static_cast<uint64_t>(
    std::count_if(lease_waiters_.begin(), lease_waiters_.end(),
                  [](auto& x) { return x.link == 0; }));
  if (config_.loops)
    result.reactors = config_.loops();
  result.clients = clients_.size();
  result.requests = past_;
  for (auto& x : clients_)
    result.requests += x.counters;
  result.budget = budget_.status(now);
  result.budget.exhausted = result.requests.budget_exhausted;
  result.connections_lost = connections_lost_;
  result.dials = dials_.started();
  result.dials_failed = dials_.failed();
  result.restarts = restarted_;
  result.degraded = restarts_.degraded();
  result.draining = draining_;
  result.events_dropped = events_dropped_;
  result.last_error = last_error_;
  result.last_error_text = last_error_text_;
  return result;
}

// -- health -----------------------------------------------------------------------------

void supervisor::on_health(const health_query& x) {
  auto now = api::now(this);
  auto number = ++next_check_;
  checks_.emplace(number, health_check{owed<health_report>(), {}, now});
  uint64_t link = 0;
  auto entry = any_ready_link(link);
  if (entry == nullptr) {
    auto code = last_error_ == errc::none ? errc::connect_failed : last_error_;
    answer_health(number,
                  last_error_text_.empty() ? "not connected yet"
                                           : std::string_view{last_error_text_},
                  to_string(code));
    return;
  }
  // Replies still go to the supervisor that died.
  if (adopts_at_)
    api::send(this, entry->connection, adopt_link{link_observer{this}});
  auto ping_id = ++next_own_;
  auto info_id = ++next_own_;
  auto timeout = api::bounded(x.timeout);
  auto deadline = now + timeout;
  // The patience is the connection's, which others share: a hasty question must
  // not get it closed.
  auto patience = std::max(timeout, config_.options.pool.ping_timeout);
  own_.emplace(ping_id,
               own_request{own_request::kind::ping, link, deadline, number});
  own_.emplace(info_id,
               own_request{own_request::kind::info, link, deadline, number});
  static const command ping{"PING"};
  static const command info{"INFO"};
  submit(link, {submission{ping_id, ping.buffer(), 1, patience},
                submission{info_id, info.buffer(), 1, patience}});
  tend();
}

/// Answers a check, which is well if there is no `error_type`.
void supervisor::answer_health(uint64_t number, std::string_view error,
                               std::string_view error_type) {
  auto i = checks_.find(number);
  if (i == checks_.end())
    return;
  auto x = std::move(i->second);
  checks_.erase(i);
  if (error_type.empty()) {
    x.report.status = "healthy";
  } else {
    x.report = health_report{};
    x.report.error = error;
    x.report.error_type = error_type;
  }
  x.promise.deliver(std::move(x.report));
}

// -- events -----------------------------------------------------------------------------

void supervisor::on_subscribe(subscribe& x) {
  auto known = std::any_of(subscriptions_.begin(), subscriptions_.end(),
                           [&](auto& each) {
                             return each.who == x.subscriber;
                           });
  if (!x.subscriber || known)
    return;
  api::monitor(this, x.subscriber);
  subscriptions_.push_back({x.subscriber, ++next_subscription_, 0});
}

void supervisor::on_unsubscribe(unsubscribe& x) {
  if (!x.subscriber)
    return;
  api::demonitor(this, x.subscriber);
  std::erase_if(subscriptions_,
                [&](auto& each) { return each.who == x.subscriber; });
}

void supervisor::publish(event x) {
  x.sequence = ++event_sequence_;
  x.at = std::chrono::duration_cast<std::chrono::microseconds>(api::now(this)
                                                               - started_);
  for (auto& each : subscriptions_) {
    if (each.outstanding >= config_.options.limits.subscriber_events) {
      ++events_dropped_;
      continue;
    }
    ++each.outstanding;
    auto received = [this, number = each.number] {
      for (auto& other : subscriptions_)
        if (other.number == number)
          --other.outstanding;
    };
    api::request(this, each.who, caf::infinite, x)
      .then(received, [received](const caf::error&) { received(); });
  }
}

// -- readiness --------------------------------------------------------------------------

void supervisor::on_ready_query(const ready_query& x) {
  ready_waiters_.push_back(
    {owed<ready>(), api::now(this) + api::bounded(x.timeout)});
  tend();
}

void supervisor::answer_ready(api::time_point now) {
  if (ready_waiters_.empty())
    return;
  auto n = ready_links();
  std::erase_if(ready_waiters_, [&](ready_waiter& x) {
    if (n > 0) {
      x.promise.deliver(ready{n});
      return true;
    }
    if (!draining_ && x.deadline > now)
      return false;
    failure why;
    why.code = draining_                   ? errc::shutting_down
               : last_error_ == errc::none ? errc::connect_failed
                                           : last_error_;
    why.last_message = last_error_text_;
    x.promise.deliver(to_error(std::move(why)));
    return true;
  });
}

// -- drain ------------------------------------------------------------------------------

void supervisor::on_drain(const drain& x) {
  drain_promises_.push_back(owed<drained>());
  auto now = api::now(this);
  auto deadline = now + api::bounded(x.limit);
  if (!draining_ || deadline < drain_deadline_) {
    draining_ = true;
    drain_done_ = false;
    drain_deadline_ = deadline;
    log_->info("draining, at most {} ms", x.limit.count());
    for (auto& each : clients_)
      api::send(this, each.handle, drain_client{deadline});
    for (auto& [id, each] : leases_)
      if (each.state == connection_state::ready)
        api::send(this, each.lease, drain_client{deadline});
    event e;
    e.kind = event_kind::draining;
    publish(std::move(e));
  }
  tend();
}

void supervisor::check_drained(api::time_point now) {
  if (!draining_)
    return;
  auto all = std::all_of(clients_.begin(), clients_.end(),
                         [](auto& x) { return x.drained; });
  if ((!all || !leases_.empty()) && now < drain_deadline_ + drain_grace)
    return;
  drain_done_ = true;
  for (auto& [id, x] : links_)
    if (!x.leaving) {
      x.leaving = true;
      api::send(this, x.connection, close_link{errc::shutting_down});
    }
  for (auto& [id, x] : leases_)
    if (x.connection)
      api::send(this, x.connection, close_link{errc::shutting_down});
  for (auto& x : drain_promises_)
    x.deliver(drained{abandoned_});
  drain_promises_.clear();
}

} // namespace redoubt
