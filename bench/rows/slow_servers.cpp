#include <redoubt/app/lab/slow_server.hpp>
#include <redoubt/bench/contenders/redoubt_open_loop.hpp>
#include <redoubt/bench/contenders/redoubt_stage.hpp>
#include <redoubt/bench/rows/rows.hpp>

#include <caf/scoped_actor.hpp>
#include <fmt/format.h>

namespace redoubt::bench {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds pace{5};

// -- overload ---------------------------------------------------------------------

constexpr std::chrono::microseconds service{1000};
constexpr size_t asker_count = 20;

struct variant {
  const char* id;
  const char* name;
  double link_share = 0;
  bool adaptive = false;
  milliseconds deadline{200};
};

/// One server, one runtime, one load.
figures run_overload(const variant& what, double load, double seconds) {
  lab::slow_server server{service};
  runtime_options options;
  options.server.port = server.port();
  options.limits.link_share = what.link_share;
  options.limits.adaptive = what.adaptive;
  runtime rt{options};
  wait_until_ready(rt);
  open_loop plan;
  plan.pace = pace;
  plan.deadline = what.deadline;
  plan.per_second = load * 1e6 / static_cast<double>(service.count());
  plan.seconds = seconds;
  auto x = run_open_loop(rt, std::vector(asker_count, rt.client()), plan);
  auto rate = [seconds](uint64_t n) {
    return static_cast<double>(n) / seconds;
  };
  figures out;
  out["in_time_per_s"] = rate(x.in_time);
  out["p50_us"] = x.answered.quantile_us(0.5);
  out["shed_per_s"] = rate(x.shed);
  out["late_per_s"] = rate(x.late);
  out["rejected_per_s"] = rate(x.rejected);
  return out;
}

// -- hedging ----------------------------------------------------------------------

constexpr uint32_t connections = 4;
constexpr double per_second = 200;
constexpr lab::stalls held_back{0.02, milliseconds{50}, 7};

/// Until there is a connection for each client handle.
void wait_for_all(runtime& rt) {
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
}

figures run_hedging(const hedge_options& hedge, double seconds) {
  lab::slow_server server{std::chrono::microseconds{0}, held_back};
  runtime_options options;
  options.server.port = server.port();
  options.pool.connections = connections;
  options.client.hedge = hedge;
  runtime rt{options};
  std::vector<request_actor> to;
  for (uint32_t i = 0; i < connections; ++i)
    to.push_back(rt.client());
  wait_for_all(rt);
  open_loop plan;
  plan.pace = pace;
  plan.per_second = per_second;
  plan.seconds = seconds;
  auto x = run_open_loop(rt, to, plan);
  figures out;
  out["p50_us"] = x.answered.quantile_us(0.5);
  out["p99_us"] = x.answered.quantile_us(0.99);
  out["extra_percent"] = 100
                         * (static_cast<double>(server.served())
                              / static_cast<double>(x.sent)
                            - 1);
  return out;
}

} // namespace

row overload_row() {
  row out{"overload",
          "20 callers of a server that does 1,000 commands/s",
          {},
          "in_time_per_s",
          1};
  limit_options defaults;
  const variant variants[] = {{"defaults", "defaults", defaults.link_share,
                               defaults.adaptive},
                              {"adaptive", "adaptive, no link_share", 0, true},
                              {"neither", "neither", 0, false}};
  auto add = [&](const variant& what, double load, double longer) {
    out.contenders.push_back(
      {fmt::format("{}-{}-{}ms", what.id, load, what.deadline.count()),
       fmt::format("{}, deadline {} ms, load {}", what.name,
                   what.deadline.count(), load),
       [=](const plan& x) {
         return run_overload(what, load, longer * x.seconds);
       }});
  };
  for (auto& each : variants)
    for (auto load : {0.5, 1.0, 2.0, 3.0})
      add(each, load, 2);
  // Attempts of 500 ms that time out are what the breaker counts.
  for (auto each : {variants[0], variants[2]}) {
    each.deadline = milliseconds{2000};
    add(each, 3.0, 6);
  }
  return out;
}

row hedging_row() {
  auto with = [](hedge_mode mode) {
    return [mode](const plan& x) {
      return run_hedging({mode, milliseconds{5}}, 10 * x.seconds);
    };
  };
  return {
    "hedging",
    "200 reads/s over 4 connections, 2 of 100 replies held back for 50 ms",
    {{"off", "off", with(hedge_mode::off)},
     {"fixed", "fixed, 5 ms", with(hedge_mode::fixed)},
     {"p95", "p95, 5 ms at least", with(hedge_mode::p95)}},
    "p99_us",
    1};
}

} // namespace redoubt::bench
