#pragma once

#include <redoubt/bench/core/results.hpp>
#include <redoubt/messages/options_toml.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace redoubt::bench {

/// A mark that a figure must reach.
struct target {
  std::string name;
  std::string row;
  std::string contender;
  std::string figure;
  /// With one of these the mark is a ratio: to the same figure of that contender
  /// (empty: the same one), in that row (empty: the same one).
  std::string against;
  std::string against_row;
  /// One of the two is set.
  std::optional<double> at_least;
  std::optional<double> at_most;
  /// Where it stands in its file.
  uint32_t line = 0;

  bool is_ratio() const noexcept {
    return !against.empty() || !against_row.empty();
  }
};

/// Reads the `[[target]]` entries of a TOML text. On any fault answers none and
/// fills `errors` with all of them; `file` names the text there.
std::vector<target> parse_targets(std::string_view text, std::string_view file,
                                  std::vector<config_error>& errors);

/// The same of a file. One that cannot be read is a fault, too.
std::vector<target> load_targets(const std::string& path,
                                 std::vector<config_error>& errors);

enum class verdict : uint8_t { reached, missed, not_measured };

std::string_view to_string(verdict x) noexcept;

struct judgement {
  target what;
  verdict result = verdict::not_measured;
  /// The figure, or its ratio; 0 if it was not measured.
  double value = 0;
};

/// Holds what was measured against the targets, in their order.
std::vector<judgement> judge(const std::vector<target>& targets,
                             const results& measured);

} // namespace redoubt::bench
