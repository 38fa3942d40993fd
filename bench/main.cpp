// redoubt against raw hiredis, in one run on one server. `./run bench --help`
// tells what it can be asked.

#include <redoubt/app/lab/private_redis.hpp>
#include <redoubt/bench/arguments.hpp>
#include <redoubt/bench/contenders/peers.hpp>
#include <redoubt/bench/core/print.hpp>
#include <redoubt/bench/core/workload.hpp>
#include <redoubt/bench/measure/allocations.hpp>
#include <redoubt/bench/measure/meters.hpp>
#include <redoubt/bench/rows/rows.hpp>

#include <caf/config.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <fstream>
#include <thread>

using namespace redoubt;
using namespace redoubt::bench;

namespace {

/// The values that the GETs of all rows ask for.
void fill(lab::private_redis& server) {
  for (auto& [size, count] : {std::pair<size_t, size_t>{64, 10000},
                              {64 * 1024, 128},
                              {1024 * 1024, 16}}) {
    workload load{operation::get, size, count};
    for (size_t i = 0; i < count; ++i)
      server.command({"SET", load.key(i), load.value(i)});
  }
}

server_place place_of(const lab::private_redis& server) {
  server_place x;
  x.tcp.port = server.port();
  x.unix_socket.kind = endpoint::transport::unix_socket;
  x.unix_socket.path = server.socket_path();
  x.process = server.pid();
  return x;
}

std::string server_version(lab::private_redis& server) {
  auto info = server.command({"INFO", "server"});
  auto at = info.find("redis_version:");
  if (at == std::string::npos)
    return "unknown";
  at += 14;
  return info.substr(at, info.find_first_of("\r\n", at) - at);
}

results described(lab::private_redis& server, const arguments& x) {
  auto pinned = pin_apart(server.pid());
  results out;
  out.setting = {
    {"runs",
     fmt::format("{} of {} s each, interleaved; medians", x.runs, x.seconds)},
    {"load", "10,000 keys, 64-byte values if nothing else is said, every reply "
             "checked, TCP loopback"},
    {"cores", fmt::format("{}, {}", std::thread::hardware_concurrency(),
                          pinned ? "server and client pinned to different ones"
                                 : "nothing pinned")},
    {"server", "redis " + server_version(server)},
    {"CAF", fmt::format("{}.{}.{}", CAF_VERSION / 10000,
                        CAF_VERSION / 100 % 100, CAF_VERSION % 100)},
    {"compiler", __VERSION__}};
  if (!allocations_are_counted())
    out.notes.emplace_back("allocations: cannot be counted in this build");
  for (auto& each : missing_peers())
    out.notes.push_back(each);
  return out;
}

bool is_wanted(const row& x, const arguments& chosen) {
  return chosen.rows.empty()
         || std::any_of(chosen.rows.begin(), chosen.rows.end(),
                        [&](const std::string& text) {
                          return x.id.find(text) != std::string::npos
                                 || x.title.find(text) != std::string::npos;
                        });
}

/// One run; an error names whom it befell.
figures measure(const row& in, const contender& who, const plan& x) {
  try {
    return who.measure(x);
  } catch (const std::exception& e) {
    throw std::runtime_error(
      fmt::format("{}, {}: {}", in.id, who.id, e.what()));
  }
}

row_result run_row(const row& which, const server_place& server,
                   const arguments& x) {
  row_result out{which.id,
                 which.title,
                 which.leading,
                 std::min(x.runs, which.runs_at_most),
                 {}};
  std::vector<std::vector<figures>> taken(which.contenders.size());
  // Interleaved, so that a machine that drifts drifts for all.
  for (size_t run = 0; run < out.runs; ++run)
    for (size_t i = 0; i < taken.size(); ++i)
      taken[i].push_back(
        measure(which, which.contenders[i], {server, x.seconds, run == 0}));
  for (size_t i = 0; i < taken.size(); ++i)
    out.contenders.push_back({which.contenders[i].id, which.contenders[i].name,
                              median_of(taken[i]),
                              spread_of(taken[i], which.leading)});
  return out;
}

/// Names that stand in the targets and nowhere else.
void check_names(const std::vector<target>& targets,
                 const std::vector<row>& rows, const std::string& file,
                 std::vector<config_error>& errors) {
  auto has = [&](const std::string& row, const std::string& contender) {
    for (auto& each : rows)
      if (each.id == row)
        return std::any_of(each.contenders.begin(), each.contenders.end(),
                           [&](auto& x) { return x.id == contender; });
    return false;
  };
  for (auto& x : targets) {
    if (!has(x.row, x.contender))
      errors.push_back(
        {file, x.line, "contender",
         fmt::format("no '{}' in a row '{}'", x.contender, x.row)});
    auto& row = x.against_row.empty() ? x.row : x.against_row;
    auto& other = x.against.empty() ? x.contender : x.against;
    if (x.is_ratio() && !has(row, other))
      errors.push_back({file, x.line, "against",
                        fmt::format("no '{}' in a row '{}'", other, row)});
  }
}

void list(const std::vector<row>& rows) {
  for (auto& each : rows) {
    fmt::print("{:<20} {}\n", each.id, each.title);
    for (auto& x : each.contenders)
      fmt::print("    {:<20} {}\n", x.id, x.name);
  }
}

void write(const std::string& path, const std::string& text) {
  std::ofstream file{path};
  if (!(file << text << std::flush))
    throw std::runtime_error(path + " cannot be written");
}

int run(const arguments& x) {
  auto rows = all_rows();
  std::vector<target> targets;
  if (x.check || !x.json.empty() || !x.page.empty()) {
    std::vector<config_error> errors;
    targets = load_targets(x.targets, errors);
    check_names(targets, rows, x.targets, errors);
    for (auto& each : errors)
      fmt::print(stderr, "{}\n", to_string(each));
    if (!errors.empty())
      return 2;
  }
  std::erase_if(rows, [&](auto& each) { return !is_wanted(each, x); });
  if (rows.empty()) {
    fmt::print(stderr, "--row: no row has that in its id or title; --list "
                       "lists them\n");
    return 2;
  }
  if (x.list) {
    list(rows);
    return 0;
  }
  spdlog::set_level(spdlog::level::off);
  lab::private_redis server;
  fill(server);
  auto found = described(server, x);
  fmt::print("{}", setting_text(found));
  for (auto& each : rows) {
    std::fflush(stdout);
    found.rows.push_back(run_row(each, place_of(server), x));
    fmt::print("\n{}", table_text(found.rows.back()));
  }
  auto judged = judge(targets, found);
  if (x.check)
    fmt::print("\n{}", verdict_text(judged));
  if (!x.json.empty())
    write(x.json, json_text(found, judged));
  if (!x.page.empty())
    write_page(found, judged, x.page);
  auto missed = [](auto& each) { return each.result == verdict::missed; };
  return x.check && std::any_of(judged.begin(), judged.end(), missed) ? 1 : 0;
}

} // namespace

int main(int argc, char** argv) {
  int status = 0;
  auto x = parse_arguments(argc, argv, status);
  if (!x)
    return status;
  try {
    return run(*x);
  } catch (const std::exception& e) {
    fmt::print(stderr, "redoubt_bench: {}\n", e.what());
    return 1;
  }
}
