#include <redoubt/actors/request/connection_lease.hpp>

#include <redoubt/actors/log.hpp>
#include <redoubt/actors/quiet.hpp>
#include <redoubt/actors/request/command_judgement.hpp>
#include <redoubt/actors/request/transaction_body.hpp>
#include <redoubt/messages/block_time.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace redoubt {

namespace {

using std::chrono::milliseconds;

std::chrono::microseconds micros(api::duration x) {
  return std::chrono::floor<std::chrono::microseconds>(x);
}

/// The first option that promises what a leased connection does not do, or nothing.
std::string_view idle_option(const request_options& x) noexcept {
  if (x.retry)
    return "retry";
  if (x.attempts && *x.attempts > 1)
    return "attempts";
  if (x.hedge && x.hedge->mode != hedge_mode::off)
    return "hedge";
  if (x.fallback)
    return "fallback";
  if (x.lane && *x.lane != link_lane::shared)
    return "lane";
  return {};
}

} // namespace

connection_lease::connection_lease(caf::actor_config& cfg, lease_config config)
  : lease_actor::base(cfg),
    config_(std::move(config)),
    log_(logger_for("request")),
    idle_since_(api::now(this)) {
  make_quiet(this, log_);
  api::on_down(this, [this](const caf::actor_addr&) {
    holder_done_ = true;
    end(errc::cancelled, "its holder died");
  });
}

connection_lease::behavior_type connection_lease::make_behavior() {
  if (config_.holder)
    api::monitor(this, config_.holder);
  config_.holder = nullptr;
  return {
    [this](command& x) -> caf::delegated<reply> {
      on_command(x, nullptr);
      return {};
    },
    [this](command& x, const request_options& o) -> caf::delegated<reply> {
      on_command(x, &o);
      return {};
    },
    [this](pipeline& x) -> caf::delegated<replies> {
      on_pipeline(x, nullptr);
      return {};
    },
    [this](pipeline& x, const request_options& o) -> caf::delegated<replies> {
      on_pipeline(x, &o);
      return {};
    },
    [this](transaction& x) -> caf::delegated<replies> {
      on_transaction(x, nullptr);
      return {};
    },
    [this](transaction& x,
           const request_options& o) -> caf::delegated<replies> {
      on_transaction(x, &o);
      return {};
    },
    [this](release_connection) {
      holder_done_ = true;
      end(errc::cancelled, "it was released");
    },
    [this](link_up& x) { on_link_up(x); },
    [this](link_replies& x) { on_link_replies(x); },
    [this](const link_closed& x) { on_link_closed(x); },
    [this](const drain_client& x) { on_drain(x); },
    [this](const tick& x) { on_tick(x.token); },
  };
}

// -- requests -------------------------------------------------------------------------

connection_lease::newcomer
connection_lease::of(command& x, answer to,
                     const request_options* options) const {
  newcomer result;
  result.to = std::move(to);
  result.options = options;
  result.code = judge_command(x, x.leased_refusal(), config_.limits,
                              result.message);
  result.blocks = block_time(x);
  result.is_script = is_script(x.name());
  // Whether the server knows the script by its hash would be learned too late: what
  // follows is sent already.
  auto whole = x.with_script_text();
  result.wire = (whole.empty() ? x : whole).buffer();
  judge_newcomer(result);
  return result;
}

/// Finds what is wrong with it, if nothing was found yet.
void connection_lease::judge_newcomer(newcomer& x) const {
  if (over_ != errc::none) {
    x.code = errc::disconnected;
    x.message = "the lease is over: " + over_text_;
  } else if (drain_deadline_) {
    x.code = errc::shutting_down;
  } else if (x.options != nullptr) {
    auto fault = fault_of(*x.options);
    if (auto name = idle_option(*x.options); fault.empty() && !name.empty())
      fault = fmt::format("{}: a leased connection sends each command once",
                          name);
    if (!fault.empty()) {
      x.code = errc::invalid_options;
      x.message = std::move(fault);
    }
  }
  if (x.code != errc::none)
    return;
  auto own = x.options != nullptr ? x.options->deadline : std::nullopt;
  if (own && *own <= milliseconds{0}) {
    x.code = errc::deadline_exceeded;
    x.message = "the deadline was over when the request came in";
  } else if (!own && x.blocks == milliseconds::max()) {
    x.code = errc::invalid_options;
    x.message = "deadline: a command that blocks for ever needs one";
  }
}

/// Whatever comes is taken while nothing else is under way.
bool connection_lease::has_room(size_t commands,
                                uint64_t bytes) const noexcept {
  return pending_.empty()
         || (pending_.size() + commands <= config_.limits.in_flight
             && pending_bytes_ + bytes <= config_.limits.queue_bytes);
}

void connection_lease::on_command(command& x, const request_options* options) {
  auto y = of(x, answer{make_response_promise<reply>()}, options);
  if (y.code == errc::none && !has_room(1, y.wire->size()))
    y.code = errc::overloaded;
  take(std::move(y));
  hand_over();
}

void connection_lease::on_pipeline(pipeline& x,
                                   const request_options* options) {
  answer to{make_response_promise<replies>()};
  if (x.commands.empty()) {
    to.succeed(replies{});
    return;
  }
  if (x.commands.size() > config_.limits.pipeline) {
    newcomer whole;
    whole.to = std::move(to);
    whole.options = options;
    whole.code = errc::too_large;
    whole.message = fmt::format("a pipeline of {} commands exceeds the limit "
                                "of {}",
                                x.commands.size(), config_.limits.pipeline);
    refuse(whole);
    return;
  }
  uint64_t bytes = 0;
  for (auto& each : x.commands)
    bytes += each.wire().size();
  auto room = has_room(x.commands.size(), bytes);
  auto group = std::make_shared<pipeline_group>(std::move(to),
                                                x.commands.size());
  for (uint32_t i = 0; i < x.commands.size(); ++i) {
    auto y = of(x.commands[i], answer{group, i}, options);
    if (y.code == errc::none && !room)
      y.code = errc::overloaded;
    take(std::move(y));
  }
  hand_over();
}

void connection_lease::on_transaction(transaction& x,
                                      const request_options* options) {
  newcomer whole;
  whole.to = answer{make_response_promise<replies>()};
  whole.options = options;
  if (x.commands.empty()) {
    whole.to.succeed(replies{});
    return;
  }
  whole.replies = static_cast<uint32_t>(x.commands.size()) + 2;
  if (x.commands.size() > config_.limits.pipeline) {
    whole.code = errc::too_large;
    whole.message = fmt::format("a transaction of {} commands exceeds the "
                                "limit of {}",
                                x.commands.size(), config_.limits.pipeline);
  }
  for (auto& each : x.commands)
    if (whole.code == errc::none)
      whole.code = judge_command(each, each.leased_refusal(), config_.limits,
                                 whole.message);
  judge_newcomer(whole);
  if (whole.code == errc::none)
    whole.wire = encode_transaction(x.commands);
  if (whole.code == errc::none && !has_room(1, whole.wire->size()))
    whole.code = errc::overloaded;
  take(std::move(whole));
  hand_over();
}

void connection_lease::refuse(newcomer& x) {
  failure why;
  why.code = x.code;
  if (x.code == errc::overloaded)
    x.message = "too much is under way over the leased connection";
  why.last_message = std::move(x.message);
  if (x.options != nullptr)
    why.operation = x.options->operation;
  x.to.fail(std::move(why));
}

void connection_lease::take(newcomer x) {
  if (x.code != errc::none) {
    refuse(x);
    return;
  }
  auto now = api::now(this);
  pending y;
  y.id = last_id_ + 1;
  y.since = now;
  y.bytes = x.wire->size();
  y.is_transaction = x.replies > 1;
  y.is_script = x.is_script;
  auto blocks = x.blocks.value_or(milliseconds{0});
  if (x.options != nullptr && x.options->deadline) {
    auto time = api::bounded(*x.options->deadline);
    y.blocks = std::min(blocks, time);
    y.deadline = now + time;
  } else {
    y.blocks = blocks;
    // What stands before it may block as well.
    y.deadline = now
                 + api::bounded(pending_blocks_ + blocks
                                + api::bounded(config_.request_timeout));
  }
  if (x.options != nullptr)
    y.operation = x.options->operation;
  submission unit;
  unit.id = y.id;
  unit.wire = std::move(x.wire);
  unit.replies = x.replies;
  unit.patience = std::chrono::ceil<milliseconds>(y.deadline - now);
  // From here on it is in its place, and is answered from there.
  y.to = std::move(x.to);
  auto deadline = y.deadline;
  pending_bytes_ += y.bytes;
  pending_blocks_ += y.blocks;
  pending_.push_back(std::move(y));
  ++last_id_;
  outbox_.push_back(std::move(unit));
  arm(deadline);
}

/// Sends all commands of one message in one.
void connection_lease::hand_over() {
  if (link_ && !outbox_.empty())
    api::send(this, link_->connection,
              submit_many{link_->owner, std::exchange(outbox_, {})});
}

// -- the connection -------------------------------------------------------------------

void connection_lease::on_link_up(link_up& x) {
  if (link_ || over_ != errc::none)
    return;
  link_.emplace(link{x.connection, x.owner});
  idle_since_ = api::now(this);
  hand_over();
  if (config_.idle > milliseconds{0})
    arm(idle_since_ + config_.idle);
}

void connection_lease::on_link_replies(link_replies& x) {
  for (auto& item : x.items) {
    if (pending_.empty() || pending_.front().id != item.id) {
      // Of a request whose deadline passed, while the connection was being closed.
      if (over_ != errc::none)
        continue;
      log_->critical("a leased connection answered out of order, closing it");
      end(errc::protocol_error, "it answered out of order");
      return;
    }
    auto first = std::move(pending_.front());
    pending_.pop_front();
    pending_bytes_ -= first.bytes;
    pending_blocks_ -= first.blocks;
    settle(first, item);
  }
  idle_since_ = api::now(this);
  if (!pending_.empty() || over_ != errc::none)
    return;
  if (drain_deadline_)
    end(errc::shutting_down, "the runtime is shutting down");
  else if (config_.idle > milliseconds{0})
    arm(idle_since_ + config_.idle);
}

void connection_lease::settle(pending& x, link_reply& r) {
  if (r.code != errc::none) {
    fail(x, r.code, fate::answered, r.value.text());
    return;
  }
  if (x.is_transaction) {
    auto all = judge_transaction(std::move(r.value).elements());
    if (all.code == errc::none)
      x.to.succeed(std::move(all.values));
    else
      fail(x, all.code, all.outcome, all.message);
    return;
  }
  if (r.value.is_error()) {
    auto verdict = judge(r.value.text(), x.is_script);
    if (verdict.code != errc::none) {
      fail(x, verdict.code, verdict.outcome, r.value.text());
      return;
    }
  }
  x.to.succeed(std::move(r.value));
}

void connection_lease::fail(pending& x, errc code, fate became,
                            std::string_view message) {
  failure why;
  why.code = code;
  why.outcome = became;
  why.attempts = 1;
  why.elapsed = micros(api::now(this) - x.since);
  why.last_attempt = why.elapsed;
  why.last_message = message;
  why.operation = std::move(x.operation);
  x.to.fail(std::move(why));
}

/// The last word of the connection: what it did not write cannot have run.
void connection_lease::on_link_closed(const link_closed& x) {
  if (over_ == errc::none) {
    over_ = x.cause;
    over_text_ = x.text;
  }
  link_gone_ = true;
  link_.reset();
  outbox_.clear();
  auto left = std::exchange(pending_, {});
  pending_bytes_ = 0;
  pending_blocks_ = {};
  for (auto& each : left)
    fail(each, over_,
         each.id > x.written_up_to ? fate::not_sent : fate::unknown,
         over_text_);
  over_since_ = api::now(this);
  if (holder_done_)
    quit();
  else
    arm(over_since_ + linger);
}

// -- the end ------------------------------------------------------------------------------

/// Closes the connection, whose last word says what becomes of the rest.
void connection_lease::end(errc code, std::string why) {
  if (over_ != errc::none) {
    if (holder_done_ && link_gone_)
      quit();
    return;
  }
  over_ = code;
  over_text_ = std::move(why);
  log_->debug("a lease is over: {}", over_text_);
  if (link_)
    api::send(this, link_->connection, close_link{code});
  else
    // The supervisor, who is dialling, is told by this one's death.
    quit();
}

void connection_lease::on_drain(const drain_client& x) {
  if (over_ != errc::none)
    return;
  drain_deadline_ = x.deadline;
  if (pending_.empty())
    end(errc::shutting_down, "the runtime is shutting down");
  else
    arm(x.deadline);
}

void connection_lease::on_tick(uint64_t token) {
  if (token != tick_token_)
    return;
  armed_for_ = api::time_point::max();
  auto now = api::now(this);
  if (over_ != errc::none) {
    if (!link_gone_)
      return;
    if (now >= over_since_ + linger)
      quit();
    else
      arm(over_since_ + linger);
    return;
  }
  if (drain_deadline_ && *drain_deadline_ <= now) {
    end(errc::shutting_down, "the runtime is shutting down");
    return;
  }
  auto next = drain_deadline_.value_or(api::time_point::max());
  auto expired = false;
  for (auto& each : pending_) {
    if (each.deadline > now) {
      next = std::min(next, each.deadline);
      continue;
    }
    expired = true;
    // The connection may not have written it, but nobody waits to be told.
    fail(each, errc::deadline_exceeded, link_ ? fate::unknown : fate::not_sent,
         "");
  }
  if (expired) {
    // Whoever stands behind is told by the connection's last word.
    std::erase_if(pending_, [](auto& x) { return !x.to.pending(); });
    end(errc::disconnected, "a deadline passed over a command");
    return;
  }
  if (pending_.empty() && config_.idle > milliseconds{0}) {
    if (now >= idle_since_ + config_.idle) {
      end(errc::disconnected,
          fmt::format("it was idle for {} ms", config_.idle.count()));
      return;
    }
    next = std::min(next, idle_since_ + config_.idle);
  }
  if (next < api::time_point::max())
    arm(next);
}

void connection_lease::arm(api::time_point when) {
  when = std::min(when, api::now(this) + farthest_tick);
  if (when >= armed_for_)
    return;
  armed_for_ = when;
  api::send_at(this, lease_actor{this}, when, tick{++tick_token_});
}

void connection_lease::on_exit() {
  for (auto& each : pending_)
    fail(each, over_ == errc::none ? errc::actor_died : over_,
         link_ ? fate::unknown : fate::not_sent, over_text_);
  pending_.clear();
  outbox_.clear();
  link_.reset();
}

} // namespace redoubt
