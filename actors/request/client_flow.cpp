// What goes out: credit and lanes.

#include <redoubt/actors/request/client.hpp>

#include <algorithm>
#include <utility>

namespace redoubt {

/// With `behind` others that have to go with it. If nothing is under way they go
/// whatever their number.
bool client::may_send(const request_slot& x, size_t behind) {
  if (!link_ || link_->credit == 0)
    return false;
  auto under_way = link_->sent.size();
  if (under_way == 0)
    return gate_admits(x, behind);
  // A command that is larger than all credit may go alone.
  if (x.bytes() > link_->credit_bytes || link_->credit <= behind)
    return false;
  if (config_.limits.adaptive && under_way + behind >= in_flight_limit_.limit())
    return false;
  return load_.has_room(under_way + behind, x.attempt_time())
         && gate_admits(x, behind);
}

void client::hand_over(uint32_t index) {
  auto& x = table_[index];
  leave_place(index);
  if (x.cmd.script_text())
    introduce_script(x.cmd);
  x.phase = request_phase::in_flight;
  x.hold = lane_hold::none;
  x.sent_before = x.sent_on == link_->id;
  x.sent_on = link_->id;
  x.hedged_on = 0;
  x.only_hedge_left = false;
  x.hedge_deferred = false;
  x.gate_generation = gate_.generation;
  use_leases(x);
  ++x.attempts;
  ++counters_.attempts;
  if (x.attempts > 1)
    ++counters_.retries;
  else
    x.queued = now() - x.arrived;
  if (feed_.observed())
    tell(x, attempt_event::kind::begins, errc::none, fate::not_sent);
  x.attempt_due = now() + x.attempt_timeout;
  wheel_.schedule(index, std::min(x.attempt_due, x.deadline));
  auto charged = std::min<uint64_t>(x.bytes(), link_->credit_bytes);
  --link_->credit;
  link_->credit_bytes -= charged;
  auto id = table_.id(index);
  auto ahead = static_cast<uint32_t>(link_->sent.size());
  link_->sent.push_back({id, x.caller, charged, now(), ahead, x.use_breaker});
  if (x.hedge.mode != hedge_mode::off)
    plan_hedge(index);
  report_later_ = true;
  if (outbox_.empty())
    outbox_.reserve(outbox_room_);
  outbox_.push_back(
    submission{id, x.is_transaction() ? x.more->wire : x.cmd.buffer(),
               x.reply_count, link_patience(x)});
}

/// A hasty caller must not get the connection closed for all others.
std::chrono::milliseconds client::link_patience(const request_slot& x) const {
  return std::max(x.attempt_timeout, config_.defaults.timeouts.attempt);
}

/// The first call of a script over a connection brings its text along: to be told
/// NOSCRIPT would cost its place among the caller's requests.
void client::introduce_script(command& call) {
  constexpr size_t most = 64;
  auto& known = link_->scripts;
  if (std::find(known.begin(), known.end(), call.script_text()) != known.end())
    return;
  if (known.size() == most)
    known.clear();
  known.push_back(call.script_text());
  call = call.with_script_text();
}

void client::flush_outbox() {
  if (outbox_.empty())
    return;
  outbox_room_ = outbox_.size();
  // A lost connection took its units out of the outbox already.
  api::send(this, link_->connection,
            submit_many{link_->owner, std::exchange(outbox_, {})});
}

// -- lanes --------------------------------------------------------------------------

void client::pump() {
  ask_for_fences();
  held_back_ = false;
  // What the queue puts into lanes may go on at once.
  while (drain_lanes() != stop::credit && pump_queue()) {}
  if (held_back_)
    ask_for_leave();
}

/// A retry that waits for credit is not overtaken by what is newer, or a large
/// one would wait for ever.
client::stop client::drain_lanes() {
  auto stopped = stop::nothing;
  std::vector<caf::actor_id> held_back;
  while (link_ && stopped != stop::credit && lanes_.anything_listed()) {
    auto caller = lanes_.take_listed();
    stopped = drain_lane(caller);
    if (stopped == stop::nothing)
      continue;
    held_back.push_back(caller);
    // Behind a lane that the gate holds back may stand one that it does not.
    if (stopped == stop::gate && waiting_past_gate_ == 0)
      break;
  }
  for (auto i = held_back.rbegin(); i != held_back.rend(); ++i)
    lanes_.put_back(*i);
  return stopped;
}

void client::put_in_lane(uint32_t index) {
  auto& x = table_[index];
  x.phase = request_phase::waiting;
  ++waiting_;
  waiting_bytes_ += x.bytes();
  waiting_past_gate_ += x.use_breaker ? 0 : 1;
  lanes_.insert(x.caller, {x.order, table_.id(index)});
  // Requests that expired leave their ids behind; they must not pile up.
  auto& entries = lanes_.find(x.caller)->entries;
  if (entries.size() > 2 * waiting_ + 1024)
    std::erase_if(entries, [this](const caller_lanes::entry& each) {
      return table_.find(each.id) == nullptr;
    });
}

/// What is newer of the caller has to wait until the lane lets it pass.
void client::close_lane(caf::actor_id caller) {
  lanes_.find(caller)->closed = true;
  queue_.suspend(caller);
}

/// It may have run and waits to be sent again; nothing newer passes it.
bool client::is_resent(const request_slot& x) {
  return x.phase == request_phase::waiting && x.hold == lane_hold::all;
}

client::stop client::drain_lane(caf::actor_id caller) {
  auto lane = lanes_.find(caller);
  if (lane == nullptr)
    return stop::nothing;
  auto& entries = lane->entries;
  auto is_due = [this](const request_slot& x) {
    return x.not_before <= now() && x.token != token_state::asked
           && !behind_fence(x);
  };
  // Built once the first of them could leave.
  std::optional<resend_groups> groups;
  size_t next_in_groups = 0;
  key_index held;
  auto result = stop::nothing;
  size_t kept = 0;
  size_t i = 0;
  for (; i < entries.size(); ++i) {
    auto x = table_.find(entries[i].id);
    if (x == nullptr || x->phase != request_phase::waiting)
      continue;
    auto due = is_due(*x);
    size_t behind = 0;
    if (is_resent(*x)) {
      if (due && !groups) {
        groups.emplace();
        for (auto k = i; k < entries.size(); ++k)
          if (auto each = table_.find(entries[k].id);
              each != nullptr && is_resent(*each))
            groups->add(each->cls == command_class::read_only ? key_set{}
                                                              : each->keys(),
                        is_due(*each));
        groups->close();
      }
      if (groups) {
        due = groups->may_leave(next_in_groups);
        behind = groups->behind(next_in_groups++);
      }
    }
    auto blocked = !held.empty() && held.meets(x->keys());
    if (due && !blocked && x->hold == lane_hold::keys)
      blocked = overtaken_in_flight(*x);
    if (due && !blocked) {
      auto index = request_table::index_of(entries[i].id);
      if (x->attempts > 0 && x->to.caller_is_gone()) {
        discard(index);
        continue;
      }
      if (!may_send(*x, behind)) {
        result = gate_admits(*x, behind) ? stop::credit : stop::gate;
        // Of those that go together only, more leave than one would be of use.
        held_back_ = held_back_ || !gate_admits(*x);
        break;
      }
      hand_over(index);
      continue;
    }
    // The rest waits in the queue, where it has bounds and can be shed.
    if (x->hold == lane_hold::all || kept >= config_.limits.credit)
      break;
    if (x->hold != lane_hold::polling)
      held.add(x->keys());
    entries[kept++] = entries[i];
  }
  lane->closed = i < entries.size();
  if (lane->closed)
    queue_.suspend(caller);
  else
    queue_.resume(caller);
  // What was not looked at stays behind what was kept.
  entries.erase(entries.begin() + static_cast<ptrdiff_t>(kept),
                entries.begin() + static_cast<ptrdiff_t>(i));
  lanes_.erase_if_empty(caller);
  return result;
}

bool client::overtaken_in_flight(const request_slot& x) {
  if (!link_)
    return false;
  auto keys = x.keys();
  for (size_t i = 0; i < link_->sent.size(); ++i) {
    auto other = table_.find(link_->sent[i].id);
    if (other != nullptr && other->caller == x.caller && other->order > x.order
        && keys.meets(other->keys()))
      return true;
  }
  return false;
}

// -- links --------------------------------------------------------------------------

void client::on_link_up(link_up& x) {
  auto known = [&](const link_state& each) { return each.id == x.link; };
  if ((link_ && known(*link_))
      || std::any_of(spare_links_.begin(), spare_links_.end(), known))
    return;
  link_state added;
  added.id = x.link;
  added.connection = std::move(x.connection);
  added.owner = x.owner;
  added.credit = x.credit;
  added.credit_bytes = x.credit_bytes;
  added.client_id = x.client_id;
  added.client_name = std::move(x.client_name);
  spare_links_.push_back(std::move(added));
  links_changed_ = true;
  choose_link();
  pump();
}

void client::choose_link() {
  // Requests of one caller never go over two connections at a time, so the link
  // changes only while nothing is outstanding.
  if (spare_links_.empty() || (link_ && !link_->sent.empty()))
    return;
  links_changed_ = false;
  if (link_)
    spare_links_.push_back(std::move(*link_));
  // Request actors spread over the links by their numbers.
  std::sort(spare_links_.begin(), spare_links_.end(),
            [](const link_state& a, const link_state& b) {
              return a.id < b.id;
            });
  auto mine = spare_links_.begin()
              + static_cast<ptrdiff_t>(config_.id % spare_links_.size());
  link_ = std::move(*mine);
  spare_links_.erase(mine);
  load_.new_link();
}

} // namespace redoubt
