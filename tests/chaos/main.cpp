// Plays seeds against a real server, judges what callers saw, and judges a history
// that was kept.

#include <redoubt/tests/chaos/checker.hpp>
#include <redoubt/tests/chaos/run.hpp>
#include <redoubt/tests/chaos/soak.hpp>

#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
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
    fmt::print("{:<22}{:>6}{:>7}", name, made, fired);
    if (recovered.empty())
      fmt::print("{:>20}{:>12}\n", "-", "-");
    else
      fmt::print("{:>20.1f}{:>12.1f}\n", median(recovered),
                 *std::max_element(recovered.begin(), recovered.end()));
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

/// Reads a history, says what it shows, and whether that is well.
bool judge(const std::string& path) {
  std::ifstream in{path};
  if (!in)
    throw std::runtime_error("cannot read " + path);
  auto x = read_history(in);
  auto found = check(x);
  print_strikes(x);
  print_findings(x, found);
  return found.violations.empty();
}

int play_one(const run_options& options, bool keep) {
  fmt::print("seed {}\n", options.seed);
  std::fflush(stdout);
  play(options);
  auto well = judge(options.path);
  if (well && !keep) {
    fs::remove(options.path);
    fmt::print("ok\n");
    return 0;
  }
  fmt::print("{}ok - seed {}; history: {}\n", well ? "" : "not ", options.seed,
             options.path);
  return well ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app{"A runtime, a real server, and faults"};
  run_options options;
  int64_t seconds = 60;
  int64_t slack = options.slack.count();
  std::string file;
  std::string folder;
  int64_t minutes = 0;
  bool valgrind = false;
  bool keep = false;
  app.add_option("--check", file, "Judge this history and play nothing");
  app.add_option("--seed", options.seed, "What is drawn");
  app.add_option("--seconds", seconds, "How long")->check(CLI::PositiveNumber);
  app
    .add_option(
      "--minutes", minutes,
      "Play one seed after the other for so long, and watch the memory")
    ->check(CLI::PositiveNumber);
  app.add_flag("--valgrind", valgrind, "Leave the memory to valgrind");
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
    if (!file.empty()) {
      auto well = judge(file);
      fmt::print("{}\n", well ? "ok" : "not ok");
      return well ? 0 : 1;
    }
    options.length = std::chrono::seconds{seconds};
    options.slack = std::chrono::milliseconds{slack};
    fs::path where = folder.empty() ? default_folder() : fs::path{folder};
    fs::create_directories(where);
    if (minutes > 0) {
      options.path = where;
      return soak({options, std::chrono::minutes{minutes}, !valgrind});
    }
    options.path = where / fmt::format("history-{}.jsonl", options.seed);
    return play_one(options, keep);
  } catch (const std::exception& e) {
    fmt::print("not ok - seed {}: {}\n", options.seed, e.what());
    return 1;
  }
}
