// Another attempt: what the retry policy is asked, replies that are not yet what
// the caller wants, and what observers are told.

#include <redoubt/actors/request/client.hpp>

#include <utility>

namespace redoubt {

using std::chrono::floor;
using std::chrono::microseconds;
using std::chrono::milliseconds;

retry_decision client::decide(const request_slot& x, attempt_result result,
                              const retry_bounds& bounds) {
  result.cls = x.cls;
  result.attempts = x.attempts;
  result.elapsed = floor<milliseconds>(now() - x.arrived);
  result.left = floor<milliseconds>(x.deadline - now());
  result.previous_wait = x.extras().previous_wait;
  return decide_retry(policy_of(x), result, bounds, x.max_attempts, random_);
}

retry_decision client::decide_on_failure(const request_slot& x, errc code,
                                         fate became,
                                         const retry_bounds& bounds) {
  attempt_result result;
  result.code = code;
  result.outcome = became;
  result.message = x.last_message;
  return decide(x, result, bounds);
}

// -- replies that are not yet it ----------------------------------------------------

/// Keeps a reply and waits for the next attempt, if the policy wants another reply
/// and may have one; else answers false and leaves the reply alone.
bool client::ask_again(uint32_t index, reply& value, bool never_ran) {
  auto& x = table_[index];
  attempt_result result;
  result.outcome = fate::answered;
  if (value.is_error())
    result.message = value.text();
  else
    result.value = &value;
  auto is_read = x.cls == command_class::read_only;
  retry_bounds bounds;
  bounds.never_ran = never_ran;
  bounds.overtaken = !never_ran && !is_read && newer_sent(x);
  auto decision = decide(x, result, bounds);
  if (!decision.retry || draining_ || x.to.caller_is_gone())
    return false;
  value.repeated = x.may_have_run() && !is_read;
  if (never_ran) {
    if (!x.may_have_run())
      x.so_far = fate::refused;
  } else {
    if (x.so_far != fate::unknown)
      x.so_far = fate::answered;
    if (!lanes_.empty())
      supersede_refused(x);
  }
  // Replies come in order: no copy of it is under way any more.
  x.sent_on = 0;
  x.last_code = errc::none;
  x.last_message = never_ran ? value.text() : std::string{};
  x.own_extras().last_reply = std::make_unique<reply>(std::move(value));
  wait_for_retry(index, decision.wait,
                 is_read && !never_ran ? lane_hold::polling : lane_hold::keys);
  return true;
}

/// A request that waits because of its reply ends with that reply: it is the last
/// thing that is known. One that is taken back does not.
bool client::give_last_reply(uint32_t index, errc code) {
  auto& x = table_[index];
  auto value = std::move(x.more->last_reply);
  if (x.phase != request_phase::waiting || code == errc::cancelled)
    return false;
  ++counters_.succeeded;
  report_later_ = true;
  x.to.succeed(std::move(*value));
  discard(index);
  return true;
}

/// Its caller sent something newer on one of its keys, or something that is
/// forgotten and may still be carried out.
bool client::newer_sent(const request_slot& x) {
  if (!link_)
    return true;
  auto keys = x.keys();
  for (size_t i = 0; i < link_->sent.size(); ++i) {
    auto& unit = link_->sent[i];
    if (unit.caller != x.caller
        || request_table::index_of(unit.id) == request_table::no_index)
      continue;
    auto other = table_.find(unit.id);
    if (other == nullptr
        || (other->order > x.order && keys.meets(other->keys())))
      return true;
  }
  return false;
}

// -- observers ----------------------------------------------------------------------

void client::time_attempt(request_slot& x) {
  auto sent_at = x.attempt_due - x.attempt_timeout;
  x.last_attempt = now() - sent_at;
}

void client::tell(const request_slot& x, attempt_event::kind what, errc code,
                  fate became) {
  attempt_event result;
  result.what = what;
  result.attempt = x.attempts;
  result.code = code;
  result.outcome = became;
  if (what == attempt_event::kind::waits)
    result.wait = x.extras().previous_wait;
  result.elapsed = floor<microseconds>(now() - x.arrived);
  result.command = x.is_transaction() ? "MULTI" : x.cmd.name();
  result.operation = x.extras().operation;
  result.tag = x.tag;
  feed_.add(std::move(result), config_.limits.subscriber_events);
}

void client::on_observe(observe_attempts& x) {
  if (x.on)
    feed_.add_observer(x.observer);
  else
    feed_.remove_observer(x.observer);
}

void client::flush_feed() {
  for (auto& each : feed_.take(config_.limits.subscriber_events)) {
    auto number = each.observer;
    auto size = each.what.events.size();
    api::request(this, each.to, caf::infinite, std::move(each.what))
      .then([this, number, size] { feed_.acknowledge(number, size); },
            [this, number](const caf::error&) {
              feed_.remove_observer(number);
            });
  }
}

// -- options ------------------------------------------------------------------------

caf::result<void> client::on_reconfigure(reconfigure_client& x) {
  failure why;
  why.code = errc::invalid_options;
  for (auto& each : validate(x.options)) {
    if (!why.last_message.empty())
      why.last_message += "; ";
    why.last_message += each.key + ": " + each.what;
  }
  if (x.options.lane != config_.defaults.lane)
    why.last_message += why.last_message.empty()
                          ? "client.lane: cannot be changed"
                          : "; client.lane: cannot be changed";
  if (!why.last_message.empty())
    return to_error(std::move(why));
  config_.defaults = std::move(x.options);
  if (config_.reconfigured)
    config_.reconfigured(config_.defaults);
  reconfigure_other_lane();
  return caf::unit;
}

} // namespace redoubt
