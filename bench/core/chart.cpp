#include <redoubt/bench/core/chart.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace redoubt::bench {

namespace {

constexpr int width = 760;
constexpr int title_height = 34;
constexpr int bar_height = 18;
constexpr int bar_pitch = 26;
constexpr int names_width = 250;
constexpr int labels_width = 110;

constexpr auto ours_color = "#c6302b";
constexpr auto theirs_color = "#8a8f98";
constexpr auto text_color = "#6e7681";

std::string escaped(const std::string& text) {
  std::string out;
  for (auto c : text)
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += c;
    }
  return out;
}

std::string text_at(double x, double y, const char* anchor,
                    const std::string& text) {
  return fmt::format("  <text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}"
                     "</text>\n",
                     x, y, anchor, escaped(text));
}

std::string picture(int height, const std::string& title,
                    const std::string& body) {
  return fmt::format(
    "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" "
    "viewBox=\"0 0 {0} {1}\" font-family=\"sans-serif\" font-size=\"13\" "
    "fill=\"{2}\" role=\"img\">\n"
    "  <title>{3}</title>\n"
    "  <text x=\"8\" y=\"20\" font-weight=\"bold\">{3}</text>\n{4}</svg>\n",
    width, height, text_color, escaped(title), body);
}

} // namespace

std::string bar_chart(const std::string& title, const std::vector<bar>& bars) {
  double most = 0;
  for (auto& each : bars)
    most = std::max(most, each.value);
  constexpr auto room = width - names_width - labels_width;
  std::string body;
  int y = title_height;
  for (auto& each : bars) {
    auto length = most > 0 ? std::max(0.0, each.value) / most * room : 0;
    auto middle = y + bar_height - 4.5;
    body += text_at(names_width - 8, middle, "end", each.name);
    body += fmt::format("  <rect x=\"{}\" y=\"{}\" width=\"{:.1f}\" "
                        "height=\"{}\" rx=\"2\" fill=\"{}\"/>\n",
                        names_width, y, length, bar_height,
                        each.ours ? ours_color : theirs_color);
    body += text_at(names_width + length + 6, middle, "start", each.label);
    y += bar_pitch;
  }
  return picture(y + 6, title, body);
}

std::string line_chart(const std::string& title,
                       const std::vector<point>& points) {
  constexpr int height = 280, left = 30, right = width - 60, top = 60,
                bottom = height - 34;
  auto power = [](const point& p) { return std::log2(std::max(1.0, p.x)); };
  double most = 0, first = 0, last = 1;
  if (!points.empty()) {
    first = power(points.front());
    last = std::max(first + 1, power(points.back()));
  }
  for (auto& each : points)
    most = std::max(most, each.y);
  std::string body, path, dots;
  for (auto& each : points) {
    auto x = left + (power(each) - first) / (last - first) * (right - left);
    auto y = bottom - (most > 0 ? each.y / most : 0) * (bottom - top);
    path += fmt::format("{}{:.1f},{:.1f}", path.empty() ? "" : " ", x, y);
    dots += fmt::format("  <circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3.5\" "
                        "fill=\"{}\"/>\n",
                        x, y, ours_color);
    dots += text_at(x, y - 9, "middle", each.label);
    dots += text_at(x, bottom + 20, "middle", fmt::format("{:.0f}", each.x));
  }
  body += fmt::format("  <path d=\"M{} {}H{}\" stroke=\"{}\"/>\n", left, bottom,
                      right, theirs_color);
  body += fmt::format("  <polyline points=\"{}\" fill=\"none\" stroke=\"{}\" "
                      "stroke-width=\"2\"/>\n",
                      path, ours_color);
  return picture(height, title, body + dots);
}

} // namespace redoubt::bench
