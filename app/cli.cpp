#include <redoubt/app/cli.hpp>

#include <redoubt/app/demo/demo.hpp>

#include <CLI/CLI.hpp>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <unistd.h>

#include <cstdlib>
#include <memory>

namespace redoubt::app {

namespace {

constexpr auto footer =
  "Options also come from the environment (REDOUBT_URL) and from --config; "
  "the\ncommand line goes first, then the environment, then the file. Prefer "
  "REDOUBT_URL\nfor a URL with a password: others can read command lines.\n\n"
  "Exit status: 0 reply or healthy, 1 error reply or unhealthy, 2 bad "
  "arguments or\nconfiguration, 3 the command did not run, 4 the command may "
  "have run.";

/// What the command line holds; the parser fills it.
struct command_line {
  exec_arguments exec;
  option_sources health;
  option_sources config;
  bool quick_demo = false;
};

void add_url_and_config(CLI::App& command, option_sources& sources) {
  command.add_option("--url", sources.url,
                     "redis://[user[:password]@]host[:port][/db] or "
                     "unix:///path?db=N");
  command.add_option("--config", sources.config, "TOML file with options");
}

void add_runtime_options(CLI::App& command, option_sources& sources) {
  add_url_and_config(command, sources);
  command.add_option("--timeout", sources.timeout,
                     "Time in all, such as 500ms or 2s");
  command.add_flag("-v,--verbose", sources.verbose,
                   "Tell of connections, retries and the breaker");
  command.footer(footer);
}

/// The parser does not know that a command follows the options.
class exec_formatter : public CLI::Formatter {
public:
  std::string make_usage(const CLI::App*, std::string) const override {
    return "Usage: redoubt exec [OPTIONS] COMMAND [ARG...]\n";
  }
};

void describe(CLI::App& app, command_line& line) {
  app.set_version_flag("--version", "redoubt " REDOUBT_VERSION);
  app.require_subcommand(1);

  auto exec = app.add_subcommand("exec", "Run one Redis command");
  exec->formatter(std::make_shared<exec_formatter>());
  add_runtime_options(*exec, line.exec.sources);
  exec->add_option("--operation", line.exec.operation,
                   "Name of the operation in errors and logs");
  // What follows the command's name is the server's, also if it looks like an
  // option of ours.
  exec->prefix_command();

  auto health = app.add_subcommand("health", "Print the server's health");
  add_runtime_options(*health, line.health);

  auto config = app.add_subcommand("config",
                                   "Check and print the options in force");
  add_url_and_config(*config, line.config);
  config->footer(footer);

  auto demo = app.add_subcommand("demo", "Watch the runtime survive faults");
  demo->add_flag("--quick", line.quick_demo, "Show the shortest version");
}

std::string unknown_option(std::string_view option, std::string_view help) {
  return fmt::format("{}: unknown option; {}",
                     option.substr(0, option.find('=')), help);
}

/// Says what is wrong without quoting a value: a URL with a password may stand
/// where it does not belong.
std::string describe_error(const CLI::App& app, const CLI::ParseError& error) {
  auto chosen = app.get_subcommands();
  auto help = "see redoubt "
              + (chosen.empty() ? "" : chosen.front()->get_name() + ' ')
              + "--help";
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error))
    return fmt::format("{}; {}", error.what(), help);
  auto extras = app.remaining(true);
  if (!extras.empty() && extras.front().starts_with('-'))
    return unknown_option(extras.front(), help);
  if (chosen.empty())
    return "a command is needed: exec, health, config or demo; " + help;
  if (!dynamic_cast<const CLI::ExtrasError*>(&error))
    return "bad arguments; " + help;
  if (chosen.front()->get_name() == "exec")
    return "COMMAND follows the options, without a -- between; " + help;
  return fmt::format("{} takes no arguments other than options; {}",
                     chosen.front()->get_name(), help);
}

exit_code run_exec(CLI::App& command, exec_arguments& arguments) {
  arguments.command = command.remaining();
  auto& words = arguments.command;
  if (!words.empty() && words.front().starts_with('-')) {
    print_error(unknown_option(words.front(), "see redoubt exec --help"));
    return usage;
  }
  if (words.empty() || words.front().empty()) {
    print_error("COMMAND is missing; see redoubt exec --help");
    return usage;
  }
  return exec(arguments);
}

int run_demo(const command_line& line) {
  demo::options options;
  options.quick = line.quick_demo;
  // See https://no-color.org
  options.color = isatty(STDOUT_FILENO) == 1 && !std::getenv("NO_COLOR");
  return demo::run(options);
}

} // namespace

int run(int argc, const char* const* argv) {
  CLI::App app{"A resilience runtime for Redis.", "redoubt"};
  command_line line;
  describe(app, line);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& x) {
    // A call for help or for the version.
    return app.exit(x);
  } catch (const CLI::ParseError& x) {
    print_error(describe_error(app, x));
    return usage;
  }
  auto verbose = line.exec.sources.verbose || line.health.verbose;
  // A failed command says why in its one line of error. A warning for every
  // dial of an outage would bury that.
  spdlog::set_level(verbose ? spdlog::level::info : spdlog::level::err);
  if (auto command = app.get_subcommand("exec"); command->parsed())
    return run_exec(*command, line.exec);
  if (app.got_subcommand("health"))
    return health(line.health);
  if (app.got_subcommand("config"))
    return config(line.config);
  return run_demo(line);
}

} // namespace redoubt::app
