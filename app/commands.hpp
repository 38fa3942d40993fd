#pragma once

#include <redoubt/app/exit_code.hpp>
#include <redoubt/app/settings.hpp>
#include <redoubt/messages/options.hpp>

#include <string>
#include <vector>

namespace redoubt::app {

struct exec_arguments {
  option_sources sources;
  /// A name for errors and logs.
  std::string operation;
  /// The Redis command, its name first.
  std::vector<std::string> command;
};

/// Runs one Redis command and prints its reply as redis-cli does.
exit_code exec(const exec_arguments& arguments);

/// Prints the server's health as JSON.
exit_code health(const option_sources& sources);

/// Prints the options in force as TOML.
exit_code config(const option_sources& sources);

} // namespace redoubt::app
