#include <redoubt/actors/request/client.hpp>

#include <redoubt/actors/log.hpp>
#include <redoubt/actors/quiet.hpp>

#include <algorithm>
#include <utility>

namespace redoubt {

client::client(caf::actor_config& cfg, client_config config)
  : client_actor::base(cfg),
    config_(std::move(config)),
    log_(logger_for("request")),
    random_(config_.seed),
    wheel_(api::now(this)),
    queue_(config_.limits.queue, config_.limits.queue_bytes),
    load_(config_.limits.link_share, config_.limits.in_flight_floor),
    in_flight_limit_(config_.limits.in_flight_floor, config_.limits.credit) {
  make_quiet(this, log_);
  tally_.client = config_.id;
}

client::behavior_type client::make_behavior() {
  // Ends a turn after each message unless whoever resumes this actor does.
  struct turn {
    client* self;
    ~turn() noexcept(false) {
      if (!self->coalescing_)
        self->end_of_turn();
    }
  };
  return {
    [this](command& x) -> caf::delegated<reply> {
      turn guard{this};
      on_command(x, nullptr);
      return {};
    },
    [this](command& x, const request_options& o) -> caf::delegated<reply> {
      turn guard{this};
      if (!take_other_lane(x, o))
        on_command(x, &o);
      return {};
    },
    [this](pipeline& x) -> caf::delegated<replies> {
      turn guard{this};
      on_pipeline(x, nullptr);
      return {};
    },
    [this](pipeline& x, const request_options& o) -> caf::delegated<replies> {
      turn guard{this};
      if (!take_other_lane(x, o))
        on_pipeline(x, &o);
      return {};
    },
    [this](transaction& x) -> caf::delegated<replies> {
      turn guard{this};
      on_transaction(x, nullptr);
      return {};
    },
    [this](transaction& x,
           const request_options& o) -> caf::delegated<replies> {
      turn guard{this};
      if (!take_other_lane(x, o))
        on_transaction(x, &o);
      return {};
    },
    [this](submit& x) {
      turn guard{this};
      on_submit(x);
    },
    [this](const cancel& x) {
      turn guard{this};
      on_cancel(x);
    },
    [this](observe_attempts& x) {
      turn guard{this};
      on_observe(x);
    },
    [this](reconfigure_client& x) -> caf::result<void> {
      turn guard{this};
      return on_reconfigure(x);
    },
    [this](link_up& x) {
      turn guard{this};
      on_link_up(x);
    },
    [this](link_replies& x) {
      turn guard{this};
      on_link_replies(x);
    },
    [this](link_closed& x) {
      turn guard{this};
      on_link_closed(x);
    },
    [this](gate& x) {
      turn guard{this};
      on_gate(x);
    },
    [this](drain_client& x) {
      turn guard{this};
      on_drain(x);
    },
    [this](new_supervisor& x) {
      turn guard{this};
      on_new_supervisor(x);
    },
    [this](tick& x) {
      turn guard{this};
      if (x.purpose == tick_purpose::fence) {
        pump();
      } else if (x.purpose == tick_purpose::lease) {
        on_lease_over();
      } else if (x.purpose == tick_purpose::hedge) {
        // A tick that was overtaken by an earlier one comes too early.
        if (now() < hedges_armed_for_)
          return;
        hedges_armed_for_ = api::time_point::max();
        send_hedges();
      } else if (x.purpose == tick_purpose::report) {
        report_armed_ = false;
        report_now_ = true;
      } else if (x.token == sweep_token_) {
        sweep_armed_for_ = api::time_point::max();
        sweep();
      }
    },
  };
}

api::time_point client::now() {
  if (!now_valid_) {
    now_ = api::now(this);
    now_valid_ = true;
  }
  return now_;
}

void client::end_of_turn() {
  if (lanes_.anything_listed())
    pump();
  flush_outbox();
  flush_channels();
  if (feed_.anything())
    flush_feed();
  check_drained();
  tend_leases();
  if (report_now_)
    send_report();
  else if (report_later_)
    arm_report();
  arm_sweep();
  arm_hedges();
  now_valid_ = false;
}

caf::actor_id client::caller_of_current() {
  auto& who = current_sender();
  return who ? who->id() : 0;
}

// -- the end ------------------------------------------------------------------------

void client::on_drain(const drain_client& x) {
  if (!draining_)
    log_->info("client {} is draining", config_.id);
  draining_ = true;
  if (x.deadline > now()) {
    api::send_at(this, client_actor{this}, x.deadline,
                 drain_client{x.deadline});
    return;
  }
  for (uint32_t i = 0; i < table_.capacity(); ++i) {
    auto& each = table_[i];
    if (each.phase == request_phase::free)
      continue;
    ++abandoned_;
    fail(i, errc::shutting_down,
         each.phase == request_phase::in_flight ? fate::unknown : each.so_far);
  }
  abandoned_ += fallbacks_.size();
  end_fallbacks();
}

/// What was told to the supervisor that died may be lost.
void client::on_new_supervisor(new_supervisor& x) {
  config_.supervisor = std::move(x.supervisor);
  permits_asked_ = false;
  drained_ = false;
  report_now_ = true;
}

void client::check_drained() {
  if (!draining_ || drained_ || table_.size() > 0 || !fallbacks_.empty())
    return;
  drained_ = true;
  report_now_ = true;
  send_report();
  api::send(this, config_.supervisor, client_drained{config_.id, abandoned_});
}

void client::on_exit() {
  auto code = draining_ ? errc::shutting_down : errc::actor_died;
  // Who is asked now has nobody to answer to.
  draining_ = true;
  for (uint32_t i = 0; i < table_.capacity(); ++i) {
    auto& each = table_[i];
    if (each.phase != request_phase::free)
      fail(i, code,
           each.phase == request_phase::in_flight ? fate::unknown
                                                  : each.so_far);
  }
  end_fallbacks();
  flush_channels();
  feed_.clear();
  link_.reset();
  spare_links_.clear();
  config_.supervisor = nullptr;
}

} // namespace redoubt
