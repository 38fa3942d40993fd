// Requests that come in: their options, and whether there is a place for them.

#include <redoubt/actors/request/client.hpp>

#include <redoubt/actors/request/command_judgement.hpp>
#include <redoubt/actors/request/transaction_body.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace redoubt {

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
    if (options->retry || options->fallback || !options->operation.empty()) {
      auto& own = x.own_extras();
      own.retry = options->retry;
      own.fallback = options->fallback;
      own.operation = options->operation;
    }
    x.tag = options->tag;
    x.last_message = leaves_lane(*options)
                       ? "lane: must be that of the client handle here"
                       : fault_of(*options);
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
  answer to{make_response_promise<replies>()};
  if (x.commands.empty() || x.commands.size() > config_.limits.pipeline) {
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
  auto group = std::make_shared<pipeline_group>(std::move(to),
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
  answer to{make_response_promise<replies>()};
  auto index = table_.add();
  auto& whole = open_request(index, options);
  whole.caller = caller;
  whole.to = std::move(to);
  if (x.commands.empty()) {
    whole.to.succeed(replies{});
    discard(index);
    return;
  }
  whole.cls = effective_class(class_of_transaction(x.commands), options,
                              config_.defaults);
  whole.reply_count = static_cast<uint32_t>(x.commands.size()) + 2;
  whole.own_extras().members = std::make_shared<const std::vector<command>>(
    std::move(x.commands));
  place(index);
}

namespace {

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
  auto& own = x.extras();
  if (own.fallback && !can_stand_in(*own.fallback, x)) {
    message = "a fallback answers single commands; a value, only reads";
    return errc::invalid_command;
  }
  if (!x.is_transaction()) {
    if (auto code = judge_command(x.cmd, x.cmd.refusal(), config_.limits,
                                  message);
        code != errc::none)
      return code;
  } else {
    if (own.members->size() > config_.limits.pipeline) {
      message = fmt::format("a transaction of {} commands exceeds the limit of "
                            "{}",
                            own.members->size(), config_.limits.pipeline);
      return errc::too_large;
    }
    for (auto& each : *own.members)
      if (auto code = judge_command(each, each.refusal(), config_.limits,
                                    message);
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
  auto code = gate_error(x);
  if (code != errc::none)
    message = gate_.last_error_text;
  return code;
}

/// Sends a new request, or lets it wait where its turn will come.
void client::place(uint32_t index, pipeline_room* whole) {
  auto& x = table_[index];
  x.phase = request_phase::arriving;
  auto& shared = config_.defaults.fallback;
  if (shared && !x.extras().fallback && can_stand_in(*shared, x))
    x.own_extras().fallback = shared;
  if (auto code = admission_error(x, x.last_message); code != errc::none) {
    fail(index, code, fate::not_sent);
    return;
  }
  if (x.is_transaction())
    x.more->wire = encode_transaction(*x.more->members);
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
  if (!link_ || gate_admits(x))
    return;
  held_back_ = true;
  ask_for_leave();
}

} // namespace redoubt
