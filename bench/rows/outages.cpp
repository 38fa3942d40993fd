#include <redoubt/app/lab/private_redis.hpp>
#include <redoubt/bench/contenders/redoubt_open_loop.hpp>
#include <redoubt/bench/contenders/redoubt_stage.hpp>
#include <redoubt/bench/measure/meters.hpp>
#include <redoubt/bench/rows/rows.hpp>

#include <caf/scoped_actor.hpp>

#include <algorithm>
#include <atomic>
#include <memory>
#include <thread>

namespace redoubt::bench {

namespace {

using std::chrono::milliseconds;

endpoint endpoint_of(const lab::private_redis& server) {
  endpoint x;
  x.port = server.port();
  return x;
}

// -- a storm ----------------------------------------------------------------------

constexpr size_t storm_size = 10000;

struct storm_starts {};

struct storm_answered {
  clock::time_point at;
};

} // namespace

} // namespace redoubt::bench

REDOUBT_LOCAL_MESSAGE(redoubt::bench::storm_starts)
REDOUBT_LOCAL_MESSAGE(redoubt::bench::storm_answered)

namespace redoubt::bench {

namespace {

/// Asks once, and says when it is answered.
class storm_caller : public caf::event_based_actor {
public:
  storm_caller(caf::actor_config& cfg, request_actor to, size_t number,
               std::shared_ptr<std::atomic<size_t>> succeeded)
    : caf::event_based_actor(cfg),
      to_(std::move(to)),
      number_(number),
      succeeded_(std::move(succeeded)) {}

  caf::behavior make_behavior() override {
    return {[this](storm_starts) {
      done_ = make_response_promise();
      request(to_, caf::infinite, command_of({}, number_))
        .then(
          [this](const reply&) {
            ++*succeeded_;
            answered();
          },
          [this](const caf::error&) { answered(); });
    }};
  }

private:
  void answered() { done_.deliver(storm_answered{clock::now()}); }

  request_actor to_;
  size_t number_;
  std::shared_ptr<std::atomic<size_t>> succeeded_;
  caf::response_promise done_;
};

/// All of it is out: on its way to the server or in line for it.
void wait_until_in_flight(runtime& rt, size_t n) {
  caf::scoped_actor self{rt.system()};
  for (uint64_t seen = 0; seen < n;) {
    std::this_thread::sleep_for(milliseconds{2});
    self->request(rt.supervisor(), caf::infinite, status_query{})
      .receive(
        [&](const runtime_status& x) {
          seen = x.requests.in_flight + x.requests.queued;
        },
        [](const caf::error& e) { throw std::runtime_error(describe(e)); });
  }
}

/// Milliseconds from the server's death to the last of the answers.
figures run_storm(runtime_options options) {
  lab::private_redis server;
  pin_apart(server.pid());
  options.server = endpoint_of(server);
  runtime rt{options};
  wait_until_ready(rt);
  auto succeeded = std::make_shared<std::atomic<size_t>>(0);
  auto to = rt.client();
  std::vector<caf::actor> callers;
  for (size_t i = 0; i < storm_size; ++i)
    callers.push_back(rt.system().spawn<storm_caller>(to, i, succeeded));
  server.stop();
  caf::scoped_actor self{rt.system()};
  for (auto& each : callers)
    self->send(each, storm_starts{});
  wait_until_in_flight(rt, storm_size);
  auto killed = clock::now();
  server.kill();
  auto last = killed;
  size_t left = storm_size;
  self->receive_while([&] { return left > 0; })([&](storm_answered x) {
    last = std::max(last, x.at);
    --left;
  });
  if (*succeeded > 0)
    throw std::runtime_error("a dead server answered");
  figures out;
  out["settled_ms"] = std::chrono::duration<double, std::milli>(last - killed)
                        .count();
  return out;
}

// -- an outage --------------------------------------------------------------------

/// Of a core, while `ask` goes on for that many seconds.
template <class Ask>
figures cpu_share(double seconds, Ask ask) {
  auto cpu = cpu_time_us();
  auto start = clock::now();
  ask(std::max(2.0, seconds));
  auto took = std::chrono::duration<double, std::micro>(clock::now() - start);
  return {{"cpu_percent", 100 * (cpu_time_us() - cpu) / took.count()}};
}

/// With the server up it is for comparison: what the threads cost that wait.
figures run_idle(const plan& x) {
  auto options = options_for(x.server.tcp, callers_on::scheduler);
  runtime rt{options};
  wait_until_ready(rt);
  return cpu_share(x.seconds, [](double seconds) {
    std::this_thread::sleep_until(after(seconds));
  });
}

figures run_down(const plan& x, double per_second) {
  lab::private_redis server;
  pin_apart(server.pid());
  runtime rt{options_for(endpoint_of(server), callers_on::scheduler)};
  wait_until_ready(rt);
  auto to = rt.client();
  server.kill();
  auto ask = [&](double seconds) {
    if (per_second == 0)
      return std::this_thread::sleep_until(after(seconds));
    open_loop plan;
    plan.pace = milliseconds{10};
    plan.per_second = per_second;
    plan.seconds = seconds;
    auto became = run_open_loop(rt, {to}, plan);
    if (became.answered.total() > 0)
      throw std::runtime_error("a dead server answered");
  };
  // What was lost with the connection is over then.
  ask(0.3);
  return cpu_share(x.seconds, ask);
}

} // namespace

row storm_row() {
  auto storm = [](const runtime_options& options) {
    return [options](const plan&) { return run_storm(options); };
  };
  auto roomy = roomy_options_for({}, callers_on::reactor);
  auto never = roomy;
  never.client.retry = retry_policy{fixed(milliseconds{0}), stop_after(1),
                                    by_default()};
  return {"storm",
          "10,000 callers in flight at a server that dies: until the last is "
          "answered",
          {{"retries-off", "no retries, roomy limits", storm(never)},
           {"retries-on", "default retries, roomy limits", storm(roomy)},
           {"defaults", "all defaults, callers on the scheduler", storm({})}},
          "settled_ms"};
}

row down_row() {
  return {
    "down",
    "no server: CPU, in percent of a core",
    {{"up", "for comparison: a server, no requests", run_idle},
     {"idle", "no requests", [](const plan& x) { return run_down(x, 0); }},
     {"requests-1000", "1,000 requests/s, all rejected",
      [](const plan& x) { return run_down(x, 1000); }}},
    "cpu_percent",
    3};
}

} // namespace redoubt::bench
