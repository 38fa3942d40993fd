#pragma once

#include <redoubt/messages/caf_api.hpp>
#include <redoubt/messages/command_class.hpp>
#include <redoubt/messages/endpoint.hpp>
#include <redoubt/messages/fallback.hpp>
#include <redoubt/messages/link_lane.hpp>
#include <redoubt/messages/retry_policy.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace redoubt {

// Every default of the runtime, with its unit and its reason. config/redoubt.toml
// shows the same values key by key; a test holds the two together.

/// What a request does while the breaker is open.
enum class on_open_policy : uint8_t {
  /// Fails at once with `circuit_open`.
  fail_fast,
  /// Waits for the endpoint to come back, until its deadline.
  wait,
};

std::string_view to_string(on_open_policy value) noexcept;

/// Who goes first, and is shed last, while requests of several callers wait.
enum class request_priority : uint8_t { high, normal, low };

/// Time limits of one request.
struct timeout_options {
  /// One attempt, from the hand-over to a connection to the full reply. Long
  /// enough for a slow command, short enough for two attempts per deadline.
  std::chrono::milliseconds attempt{500};
  /// The whole request with all its attempts and waits.
  std::chrono::milliseconds request{2000};

  bool operator==(const timeout_options&) const = default;
};

/// What the circuit breaker's window holds.
enum class window_kind : uint8_t {
  /// The calls of the last `buckets` times `bucket`.
  time,
  /// The last `window_calls` calls, whenever they were.
  count,
};

std::string_view to_string(window_kind value) noexcept;

/// Whether a read that is slow is sent a second time, over another connection.
enum class hedge_mode : uint8_t {
  off,
  /// After `hedge_options::delay`.
  fixed,
  /// After the time within which 95 of 100 commands are answered, measured by each
  /// client handle, but not before `hedge_options::delay`. So about 5 of 100 reads
  /// are hedged.
  p95,
};

std::string_view to_string(hedge_mode value) noexcept;

/// Hedging: the first answer wins, the other one is thrown away (Dean and
/// Barroso, "The Tail at Scale", 2013). For `read_only` commands; outside the
/// order of a caller's requests.
struct hedge_options {
  hedge_mode mode = hedge_mode::off;
  /// Below it a second copy would cost more than it saves.
  std::chrono::milliseconds delay{5};

  bool operator==(const hedge_options&) const = default;
};

/// The circuit breaker's window, thresholds and waits.
struct breaker_options {
  /// Off: every request passes, nothing is counted.
  bool enabled = true;
  /// On: it counts and tells when it would have opened, but rejects nothing.
  bool metrics_only = false;
  window_kind window = window_kind::time;
  /// A window of time is `buckets` buckets of `bucket` each.
  uint32_t buckets = 10;
  std::chrono::milliseconds bucket{1000};
  /// Calls in a window of kind `count`.
  uint32_t window_calls = 100;
  /// Fewer calls in the window than this never trip by rate.
  uint32_t minimum_calls = 10;
  /// Share of failures in the window that trips, at most 1; 0 switches this
  /// off.
  double failure_rate = 0.5;
  /// A call that takes longer than this is slow; 0 switches this off, which is
  /// the default as only the service knows what is slow for it.
  std::chrono::milliseconds slow_call{0};
  /// Share of slow calls in the window that trips, in (0, 1].
  double slow_call_rate = 0.5;
  /// Failures in a row that trip, whatever the rate; 0 switches this off.
  uint32_t consecutive_failures = 5;
  /// First wait in open; doubled by each failed half-open up to `open_max`,
  /// with 20 % jitter. Governs endpoints that accept connections and fail
  /// requests: a finished handshake half-opens at once.
  std::chrono::milliseconds open_base{100};
  std::chrono::milliseconds open_max{1000};
  /// After this long in closed without a trip the open wait starts at its base.
  std::chrono::milliseconds stable_after{10000};
  /// Requests admitted in half-open over all request actors together, and
  /// successes that close the breaker.
  uint32_t half_open_permits = 5;
  /// Half-open ends after this long at the latest: what could not be proven
  /// until then failed. Many leases and probes long, and shorter than people
  /// wait.
  std::chrono::milliseconds half_open_max{5000};
  /// Permits that are not used within this time return to the supervisor.
  std::chrono::milliseconds lease{200};
  /// Deadline of the supervisor's own PING in half-open.
  std::chrono::milliseconds probe_timeout{250};
  /// After half-open closed, so much of what was in flight while the endpoint
  /// was well may be, step by step; then all. Ascending, each in (0, 1]; none
  /// lets all pass at once. What waited through an outage would otherwise come
  /// all at once.
  std::vector<double> ramp = {0.25, 0.5};
  /// How long a step of the ramp lasts.
  std::chrono::milliseconds ramp_step{100};
  /// Failures of the same cause within this time count as one: the links of an
  /// endpoint that are lost together, and dials that fail one after the other.
  std::chrono::milliseconds lump{100};

  bool operator==(const breaker_options&) const = default;
};

/// Bounds what is sent again, retries and hedges of all request actors together,
/// so that they do not multiply the load of a server that fails. What was not
/// sent is sent again free of charge.
struct budget_options {
  /// Off: only attempts and deadlines bound retries.
  bool enabled = true;
  /// Share of the successes of the last `window` that may be sent again (20 % are
  /// Finagle's default).
  double ratio = 0.2;
  /// So many more for each second of `window`, whatever succeeded: for services
  /// with little traffic, and after the start.
  uint32_t per_second = 10;
  /// How long a success counts. Long enough for the requests that a lost
  /// connection had in flight.
  std::chrono::milliseconds window{10000};

  bool operator==(const budget_options&) const = default;
};

/// Connections: how many, how they are made, how their death is noticed.
struct pool_options {
  /// Multiplexed connections per reactor.
  uint32_t connections = 2;
  /// The same for the bulk lane; made once a request or a client handle names it.
  uint32_t bulk_connections = 1;
  /// Connections of the runtime at any time, those included that are being made or
  /// are about to be closed. Several runtimes share the server's `maxclients`.
  uint32_t max_connections = 256;
  /// Connections that may be leased at a time, each to one caller.
  uint32_t leased = 16;
  /// A lease ends when nothing was sent or awaited over it for this long; 0 lets it
  /// last as long as its holder.
  std::chrono::milliseconds lease_idle{60000};
  /// A connection is replaced after this long, less up to 20 % at random, one after
  /// the other and each only once the new one is ready; 0 keeps it as long as it
  /// lives. For servers behind load balancers, and names whose addresses change.
  std::chrono::milliseconds lifetime{0};
  std::chrono::milliseconds connect_timeout{1000};
  std::chrono::milliseconds resolve_timeout{1000};
  std::chrono::milliseconds handshake_timeout{1000};
  /// While down a dial starts every `dial_min` to `dial_max` (uniform), however
  /// long the outage: recovery is noticed within `dial_max`. `dial_min` bounds
  /// the rate at 25 dials per second.
  std::chrono::milliseconds dial_min{40};
  std::chrono::milliseconds dial_max{80};
  /// Dials that may hang at the same time (dropped packets).
  uint32_t max_dialing = 25;
  /// Between dials that the server answers by turning us away (bad credentials,
  /// too many clients) or while `degraded`.
  std::chrono::milliseconds slow_dial_min{500};
  std::chrono::milliseconds slow_dial_max{1000};
  /// At most this many losses of ready connections in `restart_window`, then
  /// the runtime is `degraded` and dials slowly until a window without a loss.
  uint32_t max_restarts = 10;
  std::chrono::milliseconds restart_window{10000};
  /// PING on a connection that was idle for this long; unanswered for
  /// `ping_timeout` the link is dead.
  std::chrono::milliseconds ping_interval{5000};
  std::chrono::milliseconds ping_timeout{500};
  /// A link whose oldest command is unanswered for this many attempt timeouts,
  /// with no byte received meanwhile, is dead.
  uint32_t dead_link_factor = 2;
  /// Name announced by CLIENT SETNAME; each connection adds `#` and a number of
  /// its own.
  std::string client_name = "redoubt";
  /// DNS servers as `address[:port],…`; empty takes the system's.
  std::string dns_servers = {};

  bool operator==(const pool_options&) const = default;
};

/// Bounds. Nothing in the runtime grows beyond them.
struct limit_options {
  /// Requests that wait in one client handle, by count and by bytes.
  uint32_t queue = 16384;
  uint64_t queue_bytes = 64u << 20;
  /// Requests in flight or waiting for a retry, per client handle.
  uint32_t in_flight = 65536;
  /// Commands and bytes that one client handle may have outstanding on one
  /// connection; what exceeds it waits where it can still be taken back.
  uint32_t credit = 1024;
  uint64_t credit_bytes = 1u << 20;
  /// Part of the time of an attempt that commands may be expected to wait for
  /// others on the connection; what exceeds it waits in the client handle, where
  /// it can be shed in time. A quarter keeps any server busy that answers within
  /// its deadlines, and leaves time for what waits. 0 switches this off.
  double link_share = 0.25;
  /// On: a client handle also lowers the number of its commands in flight while
  /// latencies rise (Gradient2 of Netflix's concurrency-limits).
  bool adaptive = false;
  /// Commands in flight that neither of the two goes below.
  uint32_t in_flight_floor = 4;
  /// Messages in a mailbox; above it requests bounce with `overloaded`.
  uint32_t mailbox = 65536;
  /// Largest argument of a command, and largest bulk string of a reply.
  uint64_t argument_bytes = 512u << 20;
  uint64_t reply_bytes = 512u << 20;
  /// Elements of all arrays in one reply together.
  uint32_t reply_elements = 1u << 20;
  /// Nesting of arrays in a reply; hiredis 0.14 has room for 7. What is nested
  /// deeper is skipped and costs no other request.
  uint32_t reply_depth = 7;
  /// Commands in one pipeline or transaction.
  uint32_t pipeline = 100000;
  /// Events that wait for one subscriber; what exceeds it is dropped, counted.
  uint32_t subscriber_events = 1024;
  /// Log lines per second and cause.
  uint32_t log_lines = 10;

  bool operator==(const limit_options&) const = default;
};

/// Who runs what.
struct thread_options {
  /// I/O threads; each has its own connections and request actors.
  uint32_t reactors = 1;
  /// On: the reactor also runs the actors that it wakes, which saves a hand-over
  /// between threads per message. A caller that blocks then stalls I/O.
  bool run_callers = false;
  /// Time to spin before a reactor sleeps; 0 sleeps at once.
  std::chrono::microseconds spin{0};
  /// How long a shutdown waits for requests in flight.
  std::chrono::milliseconds drain{5000};

  bool operator==(const thread_options&) const = default;
};

/// Defaults of one client handle, i.e. of one request actor.
struct client_options {
  timeout_options timeouts = {};
  /// What is worth another attempt, when it follows, and when to give up.
  retry_policy retry = {};
  hedge_options hedge = {};
  on_open_policy on_open = on_open_policy::fail_fast;
  /// Off: requests of this handle ignore the breaker.
  bool use_breaker = true;
  /// On: `convergent` commands count as `accumulating`, so that a repeated
  /// reply never reaches a caller.
  bool strict_reply = false;
  /// Cannot be changed while the handle lives.
  link_lane lane = link_lane::shared;
  /// Who answers commands that redis does not, where it can; null if nobody.
  std::shared_ptr<const redoubt::fallback> fallback = {};

  bool operator==(const client_options&) const = default;
};

/// All options of a runtime.
struct runtime_options {
  endpoint server;
  client_options client;
  breaker_options breaker;
  budget_options budget;
  pool_options pool;
  limit_options limits;
  thread_options threads;
  /// Retry policies by name, beside "default" and "article", which are always
  /// there: for configuration files, and for `find_policy`.
  std::map<std::string, retry_policy, std::less<>> policies;

  /// Defaults of the runtime.
  runtime_options() = default;

  /// The profile `article`: the numbers of the article that redoubt implements
  /// (5 attempts, 0.1 s doubling up to 60 s; threshold 5, open 30 s;
  /// 20 connections; PING every 30 s).
  static runtime_options article();

  bool operator==(const runtime_options&) const = default;
};

/// What a single request may set differently. What is empty comes from the
/// client handle.
struct request_options {
  std::optional<std::chrono::milliseconds> deadline = {};
  std::optional<std::chrono::milliseconds> attempt_timeout = {};
  /// Attempts in all, the first included: instead of the number in the policy's
  /// `stop_after`, or beside a policy that has none.
  std::optional<uint32_t> attempts = {};
  std::optional<retry_policy> retry = {};
  /// Raises or lowers the command's class; `idempotent` on an INCR opts in to
  /// running it twice.
  std::optional<command_class> cls = {};
  /// Refused, unless `off`, for commands that are not `read_only` and for
  /// transactions. In a pipeline it is for the reads.
  std::optional<hedge_options> hedge = {};
  std::optional<on_open_policy> on_open = {};
  /// Off: the breaker is ignored. Such a request may overtake requests of the
  /// same caller that the breaker holds back.
  std::optional<bool> use_breaker = {};
  std::optional<bool> strict_reply = {};
  /// Of a pipeline or transaction: of all of it. Counts while requests wait in
  /// the client handle, and only between callers: nothing overtakes an older
  /// request of its own caller.
  request_priority priority = request_priority::normal;
  /// `bulk`: it goes over the bulk lane, out of the order of its caller's other
  /// requests. Refused in a `submit`, whose commands go over the lane of their
  /// handle; a handle of the bulk lane has no other.
  std::optional<link_lane> lane = {};
  /// Refused for a transaction, and a value for anything but reads.
  std::shared_ptr<const redoubt::fallback> fallback = {};
  /// Not 0: the sender's own number of the request, by which it can `cancel` it.
  uint64_t tag = 0;
  /// A name for errors, events and logs.
  std::string operation = {};

  bool operator==(const request_options&) const = default;
};

/// The retry policy of that name; empty if there is none.
std::optional<retry_policy> find_policy(const runtime_options& options,
                                        std::string_view name);

/// Why a policy cannot have that name in `runtime_options::policies`; empty if it
/// can.
std::string policy_name_fault(std::string_view name);

/// One thing that is wrong with options.
struct option_error {
  /// Dotted key as in the configuration file, e.g. `breaker.failure_rate`.
  std::string key;
  /// What is wrong and what is allowed.
  std::string what;

  bool operator==(const option_error&) const = default;
};

/// Checks every field against its range. Empty if all is well.
std::vector<option_error> validate(const runtime_options& x);
std::vector<option_error> validate(const client_options& x);
std::vector<option_error> validate(const request_options& x);
std::vector<option_error> validate(const breaker_options& x);
std::vector<option_error> validate(const budget_options& x);

} // namespace redoubt

REDOUBT_LOCAL_MESSAGE(redoubt::request_options)
REDOUBT_LOCAL_MESSAGE(redoubt::client_options)
REDOUBT_LOCAL_MESSAGE(redoubt::breaker_options)
REDOUBT_LOCAL_MESSAGE(redoubt::budget_options)
