#include <redoubt/app/demo/demo.hpp>

#include <redoubt/app/demo/hiredis_client.hpp>
#include <redoubt/app/demo/redoubt_client.hpp>
#include <redoubt/app/demo/table.hpp>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <fmt/format.h>

#include <cstdio>
#include <exception>

namespace redoubt::demo {

namespace {

using namespace std::chrono_literals;

constexpr auto fail_fast_deadline = 500ms;
constexpr auto wait_deadline = 10s;
constexpr auto ready_limit = 5s;

/// Plays all scenarios on one set of clients, save what a signal cuts short.
std::vector<outcome> play_all(const options& options, stop_signals& signals) {
  lab::private_redis redis;
  lab::fault_gate gate{lab::address::tcp(redis.port())};
  lab::prober prober{gate.port()};
  caf::actor_system_config config;
  // Four small actors; idle workers of CAF poll and would disturb the clock.
  api::limit_threads(config, 1);
  caf::actor_system sys{config};
  hiredis_client plain{gate.port()};
  redoubt_client fail_fast{sys, gate.port(), on_open_policy::fail_fast,
                           fail_fast_deadline};
  redoubt_client wait{sys, gate.port(), on_open_policy::wait, wait_deadline};
  for (auto* each : {&fail_fast, &wait})
    if (auto why = each->wait_ready(ready_limit); !why.empty())
      throw std::runtime_error{"no connection to the private server: " + why};
  live_view live{options.color};
  stage on{redis, gate, prober, {&plain, &fail_fast, &wait}, live, signals};
  std::vector<outcome> result;
  for (auto& each : all_scenarios(options.quick)) {
    auto played = play(on, each);
    if (!played)
      break;
    result.push_back(std::move(*played));
  }
  return result;
}

} // namespace

int run(const options& options) {
  stop_signals signals;
  std::vector<outcome> outcomes;
  try {
    fmt::print(
      "200 requests per second to each of three clients, GET, SET, "
      "INCR in turn:\n"
      "  hiredis    one connection, reconnects, no retry\n"
      "  fail_fast  redoubt, deadline {} ms\n"
      "  wait       redoubt, deadline {} s, waits while the breaker is "
      "open\n",
      fail_fast_deadline.count(), wait_deadline.count());
    outcomes = play_all(options, signals);
  } catch (const std::exception& x) {
    fmt::print(stderr, "redoubt: the demo could not run: {}\n", x.what());
    return 1;
  }
  if (!outcomes.empty())
    print_tables(outcomes, options.color);
  if (auto signal = signals.received()) {
    fmt::print("\nended by signal {}\n", signal);
    return 128 + signal;
  }
  auto verdicts = judge(outcomes, options.quick);
  print_verdicts(verdicts, options.color);
  return all_kept(verdicts) ? 0 : 1;
}

} // namespace redoubt::demo
