#pragma once

#include <optional>
#include <string>
#include <vector>

namespace redoubt::bench {

/// What the command line says.
struct arguments {
  size_t runs = 5;
  double seconds = 1.0;
  /// Only rows with one of these in their id or title; empty: all.
  std::vector<std::string> rows;
  bool list = false;
  bool check = false;
  std::string targets;
  std::string json;
  std::string page;
};

/// Reads the command line. On bad arguments, and after `--help`, answers nothing
/// and sets the exit status.
std::optional<arguments> parse_arguments(int argc, char** argv, int& status);

} // namespace redoubt::bench
