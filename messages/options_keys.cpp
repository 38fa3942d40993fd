#include <redoubt/messages/options_keys.hpp>

namespace redoubt {

namespace {

template <class T>
option_slot slot_of(T& field) {
  return &field;
}

#define AT(path)                                                               \
  [](option_sheet& x) -> option_slot { return slot_of(x.options.path); }

constexpr option_key keys[] = {
  {"profile",
   R"(Values that keys start from: "default", or "article" for the numbers of )"
   "the article that redoubt implements.",
   [](option_sheet& x) { return slot_of(x.basis); }},

  {"server.url",
   "redis://[user[:password]@]host[:port][/db] or unix:///path?db=N; an IPv6 "
   "address stands in brackets. Printed without user and password.",
   AT(server)},
  {"server.user",
   "ACL user, instead of one in the url. Empty for the default user. Never "
   "printed.",
   [](option_sheet& x) -> option_slot {
     return hidden_text{&x.options.server.user};
   }},
  {"server.password", "Password, instead of one in the url. Never printed.",
   AT(server.password)},
  {"server.db", "Number of the database, instead of one in the url.",
   AT(server.db)},

  {"client.attempt_timeout",
   "One attempt, from the hand-over to a connection to the full reply.",
   AT(client.timeouts.attempt)},
  {"client.request_timeout",
   "The whole request with all its attempts and waits.",
   AT(client.timeouts.request)},
  {"client.retry",
   R"(Name of the retry policy: "default", "article", or one of the file's own )"
   "sections [retry.<name>]; see the end of this file.",
   AT(client.retry)},
  {"client.hedge",
   R"(Whether a read that is slow is sent again over another connection: "off", )"
   R"("fixed" after hedge_delay, or "p95" after the time within which 95 of 100 )"
   "commands are answered, but not before hedge_delay.",
   AT(client.hedge.mode)},
  {"client.hedge_delay", "See hedge.", AT(client.hedge.delay)},
  {"client.on_open",
   R"(What a request does while the breaker is open: "fail_fast", or "wait" )"
   "until its deadline.",
   AT(client.on_open)},
  {"client.use_breaker", "false: requests ignore the breaker.",
   AT(client.use_breaker)},
  {"client.strict_reply",
   "true: commands whose second reply may differ from the first (DEL, SADD, "
   "HSET) are not repeated once they may have run.",
   AT(client.strict_reply)},
  {"client.lane",
   R"(Connections that requests go over: "shared", or "bulk" for what is large or )"
   "takes long.",
   AT(client.lane)},

  {"breaker.enabled", "false: every request passes, nothing is counted.",
   AT(breaker.enabled)},
  {"breaker.metrics_only",
   "true: it counts and tells when it would have opened, but rejects nothing.",
   AT(breaker.metrics_only)},
  {"breaker.window",
   R"(What the sliding window holds: "time" for the calls of the last buckets )"
   R"(times bucket, "count" for the last window_calls.)",
   AT(breaker.window)},
  {"breaker.buckets", "Number of buckets in the sliding window.",
   AT(breaker.buckets)},
  {"breaker.bucket", "Time that one bucket covers.", AT(breaker.bucket)},
  {"breaker.window_calls", "Calls in a window of kind count.",
   AT(breaker.window_calls)},
  {"breaker.minimum_calls",
   "Fewer calls in the window than this never trip by rate.",
   AT(breaker.minimum_calls)},
  {"breaker.failure_rate",
   "Share of failures in the window that trips, at most 1; 0 switches this "
   "off.",
   AT(breaker.failure_rate)},
  {"breaker.slow_call",
   "A call that takes longer than this is slow; 0s switches this off.",
   AT(breaker.slow_call)},
  {"breaker.slow_call_rate",
   "Share of slow calls in the window that trips, above 0 and at most 1.",
   AT(breaker.slow_call_rate)},
  {"breaker.consecutive_failures",
   "Failures in a row that trip, whatever the rate; 0 switches this off.",
   AT(breaker.consecutive_failures)},
  {"breaker.open_base",
   "First wait in open, for servers that accept connections and fail requests; "
   "doubled by each failed half-open. A new connection half-opens at once.",
   AT(breaker.open_base)},
  {"breaker.open_max", "Longest wait in open.", AT(breaker.open_max)},
  {"breaker.stable_after",
   "After this long in closed without a trip the wait starts at open_base.",
   AT(breaker.stable_after)},
  {"breaker.half_open_permits",
   "Requests admitted in half-open, and successes that close the breaker.",
   AT(breaker.half_open_permits)},
  {"breaker.half_open_max",
   "Half-open that did not end by itself until then ends in open.",
   AT(breaker.half_open_max)},
  {"breaker.lease",
   "Permits that are not used within this time are used up by probes.",
   AT(breaker.lease)},
  {"breaker.probe_timeout", "Deadline of the runtime's own PING in half-open.",
   AT(breaker.probe_timeout)},
  {"breaker.ramp",
   "After half-open closed, so much of what was in flight while the server was "
   "well may be, step by step; then all. Ascending shares, at most 1.",
   AT(breaker.ramp)},
  {"breaker.ramp_step", "How long a step of the ramp lasts.",
   AT(breaker.ramp_step)},
  {"breaker.lump", "Failures of one cause within this time count as one.",
   AT(breaker.lump)},

  {"budget.enabled",
   "false: only attempts and deadlines bound what is sent again.",
   AT(budget.enabled)},
  {"budget.ratio",
   "Share of the successes of the last window that may be sent again, retries "
   "and hedges of all clients together.",
   AT(budget.ratio)},
  {"budget.per_second",
   "So many more for each second of the window, whatever succeeded.",
   AT(budget.per_second)},
  {"budget.window", "How long a success counts.", AT(budget.window)},

  {"pool.connections", "Connections per reactor, shared by all its clients.",
   AT(pool.connections)},
  {"pool.bulk_connections",
   "The same for the bulk lane; made once somebody uses it.",
   AT(pool.bulk_connections)},
  {"pool.max_connections",
   "Connections at any time, those included that are being made or closed.",
   AT(pool.max_connections)},
  {"pool.leased",
   "Connections that may be leased at a time, each to one caller.",
   AT(pool.leased)},
  {"pool.lease_idle",
   "A lease ends when its connection was idle for this long; 0s lets it last "
   "as "
   "long as its holder.",
   AT(pool.lease_idle)},
  {"pool.lifetime",
   "A connection is replaced after this long, less up to 20 % at random; 0s "
   "keeps it as long as it lives.",
   AT(pool.lifetime)},
  {"pool.connect_timeout", "Time to establish a connection.",
   AT(pool.connect_timeout)},
  {"pool.resolve_timeout", "Time to resolve the host's name.",
   AT(pool.resolve_timeout)},
  {"pool.handshake_timeout", "Time for AUTH, SELECT and CLIENT SETNAME.",
   AT(pool.handshake_timeout)},
  {"pool.dial_min",
   "While the server is down a dial starts after dial_min to dial_max; 40ms "
   "keep it at 25 dials per second.",
   AT(pool.dial_min)},
  {"pool.dial_max", "Recovery is noticed within this time.", AT(pool.dial_max)},
  {"pool.max_dialing", "Dials that may hang at the same time.",
   AT(pool.max_dialing)},
  {"pool.slow_dial_min",
   "As dial_min, while the server turns us away or connections die too often.",
   AT(pool.slow_dial_min)},
  {"pool.slow_dial_max", "As dial_max, then.", AT(pool.slow_dial_max)},
  {"pool.max_restarts",
   "More lost connections than this in restart_window are too many.",
   AT(pool.max_restarts)},
  {"pool.restart_window", "Window of max_restarts.", AT(pool.restart_window)},
  {"pool.ping_interval", "A connection idle for this long is sent a PING.",
   AT(pool.ping_interval)},
  {"pool.ping_timeout", "A PING unanswered for this long: the link is dead.",
   AT(pool.ping_timeout)},
  {"pool.dead_link_factor",
   "A command unanswered for this many attempt timeouts, and no byte received "
   "meanwhile: the link is dead.",
   AT(pool.dead_link_factor)},
  {"pool.client_name", "Name that CLIENT LIST shows.", AT(pool.client_name)},
  {"pool.dns_servers",
   "DNS servers as address[:port] with commas between; empty takes the "
   "system's.",
   AT(pool.dns_servers)},

  {"limits.queue", "Requests that wait in one client handle.",
   AT(limits.queue)},
  {"limits.queue_bytes", "Their size.", AT(limits.queue_bytes)},
  {"limits.in_flight",
   "Requests in flight or waiting for a retry, per client handle.",
   AT(limits.in_flight)},
  {"limits.credit",
   "Commands that one client handle may have outstanding on one connection.",
   AT(limits.credit)},
  {"limits.credit_bytes", "Their size.", AT(limits.credit_bytes)},
  {"limits.link_share",
   "Part of an attempt's time that commands may be expected to wait for others "
   "on a connection; the rest waits in the client handle. 0 switches this off.",
   AT(limits.link_share)},
  {"limits.adaptive",
   "true: fewer commands are in flight per client handle while latencies rise.",
   AT(limits.adaptive)},
  {"limits.in_flight_floor",
   "Commands in flight that link_share and adaptive always leave.",
   AT(limits.in_flight_floor)},
  {"limits.mailbox", "Messages in an actor's mailbox.", AT(limits.mailbox)},
  {"limits.argument_bytes", "Largest argument of a command.",
   AT(limits.argument_bytes)},
  {"limits.reply_bytes", "Largest string in a reply.", AT(limits.reply_bytes)},
  {"limits.reply_elements", "Elements of all arrays in one reply.",
   AT(limits.reply_elements)},
  {"limits.reply_depth", "Nesting of arrays in a reply.",
   AT(limits.reply_depth)},
  {"limits.pipeline", "Commands in one pipeline or transaction.",
   AT(limits.pipeline)},
  {"limits.subscriber_events",
   "Events that wait for one subscriber; more are dropped and counted.",
   AT(limits.subscriber_events)},
  {"limits.log_lines", "Log lines per second and cause.", AT(limits.log_lines)},

  {"threads.reactors", "I/O threads, each with its own connections.",
   AT(threads.reactors)},
  {"threads.run_callers",
   "true: a reactor also runs the actors that it wakes, which saves a "
   "hand-over "
   "per message. One that blocks then stalls I/O.",
   AT(threads.run_callers)},
  {"threads.spin", "Time to spin before a reactor sleeps; 0s sleeps at once.",
   AT(threads.spin)},
  {"threads.drain", "How long a shutdown waits for requests in flight.",
   AT(threads.drain)},
};

#undef AT

} // namespace

std::span<const option_key> option_keys() noexcept {
  return keys;
}

} // namespace redoubt
