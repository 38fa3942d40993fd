#include <redoubt/bench/arguments.hpp>

#include <CLI/CLI.hpp>

namespace redoubt::bench {

std::optional<arguments> parse_arguments(int argc, char** argv, int& status) {
  arguments x;
  x.targets = REDOUBT_BENCH_TARGETS;
  CLI::App app{"redoubt against raw hiredis, in one run on one server.\n"
               "Exit status: 0, 1 if a target was missed or something failed, "
               "2 for bad arguments."};
  app.add_option("--runs", x.runs, "Runs of each contender, interleaved")
    ->check(CLI::Range(1, 100))
    ->capture_default_str();
  app.add_option("--seconds", x.seconds, "Length of a run")
    ->check(CLI::Range(0.1, 60.0))
    ->capture_default_str();
  app
    .add_option("--row", x.rows,
                "Only rows with this text in their id or title; may be given "
                "several times")
    ->take_all()
    ->allow_extra_args(false);
  app.add_flag("--list", x.list, "List the rows and their contenders");
  app.add_flag("--check", x.check,
               "Hold what was measured against the targets");
  app.add_option("--targets", x.targets, "Targets to check")
    ->capture_default_str();
  app.add_option("--json", x.json, "Write all figures to this file");
  app.add_option("--page", x.page,
                 "Write a Markdown page with charts to this folder");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    status = app.exit(e) == 0 ? 0 : 2;
    return {};
  }
  return x;
}

} // namespace redoubt::bench
