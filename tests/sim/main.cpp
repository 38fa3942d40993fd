// Plays seeds, tells what they covered, and replays the one that fails.

#include <redoubt/tests/sim/world.hpp>

#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <thread>
#include <vector>

using namespace redoubt::sim;

namespace {

struct totals {
  uint64_t runs = 0;
  fault_counts fired{};
  uint64_t faults = 0;
  uint64_t fewest_faults = UINT64_MAX;
  uint64_t operations = 0;
  uint64_t fewest_operations = UINT64_MAX;
  uint64_t acknowledged = 0;
  uint64_t unknown = 0;
  uint64_t failed = 0;
  uint64_t steps = 0;

  void add(const run_result& x) {
    ++runs;
    for (size_t i = 0; i < fault_count; ++i)
      for (size_t k = 0; k < phase_count; ++k)
        fired[i][k] += x.fired[i][k];
    faults += x.faults;
    fewest_faults = std::min(fewest_faults, x.faults);
    operations += x.operations;
    fewest_operations = std::min(fewest_operations, x.operations);
    acknowledged += x.acknowledged;
    unknown += x.unknown;
    failed += x.failed;
    steps += x.steps;
  }
};

/// Prints fault by phase; false if a cell is empty.
bool print_cells(const fault_counts& fired) {
  auto line = fmt::format("{:<16}", "fault");
  for (size_t k = 0; k < phase_count; ++k)
    line += fmt::format("{:>12}", to_string(static_cast<phase>(k)));
  fmt::print("{}\n", line);
  auto all = true;
  for (size_t i = 0; i < fault_count; ++i) {
    line = fmt::format("{:<16}", to_string(static_cast<fault>(i)));
    for (auto n : fired[i]) {
      line += fmt::format("{:>12}", n);
      all = all && n > 0;
    }
    fmt::print("{}\n", line);
  }
  return all;
}

int replay(uint64_t seed) {
  auto x = simulate(seed, true);
  for (auto& each : x.history)
    fmt::print("{}\n", each);
  auto again = simulate(seed, false);
  fmt::print(
    "seed {}: {} operations, {} faults, {} steps, fingerprint {:016x}\n", seed,
    x.operations, x.faults, x.steps, x.fingerprint);
  if (again.fingerprint != x.fingerprint) {
    fmt::print("not ok - a second run went another way\n");
    return 1;
  }
  fmt::print("{}\n", x.violation.empty() ? "ok" : "not ok - " + x.violation);
  return x.violation.empty() ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app{"Simulation of redoubt on virtual time"};
  uint64_t seeds = 10'000;
  uint64_t first = 1;
  uint64_t one = 0;
  size_t jobs = std::max(1u, std::thread::hardware_concurrency());
  bool cells = false;
  app.add_option("--seeds", seeds, "How many seeds to play");
  app.add_option("--first", first, "The first of them");
  app.add_option("--seed", one, "Play this one alone and tell all of it");
  app.add_option("--jobs", jobs, "Threads")->check(CLI::PositiveNumber);
  app.add_flag("--cells", cells,
               "Fail if some fault never struck in some phase");
  CLI11_PARSE(app, argc, argv);
  spdlog::set_level(spdlog::level::off);
  if (one != 0)
    return replay(one);
  auto began = std::chrono::steady_clock::now();
  std::atomic<uint64_t> next{first};
  std::atomic<bool> stop{false};
  std::mutex mutex;
  totals sum;
  std::vector<run_result> bad;
  auto work = [&] {
    for (;;) {
      auto seed = next++;
      if (seed >= first + seeds || stop)
        return;
      auto x = simulate(seed, false);
      // Some are played twice: a seed must decide everything.
      if (seed % 100 == 0 && x.violation.empty()
          && simulate(seed, false).fingerprint != x.fingerprint)
        x.violation = "a second run went another way";
      std::lock_guard guard{mutex};
      sum.add(x);
      if (!x.violation.empty()) {
        stop = true;
        bad.push_back(std::move(x));
      }
    }
  };
  std::vector<std::thread> threads;
  for (size_t i = 0; i < jobs; ++i)
    threads.emplace_back(work);
  for (auto& each : threads)
    each.join();
  std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  auto covered = print_cells(sum.fired);
  fmt::print("{} seeds from {} in {:.1f} s: {} operations (fewest {}), "
             "{} acknowledged, {} unknown, {} failed; {} faults (fewest {}); "
             "{} steps\n",
             sum.runs, first, took.count(), sum.operations,
             sum.fewest_operations, sum.acknowledged, sum.unknown, sum.failed,
             sum.faults, sum.fewest_faults, sum.steps);
  for (auto& x : bad)
    fmt::print("not ok - seed {}: {}\n  replay: ./run sim --seed {}\n", x.seed,
               x.violation, x.seed);
  if (!bad.empty())
    return 1;
  if (sum.fewest_operations < 50 || sum.fewest_faults < 3) {
    fmt::print("not ok - a seed that did too little\n");
    return 1;
  }
  if (cells && !covered) {
    fmt::print("not ok - a fault never struck in some phase\n");
    return 1;
  }
  fmt::print("ok\n");
  return 0;
}
