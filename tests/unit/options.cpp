#define CAF_SUITE options

#include <redoubt/messages/options.hpp>

#include <redoubt/tests/support/check.hpp>

#include <cmath>
#include <initializer_list>
#include <string>

using namespace redoubt;
using namespace std::chrono_literals;

namespace {

using std::chrono::milliseconds;

constexpr auto day = milliseconds{24h};

/// Keys of all faults, in order.
template <class Options>
std::string faulty_keys(const Options& x) {
  std::string result;
  for (auto& fault : validate(x))
    result += (result.empty() ? "" : " ") + fault.key;
  return result;
}

/// Checks that `good` values of a field pass and `bad` ones do not.
template <class T, class Slot>
void check(std::string_view key, Slot slot, std::initializer_list<T> good,
           std::initializer_list<T> bad) {
  for (auto& value : good) {
    runtime_options x;
    slot(x) = value;
    CAF_CHECK_EQUAL(faulty_keys(x), "");
  }
  for (auto& value : bad) {
    runtime_options x;
    slot(x) = value;
    auto faults = validate(x);
    CAF_REQUIRE_EQUAL(faults.size(), 1u);
    CAF_CHECK_EQUAL(faults[0].key, key);
    CAF_CHECK(!faults[0].what.empty());
  }
}

#define AT(path)                                                               \
  [](runtime_options & x) -> auto& {                                           \
    return x.path;                                                             \
  }

/// A field that another one bounds, which is put out of the way.
#define AT_WITH(path, other, value)                                            \
  [](runtime_options & x) -> auto& {                                           \
    x.other = value;                                                           \
    return x.path;                                                             \
  }

template <class Slot>
void check_count(std::string_view key, Slot slot, uint32_t low, uint32_t high) {
  check<uint32_t>(key, slot, {low, high}, {high + 1});
  if (low > 0)
    check<uint32_t>(key, slot, {}, {low - 1});
}

template <class Slot>
void check_size(std::string_view key, Slot slot, uint64_t high) {
  check<uint64_t>(key, slot, {1, high}, {0, high + 1});
}

template <class Slot>
void check_duration(std::string_view key, Slot slot, milliseconds low = 1ms) {
  check<milliseconds>(key, slot, {low, day},
                      {low - 1ms, day + 1ms, -1ms, milliseconds::max()});
}

} // namespace

CAF_TEST(the defaults are valid) {
  CAF_CHECK_EQUAL(faulty_keys(runtime_options{}), "");
  CAF_CHECK_EQUAL(faulty_keys(client_options{}), "");
  CAF_CHECK_EQUAL(faulty_keys(request_options{}), "");
}

CAF_TEST(policies have names) {
  CAF_CHECK_EQUAL(to_string(on_open_policy::fail_fast), "fail_fast");
  CAF_CHECK_EQUAL(to_string(on_open_policy::wait), "wait");
}

CAF_TEST(the article profile has the numbers of the article) {
  auto x = runtime_options::article();
  CAF_CHECK_EQUAL(faulty_keys(x), "");
  CAF_CHECK(x.client.retry
            == (retry_policy{equal_jitter(100ms, 60s, 2),
                             stop_after(5) | stop_before_deadline()}));
  CAF_CHECK_EQUAL(x.breaker.consecutive_failures, 5u);
  CAF_CHECK_EQUAL(x.breaker.failure_rate, 0);
  CAF_CHECK(x.breaker.open_base == 30s);
  CAF_CHECK(x.breaker.open_max == 30s);
  CAF_CHECK_EQUAL(x.pool.connections * x.threads.reactors, 20u);
  CAF_CHECK(x.pool.ping_interval == 30s);
}

CAF_TEST(the schedule of the article profile fits its deadline) {
  auto x = runtime_options::article().client;
  auto needed = x.timeouts.attempt * 5;
  for (auto wait : {100ms, 200ms, 400ms, 800ms})
    needed += wait;
  CAF_CHECK_LESS(needed.count(), x.timeouts.request.count());
}

CAF_TEST(options of the server have ranges) {
  check<std::string>("server.url", AT(server.host),
                     {"a", "::1", "a-b.c_d", std::string(253, 'a')},
                     {"", "a b", "a@b", "a/1", "a?b", "a:b", "[::1]", "a%41",
                      std::string(254, 'a'), "a\nb"});
  check<uint16_t>("server.url", AT(server.port), {1, 65535}, {0});
  check_count("server.db", AT(server.db), 0, 2147483647);
  auto path = AT_WITH(server.path, server.kind,
                      endpoint::transport::unix_socket);
  using namespace std::string_literals;
  check<std::string>("server.url", path,
                     {"/a", "/a b?c%#", "/" + std::string(106, 'a')},
                     {"", "/", "a", "/a\0b"s, "/" + std::string(107, 'a')});
}

CAF_TEST(options of a client have ranges) {
  check_duration("client.attempt_timeout",
                 AT_WITH(client.timeouts.attempt, client.timeouts.request,
                         day));
  check_duration("client.request_timeout",
                 AT_WITH(client.timeouts.request, client.timeouts.attempt,
                         1ms));
}

CAF_TEST(a policy has a name that a section of a file can have) {
  for (auto name : {"a", "patient", "two-words", "A_1", "-"})
    CAF_CHECK_EQUAL(policy_name_fault(name), "");
  CAF_CHECK_EQUAL(policy_name_fault(std::string(64, 'a')), "");
  for (auto name : {"", "a b", "a.b", "\n", "caf\xc3\xa9"})
    CAF_CHECK_EQUAL(policy_name_fault(name),
                    "the name of a policy must have 1 to 64 letters, digits, "
                    "underscores and dashes");
  CAF_CHECK(!policy_name_fault(std::string(65, 'a')).empty());
  for (auto name : {"default", "article"})
    CAF_CHECK_EQUAL(policy_name_fault(name),
                    "is the name of a policy that is always there");
  runtime_options x;
  x.policies.emplace("default", retry_policy{});
  CAF_CHECK_EQUAL(faulty_keys(x), "retry.name");
}

CAF_TEST(policies are found by their names) {
  runtime_options x;
  retry_policy patient{fixed(1s), stop_never()};
  x.policies.emplace("patient", patient);
  CAF_CHECK(find_policy(x, "patient") == patient);
  CAF_CHECK(find_policy(x, "default") == retry_policy{});
  CAF_CHECK(find_policy(x, "article") == retry_policy::article());
  CAF_CHECK(!find_policy(x, "hasty"));
}

CAF_TEST(options of the breaker have ranges) {
  check_count("breaker.buckets", AT(breaker.buckets), 1, 3600);
  check_duration("breaker.bucket", AT(breaker.bucket));
  check_count("breaker.minimum_calls", AT(breaker.minimum_calls), 1,
              1'000'000'000);
  check<double>("breaker.failure_rate", AT(breaker.failure_rate),
                {0.0, 0.0001, 0.5, 1.0}, {-0.5, 1.0001, NAN, INFINITY});
  check_count("breaker.window_calls", AT(breaker.window_calls), 1, 1'000'000);
  check_duration("breaker.slow_call", AT(breaker.slow_call), 0ms);
  check<double>("breaker.slow_call_rate", AT(breaker.slow_call_rate),
                {0.0001, 0.5, 1.0}, {0.0, -0.5, 1.0001, NAN, INFINITY});
  check<std::vector<double>>("breaker.ramp", AT(breaker.ramp),
                             {{}, {1.0}, {0.01, 0.5, 1.0}},
                             {{0.0},
                              {-0.1},
                              {1.01},
                              {0.5, 0.5},
                              {0.5, 0.4},
                              {0.5, NAN},
                              {.01, .02, .03, .04, .05, .06, .07, .08, .09, .1,
                               .11, .12, .13, .14, .15, .16, .17}});
  check_count("breaker.consecutive_failures", AT(breaker.consecutive_failures),
              0, 1'000'000'000);
  check_duration("breaker.open_base",
                 AT_WITH(breaker.open_base, breaker.open_max, day));
  check_duration("breaker.open_max",
                 AT_WITH(breaker.open_max, breaker.open_base, 1ms));
  check_duration("breaker.stable_after", AT(breaker.stable_after));
  check_count("breaker.half_open_permits", AT(breaker.half_open_permits), 1,
              1'000'000);
  check_duration("breaker.lease", AT(breaker.lease));
  check_duration("breaker.half_open_max",
                 AT_WITH(breaker.half_open_max, breaker.probe_timeout, 1ms));
  check_duration("breaker.probe_timeout",
                 AT_WITH(breaker.probe_timeout, breaker.half_open_max, day));
  check_duration("breaker.ramp_step", AT(breaker.ramp_step));
  check_duration("breaker.lump", AT(breaker.lump), 0ms);
}

CAF_TEST(options of the pool have ranges) {
  check_count("pool.connections",
              AT_WITH(pool.connections, pool.max_connections, 1u << 17), 1,
              1024);
  check_count("pool.bulk_connections",
              AT_WITH(pool.bulk_connections, pool.max_connections, 1u << 17), 1,
              1024);
  check_count("pool.max_connections", AT(pool.max_connections), 3, 1u << 17);
  check<milliseconds>("pool.lifetime", AT(pool.lifetime), {0ms, 1s, day},
                      {-1ms, 1ms, 999ms, day + 1ms, milliseconds::max()});
  check_count("pool.leased", AT(pool.leased), 0, 65536);
  check<milliseconds>("pool.lease_idle", AT(pool.lease_idle), {0ms, 100ms, day},
                      {-1ms, 99ms, day + 1ms});
  check_duration("pool.connect_timeout", AT(pool.connect_timeout));
  check_duration("pool.resolve_timeout", AT(pool.resolve_timeout));
  check_duration("pool.handshake_timeout", AT(pool.handshake_timeout));
  check_count("pool.max_dialing", AT(pool.max_dialing), 1, 1024);
  check_count("pool.max_restarts", AT(pool.max_restarts), 1, 1'000'000);
  check_duration("pool.restart_window", AT(pool.restart_window));
  check_duration("pool.ping_interval", AT(pool.ping_interval));
  check_duration("pool.ping_timeout", AT(pool.ping_timeout));
  check_count("pool.dead_link_factor", AT(pool.dead_link_factor), 1, 1000);
}

CAF_TEST(more connections than allowed in all are refused) {
  runtime_options x;
  x.threads.reactors = 4;
  x.pool.connections = 3;
  x.pool.bulk_connections = 2;
  x.pool.max_connections = 20;
  CAF_CHECK(validate(x).empty());
  x.pool.max_connections = 19;
  auto faults = validate(x);
  CAF_REQUIRE_EQUAL(faults.size(), 1u);
  CAF_CHECK_EQUAL(faults[0].key, "pool.max_connections");
  CAF_CHECK(faults[0].what.starts_with("must not be less than 20"));
}

CAF_TEST(no more than 25 dials per second can be asked for) {
  check_duration("pool.dial_min", AT_WITH(pool.dial_min, pool.dial_max, day),
                 40ms);
  check_duration("pool.dial_max", AT_WITH(pool.dial_max, pool.dial_min, 40ms),
                 40ms);
  check_duration("pool.slow_dial_min",
                 AT_WITH(pool.slow_dial_min, pool.slow_dial_max, day), 40ms);
  check_duration("pool.slow_dial_max",
                 AT_WITH(pool.slow_dial_max, pool.slow_dial_min, 40ms), 40ms);
}

CAF_TEST(a client name is one that the server takes) {
  check<std::string>("pool.client_name", AT(pool.client_name),
                     {"a", "orders-api:1", std::string(64, 'a')},
                     {"", "a b", "a\n", "\xc3\xa4", std::string(65, 'a')});
}

CAF_TEST(DNS servers are addresses) {
  check<std::string>("pool.dns_servers", AT(pool.dns_servers),
                     {"", "10.0.0.1", "10.0.0.1:53", "::1", "[::1]",
                      "[::1]:5353", "10.0.0.1,::1,[::1]:1"},
                     {"a", "10.0.0", "10.0.0.1:0", "10.0.0.1:65536",
                      "10.0.0.1:", "[::1", "[::1]5", "10.0.0.1,", ",10.0.0.1",
                      "10.0.0.1 ,::1", std::string(1, '\0')});
}

CAF_TEST(limits have ranges) {
  check_count("limits.queue", AT(limits.queue), 1, 1u << 24);
  check_size("limits.queue_bytes", AT(limits.queue_bytes), uint64_t{1} << 40);
  check_count("limits.in_flight", AT(limits.in_flight), 1, 1u << 24);
  check_count("limits.credit", AT(limits.credit), 1, 1u << 24);
  check_size("limits.credit_bytes", AT(limits.credit_bytes), uint64_t{1} << 40);
  check<double>("limits.link_share", AT(limits.link_share), {0.0, 0.01, 1.0},
                {-0.01, 1.01, std::nan("")});
  check_count("limits.in_flight_floor", AT(limits.in_flight_floor), 1,
              1u << 24);
  check_count("limits.mailbox", AT(limits.mailbox), 64, 1u << 24);
  check_size("limits.argument_bytes", AT(limits.argument_bytes), 512u << 20);
  check_size("limits.reply_bytes", AT(limits.reply_bytes), 512u << 20);
  check_count("limits.reply_elements", AT(limits.reply_elements), 1, 1u << 30);
  check_count("limits.reply_depth", AT(limits.reply_depth), 1, 7);
  check_count("limits.pipeline", AT(limits.pipeline), 1, 1'000'000);
  check_count("limits.subscriber_events", AT(limits.subscriber_events), 1,
              1u << 20);
  check_count("limits.log_lines", AT(limits.log_lines), 1, 10'000);
}

CAF_TEST(options of the threads have ranges) {
  check_count("threads.reactors", AT(threads.reactors), 1, 64);
  check<std::chrono::microseconds>("threads.spin", AT(threads.spin), {0us, 1s},
                                   {-1us, 1000001us});
  check_duration("threads.drain", AT(threads.drain), 0ms);
}

CAF_TEST(options of the budget have ranges) {
  check<double>("budget.ratio", AT(budget.ratio), {0.0, 0.2, 10.0},
                {-0.1, 10.1, NAN});
  check_count("budget.per_second", AT(budget.per_second), 0, 1'000'000);
  check_duration("budget.window", AT(budget.window));
}

CAF_TEST(a window of calls holds the minimum of calls) {
  breaker_options x;
  x.window_calls = 9;
  CAF_CHECK_EQUAL(faulty_keys(x), "");
  x.window = window_kind::count;
  CAF_CHECK_EQUAL(faulty_keys(x), "breaker.minimum_calls");
  x.window_calls = 10;
  CAF_CHECK_EQUAL(faulty_keys(x), "");
  CAF_CHECK_EQUAL(to_string(window_kind::time), "time");
  CAF_CHECK_EQUAL(to_string(window_kind::count), "count");
}

CAF_TEST(breaker and budget are checked on their own) {
  breaker_options x;
  x.half_open_permits = 0;
  CAF_CHECK_EQUAL(faulty_keys(x), "breaker.half_open_permits");
  budget_options y;
  y.ratio = -1;
  CAF_CHECK_EQUAL(faulty_keys(y), "budget.ratio");
  CAF_CHECK_EQUAL(faulty_keys(budget_options{}), "");
}

CAF_TEST(a lower end is not above its upper end) {
  runtime_options x;
  x.client.timeouts = {.attempt = 2001ms, .request = 2000ms};
  x.breaker.open_base = x.breaker.open_max + 1ms;
  x.pool.dial_min = x.pool.dial_max + 1ms;
  x.pool.slow_dial_min = x.pool.slow_dial_max + 1ms;
  CAF_CHECK_EQUAL(faulty_keys(x),
                  "client.attempt_timeout breaker.open_base pool.dial_min "
                  "pool.slow_dial_min");
  auto faults = validate(x);
  CAF_CHECK_EQUAL(faults[0].what,
                  "must not be longer than client.request_timeout");
}

CAF_TEST(equal ends are allowed) {
  runtime_options x;
  x.client.timeouts = {.attempt = 2000ms, .request = 2000ms};
  x.breaker.open_base = x.breaker.open_max;
  x.pool.dial_min = x.pool.dial_max;
  CAF_CHECK_EQUAL(faulty_keys(x), "");
}

CAF_TEST(all faults are told) {
  runtime_options x;
  x.server.port = 0;
  x.client.timeouts.attempt = 0ms;
  x.limits.queue = 0;
  x.threads.reactors = 0;
  CAF_CHECK_EQUAL(faulty_keys(x), "server.url client.attempt_timeout "
                                  "limits.queue threads.reactors");
}

CAF_TEST(a fault tells what is allowed) {
  runtime_options x;
  x.pool.connections = 0;
  x.client.timeouts.request = 25h;
  x.limits.queue_bytes = 0;
  auto faults = validate(x);
  CAF_REQUIRE_EQUAL(faults.size(), 3u);
  CAF_CHECK_EQUAL(faults[0].what, "must be a duration from 1ms to 24h");
  CAF_CHECK_EQUAL(faults[1].what, "must be a number from 1 to 1024");
  CAF_CHECK_EQUAL(faults[2].what, "must be a size from 1B to 1TiB");
}

CAF_TEST(options of a client handle are checked like those of the runtime) {
  client_options x;
  x.timeouts.attempt = 0ms;
  x.timeouts.request = 25h;
  CAF_CHECK_EQUAL(faulty_keys(x),
                  "client.attempt_timeout client.request_timeout");
}

CAF_TEST(options of a request have ranges) {
  request_options x{.deadline = 1ms,
                    .attempt_timeout = 1ms,
                    .attempts = 1,
                    .operation = std::string(128, 'a')};
  CAF_CHECK_EQUAL(faulty_keys(x), "");
  CAF_CHECK_EQUAL(faulty_keys(request_options{.deadline = 0ms}), "deadline");
  CAF_CHECK_EQUAL(faulty_keys(request_options{.deadline = day + 1ms}),
                  "deadline");
  CAF_CHECK_EQUAL(faulty_keys(request_options{.attempt_timeout = 0ms}),
                  "attempt_timeout");
  CAF_CHECK_EQUAL(
    faulty_keys(request_options{.deadline = 5ms, .attempt_timeout = 6ms}),
    "attempt_timeout");
  CAF_CHECK_EQUAL(faulty_keys(request_options{.attempts = 0}), "attempts");
  CAF_CHECK_EQUAL(faulty_keys(request_options{.attempts = 1001}), "attempts");
  x.operation += 'a';
  CAF_CHECK_EQUAL(faulty_keys(x), "operation");
}

CAF_TEST(the name of an operation cannot break a log line) {
  CAF_CHECK_EQUAL(faulty_keys(request_options{.operation = "a\nb"}),
                  "operation");
  CAF_CHECK_EQUAL(faulty_keys(request_options{.operation = "a\x1b[2J"}),
                  "operation");
  CAF_CHECK_EQUAL(faulty_keys(request_options{.operation = "caf\xc3\xa9"}), "");
}
