// What the supervisor learns.

#include <redoubt/actors/request/client.hpp>

#include <utility>

namespace redoubt {

namespace {

/// How long news may wait while all is well.
constexpr std::chrono::milliseconds report_interval{100};

} // namespace

bool client::tallies(const request_slot& x) const noexcept {
  return x.use_breaker && x.gate_generation == gate_.generation;
}

void client::tally_success(const request_slot& x) {
  if (!tallies(x))
    return;
  ++tally_.successes;
  tally_.run = 0;
  tally_slow(x);
  if (gate_.state == breaker_state::half_open)
    report_now_ = true;
}

void client::tally_failure(const request_slot& x, errc code, bool new_step) {
  if (!tallies(x))
    return;
  if (!rule_of(code).counts_for_breaker) {
    ++tally_.returned;
    return;
  }
  ++tally_.failures;
  tally_slow(x);
  if (new_step)
    ++tally_.run;
  report_now_ = true;
}

void client::arm_report() {
  if (report_armed_)
    return;
  report_armed_ = true;
  api::send_at(this, client_actor{this}, now() + report_interval,
               tick{0, tick_purpose::report});
}

void client::send_report() {
  report_now_ = false;
  report_later_ = false;
  counters_.queued = queue_.size();
  counters_.backing_off = waiting_;
  counters_.in_flight = link_ ? link_->sent.size() : 0;
  auto x = tally_;
  // What a lease would be of no use to waits for something else.
  x.waiting = held_back_ ? queue_.size() + waiting_ : 0;
  x.counters = counters_;
  tell_leases(x);
  // Whoever does not wait is forgotten, and has to ask anew.
  if (x.waiting == 0)
    permits_asked_ = false;
  api::send(this, config_.supervisor, std::move(x));
  tally_ = report{};
  tally_.client = config_.id;
  tally_.generation = gate_.generation;
}

} // namespace redoubt
