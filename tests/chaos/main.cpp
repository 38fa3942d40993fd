// Plays seeds against a real server, judges what callers saw, and judges a history
// that was kept.

#include <redoubt/tests/chaos/checker.hpp>
#include <redoubt/tests/chaos/run.hpp>

#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <vector>

using namespace redoubt::chaos;

namespace {

namespace fs = std::filesystem;

/// Beside the folder of the program.
fs::path default_folder() {
  return fs::read_symlink("/proc/self/exe").parent_path().parent_path()
         / "chaos";
}

double median(std::vector<double> x) {
  if (x.empty())
    return 0;
  std::sort(x.begin(), x.end());
  return x[x.size() / 2];
}

/// How often each fault struck, and how soon requests succeeded after it.
void print_strikes(const history& x) {
  fmt::print("{:<22}{:>6}{:>7}{:>20}{:>12}\n", "fault", "made", "fired",
             "recovery median ms", "max ms");
  for (auto& name : x.run.faults) {
    uint64_t made = 0;
    uint64_t fired = 0;
    std::vector<double> recovered;
    for (auto& each : x.strikes) {
      if (each.fault != name)
        continue;
      ++made;
      fired += each.fired ? 1 : 0;
      if (each.fired && each.alone && each.recovered >= 0)
        recovered.push_back(static_cast<double>(each.recovered - each.healed)
                            / 1000);
    }
    auto worst = recovered.empty()
                   ? 0
                   : *std::max_element(recovered.begin(), recovered.end());
    fmt::print("{:<22}{:>6}{:>7}{:>20.1f}{:>12.1f}\n", name, made, fired,
               median(recovered), worst);
  }
}

void print_findings(const history& x, const findings& found) {
  fmt::print("{} operations: {} acknowledged, {} unknown, {} failed; "
             "lost {}, duplicated {}, crossed {}\n",
             found.operations, found.acknowledged, found.unknown, found.failed,
             found.lost, found.duplicated, found.crossed);
  constexpr size_t shown = 5;
  std::map<std::string, size_t> told;
  std::map<uint64_t, const operation*> by_id;
  if (!found.violations.empty())
    for (auto& each : x.operations)
      by_id.emplace(each.id, &each);
  for (auto& each : found.violations) {
    if (++told[each.check] > shown)
      continue;
    fmt::print("not ok - {}: {}\n", each.check, each.what);
    for (auto id : each.operations)
      if (by_id.count(id) > 0)
        fmt::print("  {}\n", line_of(*by_id[id]));
  }
  for (auto& [check, n] : told)
    if (n > shown)
      fmt::print("not ok - {}: {} in all\n", check, n);
}

int judge_file(const std::string& path) {
  std::ifstream in{path};
  if (!in) {
    fmt::print("cannot read {}\n", path);
    return 2;
  }
  auto x = read_history(in);
  auto found = check(x);
  print_strikes(x);
  print_findings(x, found);
  fmt::print("{}\n", found.violations.empty() ? "ok" : "not ok");
  return found.violations.empty() ? 0 : 1;
}

int play_one(const run_options& options, bool keep) {
  fmt::print("seed {}\n", options.seed);
  std::fflush(stdout);
  auto x = play(options);
  auto found = check(x);
  print_strikes(x);
  print_findings(x, found);
  if (found.violations.empty() && !keep) {
    fs::remove(options.path);
    fmt::print("ok\n");
    return 0;
  }
  fmt::print("{}seed {}; history: {}\n",
             found.violations.empty() ? "ok - " : "not ok - ", options.seed,
             options.path);
  return found.violations.empty() ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app{"A runtime, a real server, and faults"};
  run_options options;
  int64_t seconds = 60;
  int64_t slack = options.slack.count();
  std::string file;
  std::string folder;
  bool keep = false;
  app.add_option("--check", file, "Judge this history and play nothing");
  app.add_option("--seed", options.seed, "What is drawn");
  app.add_option("--seconds", seconds, "How long")->check(CLI::PositiveNumber);
  app.add_option("--callers", options.callers, "How many actors send commands")
    ->check(CLI::PositiveNumber);
  app
    .add_option("--slowness", options.slowness,
                "Make deadlines so many times as long")
    ->check(CLI::PositiveNumber);
  app.add_option("--slack", slack,
                 "Milliseconds that an answer may be late on an idle machine");
  app.add_option("--folder", folder, "Where histories are written");
  app.add_flag("--keep", keep, "Keep the history in any case");
  CLI11_PARSE(app, argc, argv);
  spdlog::set_level(spdlog::level::off);
  try {
    if (!file.empty())
      return judge_file(file);
    options.length = std::chrono::seconds{seconds};
    options.slack = std::chrono::milliseconds{slack};
    fs::path where = folder.empty() ? default_folder() : fs::path{folder};
    fs::create_directories(where);
    options.path = where / fmt::format("history-{}.jsonl", options.seed);
    return play_one(options, keep);
  } catch (const std::exception& e) {
    fmt::print("not ok - seed {}: {}\n", options.seed, e.what());
    return 1;
  }
}
