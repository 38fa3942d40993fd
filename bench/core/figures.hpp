#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace redoubt::bench {

/// What was measured of one contender, by the names of `figure_kinds`.
using figures = std::map<std::string, double, std::less<>>;

/// What a figure's name stands for, wherever it is printed.
struct figure_kind {
  std::string_view name;
  /// Heading of a column.
  std::string_view title;
  int decimals = 0;
};

/// All figures there are, in the order in which they are printed.
std::span<const figure_kind> figure_kinds() noexcept;

/// Null if there is no figure of that name.
const figure_kind* find_figure(std::string_view name) noexcept;

/// The value as it is printed, with its decimals and in thousands.
std::string format_figure(std::string_view name, double value);

/// 0 of none. Of an even number of values the upper of the two in the middle.
double median(std::vector<double> values);

/// Median of each figure on its own.
figures median_of(const std::vector<figures>& runs);

/// (max - min) / median of one figure over the runs; 0 if no run has it.
double spread_of(const std::vector<figures>& runs, std::string_view name);

} // namespace redoubt::bench
