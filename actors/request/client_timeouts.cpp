// Attempts and requests whose time is over.

#include <redoubt/actors/request/client.hpp>

#include <redoubt/actors/request/order_rule.hpp>

#include <algorithm>

namespace redoubt {

void client::sweep() {
  due_.clear();
  timed_out_.clear();
  wheel_.advance(now(), due_);
  for (auto index : due_) {
    auto& x = table_[index];
    if (x.phase == request_phase::free)
      continue;
    auto in_flight = x.phase == request_phase::in_flight;
    if (in_flight && now() >= x.attempt_due) {
      timed_out_.push_back(index);
    } else if (now() >= x.deadline) {
      if (in_flight && tallies(x))
        ++tally_.returned;
      fail(index, errc::deadline_exceeded,
           in_flight ? fate::unknown : x.so_far);
    } else if (lacks_token(x)) {
      refuse_retry(index);
    } else {
      if (x.phase == request_phase::waiting)
        lanes_.list(x.caller);
      auto next = in_flight                       ? x.attempt_due
                  : x.token == token_state::asked ? x.extras().token_due
                                                  : x.deadline;
      wheel_.schedule(index, std::min(next, x.deadline));
    }
  }
  if (!timed_out_.empty())
    time_out_attempts();
  pump();
}

void client::time_out_attempts() {
  // What ends takes older ones along that wait by then.
  std::sort(timed_out_.begin(), timed_out_.end(), [this](auto a, auto b) {
    return table_[a].order < table_[b].order;
  });
  retry_decisions decisions;
  auto counted = false;
  for (auto index : timed_out_) {
    auto& x = table_[index];
    // Attempts that time out together tell of one cause. One that had all of its
    // time counts, even if the request ends in the same tick.
    tally_failure(x, errc::attempt_timeout, !counted);
    counted = counted || tallies(x);
    auto& mine = decisions[index];
    if (now() >= x.deadline)
      continue;
    note(x, errc::attempt_timeout, fate::unknown,
         "no reply within the attempt timeout");
    mine = decide_on_failure(x, errc::attempt_timeout, fate::unknown, {});
    mine.retry = mine.retry && !draining_;
  }
  keep_in_order(decisions);
  for (auto index : timed_out_) {
    auto& x = table_[index];
    auto& mine = decisions[index];
    if (now() >= x.deadline)
      fail(index, errc::deadline_exceeded, fate::unknown);
    else if (!mine.retry)
      fail(index, errc::attempt_timeout, x.so_far);
    else if (x.to.caller_is_gone())
      discard(index);
    else
      wait_for_retry(index, mine.wait, lane_hold::all);
  }
}

/// What is sent again over the same connection follows its first copy, and must
/// not pass what its caller sent in between.
void client::keep_in_order(retry_decisions& decisions) {
  std::vector<lost_request> order;
  std::vector<uint32_t> units;
  for (size_t i = 0; i < link_->sent.size(); ++i) {
    auto& unit = link_->sent[i];
    if (request_table::index_of(unit.id) == request_table::no_index)
      continue;
    lost_request each{unit.caller, command_class::accumulating, true, false};
    units.push_back(request_table::no_index);
    if (auto x = table_.find(unit.id)) {
      units.back() = request_table::index_of(unit.id);
      each.cls = x->cls;
      auto mine = decisions.find(units.back());
      each.again = mine != decisions.end() && mine->second.retry;
    }
    order.push_back(each);
  }
  apply_order_rule(order, [&](size_t i) {
    return units[i] == request_table::no_index ? key_set{{}, true}
                                               : table_[units[i]].keys();
  });
  for (size_t i = 0; i < units.size(); ++i)
    if (auto mine = decisions.find(units[i]); mine != decisions.end())
      mine->second.retry = order[i].again;
}

void client::arm_sweep() {
  auto next = wheel_.next();
  if (next >= sweep_armed_for_)
    return;
  sweep_armed_for_ = next;
  api::send_at(this, client_actor{this}, next,
               tick{++sweep_token_, tick_purpose::deadlines});
}

} // namespace redoubt
