#pragma once

#include <redoubt/messages/options.hpp>

#include <optional>
#include <string>

namespace redoubt::app {

/// Where a command of the program takes its options from.
struct option_sources {
  /// Value of `--url`.
  std::optional<std::string> url = {};
  /// Value of `--config`, the path of a TOML file.
  std::optional<std::string> config = {};
  /// Value of `--timeout`.
  std::optional<std::string> timeout = {};
  /// Whether the runtime tells of every connection and of every retry.
  bool verbose = false;
};

/// The options to run with: `--url` before `REDOUBT_URL` before the file before
/// the defaults. On a fault prints one line for each, which names the argument
/// or file, line and key but no secret, and answers nothing.
std::optional<runtime_options> effective_options(const option_sources& sources);

/// Prints `redoubt: <text>` on the standard error stream.
void print_error(const std::string& text);

} // namespace redoubt::app
