#pragma once

#include <redoubt/bench/core/figures.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace redoubt::bench {

/// What became of one contender over all its runs.
struct contender_result {
  std::string id;
  std::string name;
  figures medians;
  /// Spread of the row's leading figure over the runs.
  double noise = 0;
};

struct row_result {
  std::string id;
  std::string title;
  /// The figure that the row is about.
  std::string leading = "ops_per_s";
  size_t runs = 1;
  std::vector<contender_result> contenders;

  /// Null if there is none of that id.
  const contender_result* find(std::string_view contender) const noexcept;

  /// Names of the figures that a contender has, in the order of `figure_kinds`.
  std::vector<std::string_view> columns() const;

  /// The first contender that is not ours, of whose leading figure the others are
  /// told the ratio; null if there is none.
  const contender_result* reference() const noexcept;
};

/// All that one run of the program found.
struct results {
  /// How and where it was measured, by name.
  std::vector<std::pair<std::string, std::string>> setting;
  /// What could not be measured here, and why.
  std::vector<std::string> notes;
  std::vector<row_result> rows;

  const row_result* find(std::string_view row) const noexcept;
};

} // namespace redoubt::bench
