// redoubt against raw hiredis clients, in one run on one server:
//
//     redoubt_bench [--runs N] [--seconds S] [--row TEXT]

#include <redoubt/app/lab/private_redis.hpp>
#include <redoubt/bench/figures.hpp>
#include <redoubt/bench/hedging.hpp>
#include <redoubt/bench/overload.hpp>
#include <redoubt/bench/raw_hiredis.hpp>
#include <redoubt/bench/with_redoubt.hpp>
#include <redoubt/bench/workload.hpp>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <sched.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <thread>

using namespace redoubt;
using namespace redoubt::bench;

namespace {

struct settings {
  size_t runs = 5;
  double seconds = 1.0;
  std::string row;
};

/// Server on the last core, this process on the first: neither takes time from
/// the other. Does nothing on a machine with one core.
bool pin_apart(pid_t server) {
  auto cores = std::thread::hardware_concurrency();
  if (cores < 2)
    return false;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(cores - 1, &one);
  if (sched_setaffinity(server, sizeof one, &one) != 0)
    return false;
  CPU_ZERO(&one);
  CPU_SET(0, &one);
  return sched_setaffinity(0, sizeof one, &one) == 0;
}

void fill(lab::private_redis& server) {
  std::vector<std::string> command{"MSET"};
  for (size_t i = 0; i < key_count; ++i) {
    command.push_back(key(i));
    command.push_back(value(i));
  }
  server.command(command);
}

/// What is measured in one row; made when the row is run, so that no other row's
/// connections and actors are around.
struct row {
  std::string name;
  std::function<std::vector<contender>(uint16_t port)> make;
};

std::vector<row> rows() {
  auto concurrent = [](size_t n) {
    return row{
      fmt::format("GET c={}", n), [n](uint16_t port) {
        std::vector<contender> all;
        all.push_back({"", "hiredis async", hiredis_async(port, n), ""});
        all.push_back({"", "redoubt, callers on the reactor",
                       redoubt_callers(port, n, callers_on::reactor),
                       "hiredis async"});
        all.push_back({"", "redoubt, callers on the scheduler",
                       redoubt_callers(port, n, callers_on::scheduler),
                       "hiredis async"});
        all.push_back({"", "redoubt, bulk driver on the reactor",
                       redoubt_bulk(port, n), "hiredis async"});
        return all;
      }};
  };
  std::vector<row> all;
  all.push_back({"GET c=1", [](uint16_t port) {
                   std::vector<contender> x;
                   x.push_back({"", "hiredis sync", hiredis_sync(port), ""});
                   x.push_back({"", "hiredis async", hiredis_async(port, 1),
                                "hiredis sync"});
                   x.push_back({"", "redoubt, blocking thread",
                                redoubt_blocking(port), "hiredis sync"});
                   x.push_back({"", "redoubt, caller on the reactor",
                                redoubt_callers(port, 1, callers_on::reactor),
                                "hiredis async"});
                   return x;
                 }});
  all.push_back(concurrent(64));
  all.push_back(concurrent(512));
  all.push_back(
    {"GET pipeline of 100", [](uint16_t port) {
       std::vector<contender> x;
       x.push_back({"", "hiredis sync", hiredis_sync_pipeline(port, 100), ""});
       x.push_back({"", "redoubt, caller on the reactor",
                    redoubt_pipeline(port, 100, callers_on::reactor),
                    "hiredis sync"});
       x.push_back({"", "redoubt, caller on the scheduler",
                    redoubt_pipeline(port, 100, callers_on::scheduler),
                    "hiredis sync"});
       return x;
     }});
  return all;
}

void run_row(const row& which, uint16_t port, const settings& s) {
  auto contenders = which.make(port);
  std::vector<std::vector<figures>> taken(contenders.size());
  // Interleaved, so that a machine that drifts drifts for all.
  for (size_t run = 0; run < s.runs; ++run)
    for (size_t i = 0; i < contenders.size(); ++i)
      taken[i].push_back(measure(contenders[i], s.seconds));
  std::vector<figures> medians;
  for (auto& each : taken)
    medians.push_back(median_of(each));
  fmt::print("\n{}\n", which.name);
  for (size_t i = 0; i < contenders.size(); ++i) {
    auto& x = medians[i];
    std::string ratio;
    for (size_t k = 0; k < contenders.size(); ++k)
      if (contenders[k].name == contenders[i].against)
        ratio = fmt::format("{:.2f} x {}", x.ops_per_s / medians[k].ops_per_s,
                            contenders[k].name);
    fmt::print("  {:<36} {:>10.0f} ops/s {:>7.2f} us CPU/op  p50 {:>7.0f} us  "
               "p99 {:>7.0f} us  {}\n",
               contenders[i].name, x.ops_per_s, x.cpu_us_per_op, x.p50_us,
               x.p99_us, ratio);
  }
  std::fflush(stdout);
}

int run(const settings& s) {
  spdlog::set_level(spdlog::level::err);
  lab::private_redis server;
  fill(server);
  auto pinned = pin_apart(server.pid());
  fmt::print(
    "{} runs of {} s each, interleaved; medians. TCP loopback, {} keys, "
    "64-byte values, every reply checked. {}\n",
    s.runs, s.seconds, key_count,
    pinned ? "Server and client pinned to different cores." : "Not pinned.");
  auto found = false;
  for (auto& each : rows())
    if (s.row.empty() || each.name.find(s.row) != std::string::npos) {
      found = true;
      run_row(each, server.port(), s);
    }
  if (std::string{"overload"}.find(s.row) != std::string::npos) {
    found = true;
    run_overload(s.seconds);
  }
  if (std::string{"hedging"}.find(s.row) != std::string::npos) {
    found = true;
    run_hedging(s.seconds);
  }
  if (!found) {
    fmt::print(stderr, "--row: no row has '{}' in its name\n", s.row);
    return 2;
  }
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  settings s;
  CLI::App app{"redoubt against raw hiredis, in one run"};
  app.add_option("--runs", s.runs, "Runs of each contender")
    ->check(CLI::Range(1, 100))
    ->capture_default_str();
  app.add_option("--seconds", s.seconds, "Length of a run")
    ->check(CLI::Range(0.1, 60.0))
    ->capture_default_str();
  app.add_option("--row", s.row, "Only rows with this text in their name");
  CLI11_PARSE(app, argc, argv);
  try {
    return run(s);
  } catch (const std::exception& e) {
    fmt::print(stderr, "redoubt_bench: {}\n", e.what());
    return 1;
  }
}
