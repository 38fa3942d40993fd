#pragma once

#include <string>
#include <vector>

namespace redoubt::bench {

/// One bar of a chart.
struct bar {
  std::string name;
  double value = 0;
  /// The value as it is printed beside it.
  std::string label;
  /// Ours; what it is held against is drawn paler.
  bool ours = true;
};

/// Horizontal bars below a title, as the text of an SVG file that is readable on
/// white and on black.
std::string bar_chart(const std::string& title, const std::vector<bar>& bars);

/// A point of a line chart.
struct point {
  double x = 0;
  double y = 0;
  std::string label;
};

/// One line over an axis of powers, from 0 up, as the text of an SVG file.
std::string line_chart(const std::string& title,
                       const std::vector<point>& points);

} // namespace redoubt::bench
