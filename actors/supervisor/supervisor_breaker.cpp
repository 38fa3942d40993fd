// The breaker in action: reports in, gates and probes out.

#include <redoubt/actors/supervisor/supervisor.hpp>

#include <redoubt/actors/supervisor/server_info.hpp>

#include <algorithm>

namespace redoubt {

void supervisor::on_report(const report& x) {
  auto now = api::now(this);
  for (auto& each : clients_)
    if (each.id == x.client) {
      note_leases(each, x, now);
      each.counters = x.counters;
      each.waiting = x.waiting;
    }
  circuit_breaker::tally tally;
  tally.generation = x.generation;
  tally.successes = x.successes;
  tally.failures = x.failures;
  tally.run = x.run;
  tally.admitted = x.admitted;
  tally.returned = x.returned;
  tally.slow = x.slow;
  apply(breaker_.record(tally, now));
  tend();
}

void supervisor::apply(const std::optional<circuit_breaker::transition>& x) {
  if (!x)
    return;
  auto level = x->to == breaker_state::open ? spdlog::level::warn
                                            : spdlog::level::info;
  log_limited(level, errc::circuit_open,
              "breaker {}{} -> {} ({}), generation {}, of {} calls in the "
              "window {} failed and {} were slow",
              x->would_be ? "would go " : "", to_string(x->from),
              to_string(x->to), to_string(x->cause), x->generation,
              x->calls_in_window, x->failures_in_window,
              x->slow_calls_in_window);
  event e;
  e.kind = x->would_be ? event_kind::breaker_would_open
                       : event_kind::breaker_changed;
  e.from = x->from;
  e.to = x->to;
  e.cause = x->cause;
  e.generation = x->generation;
  e.calls_in_window = x->calls_in_window;
  e.failures_in_window = x->failures_in_window;
  e.slow_calls_in_window = x->slow_calls_in_window;
  publish(std::move(e));
  if (x->would_be)
    return;
  // Units are leased anew in every generation.
  shares_.begin();
  on_ramp_ = breaker_.ramping();
  push_gate();
}

void supervisor::tend_breaker(api::time_point now) {
  apply(breaker_.tick(now, ready_links() > 0));
  if (breaker_.wants_probe())
    send_probe(now);
  if (breaker_.permits_available() > 0)
    lease_permits(now);
  tend_ramp();
}

// -- probes -----------------------------------------------------------------------------

void supervisor::send_probe(api::time_point now) {
  uint64_t link = 0;
  if (any_ready_link(link) == nullptr)
    return;
  breaker_.probe_started();
  auto timeout = breaker_.options().probe_timeout;
  auto id = ++next_own_;
  own_.emplace(id, own_request{own_request::kind::probe, link, now + timeout,
                               breaker_.generation()});
  static const command ping{"PING"};
  submit(link, {submission{id, ping.buffer(), 1, timeout}});
}

void supervisor::submit(uint64_t link, std::vector<submission> units) {
  auto& x = links_.at(link);
  api::send(this, x.connection, submit_many{x.owner, std::move(units)});
}

void supervisor::on_link_replies(link_replies& x) {
  for (auto& item : x.items)
    finish(item.id, &item.value, errc::none, "");
  tend();
}

/// Ends a command of our own; `answer` is null if it got no reply, and `code` and
/// `why` then say what happened.
void supervisor::finish(uint64_t id, const reply* answer, errc code,
                        std::string_view why) {
  auto i = own_.find(id);
  if (i == own_.end())
    return;
  auto x = i->second;
  own_.erase(i);
  if (x.what == own_request::kind::probe) {
    auto well = answer != nullptr && !answer->is_error();
    // A server that denies PING to this user is well all the same.
    if (answer != nullptr && error_code(answer->text()) == "NOPERM")
      well = true;
    apply(breaker_.probe_finished(x.number, well, api::now(this)));
    return;
  }
  auto check = checks_.find(x.number);
  if (check == checks_.end())
    return;
  // A server that denies PING or INFO to this user is well all the same.
  auto denied = answer != nullptr && error_code(answer->text()) == "NOPERM";
  if (answer == nullptr) {
    answer_health(x.number, why, to_string(code));
  } else if (answer->is_error() && !denied) {
    auto verdict = judge(answer->text(), false);
    answer_health(x.number, answer->text(),
                  verdict.code == errc::none ? "server_error"
                                             : to_string(verdict.code));
  } else if (x.what == own_request::kind::ping) {
    auto took = api::now(this) - check->second.started;
    check->second.report
      .ping_time_ms = std::chrono::duration<double, std::milli>(took).count();
  } else {
    if (!denied)
      read_info(answer->text(), check->second.report);
    answer_health(x.number, "", "");
  }
}

// -- gates ---------------------------------------------------------------------

gate supervisor::current_gate() const {
  gate x;
  x.state = breaker_.state();
  x.generation = breaker_.generation();
  x.slow_call = breaker_.options().slow_call;
  x.ramp_until = breaker_.ramp_until();
  x.budget = budget_.options().enabled;
  x.trouble = trouble_;
  // While a connection is ready the last error of another one explains nothing.
  if (ready_links() > 0)
    return x;
  x.last_error = last_error_;
  if (last_error_ != errc::none)
    x.last_error_text = std::string{to_string(last_error_)} + ": "
                        + last_error_text_;
  return x;
}

void supervisor::push_gate() {
  for (auto& each : clients_)
    api::send(this, each.handle, current_gate());
}

breaker_status supervisor::on_force(const force_breaker& x) {
  auto now = api::now(this);
  switch (x.what) {
    case force_breaker::action::open: apply(breaker_.force_open(now)); break;
    case force_breaker::action::close: apply(breaker_.force_close(now)); break;
    case force_breaker::action::release:
      apply(breaker_.release(now, ready_links() > 0));
      break;
    case force_breaker::action::reset: apply(breaker_.reset(now)); break;
    case force_breaker::action::disable: apply(breaker_.disable(now)); break;
    case force_breaker::action::metrics_only:
      apply(breaker_.metrics_only(now));
      break;
  }
  tend();
  return breaker_.status(now);
}

void supervisor::on_reconfigure(const reconfigure& x) {
  auto answer = owed<runtime_status>();
  auto faults = validate(x.breaker);
  for (auto& each : validate(x.budget))
    faults.push_back(std::move(each));
  if (!faults.empty()) {
    failure why;
    why.code = errc::invalid_options;
    why.last_message = faults.front().key + ": " + faults.front().what;
    answer.deliver(to_error(std::move(why)));
    return;
  }
  auto now = api::now(this);
  log_->info("new options for the breaker and the retry budget");
  apply(breaker_.options(x.breaker, now));
  budget_.options(x.budget, now);
  push_gate();
  tend();
  answer.deliver(status());
}

} // namespace redoubt
