#include <redoubt/bench/core/chart.hpp>
#include <redoubt/bench/core/print.hpp>

#include <fmt/format.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace redoubt::bench {

namespace {

void write(const std::filesystem::path& path, const std::string& text) {
  std::ofstream file{path};
  if (!(file << text << std::flush))
    throw std::runtime_error(path.string() + " cannot be written");
}

bool is_ours(const contender_result& x) {
  for (auto theirs : {"hiredis", "redis-plus-plus", "boost-redis"})
    if (x.id.starts_with(theirs))
      return false;
  return true;
}

/// The number at the end of a contender's id (`callers-512`); 0 if there is none.
double number_in(const std::string& id) {
  auto at = id.find_last_not_of("0123456789") + 1;
  double x = 0;
  std::from_chars(id.data() + at, id.data() + id.size(), x);
  return x;
}

/// The row's leading figure as bars; of the row that tells what more callers cost
/// as a line.
std::string chart_of(const row_result& x) {
  auto title = fmt::format("{}: {}", x.title, find_figure(x.leading)->title);
  std::vector<bar> bars;
  std::vector<point> points;
  for (auto& each : x.contenders) {
    auto i = each.medians.find(x.leading);
    if (i == each.medians.end())
      continue;
    auto label = format_figure(x.leading, i->second);
    bars.push_back({each.name, i->second, label, is_ours(each)});
    points.push_back({number_in(each.id), i->second, label});
  }
  return x.id == "scaling" ? line_chart(title, points) : bar_chart(title, bars);
}

} // namespace

void write_page(const results& x, const std::vector<judgement>& judged,
                const std::string& folder) {
  std::filesystem::path to{folder};
  std::filesystem::create_directories(to);
  std::string page = "# How fast redoubt is\n\n";
  for (auto& [name, value] : x.setting)
    page += fmt::format("* {}: {}\n", name, value);
  for (auto& note : x.notes)
    page += fmt::format("* {}\n", note);
  page += "\nThe ratio is that to the first hiredis of the table, the noise is "
          "(max - min) / median\nover the runs.\n";
  for (auto& row : x.rows) {
    page += fmt::format("\n## {}\n\n![{}]({}.svg)\n\n{}", row.title, row.title,
                        row.id, markdown_text(row));
    write(to / (row.id + ".svg"), chart_of(row));
  }
  if (!judged.empty())
    page += "\n## Targets\n\n" + markdown_text(judged);
  write(to / "index.md", page);
}

} // namespace redoubt::bench
