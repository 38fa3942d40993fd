// What becomes of requests: replies, failures, lost connections.

#include <redoubt/actors/request/client.hpp>

#include <redoubt/actors/request/command_judgement.hpp>
#include <redoubt/actors/request/order_rule.hpp>
#include <redoubt/actors/request/transaction_body.hpp>

#include <algorithm>
#include <utility>

namespace redoubt {

namespace {

/// Stands for a unit whose request was answered before its reply came.
constexpr auto no_request = request_table::no_index;

} // namespace

// -- replies --------------------------------------------------------------------------

void client::on_link_replies(link_replies& x) {
  auto from = find_link(x.link);
  if (from == nullptr)
    return;
  learn_load(*from, x.items.size());
  for (auto& item : x.items) {
    if (from->sent.empty() || from->sent.front().id != item.id) {
      // Never seen; a reply must not reach another request whatever happens.
      log_->critical("connection {} answered out of order, closing it",
                     from->id);
      api::send(this, from->connection, close_link{errc::protocol_error});
      return;
    }
    ++from->completed;
    ++from->credit;
    from->credit_bytes += from->sent.front().bytes;
    if (latency_measured_)
      learn_latency(*from, from->sent.front());
    from->governed -= from->sent.front().governed ? 1 : 0;
    from->sent.pop_front();
    if (request_table::index_of(item.id) == request_table::no_index)
      on_fence_reply(item);
    else if (table_.find(item.id) != nullptr)
      settle(request_table::index_of(item.id), item, x.link);
    else
      ++counters_.late_replies;
  }
  report_later_ = true;
  if (links_changed_)
    choose_link();
  pump();
}

client::link_state* client::find_link(uint64_t id) {
  if (link_ && link_->id == id)
    return &*link_;
  for (auto& each : spare_links_)
    if (each.id == id)
      return &each;
  return nullptr;
}

void client::settle(uint32_t index, link_reply& x, uint64_t link) {
  auto& r = table_[index];
  // Replies come in order: no copy of it is under way there any more.
  if (r.sent_on == link)
    r.sent_on = 0;
  if (x.code != errc::none) {
    tally_success(r);
    note(r, x.code, fate::answered, x.value.text());
    fail(index, x.code, fate::answered);
    return;
  }
  if (r.is_transaction()) {
    settle_transaction(index, std::move(x.value).elements());
    return;
  }
  if (x.value.is_error()) {
    auto verdict = judge(x.value.text(), is_script(r.cmd.name()));
    if (verdict.code != errc::none) {
      tally_failure(r, verdict.code, true);
      if (awaits_other_copy(r, link))
        return;
      if (verdict.code == errc::no_script && send_script_text(index))
        return;
      attempt_failed(index, verdict.code, verdict.outcome, x.value.text());
      return;
    }
  }
  if (r.hedged_on == link)
    ++counters_.hedges_won;
  tally_success(r);
  if (feed_.observed())
    tell(r, attempt_event::kind::ends, errc::none, fate::answered);
  auto never_ran = x.value.is_error()
                   && raised_before_running(x.value.text(),
                                            is_script(r.cmd.name()));
  if ((never_ran || policy_of(r).looks_at_replies())
      && ask_again(index, x.value, never_ran))
    return;
  ++counters_.succeeded;
  x.value.repeated = r.may_have_run() && r.cls != command_class::read_only;
  if (!lanes_.empty())
    supersede_refused(r);
  r.to.succeed(std::move(x.value));
  discard(index);
}

/// The server has forgotten the script (SCRIPT FLUSH): it is sent again with its
/// text, as part of the same try. Not twice: then no text is left to send.
bool client::send_script_text(uint32_t index) {
  auto& x = table_[index];
  auto whole = x.cmd.with_script_text();
  if (whole.empty() || draining_)
    return false;
  x.cmd = std::move(whole);
  if (feed_.observed())
    tell(x, attempt_event::kind::ends, errc::no_script, fate::refused);
  --x.attempts;
  wait_for_retry(index, std::chrono::milliseconds{0}, lane_hold::keys, true);
  return true;
}

void client::settle_transaction(uint32_t index, std::vector<reply> all) {
  auto& r = table_[index];
  auto result = judge_transaction(std::move(all));
  if (result.code == errc::none) {
    tally_success(r);
    ++counters_.succeeded;
    if (feed_.observed())
      tell(r, attempt_event::kind::ends, errc::none, fate::answered);
    if (r.may_have_run() && r.cls != command_class::read_only)
      for (auto& each : result.values.outcomes)
        std::get<reply>(each).repeated = true;
    if (!lanes_.empty())
      supersede_refused(r);
    r.to.succeed(std::move(result.values));
    discard(index);
    return;
  }
  // A transaction that was turned away says no more of the server's health than a
  // command that was.
  if (result.outcome == fate::refused)
    tally_failure(r, result.code, true);
  else
    tally_success(r);
  attempt_failed(index, result.code, result.outcome, result.message);
}

void client::supersede_refused(const request_slot& x) {
  // A newer request of the caller on the same keys was carried out while an
  // older write waits to be sent again: sending it now would undo the newer one.
  auto lane = lanes_.find(x.caller);
  if (lane == nullptr)
    return;
  std::vector<uint64_t> overtaken;
  for (auto& each : lane->entries) {
    auto older = table_.find(each.id);
    if (older != nullptr && older->order < x.order
        && older->hold != lane_hold::none
        && older->cls != command_class::read_only
        && older->keys().meets(x.keys()))
      overtaken.push_back(each.id);
  }
  // Each may take older ones along.
  for (auto id : overtaken)
    if (auto older = table_.find(id))
      fail(request_table::index_of(id), older->last_code, older->so_far);
  lanes_.list(x.caller);
}

// -- failures -------------------------------------------------------------------------

void client::note(request_slot& x, errc code, fate became,
                  std::string_view message) {
  // Once it may have run, it never "was not sent" again.
  if (!x.may_have_run() || became == fate::unknown)
    x.so_far = became;
  x.last_code = code;
  x.last_message = message;
  if (x.more)
    x.more->last_reply.reset();
  time_attempt(x);
  if (feed_.observed())
    tell(x, attempt_event::kind::ends, code, became);
}

void client::attempt_failed(uint32_t index, errc code, fate became,
                            std::string_view message) {
  auto& x = table_[index];
  auto ran_before = x.may_have_run();
  note(x, code, became, message);
  retry_bounds bounds;
  bounds.never_ran = became == fate::answered
                     && raised_before_running(message, false);
  auto decision = decide_on_failure(x, code, became, bounds);
  if (!decision.retry || draining_) {
    fail(index, code, x.so_far);
    return;
  }
  if (x.to.caller_is_gone()) {
    discard(index);
    return;
  }
  if (bounds.never_ran && !ran_before)
    x.so_far = fate::refused;
  auto turned_away = became == fate::refused || bounds.never_ran;
  wait_for_retry(index, decision.wait,
                 turned_away ? lane_hold::keys : lane_hold::all);
}

/// What was not sent, and what was carried out and asks again, takes no token of
/// the retry budget, nor does what is `free_of_charge`.
void client::wait_for_retry(uint32_t index, std::chrono::milliseconds wait,
                            lane_hold hold, bool free_of_charge) {
  auto& x = table_[index];
  // The attempt is over: its reply, should it still come, belongs to nobody.
  ++x.generation;
  x.hold = hold;
  x.own_extras().previous_wait = wait;
  x.not_before = now() + wait;
  put_in_lane(index);
  // The breaker may have opened while it was under way.
  if (auto why = gate_error(x); why != errc::none) {
    fail(index, why, x.so_far);
    return;
  }
  if (feed_.observed())
    tell(x, attempt_event::kind::waits, x.last_code, x.so_far);
  auto charged = hold == lane_hold::keys || hold == lane_hold::all;
  if (charged && !free_of_charge)
    reserve_token(index);
  if (hold == lane_hold::all)
    close_lane(x.caller);
  wheel_.schedule(index, std::min(x.not_before, x.deadline));
  if (wait.count() == 0)
    lanes_.list(x.caller);
}

void client::on_link_closed(link_closed& x) {
  if (!link_ || x.link != link_->id) {
    auto spare = std::find_if(spare_links_.begin(), spare_links_.end(),
                              [&](auto& each) { return each.id == x.link; });
    if (spare == spare_links_.end())
      return;
    auto lost = std::move(*spare);
    spare_links_.erase(spare);
    lose_hedges(x, lost);
    return;
  }
  auto lost = std::move(*link_);
  link_.reset();
  outbox_.clear();
  choose_link();
  for (auto& each : fences_) {
    each.barrier.restart();
    each.question = 0;
  }
  put_up_fence(x, lost);
  lose_units(x, std::move(lost));
  pump();
}

void client::lose_units(const link_closed& x, link_state lost) {
  auto code = x.cause == errc::protocol_error ? x.cause : errc::disconnected;
  auto taken = std::min(x.taken_up_to, x.written_up_to);
  auto unfenced = x.gave_up && (fences_.empty() || fences_.back().id != x.link);
  std::vector<uint32_t> units;
  std::vector<lost_request> order;
  std::vector<retry_decision> decisions;
  for (size_t i = 0; i < lost.sent.size(); ++i) {
    auto sent = lost.completed + i < taken;
    if (request_table::index_of(lost.sent[i].id) == request_table::no_index)
      continue;
    auto r = table_.find(lost.sent[i].id);
    if (r == nullptr) {
      // That attempt is over, but the server may still carry it out: older writes
      // of its caller must not come after it, whatever its keys were.
      if (sent) {
        units.push_back(no_request);
        order.push_back(
          {lost.sent[i].caller, command_class::accumulating, true, false});
        decisions.push_back({});
      }
      continue;
    }
    auto index = request_table::index_of(lost.sent[i].id);
    if (awaits_other_copy(*r, lost.id))
      continue;
    if (r->to.caller_is_gone()) {
      discard(index);
      continue;
    }
    auto counts = sent;
    // A copy of an earlier attempt may have left all the same.
    sent = sent || r->sent_before;
    if (!sent)
      r->sent_on = 0;
    auto became = sent ? fate::unknown : fate::not_sent;
    note(*r, code, became, x.text);
    r->attempts -= counts ? 0 : 1;
    auto decision = decide_on_failure(*r, code, became, {.unfenced = unfenced});
    decision.retry = decision.retry && !draining_;
    units.push_back(index);
    order.push_back({r->caller, r->cls, sent, decision.retry});
    decisions.push_back(decision);
  }
  apply_order_rule(order, [&](size_t i) {
    return units[i] == no_request ? key_set{{}, true} : table_[units[i]].keys();
  });
  std::vector<uint32_t> front;
  for (size_t i = 0; i < units.size(); ++i) {
    if (units[i] == no_request)
      continue;
    auto& r = table_[units[i]];
    if (!order[i].again)
      fail(units[i], code, r.so_far);
    else if (order[i].sent || lanes_.contains(r.caller))
      wait_for_retry(units[i], decisions[i].wait,
                     order[i].sent ? lane_hold::all : lane_hold::none);
    else
      front.push_back(units[i]);
  }
  // What never left goes back to the head of the queue, in its old order.
  for (auto i = front.rbegin(); i != front.rend(); ++i)
    put_back(*i);
  // The breaker may have opened while these were under way.
  reject_waiting();
}

void client::fail(uint32_t index, errc code, fate became) {
  auto& x = table_[index];
  if (x.extras().last_reply && give_last_reply(index, code))
    return;
  if (x.phase == request_phase::in_flight) {
    time_attempt(x);
    // An end that no attempt told of.
    if (feed_.observed() && x.last_code != code)
      tell(x, attempt_event::kind::ends, code, became);
  }
  switch (became) {
    case fate::not_sent: ++counters_.failed_not_sent; break;
    case fate::refused: ++counters_.failed_refused; break;
    case fate::unknown: ++counters_.failed_unknown; break;
    case fate::answered: ++counters_.failed_answered; break;
  }
  if (code == errc::circuit_open)
    ++counters_.rejected;
  auto may_have_run = x.phase == request_phase::waiting
                      && became == fate::unknown
                      && x.cls != command_class::read_only;
  if ((x.phase == request_phase::in_flight || may_have_run)
      && !lanes_.empty()) {
    // An older write of the caller that waits must not come after one that may
    // have run; one that stood behind this one may go now.
    if (became == fate::unknown)
      supersede_refused(x);
    else
      lanes_.list(x.caller);
  }
  failure why;
  why.code = code;
  why.outcome = became;
  why.attempts = x.attempts;
  auto micros = [](api::duration time) {
    return std::chrono::floor<std::chrono::microseconds>(time);
  };
  why.elapsed = micros(now() - x.arrived);
  why.queued = x.attempts > 0 ? micros(x.queued) : why.elapsed;
  if (x.attempts > 0)
    why.last_attempt = micros(x.last_attempt);
  why.last_message = std::move(x.last_message);
  if (why.last_message.empty() && gate_.last_error != errc::none && !link_)
    why.last_message = gate_.last_error_text;
  if (x.more)
    why.operation = std::move(x.more->operation);
  why.budget_exhausted = x.token == token_state::denied;
  if (!x.extras().fallback || !fall_back(x, why))
    x.to.fail(std::move(why));
  report_later_ = true;
  discard(index);
}

void client::discard(uint32_t index) {
  auto& x = table_[index];
  leave_place(index);
  release_token(x);
  // Others may have stood behind it.
  if (x.phase == request_phase::waiting)
    lanes_.list(x.caller);
  wheel_.cancel(index);
  table_.remove(index);
  report_later_ = true;
}

} // namespace redoubt
