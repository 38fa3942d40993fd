#include <redoubt/bench/measure/contender.hpp>

#include <redoubt/bench/measure/allocations.hpp>
#include <redoubt/bench/measure/meters.hpp>

#include <algorithm>

namespace redoubt::bench {

namespace {

constexpr double warm_up_seconds = 0.1;
constexpr double counting_seconds = 0.2;

void add_latencies(const histogram& x, figures& out) {
  out["p50_us"] = x.quantile_us(0.5);
  out["p99_us"] = x.quantile_us(0.99);
  out["p999_us"] = x.quantile_us(0.999);
}

void count_allocations(const runner& run, figures& out) {
  sample taken;
  start_counting();
  run(counting_seconds, taken);
  auto counted = stop_counting();
  auto operations = static_cast<double>(taken.operations);
  out["allocations"] = static_cast<double>(counted.allocations) / operations;
  out["allocated_bytes"] = static_cast<double>(counted.bytes) / operations;
}

} // namespace

figures timed(const plan& x, const std::function<runner()>& make) {
  trim_memory();
  auto resident = resident_mb();
  auto run = make();
  sample taken;
  run(warm_up_seconds, taken);
  taken.clear();
  auto client = cpu_time_us();
  auto server = cpu_time_us(x.server.process);
  auto start = clock::now();
  run(x.seconds, taken);
  auto took = std::chrono::duration<double>(clock::now() - start).count();
  auto operations = static_cast<double>(taken.operations);
  figures result;
  result["ops_per_s"] = operations / took;
  result["client_cpu_us"] = (cpu_time_us() - client) / operations;
  result["server_cpu_us"] = (cpu_time_us(x.server.process) - server)
                            / operations;
  add_latencies(taken.latencies, result);
  if (taken.failed > 0)
    result["failed_percent"] = 100 * static_cast<double>(taken.failed)
                               / operations;
  result["rss_mb"] = std::max(0.0, resident_mb() - resident);
  if (x.count_allocations && allocations_are_counted())
    count_allocations(run, result);
  return result;
}

} // namespace redoubt::bench
