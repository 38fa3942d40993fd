#include <redoubt/messages/options.hpp>

#include <redoubt/messages/units.hpp>

#include <arpa/inet.h>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

namespace redoubt {

namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Upper bounds keep sums and products of options far from any overflow, and
// below the largest value of the field's type: options_toml.cpp relies on that
// to have every value that does not fit reported here.

constexpr milliseconds tick{1};
constexpr milliseconds day = hours{24};

/// 25 dials per second (DESIGN: no storm).
constexpr milliseconds shortest_dial{40};

/// Redis's own limit on a string.
constexpr uint64_t largest_string = 512u << 20;
constexpr uint64_t tebibyte = uint64_t{1} << 40;

/// What hiredis 0.14 has room for.
constexpr uint32_t deepest_reply = 7;

/// SELECT takes a signed 32-bit index.
constexpr uint32_t largest_db = std::numeric_limits<int32_t>::max();

/// Collects faults of the fields of one section.
class checker {
public:
  checker(std::vector<option_error>& faults, std::string_view section)
    : faults_(faults), section_(section) {}

  void fault(std::string_view field, std::string what) {
    faults_.push_back({name(field), std::move(what)});
  }

  template <class T>
  void number(std::string_view field, T value, T low, T high) {
    // Written so that NaN fails.
    if (!(value >= low && value <= high))
      fault(field, fmt::format("must be a number from {} to {}", low, high));
  }

  void size(std::string_view field, uint64_t value, uint64_t high) {
    if (value < 1 || value > high)
      fault(field,
            fmt::format("must be a size from 1B to {}", size_text(high)));
  }

  // Compared in the field's own unit: a `milliseconds::max()` that means "for
  // ever" would overflow in any other.
  template <class Duration>
  void duration(std::string_view field, Duration value, microseconds low = tick,
                microseconds high = day) {
    using std::chrono::duration_cast;
    if (value < duration_cast<Duration>(low)
        || value > duration_cast<Duration>(high))
      fault(field, fmt::format("must be a duration from {} to {}",
                               duration_text(low), duration_text(high)));
  }

  /// Two durations, the second of which is the upper end.
  void span(std::string_view low_field, milliseconds low,
            std::string_view high_field, milliseconds high) {
    if (low > high && !is_faulty(low_field) && !is_faulty(high_field))
      fault(low_field,
            fmt::format("must not be longer than {}", name(high_field)));
  }

private:
  bool is_faulty(std::string_view field) const {
    return std::any_of(faults_.begin(), faults_.end(),
                       [key = name(field)](auto& x) { return x.key == key; });
  }

  std::string name(std::string_view field) const {
    return section_.empty() ? std::string{field}
                            : fmt::format("{}.{}", section_, field);
  }

  std::vector<option_error>& faults_;
  std::string_view section_;
};

bool is_address(int family, std::string_view text) {
  in6_addr room;
  return inet_pton(family, std::string{text}.c_str(), &room) == 1;
}

bool is_port(std::string_view text) {
  uint16_t port = 0;
  auto last = text.data() + text.size();
  auto [end, code] = std::from_chars(text.data(), last, port);
  return code == std::errc{} && end == last && port != 0;
}

/// `1.2.3.4`, `1.2.3.4:53`, `::1` or `[::1]:53`.
bool is_dns_server(std::string_view text) {
  if (text.starts_with('[')) {
    auto end = text.find(']');
    if (end == std::string_view::npos)
      return false;
    auto rest = text.substr(end + 1);
    return is_address(AF_INET6, text.substr(1, end - 1))
           && (rest.empty() || (rest[0] == ':' && is_port(rest.substr(1))));
  }
  auto colon = text.find(':');
  if (colon != text.rfind(':'))
    return is_address(AF_INET6, text);
  return is_address(AF_INET, text.substr(0, colon))
         && (colon == std::string_view::npos
             || is_port(text.substr(colon + 1)));
}

bool are_dns_servers(std::string_view list) {
  if (list.find('\0') != std::string_view::npos)
    return false;
  while (true) {
    auto comma = list.find(',');
    if (!is_dns_server(list.substr(0, comma)))
      return false;
    if (comma == std::string_view::npos)
      return true;
    list.remove_prefix(comma + 1);
  }
}

/// CLIENT SETNAME takes printable ASCII without blanks.
bool is_client_name(std::string_view text) {
  return !text.empty() && text.size() <= 64
         && std::all_of(text.begin(), text.end(),
                        [](char c) { return c > ' ' && c < 0x7f; });
}

void check(const endpoint& x, std::vector<option_error>& faults) {
  checker c{faults, "server"};
  // The rules for URLs are those of the endpoint: what is well-formed survives
  // the way through a URL. The database has a key of its own.
  c.number("db", x.db, 0u, largest_db);
  auto without_db = x;
  without_db.db = 0;
  auto url = to_string(without_db);
  std::string what;
  auto copy = parse_endpoint(url, what);
  if (!copy)
    c.fault("url", what);
  else if (to_string(*copy) != url)
    c.fault("url", "the host has characters that a host name cannot have");
}

void check(const client_options& x, std::vector<option_error>& faults) {
  checker c{faults, "client"};
  c.duration("attempt_timeout", x.timeouts.attempt);
  c.duration("request_timeout", x.timeouts.request);
  c.duration("hedge_delay", x.hedge.delay);
  c.span("attempt_timeout", x.timeouts.attempt, "request_timeout",
         x.timeouts.request);
}

void check_ramp(const std::vector<double>& ramp, checker& c) {
  constexpr size_t most_steps = 16;
  auto last = 0.0;
  auto ascending = ramp.size() <= most_steps;
  for (auto share : ramp) {
    // Written so that NaN fails.
    ascending = ascending && share > last && share <= 1.0;
    last = share;
  }
  if (!ascending)
    c.fault("ramp", fmt::format("must be at most {} shares, ascending, above 0 "
                                "and at most 1",
                                most_steps));
}

void check(const breaker_options& x, std::vector<option_error>& faults) {
  checker c{faults, "breaker"};
  c.number("buckets", x.buckets, 1u, 3600u);
  c.duration("bucket", x.bucket);
  c.number("window_calls", x.window_calls, 1u, 1'000'000u);
  c.number("minimum_calls", x.minimum_calls, 1u, 1'000'000'000u);
  if (x.window == window_kind::count && x.minimum_calls > x.window_calls)
    c.fault("minimum_calls", "must not be larger than breaker.window_calls");
  if (!(x.failure_rate >= 0.0 && x.failure_rate <= 1.0))
    c.fault("failure_rate", "must be a share from 0 to 1");
  c.duration("slow_call", x.slow_call, milliseconds{0});
  if (!(x.slow_call_rate > 0.0 && x.slow_call_rate <= 1.0))
    c.fault("slow_call_rate", "must be a share above 0 and at most 1");
  c.number("consecutive_failures", x.consecutive_failures, 0u, 1'000'000'000u);
  c.duration("open_base", x.open_base);
  c.duration("open_max", x.open_max);
  c.span("open_base", x.open_base, "open_max", x.open_max);
  c.duration("stable_after", x.stable_after);
  c.number("half_open_permits", x.half_open_permits, 1u, 1'000'000u);
  c.duration("half_open_max", x.half_open_max);
  c.duration("lease", x.lease);
  c.duration("probe_timeout", x.probe_timeout);
  c.span("probe_timeout", x.probe_timeout, "half_open_max", x.half_open_max);
  check_ramp(x.ramp, c);
  c.duration("ramp_step", x.ramp_step);
  c.duration("lump", x.lump, milliseconds{0});
}

void check(const budget_options& x, std::vector<option_error>& faults) {
  checker c{faults, "budget"};
  c.number("ratio", x.ratio, 0.0, 10.0);
  c.number("per_second", x.per_second, 0u, 1'000'000u);
  c.duration("window", x.window);
}

void check(const pool_options& x, std::vector<option_error>& faults) {
  checker c{faults, "pool"};
  c.number("connections", x.connections, 1u, 1024u);
  c.number("bulk_connections", x.bulk_connections, 1u, 1024u);
  c.number("max_connections", x.max_connections, 1u, 1u << 17);
  c.number("leased", x.leased, 0u, 65536u);
  if (x.lease_idle != milliseconds{0}
      && (x.lease_idle < milliseconds{100} || x.lease_idle > day))
    c.fault("lease_idle", "must be 0s or a duration from 100ms to 24h");
  if (x.lifetime != milliseconds{0}
      && (x.lifetime < seconds{1} || x.lifetime > day))
    c.fault("lifetime", "must be 0s or a duration from 1s to 24h");
  c.duration("connect_timeout", x.connect_timeout);
  c.duration("resolve_timeout", x.resolve_timeout);
  c.duration("handshake_timeout", x.handshake_timeout);
  c.duration("dial_min", x.dial_min, shortest_dial);
  c.duration("dial_max", x.dial_max, shortest_dial);
  c.span("dial_min", x.dial_min, "dial_max", x.dial_max);
  c.number("max_dialing", x.max_dialing, 1u, 1024u);
  c.duration("slow_dial_min", x.slow_dial_min, shortest_dial);
  c.duration("slow_dial_max", x.slow_dial_max, shortest_dial);
  c.span("slow_dial_min", x.slow_dial_min, "slow_dial_max", x.slow_dial_max);
  c.number("max_restarts", x.max_restarts, 1u, 1'000'000u);
  c.duration("restart_window", x.restart_window);
  c.duration("ping_interval", x.ping_interval);
  c.duration("ping_timeout", x.ping_timeout);
  c.number("dead_link_factor", x.dead_link_factor, 1u, 1000u);
  if (!is_client_name(x.client_name))
    c.fault("client_name", "must have 1 to 64 printable ASCII characters and "
                           "no blanks");
  if (!x.dns_servers.empty() && !are_dns_servers(x.dns_servers))
    c.fault("dns_servers", "must be empty or a list of address[:port] with "
                           "commas between, as in 10.0.0.53,[::1]:5353");
}

void check(const limit_options& x, std::vector<option_error>& faults) {
  checker c{faults, "limits"};
  c.number("queue", x.queue, 1u, 1u << 24);
  c.size("queue_bytes", x.queue_bytes, tebibyte);
  c.number("in_flight", x.in_flight, 1u, 1u << 24);
  c.number("credit", x.credit, 1u, 1u << 24);
  c.size("credit_bytes", x.credit_bytes, tebibyte);
  c.number("link_share", x.link_share, 0.0, 1.0);
  c.number("in_flight_floor", x.in_flight_floor, 1u, 1u << 24);
  // Room for the runtime's own messages beside those of the callers.
  c.number("mailbox", x.mailbox, 64u, 1u << 24);
  c.size("argument_bytes", x.argument_bytes, largest_string);
  c.size("reply_bytes", x.reply_bytes, largest_string);
  c.number("reply_elements", x.reply_elements, 1u, 1u << 30);
  c.number("reply_depth", x.reply_depth, 1u, deepest_reply);
  c.number("pipeline", x.pipeline, 1u, 1'000'000u);
  c.number("subscriber_events", x.subscriber_events, 1u, 1u << 20);
  c.number("log_lines", x.log_lines, 1u, 10'000u);
}

void check_names(const runtime_options& x, std::vector<option_error>& faults) {
  checker c{faults, "retry"};
  for (auto& [name, policy] : x.policies)
    if (auto what = policy_name_fault(name); !what.empty())
      c.fault("name", std::move(what));
}

/// What is well by itself and too much together.
void check_sums(const runtime_options& x, std::vector<option_error>& faults) {
  checker c{faults, "pool"};
  auto wanted = uint64_t{x.threads.reactors}
                * (uint64_t{x.pool.connections} + x.pool.bulk_connections);
  if (faults.empty() && wanted > x.pool.max_connections)
    c.fault("max_connections",
            fmt::format("must not be less than {}: pool.connections and "
                        "pool.bulk_connections for each of threads.reactors",
                        wanted));
}

void check(const thread_options& x, std::vector<option_error>& faults) {
  checker c{faults, "threads"};
  c.number("reactors", x.reactors, 1u, 64u);
  c.duration("spin", x.spin, microseconds{0}, seconds{1});
  c.duration("drain", x.drain, milliseconds{0});
}

} // namespace

std::string_view to_string(on_open_policy value) noexcept {
  switch (value) {
    case on_open_policy::fail_fast: return "fail_fast";
    case on_open_policy::wait: return "wait";
  }
  return "?";
}

std::string_view to_string(link_lane value) noexcept {
  switch (value) {
    case link_lane::shared: return "shared";
    case link_lane::bulk: return "bulk";
  }
  return "?";
}

std::string_view to_string(window_kind value) noexcept {
  switch (value) {
    case window_kind::time: return "time";
    case window_kind::count: return "count";
  }
  return "?";
}

std::string_view to_string(hedge_mode value) noexcept {
  switch (value) {
    case hedge_mode::off: return "off";
    case hedge_mode::fixed: return "fixed";
    case hedge_mode::p95: return "p95";
  }
  return "?";
}

runtime_options runtime_options::article() {
  runtime_options x;
  x.client.retry = retry_policy::article();
  // Five attempts of 500 ms and waits of at most 0.1 + 0.2 + 0.4 + 0.8 s need
  // 4 s. The article has no deadline at all.
  x.client.timeouts.request = seconds{10};
  // Its breaker counts failures in a row and knows no rate.
  x.breaker.consecutive_failures = 5;
  x.breaker.failure_rate = 0;
  x.breaker.open_base = seconds{30};
  x.breaker.open_max = seconds{30};
  x.pool.connections = 20;
  x.pool.ping_interval = seconds{30};
  return x;
}

std::optional<retry_policy> find_policy(const runtime_options& options,
                                        std::string_view name) {
  if (name == "default")
    return retry_policy{};
  if (name == "article")
    return retry_policy::article();
  auto i = options.policies.find(name);
  if (i == options.policies.end())
    return std::nullopt;
  return i->second;
}

std::string policy_name_fault(std::string_view name) {
  auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  if (name == "default" || name == "article")
    return "is the name of a policy that is always there";
  if (name.empty() || name.size() > 64
      || !std::all_of(name.begin(), name.end(), fits))
    return "the name of a policy must have 1 to 64 letters, digits, "
           "underscores "
           "and dashes";
  return {};
}

std::vector<option_error> validate(const runtime_options& x) {
  std::vector<option_error> faults;
  check(x.server, faults);
  check(x.client, faults);
  check(x.breaker, faults);
  check(x.budget, faults);
  check(x.pool, faults);
  check(x.limits, faults);
  check(x.threads, faults);
  check_names(x, faults);
  check_sums(x, faults);
  return faults;
}

std::vector<option_error> validate(const client_options& x) {
  std::vector<option_error> faults;
  check(x, faults);
  return faults;
}

std::vector<option_error> validate(const breaker_options& x) {
  std::vector<option_error> faults;
  check(x, faults);
  return faults;
}

std::vector<option_error> validate(const budget_options& x) {
  std::vector<option_error> faults;
  check(x, faults);
  return faults;
}

std::vector<option_error> validate(const request_options& x) {
  std::vector<option_error> faults;
  checker c{faults, ""};
  if (x.deadline)
    c.duration("deadline", *x.deadline);
  if (x.attempt_timeout)
    c.duration("attempt_timeout", *x.attempt_timeout);
  if (x.deadline && x.attempt_timeout)
    c.span("attempt_timeout", *x.attempt_timeout, "deadline", *x.deadline);
  if (x.attempts)
    c.number("attempts", *x.attempts, 1u, 1000u);
  if (x.hedge)
    c.duration("hedge.delay", x.hedge->delay);
  // It goes into log lines.
  auto breaks_lines = [](unsigned char byte) {
    return byte < ' ' || byte == 0x7f;
  };
  if (x.operation.size() > 128
      || std::any_of(x.operation.begin(), x.operation.end(), breaks_lines))
    c.fault("operation", "must have at most 128 bytes and no control "
                         "characters");
  return faults;
}

} // namespace redoubt
