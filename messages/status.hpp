#pragma once

#include <redoubt/messages/caf_api.hpp>
#include <redoubt/messages/error.hpp>
#include <redoubt/messages/link_lane.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace redoubt {

enum class breaker_state : uint8_t { closed, open, half_open };

std::string_view to_string(breaker_state value) noexcept;

/// Why the breaker changed its state.
enum class breaker_cause : uint8_t {
  none,
  failure_rate,
  consecutive_failures,
  slow_call_rate,
  open_wait_elapsed,
  connection_ready,
  probe_failed,
  trial_failed,
  trials_succeeded,
  half_open_timeout,
  operator_request,
};

std::string_view to_string(breaker_cause value) noexcept;

/// Who decides on the breaker's state.
enum class breaker_mode : uint8_t {
  /// What happens.
  automatic,
  /// An operator.
  forced,
  /// Nobody: closed, all requests pass, nothing is counted.
  disabled,
  /// Nobody: closed, all requests pass, and what would open it is counted and
  /// told.
  metrics_only,
};

std::string_view to_string(breaker_mode value) noexcept;

/// The breaker as the supervisor holds it.
struct breaker_status {
  breaker_state state = breaker_state::closed;
  breaker_mode mode = breaker_mode::automatic;
  /// Counts up with every transition; results of older ones are ignored.
  uint64_t generation = 0;
  breaker_cause cause = breaker_cause::none;
  /// Set by an operator, who must also take it back.
  bool forced = false;
  uint64_t calls_in_window = 0;
  uint64_t failures_in_window = 0;
  uint64_t slow_calls_in_window = 0;
  uint64_t consecutive_failures = 0;
  uint64_t trips = 0;
  /// Times that it would have opened, but for `metrics_only`.
  uint64_t would_be_trips = 0;
  /// Share of the usual concurrency that is admitted; below 1 on the ramp after
  /// half-open.
  double ramp = 1.0;

  bool operator==(const breaker_status&) const = default;
};

REDOUBT_INSPECT(breaker_status, state, mode, generation, cause, forced,
                calls_in_window, failures_in_window, slow_calls_in_window,
                consecutive_failures, trips, would_be_trips, ramp)

/// The budget of what is sent again.
struct budget_status {
  bool enabled = true;
  /// Times that something may be sent again now.
  uint64_t tokens = 0;
  /// Held by request actors, unused.
  uint64_t leased = 0;
  /// Requests that were not sent again for want of a token.
  uint64_t exhausted = 0;

  bool operator==(const budget_status&) const = default;
};

REDOUBT_INSPECT(budget_status, enabled, tokens, leased, exhausted)

enum class connection_state : uint8_t {
  resolving,
  connecting,
  handshaking,
  ready,
  draining,
  closed,
};

std::string_view to_string(connection_state value) noexcept;

/// One connection as the supervisor knows it.
struct connection_status {
  uint64_t id = 0;
  uint32_t reactor = 0;
  link_lane lane = link_lane::shared;
  connection_state state = connection_state::connecting;
  /// The server's id for this connection (CLIENT ID); 0 if it did not tell.
  int64_t client_id = 0;
  std::chrono::milliseconds age{0};

  bool operator==(const connection_status&) const = default;
};

REDOUBT_INSPECT(connection_status, id, reactor, lane, state, client_id, age)

/// An I/O thread over the last five to ten seconds.
struct loop_status {
  /// The longest time in which it did nothing else, one that still lasts included:
  /// what a readable socket may have had to wait.
  std::chrono::microseconds longest_turn{0};
  /// Share of the time in which it worked; near 1 it is the bottleneck.
  double busy = 0;

  bool operator==(const loop_status&) const = default;
};

REDOUBT_INSPECT(loop_status, longest_turn, busy)

/// Sums over all requests since the runtime started. `queued`, `in_flight` and
/// `backing_off` are as of each request actor's last report.
struct request_counters {
  uint64_t succeeded = 0;
  uint64_t failed_not_sent = 0;
  uint64_t failed_refused = 0;
  uint64_t failed_unknown = 0;
  /// The server answered, and that is why: EXECABORT, a reply nested too deep,
  /// polls that were cancelled.
  uint64_t failed_answered = 0;
  /// Of the failed ones: turned away by the breaker.
  uint64_t rejected = 0;
  /// Of the failed ones: had waited, and were given up for others or because
  /// their answer would have come too late.
  uint64_t shed = 0;
  /// Of the failed ones: answered by a fallback.
  uint64_t fallbacks = 0;
  uint64_t attempts = 0;
  uint64_t retries = 0;
  /// Failed for want of a token of the retry budget.
  uint64_t budget_exhausted = 0;
  uint64_t late_replies = 0;
  /// Second copies of slow reads, and those of them that were answered first.
  uint64_t hedges = 0;
  uint64_t hedges_won = 0;
  uint64_t queued = 0;
  uint64_t in_flight = 0;
  uint64_t backing_off = 0;

  bool operator==(const request_counters&) const = default;

  /// Adds all fields.
  request_counters& operator+=(const request_counters& x) noexcept;
};

REDOUBT_INSPECT(request_counters, succeeded, failed_not_sent, failed_refused,
                failed_unknown, failed_answered, rejected, shed, fallbacks,
                attempts, retries, budget_exhausted, late_replies, hedges,
                hedges_won, queued, in_flight, backing_off)

/// Answer to a `status_query`.
struct runtime_status {
  /// The endpoint without credentials.
  std::string server;
  std::chrono::milliseconds uptime{0};
  breaker_status breaker;
  budget_status budget;
  std::vector<connection_status> connections;
  uint32_t connections_wanted = 0;
  /// Connections that are leased or being made for that, and those who wait for
  /// one. They are not among `connections`.
  uint64_t leased = 0;
  uint64_t lease_waiters = 0;
  /// By the numbers of the reactors.
  std::vector<loop_status> reactors;
  uint64_t clients = 0;
  request_counters requests;
  /// Ready connections that were lost, and dials that failed.
  uint64_t connections_lost = 0;
  uint64_t dials = 0;
  uint64_t dials_failed = 0;
  uint64_t restarts = 0;
  /// Too many losses in a short time: dialling slowly.
  bool degraded = false;
  bool draining = false;
  uint64_t events_dropped = 0;
  /// Last failure of a link or dial, with its text; `none` if there was none.
  errc last_error = errc::none;
  std::string last_error_text;
};

REDOUBT_INSPECT(runtime_status, server, uptime, breaker, budget, connections,
                connections_wanted, leased, lease_waiters, reactors, clients,
                requests, connections_lost, dials, dials_failed, restarts,
                degraded, draining, events_dropped, last_error, last_error_text)

/// Answer to a `health_query`, with the article's fields.
struct health_report {
  /// `healthy` or `unhealthy`.
  std::string status = "unhealthy";
  double ping_time_ms = 0;
  uint64_t connected_clients = 0;
  uint64_t used_memory = 0;
  std::string used_memory_human;
  std::string redis_version;
  /// Set when unhealthy: what happened, and the name of its errc.
  std::string error;
  std::string error_type;

  bool healthy() const noexcept { return status == "healthy"; }
};

REDOUBT_INSPECT(health_report, status, ping_time_ms, connected_clients,
                used_memory, used_memory_human, redis_version, error,
                error_type)

enum class event_kind : uint8_t {
  /// The breaker changed its state.
  breaker_changed,
  /// The breaker would have opened, but for `metrics_only`. `generation` stays.
  breaker_would_open,
  connection_up,
  connection_closed,
  /// A connection is dialled again after a loss.
  connection_restarted,
  /// Too many restarts, and the end of that.
  degraded,
  recovered,
  draining,
  /// An actor died and another one took its place: a request actor (`client`
  /// is its number), or the supervisor (`text` says so).
  handle_replaced,
};

std::string_view to_string(event_kind value) noexcept;

/// What subscribers receive. Fields that do not belong to `kind` are at their
/// defaults.
struct event {
  event_kind kind = event_kind::connection_up;
  /// Time since the runtime started.
  std::chrono::microseconds at{0};
  /// Counts events; a gap means that some were dropped.
  uint64_t sequence = 0;
  // -- breaker_changed, breaker_would_open
  breaker_state from = breaker_state::closed;
  breaker_state to = breaker_state::closed;
  breaker_cause cause = breaker_cause::none;
  uint64_t generation = 0;
  uint64_t calls_in_window = 0;
  uint64_t failures_in_window = 0;
  uint64_t slow_calls_in_window = 0;
  // -- connection_*
  uint64_t connection = 0;
  errc error = errc::none;
  std::string text;
  // -- handle_replaced
  uint64_t client = 0;
};

REDOUBT_INSPECT(event, kind, at, sequence, from, to, cause, generation,
                calls_in_window, failures_in_window, slow_calls_in_window,
                connection, error, text, client)

} // namespace redoubt
