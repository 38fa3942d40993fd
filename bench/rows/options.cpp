#include <redoubt/bench/contenders/redoubt.hpp>
#include <redoubt/bench/measure/meters.hpp>
#include <redoubt/bench/rows/closed.hpp>
#include <redoubt/bench/rows/rows.hpp>

#include <fmt/format.h>

#include <memory>

namespace redoubt::bench {

namespace {

using enum callers_on;

constexpr size_t outstanding = 512;

/// No breaker, no budget, no retries. What is left cannot be switched off:
/// deadlines, order, bounded queues, counters.
runtime_options without_resilience(runtime_options x) {
  x.breaker.enabled = false;
  x.budget.enabled = false;
  x.client.retry = retry_policy{fixed(std::chrono::milliseconds{0}),
                                stop_after(1), by_default()};
  return x;
}

row resilience_row() {
  workload load;
  auto callers = [=](auto& at) {
    return redoubt_callers(options_for(at, reactor), load, outstanding);
  };
  auto callers_without = [=](auto& at) {
    return redoubt_callers(without_resilience(options_for(at, reactor)), load,
                           outstanding);
  };
  auto bulk = [=](auto& at) {
    return redoubt_bulk(options_for(at, reactor), load, outstanding, reactor);
  };
  auto bulk_without = [=](auto& at) {
    return redoubt_bulk(without_resilience(options_for(at, reactor)), load,
                        outstanding, reactor);
  };
  return {
    "resilience",
    "GET, 512 outstanding, with and without breaker, budget and retries",
    {closed("reactor-on", "callers on the reactor, with", callers),
     closed("reactor-off", "callers on the reactor, without", callers_without),
     closed("bulk-on", "bulk driver on the reactor, with", bulk),
     closed("bulk-off", "bulk driver on the reactor, without", bulk_without)}};
}

/// Reactors on more cores than one, if there are any that the server leaves.
runner callers_on_reactors(const endpoint& at, uint32_t reactors) {
  auto cores = std::make_shared<more_cores>();
  auto options = options_for(at, reactor);
  options.threads.reactors = reactors;
  auto run = redoubt_callers(options, {}, outstanding);
  return [cores, run](double seconds, sample& out) { run(seconds, out); };
}

row reactors_row() {
  row x{"reactors", "GET, 512 callers on several reactors", {}};
  for (uint32_t n : {1, 2, 4})
    x.contenders.push_back(
      closed(fmt::format("reactors-{}", n),
             fmt::format("{} reactor{}", n, n == 1 ? "" : "s"),
             [n](auto& at) { return callers_on_reactors(at, n); }));
  return x;
}

row scaling_row() {
  row x{
    "scaling", "GET, more and more callers on the reactor, roomy limits", {}};
  x.leading = "client_cpu_us";
  for (size_t n : {1, 16, 64, 512, 4096, 16384, 100000})
    x.contenders.push_back(
      closed(fmt::format("callers-{}", n), fmt::format("{} callers", n),
             [n](auto& at) {
               return redoubt_callers(roomy_options_for(at, reactor), {}, n);
             }));
  return x;
}

} // namespace

std::vector<row> option_rows() {
  return {resilience_row(), reactors_row(), scaling_row()};
}

} // namespace redoubt::bench
