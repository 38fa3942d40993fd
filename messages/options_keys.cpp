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
  {"client.attempts", "Attempts in all, the first included.",
   AT(client.retry.attempts)},
  {"client.backoff_base", "Shortest wait before an attempt is repeated.",
   AT(client.retry.base)},
  {"client.backoff_max", "Longest wait before an attempt is repeated.",
   AT(client.retry.max)},
  {"client.backoff_multiplier",
   "A wait is random between backoff_base and this many times the wait before "
   "(decorrelated jitter).",
   AT(client.retry.multiplier)},
  {"client.slow_backoff_base",
   "As backoff_base, while the server is up but needs time (LOADING, BUSY, too "
   "many clients).",
   AT(client.retry.slow_base)},
  {"client.slow_backoff_max",
   "As backoff_max, while the server is up but needs time.",
   AT(client.retry.slow_max)},
  {"client.hedge",
   R"(Whether a read that is slow is sent again over another connection: "off", )"
   R"("fixed" after hedge_delay, or "p95" after the time within which 95 of 100 )"
   "reads are answered, but not before hedge_delay.",
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

  {"breaker.enabled", "false: every request passes, nothing is counted.",
   AT(breaker.enabled)},
  {"breaker.buckets", "Number of buckets in the sliding window.",
   AT(breaker.buckets)},
  {"breaker.bucket", "Time that one bucket covers.", AT(breaker.bucket)},
  {"breaker.minimum_calls",
   "Fewer calls in the window than this never trip by rate.",
   AT(breaker.minimum_calls)},
  {"breaker.failure_rate",
   "Share of failures in the window that trips, above 0 and at most 1.",
   AT(breaker.failure_rate)},
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
  {"breaker.lease",
   "Permits that are not used within this time are used up by probes.",
   AT(breaker.lease)},
  {"breaker.probe_timeout", "Deadline of the runtime's own PING in half-open.",
   AT(breaker.probe_timeout)},
  {"breaker.lump", "Failures of one cause within this time count as one.",
   AT(breaker.lump)},

  {"pool.connections", "Connections per reactor, shared by all its clients.",
   AT(pool.connections)},
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
