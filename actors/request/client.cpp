#include <redoubt/actors/request/client.hpp>

#include <redoubt/actors/log.hpp>
#include <redoubt/actors/quiet.hpp>
#include <redoubt/actors/request/transaction_body.hpp>

#include <fmt/format.h>

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
        // Ticks that an earlier one came before are not for now.
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

// -- requests ---------------------------------------------------------------------

namespace {

/// What is wrong with the options of a request, or nothing. Times are what they
/// are: who counts down a deadline may arrive at none.
std::string fault_of(const request_options& x) {
  for (auto& each : validate(x))
    if (each.key != "deadline" && each.key != "attempt_timeout")
      return each.key + ": " + each.what;
  return {};
}

} // namespace

request_slot& client::open_request(uint32_t index,
                                   const request_options* options) {
  static const request_options none;
  auto& o = options != nullptr ? *options : none;
  auto& defaults = config_.defaults;
  auto& x = table_[index];
  x.order = ++next_order_;
  x.arrived = now();
  using std::chrono::milliseconds;
  x.deadline = x.arrived
               + api::bounded(o.deadline.value_or(defaults.timeouts.request));
  x.attempt_timeout = std::max(
    api::bounded(o.attempt_timeout.value_or(defaults.timeouts.attempt)),
    milliseconds{1});
  x.max_attempts = o.attempts ? std::max<uint32_t>(*o.attempts, 1) : 0;
  x.on_open = o.on_open.value_or(defaults.on_open);
  x.hedge = o.hedge.value_or(defaults.hedge);
  x.use_breaker = o.use_breaker.value_or(defaults.use_breaker);
  x.hedge_asked = o.hedge && o.hedge->mode != hedge_mode::off;
  if (options != nullptr) {
    x.priority = options->priority;
    x.retry = options->retry;
    x.fallback = options->fallback;
    x.operation = options->operation;
    x.tag = options->tag;
    x.last_message = fault_of(*options);
    if (!x.last_message.empty())
      x.last_code = errc::invalid_options;
  }
  return x;
}

namespace {

command_class effective_class(command_class own, const request_options* options,
                              const client_options& defaults) {
  auto strict = defaults.strict_reply;
  if (options != nullptr) {
    strict = options->strict_reply.value_or(strict);
    own = options->cls.value_or(own);
  }
  return strict && own == command_class::convergent
           ? command_class::accumulating
           : own;
}

} // namespace

void client::on_command(command& cmd, const request_options* options) {
  auto caller = caller_of_current();
  admit(cmd, options, caller, answer{make_response_promise<reply>()},
        options != nullptr ? options->tag : 0);
}

void client::admit(command& cmd, const request_options* options,
                   caf::actor_id caller, answer to, uint64_t tag) {
  auto index = table_.add();
  auto& x = open_request(index, options);
  x.caller = caller;
  x.tag = tag;
  x.to = std::move(to);
  x.cls = effective_class(cmd.cls(), options, config_.defaults);
  x.cmd = std::move(cmd);
  place(index);
}

void client::on_pipeline(pipeline& x, const request_options* options) {
  auto caller = caller_of_current();
  auto promise = make_response_promise<replies>();
  if (x.commands.empty() || x.commands.size() > config_.limits.pipeline) {
    answer to{std::move(promise)};
    if (x.commands.empty()) {
      to.succeed(replies{});
      return;
    }
    failure why;
    why.code = errc::too_large;
    why.last_message = fmt::format(
      "a pipeline of {} commands exceeds the limit "
      "of {}",
      x.commands.size(), config_.limits.pipeline);
    to.fail(std::move(why));
    return;
  }
  auto group = std::make_shared<pipeline_group>(std::move(promise),
                                                x.commands.size());
  // A pipeline is one request to the queue: all of it finds room, or none.
  pipeline_room whole;
  ++last_pipeline_;
  for (auto& each : x.commands)
    whole.newcomer.bytes += each.wire().size() + sizeof(request_slot);
  for (uint32_t i = 0; i < x.commands.size(); ++i) {
    auto index = table_.add();
    auto& member = open_request(index, options);
    member.caller = caller;
    member.pipeline = last_pipeline_;
    // Its reads are hedged, whatever else is in it.
    member.hedge_asked = false;
    member.to = answer{group, i};
    member.cls = effective_class(x.commands[i].cls(), options,
                                 config_.defaults);
    member.cmd = std::move(x.commands[i]);
    place(index, &whole);
  }
}

void client::on_transaction(transaction& x, const request_options* options) {
  auto caller = caller_of_current();
  auto index = table_.add();
  auto& whole = open_request(index, options);
  whole.caller = caller;
  whole.to = answer{make_response_promise<replies>()};
  if (x.commands.empty()) {
    whole.to.succeed(replies{});
    discard(index);
    return;
  }
  whole.cls = effective_class(class_of_transaction(x.commands), options,
                              config_.defaults);
  whole.members = std::make_shared<const std::vector<command>>(
    std::move(x.commands));
  whole.reply_count = static_cast<uint32_t>(whole.members->size()) + 2;
  place(index);
}

namespace {

errc judge_command(const command& cmd, const limit_options& limits,
                   std::string& message) {
  if (cmd.empty()) {
    message = "the command is empty";
    return errc::invalid_command;
  }
  if (auto why = cmd.refusal(); !why.empty()) {
    message = fmt::format("{}: {}", cmd.name(), why);
    return errc::invalid_command;
  }
  if (cmd.largest_argument() > limits.argument_bytes) {
    message = fmt::format("{}: an argument of {} bytes exceeds the limit of {}",
                          cmd.name(), cmd.largest_argument(),
                          limits.argument_bytes);
    return errc::too_large;
  }
  return errc::none;
}

bool can_stand_in(const fallback& who, const request_slot& x) {
  return !x.is_transaction()
         && (std::holds_alternative<fallback_actor>(who)
             || x.cls == command_class::read_only);
}

} // namespace

errc client::admission_error(const request_slot& x, std::string& message) {
  if (draining_)
    return errc::shutting_down;
  if (x.last_code != errc::none)
    return x.last_code;
  if (x.hedge_asked
      && (x.is_transaction() || x.cls != command_class::read_only)) {
    message = "hedge: only single commands that are read_only are hedged";
    return errc::invalid_command;
  }
  if (x.fallback && !can_stand_in(*x.fallback, x)) {
    message = "a fallback answers single commands; a value, only reads";
    return errc::invalid_command;
  }
  if (!x.is_transaction()) {
    if (auto code = judge_command(x.cmd, config_.limits, message);
        code != errc::none)
      return code;
  } else {
    if (x.members->size() > config_.limits.pipeline) {
      message = fmt::format("a transaction of {} commands exceeds the limit of "
                            "{}",
                            x.members->size(), config_.limits.pipeline);
      return errc::too_large;
    }
    for (auto& each : *x.members)
      if (auto code = judge_command(each, config_.limits, message);
          code != errc::none)
        return code;
  }
  // What was admitted may wait to be sent again; it must not pile up while the
  // server turns everything away.
  if (waiting_ >= config_.limits.in_flight) {
    message = "too many requests of the client handle wait to be sent again";
    return errc::overloaded;
  }
  if (x.deadline <= x.arrived) {
    message = "the deadline was over when the request came in";
    return errc::deadline_exceeded;
  }
  if (gate_.trouble != errc::none) {
    message = gate_.last_error_text;
    return gate_.trouble;
  }
  if (gate_.state == breaker_state::open && x.use_breaker
      && x.on_open == on_open_policy::fail_fast) {
    message = gate_.last_error_text;
    return errc::circuit_open;
  }
  return errc::none;
}

/// Sends a new request, or lets it wait where its turn will come.
void client::place(uint32_t index, pipeline_room* whole) {
  auto& x = table_[index];
  x.phase = request_phase::arriving;
  auto& shared = config_.defaults.fallback;
  if (!x.fallback && shared && can_stand_in(*shared, x))
    x.fallback = shared;
  if (auto code = admission_error(x, x.last_message); code != errc::none) {
    fail(index, code, fate::not_sent);
    return;
  }
  if (x.is_transaction())
    x.wire = encode_transaction(*x.members);
  if (!someone_before(x) && may_send(x)) {
    hand_over(index);
    return;
  }
  auto newcomer = item_of(x);
  if (whole != nullptr) {
    newcomer.bytes = whole->newcomer.bytes;
    if (!whole->found)
      whole->found = find_room(newcomer);
  }
  if (whole != nullptr ? !*whole->found : !find_room(newcomer)) {
    x.last_message = "the queue of the client handle is full";
    fail(index, errc::overloaded, fate::not_sent);
    return;
  }
  wheel_.schedule(index, x.deadline);
  // Behind older ones of its caller of which it may be independent: only the lane
  // knows.
  auto lane = lanes_.find(x.caller);
  if (link_ && lane != nullptr && !lane->closed
      && lane->entries.size() < config_.limits.credit
      && !queue_.holds(x.caller)) {
    put_in_lane(index);
    lanes_.list(x.caller);
    return;
  }
  line_up(index);
  ask_for_leave();
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
  send(config_.supervisor, client_drained{config_.id, abandoned_});
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
