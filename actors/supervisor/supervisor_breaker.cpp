// The breaker in action: reports in, gates, leases and probes out.

#include <redoubt/actors/supervisor/supervisor.hpp>

#include <redoubt/actors/supervisor/server_info.hpp>

#include <algorithm>

namespace redoubt {

void supervisor::on_report(const report& x) {
  for (auto& each : clients_)
    if (each.id == x.client) {
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
  apply(breaker_.record(tally, api::now(this)));
  tend();
}

void supervisor::apply(const std::optional<circuit_breaker::transition>& x) {
  if (!x)
    return;
  auto level = x->to == breaker_state::open ? spdlog::level::warn
                                            : spdlog::level::info;
  log_limited(level, errc::circuit_open,
              "breaker {} -> {} ({}), generation {}, {} of {} calls failed in "
              "the window",
              to_string(x->from), to_string(x->to), to_string(x->cause),
              x->generation, x->failures_in_window, x->calls_in_window);
  event e;
  e.kind = event_kind::breaker_changed;
  e.from = x->from;
  e.to = x->to;
  e.cause = x->cause;
  e.generation = x->generation;
  e.calls_in_window = x->calls_in_window;
  e.failures_in_window = x->failures_in_window;
  publish(std::move(e));
  push_gate();
}

void supervisor::tend_breaker(api::time_point now) {
  apply(breaker_.tick(now, ready_links() > 0));
  if (breaker_.wants_probe())
    send_probe(now);
  if (breaker_.permits_available() > 0)
    lease_permits(now);
}

// -- probes -----------------------------------------------------------------------------

void supervisor::send_probe(api::time_point now) {
  uint64_t link = 0;
  if (any_ready_link(link) == nullptr)
    return;
  breaker_.probe_started();
  auto timeout = config_.options.breaker.probe_timeout;
  auto id = ++next_own_;
  own_.emplace(id, own_request{own_request::kind::probe, link, now + timeout,
                               breaker_.generation()});
  static const command ping{"PING"};
  submit(link, {submission{id, ping.buffer(), 1, timeout}});
}

void supervisor::submit(uint64_t link, std::vector<submission> units) {
  auto& x = links_.at(link);
  send(x.connection, submit_many{x.owner, std::move(units)});
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

// -- gates and leases ---------------------------------------------------------------------

gate supervisor::current_gate() const {
  gate x;
  x.state = breaker_.state();
  x.generation = breaker_.generation();
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
    send(each.handle, current_gate());
}

void supervisor::lease_permits(api::time_point now) {
  auto permits = breaker_.lease(breaker_.permits_available(), now);
  if (clients_.empty())
    return; // They come back, and probes take their place.
  // Those who have something to send come first, each in turn; what is left is
  // spread for those who will.
  std::vector<uint32_t> shares(clients_.size());
  auto wanting = std::any_of(clients_.begin(), clients_.end(),
                             [](auto& x) { return x.waiting > 0; });
  while (permits > 0) {
    auto i = next_leaseholder_++ % clients_.size();
    if (wanting && clients_[i].waiting == 0)
      continue;
    ++shares[i];
    --permits;
  }
  for (size_t i = 0; i < shares.size(); ++i) {
    if (shares[i] == 0)
      continue;
    auto x = current_gate();
    x.permits = shares[i];
    x.lease_until = breaker_.lease_until();
    send(clients_[i].handle, std::move(x));
  }
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
  }
  tend();
  return breaker_.status(now);
}

} // namespace redoubt
