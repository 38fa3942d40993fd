#include <redoubt/bench/hedging.hpp>

#include <redoubt/actors/runtime.hpp>
#include <redoubt/app/lab/slow_server.hpp>
#include <redoubt/bench/open_loop.hpp>

#include <caf/scoped_actor.hpp>
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <stdexcept>

namespace redoubt::bench {

namespace {

using std::chrono::milliseconds;

constexpr uint32_t connections = 4;
constexpr double per_second = 200;
constexpr lab::stalls held_back{0.02, milliseconds{50}, 7};

/// Answers the p99 in milliseconds.
double print_run(const char* name, const hedge_options& hedge, double seconds) {
  lab::slow_server server{std::chrono::microseconds{0}, held_back};
  runtime_options options;
  options.server.port = server.port();
  options.pool.connections = connections;
  options.client.hedge = hedge;
  runtime rt{options};
  // All connections, so that each client handle has one of its own.
  std::vector<request_actor> to;
  for (uint32_t i = 0; i < connections; ++i)
    to.push_back(rt.client());
  caf::scoped_actor self{rt.system()};
  for (uint32_t ready = 0; ready < connections;)
    self->request(rt.supervisor(), caf::infinite, status_query{})
      .receive(
        [&](const runtime_status& x) {
          ready = 0;
          for (auto& each : x.connections)
            ready += each.state == connection_state::ready ? 1 : 0;
        },
        [](const caf::error& e) { throw std::runtime_error(describe(e)); });
  open_loop plan;
  plan.per_second = per_second;
  plan.seconds = seconds;
  auto x = run_open_loop(rt, to, plan);
  auto p99 = x.latencies.quantile_us(0.99) / 1000;
  auto more = static_cast<double>(server.served()) / static_cast<double>(x.sent)
              - 1;
  fmt::print("  {:<26} p50 {:>6.2f} ms  p99 {:>6.2f} ms  {:>5.1f} % more "
             "commands ({} for {} requests)\n",
             name, x.latencies.quantile_us(0.5) / 1000, p99, 100 * more,
             server.served(), x.sent);
  std::fflush(stdout);
  return p99;
}

} // namespace

void run_hedging(double seconds) {
  fmt::print("\nhedging: {} reads/s over {} connections, 2 of 100 replies held "
             "back for {} ms (seed {})\n",
             per_second, connections, held_back.time.count() / 1000,
             held_back.seed);
  auto plain = print_run("off", {}, 10 * seconds);
  for (auto& [name, hedge] :
       {std::pair{"fixed, 5 ms",
                  hedge_options{hedge_mode::fixed, milliseconds{5}}},
        std::pair{"p95, 5 ms at least",
                  hedge_options{hedge_mode::p95, milliseconds{5}}}}) {
    auto p99 = print_run(name, hedge, 10 * seconds);
    fmt::print("  {:<26} p99 {:.1f} x lower\n", "", plain / p99);
  }
}

} // namespace redoubt::bench
