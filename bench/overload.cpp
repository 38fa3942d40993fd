#include <redoubt/bench/overload.hpp>

#include <redoubt/actors/runtime.hpp>
#include <redoubt/app/lab/slow_server.hpp>
#include <redoubt/bench/open_loop.hpp>

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <stdexcept>

namespace redoubt::bench {

namespace {

using std::chrono::milliseconds;

constexpr std::chrono::microseconds service{1000};
constexpr size_t asker_count = 20;

struct variant {
  const char* name;
  double link_share;
  bool adaptive;
  milliseconds deadline{200};
};

/// One server, one runtime, one load.
asked run_once(const variant& what, double load, double seconds) {
  lab::slow_server server{service};
  runtime_options options;
  options.server.port = server.port();
  options.limits.link_share = what.link_share;
  options.limits.adaptive = what.adaptive;
  runtime rt{options};
  if (auto error = rt.wait_ready(std::chrono::seconds{5}))
    throw std::runtime_error("redoubt cannot connect");
  open_loop plan;
  plan.deadline = what.deadline;
  plan.per_second = load * 1e6 / static_cast<double>(service.count());
  plan.seconds = seconds;
  return run_open_loop(rt, std::vector(asker_count, rt.client()), plan);
}

void print_run(const variant& what, double load, double seconds) {
  auto x = run_once(what, load, seconds);
  auto rate = [seconds](uint64_t n) {
    return static_cast<double>(n) / seconds;
  };
  fmt::print("  {:<26} deadline {:>4} ms, load {:.1f}  {:>5.0f} in time/s  "
             "p50 {:>6.1f} ms  shed {:>5.0f}/s  late {:>5.0f}/s  breaker open "
             "{:>5.0f}/s\n",
             what.name, what.deadline.count(), load, rate(x.in_time),
             x.latencies.quantile_us(0.5) / 1000, rate(x.shed), rate(x.late),
             rate(x.rejected));
  std::fflush(stdout);
}

} // namespace

void run_overload(double seconds) {
  limit_options defaults;
  variant variants[] = {
    {"defaults", defaults.link_share, defaults.adaptive},
    {"adaptive, no link_share", 0, true},
    {"neither", 0, false},
  };
  fmt::print("\noverload: a server that does 1000 commands/s, {} callers; what "
             "became of their requests\n",
             asker_count);
  for (auto& each : variants)
    for (auto load : {0.5, 1.0, 2.0, 3.0})
      print_run(each, load, 2 * seconds);
  // Attempts of 500 ms that time out are what the breaker counts.
  for (auto each : {variants[0], variants[2]}) {
    each.deadline = milliseconds{2000};
    print_run(each, 3.0, 6 * seconds);
  }
}

} // namespace redoubt::bench
