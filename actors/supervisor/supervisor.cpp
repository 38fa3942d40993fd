#include <redoubt/actors/supervisor/supervisor.hpp>

#include <redoubt/actors/quiet.hpp>

#include <algorithm>
#include <type_traits>
#include <utility>

namespace redoubt {

supervisor::supervisor(caf::actor_config& cfg, supervisor_config config)
  : supervisor_internal::base(cfg),
    supervisor_standing(config.options, config.seed, api::now(this)),
    config_(std::move(config)),
    heir_(config_.inherited ? config_.inherited
                            : std::make_shared<supervisor_standing>(
                              config_.options, 0, api::now(this))),
    log_(logger_for("supervisor")),
    log_limit_(config_.options.limits.log_lines) {
  make_quiet(this, log_);
  api::on_down(this, [this](const caf::actor_addr& who) { on_down(who); });
}

supervisor::behavior_type supervisor::make_behavior() {
  begin();
  return {
    // -- operators
    [this](status_query) -> caf::delegated<runtime_status> {
      owed<runtime_status>().deliver(status());
      return {};
    },
    [this](const health_query& x) -> caf::delegated<health_report> {
      on_health(x);
      return {};
    },
    [this](subscribe& x) { on_subscribe(x); },
    [this](unsubscribe& x) { on_unsubscribe(x); },
    [this](const force_breaker& x) -> caf::delegated<breaker_status> {
      owed<breaker_status>().deliver(on_force(x));
      return {};
    },
    [this](const reconfigure& x) -> caf::delegated<runtime_status> {
      on_reconfigure(x);
      return {};
    },
    [this](const drain& x) -> caf::delegated<drained> {
      on_drain(x);
      return {};
    },
    [this](const ready_query& x) -> caf::delegated<ready> {
      on_ready_query(x);
      return {};
    },
    [this](const lease_connection& x) -> caf::delegated<leased> {
      on_lease(x);
      return {};
    },
    // -- connections
    [this](link_up& x) { on_link_up(x); },
    [this](link_replies& x) { on_link_replies(x); },
    [this](link_closed& x) { on_link_closed(x); },
    // -- request actors
    [this](const report& x) { on_report(x); },
    [this](const client_drained& x) {
      for (auto& each : clients_)
        if (each.id == x.client && !each.drained) {
          each.drained = true;
          abandoned_ += x.abandoned;
        }
      tend();
    },
    [this](register_client& x) { on_register(x); },
    [this](const link_progress& x) {
      if (auto i = links_.find(x.link); i != links_.end())
        i->second.state = x.state;
    },
    [this](const tick& x) { on_tick(x.token); },
  };
}

void supervisor::on_tick(uint64_t token) {
  if (token != tick_token_)
    return;
  armed_for_ = api::time_point::max();
  if (adopts_at_ && *adopts_at_ <= api::now(this)) {
    adopts_at_.reset();
    adopt();
    return;
  }
  tend();
}

/// Does whatever is due, and asks to be woken for what is due next. Called after
/// everything that may have changed a schedule.
void supervisor::tend() {
  auto now = api::now(this);
  expire_own(now);
  if (adopts_at_) {
    answer_ready(now);
    lend(now);
    arm(now);
    return;
  }
  if (restarts_.tick(now)) {
    dials_.degraded(false, now);
    log_->info("the endpoint is stable again, dialling at the usual pace");
    event x;
    x.kind = event_kind::recovered;
    publish(std::move(x));
  }
  tend_breaker(now);
  retire_old_links(now);
  if (!draining_)
    start_dials(now);
  answer_ready(now);
  lend(now);
  check_drained(now);
  arm(now);
}

void supervisor::expire_own(api::time_point now) {
  std::vector<uint64_t> expired;
  for (auto& [id, x] : own_)
    if (x.deadline <= now)
      expired.push_back(id);
  for (auto id : expired)
    finish(id, nullptr, errc::attempt_timeout, "no reply in time");
}

void supervisor::arm(api::time_point now) {
  auto next = adopts_at_
                ? *adopts_at_
                : std::min(breaker_.next_tick(), restarts_.next_tick());
  if (!draining_ && !adopts_at_)
    next = std::min(
      {next, next_old(), may_dial() ? dials_.next() : api::time_point::max()});
  for (auto& [id, x] : own_)
    next = std::min(next, x.deadline);
  for (auto& x : ready_waiters_)
    next = std::min(next, x.deadline);
  for (auto& x : lease_waiters_)
    next = std::min(next, x.deadline);
  next = std::min(next, next_lease(now));
  if (draining_ && !drain_done_ && !adopts_at_)
    next = std::min(next, now < drain_deadline_
                            ? drain_deadline_
                            : drain_deadline_ + drain_grace);
  next = std::max(next, now);
  if (next >= armed_for_)
    return;
  armed_for_ = next;
  api::send_at(this, supervisor_internal{this}, next, tick{++tick_token_});
}

/// CAF calls it once more if it, or what CAF does next, ends by an exception: all of
/// it can be done again, but the standing is handed over once.
void supervisor::on_exit() {
  for (auto& [id, x] : checks_) {
    x.report.error = describe(errc::actor_died);
    x.report.error_type = to_string(errc::actor_died);
    x.promise.deliver(std::move(x.report));
  }
  failure why;
  why.code = draining_ ? errc::shutting_down : errc::actor_died;
  for (auto& x : ready_waiters_)
    x.promise.deliver(to_error(why));
  for (auto& x : lease_waiters_)
    x.promise.deliver(to_error(why));
  for (auto& x : drain_promises_)
    x.deliver(drained{abandoned_});
  checks_.clear();
  ready_waiters_.clear();
  lease_waiters_.clear();
  drain_promises_.clear();
  config_.dial = nullptr;
  config_.lend = nullptr;
  config_.replace_client = nullptr;
  config_.roster = nullptr;
  config_.loops = nullptr;
  auto succeed = std::exchange(config_.succeed, nullptr);
  if (succeed) {
    static_assert(std::is_nothrow_move_assignable_v<supervisor_standing>);
    *heir_ = std::move(static_cast<supervisor_standing&>(*this));
  }
  links_.clear();
  leases_.clear();
  clients_.clear();
  subscriptions_.clear();
  if (succeed)
    succeed(std::move(heir_));
}

} // namespace redoubt
