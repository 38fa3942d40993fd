// Who waits for a first attempt, who is next, and who has to go.

#include <redoubt/actors/request/client.hpp>

#include <algorithm>
#include <utility>

namespace redoubt {

namespace {

/// A queue that did not run empty for so long is no passing peak (the interval of
/// CoDel: Nichols and Jacobson, 2012).
constexpr std::chrono::milliseconds standing_after{100};

} // namespace

fair_queue::item client::item_of(const request_slot& x) {
  fair_queue::item result;
  result.caller = x.caller;
  result.priority = x.priority;
  result.past_gate = !x.use_breaker;
  result.order = x.order;
  result.deadline = x.deadline;
  result.bytes = x.bytes();
  result.pipeline = x.pipeline;
  return result;
}

/// True if a new request has to wait for others, whatever the link and the gate
/// say.
bool client::someone_before(const request_slot& x) {
  if (lanes_.contains(x.caller))
    return true;
  if (!x.use_breaker && !gate_admits_governed())
    return queue_.front_past_gate() != fair_queue::none;
  return lanes_.anything_listed() || queue_.front() != fair_queue::none;
}

void client::line_up(uint32_t index) {
  auto& x = table_[index];
  if (queue_.empty())
    queued_since_ = now();
  x.phase = request_phase::queued;
  queue_.push_back(index, item_of(x));
  if (lanes_.is_closed(x.caller))
    queue_.suspend(x.caller);
}

/// Takes back what was handed over and never left. Called for the youngest first.
void client::put_back(uint32_t index) {
  auto& x = table_[index];
  ++x.generation;
  wheel_.schedule(index, x.deadline);
  if (lanes_.contains(x.caller)) {
    // It may be older than what stands there.
    put_in_lane(index);
    lanes_.list(x.caller);
    return;
  }
  if (queue_.empty())
    queued_since_ = now();
  x.phase = request_phase::queued;
  queue_.put_back(index, item_of(x));
}

void client::leave_place(uint32_t index) {
  auto& x = table_[index];
  if (x.phase == request_phase::queued) {
    queue_.erase(index);
  } else if (x.phase == request_phase::waiting) {
    --waiting_;
    waiting_bytes_ -= x.bytes();
    waiting_past_gate_ -= x.use_breaker ? 0 : 1;
  }
}

// -- room -------------------------------------------------------------------------

bool client::find_room(const fair_queue::item& x) {
  if (queue_.has_room(x, waiting_bytes_))
    return true;
  if (!queue_.can_make_room(x, waiting_bytes_))
    return false;
  std::vector<uint32_t> going;
  do {
    going.clear();
    queue_.next_to_go(x, going);
    for (auto index : going)
      shed(index,
           "given up for others: the queue of the client handle is full");
  } while (!going.empty() && !queue_.has_room(x, waiting_bytes_));
  return !going.empty();
}

void client::shed(uint32_t index, std::string_view why) {
  auto& x = table_[index];
  x.last_message = why;
  ++counters_.shed;
  fail(index, errc::overloaded, x.so_far);
}

// -- turns ------------------------------------------------------------------------

send_when client::judge_wait(const request_slot& x) {
  auto standing = now() - queued_since_ >= standing_after;
  return load_.judge(link_->sent.size(), x.attempt_time(), x.deadline - now(),
                     standing);
}

/// Sends what may be sent, in turn. True if something went to a lane instead,
/// which is to be looked at.
bool client::pump_queue() {
  size_t to_lanes = 0;
  while (link_ && link_->credit > to_lanes) {
    auto index = queue_.front();
    if (index != fair_queue::none && !gate_admits(table_[index])) {
      held_back_ = true;
      index = queue_.front_past_gate();
    }
    if (index == fair_queue::none)
      break;
    auto& x = table_[index];
    if (judge_wait(x) == send_when::never) {
      shed(index, "the answer would come too late: the server is overloaded");
      continue;
    }
    if (!may_send(x))
      break;
    queue_.take(index);
    x.phase = request_phase::arriving;
    if (!lanes_.contains(x.caller)) {
      hand_over(index);
      continue;
    }
    put_in_lane(index);
    lanes_.list(x.caller);
    ++to_lanes;
  }
  return to_lanes > 0;
}

// -- load -------------------------------------------------------------------------

/// So many replies came over a link. The first and the last one stand for all.
void client::learn_load(const link_state& from, size_t replies) {
  auto n = std::min(replies, from.sent.size());
  // Other links have copies of slow requests on them and nothing else.
  if (n == 0 || !link_ || from.id != link_->id)
    return;
  auto learn = [this](const link_state::sent_unit& x) {
    auto latency = now() - x.since;
    load_.answered(latency, x.ahead);
    if (config_.limits.adaptive)
      in_flight_limit_.answered(latency, x.ahead + 1);
  };
  if (n > 1)
    learn(from.sent[0]);
  learn(from.sent[n - 1]);
}

} // namespace redoubt
