#include <redoubt/messages/status.hpp>

namespace redoubt {

std::string_view to_string(breaker_state value) noexcept {
  switch (value) {
    case breaker_state::closed: return "closed";
    case breaker_state::open: return "open";
    case breaker_state::half_open: return "half_open";
  }
  return "?";
}

std::string_view to_string(breaker_cause value) noexcept {
  switch (value) {
    case breaker_cause::none: return "none";
    case breaker_cause::failure_rate: return "failure_rate";
    case breaker_cause::consecutive_failures: return "consecutive_failures";
    case breaker_cause::slow_call_rate: return "slow_call_rate";
    case breaker_cause::open_wait_elapsed: return "open_wait_elapsed";
    case breaker_cause::connection_ready: return "connection_ready";
    case breaker_cause::probe_failed: return "probe_failed";
    case breaker_cause::trial_failed: return "trial_failed";
    case breaker_cause::trials_succeeded: return "trials_succeeded";
    case breaker_cause::half_open_timeout: return "half_open_timeout";
    case breaker_cause::operator_request: return "operator_request";
  }
  return "?";
}

std::string_view to_string(breaker_mode value) noexcept {
  switch (value) {
    case breaker_mode::automatic: return "automatic";
    case breaker_mode::forced: return "forced";
    case breaker_mode::disabled: return "disabled";
    case breaker_mode::metrics_only: return "metrics_only";
  }
  return "?";
}

std::string_view to_string(connection_state value) noexcept {
  switch (value) {
    case connection_state::resolving: return "resolving";
    case connection_state::connecting: return "connecting";
    case connection_state::handshaking: return "handshaking";
    case connection_state::ready: return "ready";
    case connection_state::draining: return "draining";
    case connection_state::closed: return "closed";
  }
  return "?";
}

std::string_view to_string(event_kind value) noexcept {
  switch (value) {
    case event_kind::breaker_changed: return "breaker_changed";
    case event_kind::breaker_would_open: return "breaker_would_open";
    case event_kind::connection_up: return "connection_up";
    case event_kind::connection_closed: return "connection_closed";
    case event_kind::connection_restarted: return "connection_restarted";
    case event_kind::degraded: return "degraded";
    case event_kind::recovered: return "recovered";
    case event_kind::draining: return "draining";
    case event_kind::handle_replaced: return "handle_replaced";
  }
  return "?";
}

request_counters&
request_counters::operator+=(const request_counters& x) noexcept {
  succeeded += x.succeeded;
  failed_not_sent += x.failed_not_sent;
  failed_refused += x.failed_refused;
  failed_unknown += x.failed_unknown;
  failed_answered += x.failed_answered;
  rejected += x.rejected;
  shed += x.shed;
  fallbacks += x.fallbacks;
  attempts += x.attempts;
  retries += x.retries;
  budget_exhausted += x.budget_exhausted;
  late_replies += x.late_replies;
  hedges += x.hedges;
  hedges_won += x.hedges_won;
  queued += x.queued;
  in_flight += x.in_flight;
  backing_off += x.backing_off;
  return *this;
}

} // namespace redoubt
