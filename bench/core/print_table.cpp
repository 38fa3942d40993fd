#include <redoubt/bench/core/print.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace redoubt::bench {

namespace {

/// Columns that are read in the terminal, in letters and not in bytes.
size_t width_of(std::string_view text) {
  return static_cast<size_t>(std::count_if(
    text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string pad(std::string_view text, size_t width, bool left) {
  std::string room(width - std::min(width, width_of(text)), ' ');
  return left ? std::string{text} + room : room + std::string{text};
}

using line = std::vector<std::string>;

std::vector<line> lines_of(const row_result& x) {
  auto columns = x.columns();
  auto reference = x.reference();
  std::vector<line> all(1);
  all[0].push_back(x.title);
  for (auto& name : columns)
    all[0].emplace_back(find_figure(name)->title);
  all[0].emplace_back("noise");
  if (reference)
    all[0].emplace_back("ratio");
  for (auto& each : x.contenders) {
    auto& out = all.emplace_back();
    out.push_back(each.name);
    for (auto& name : columns) {
      auto i = each.medians.find(name);
      out.push_back(i == each.medians.end() ? ""
                                            : format_figure(name, i->second));
    }
    out.push_back(x.runs > 1 ? fmt::format("{:.0f} %", 100 * each.noise) : "");
    if (!reference)
      continue;
    auto mine = each.medians.find(x.leading);
    auto theirs = reference->medians.find(x.leading);
    auto known = mine != each.medians.end()
                 && theirs != reference->medians.end() && theirs->second > 0;
    out.push_back(known ? fmt::format("{:.2f}", mine->second / theirs->second)
                        : "");
  }
  return all;
}

std::string mark_of(const target& x) {
  return x.at_least ? fmt::format("≥ {}", *x.at_least)
                    : fmt::format("≤ {}", *x.at_most);
}

std::string value_of(const judgement& x) {
  return x.what.is_ratio() ? fmt::format("{:.2f}", x.value)
                           : format_figure(x.what.figure, x.value);
}

std::vector<line> lines_of(const std::vector<judgement>& all) {
  std::vector<line> lines{{"target", "figure", "mark", "measured", ""}};
  for (auto& each : all)
    if (each.result != verdict::not_measured)
      lines.push_back({each.what.name,
                       fmt::format("{}{}", find_figure(each.what.figure)->title,
                                   each.what.is_ratio() ? ", ratio" : ""),
                       mark_of(each.what), value_of(each),
                       std::string{to_string(each.result)}});
  return lines;
}

std::string plain(const std::vector<line>& lines) {
  std::vector<size_t> widths(lines[0].size());
  for (auto& each : lines)
    for (size_t i = 0; i < each.size(); ++i)
      widths[i] = std::max(widths[i], width_of(each[i]));
  std::string text;
  for (auto& each : lines) {
    std::string out;
    for (size_t i = 0; i < each.size(); ++i)
      out += (i == 0 ? "" : "  ") + pad(each[i], widths[i], i == 0);
    text += out.substr(0, out.find_last_not_of(' ') + 1) + '\n';
  }
  return text;
}

std::string markdown(const std::vector<line>& lines) {
  std::string text;
  for (size_t i = 0; i < lines.size(); ++i) {
    for (auto& cell : lines[i])
      text += "| " + cell + ' ';
    text += "|\n";
    if (i > 0)
      continue;
    for (size_t k = 0; k < lines[0].size(); ++k)
      text += k == 0 ? "|---" : "|--:";
    text += "|\n";
  }
  return text;
}

} // namespace

std::string setting_text(const results& x) {
  std::string text;
  for (auto& [name, value] : x.setting)
    text += fmt::format("{}: {}\n", name, value);
  for (auto& note : x.notes)
    text += note + '\n';
  return text;
}

std::string table_text(const row_result& x) {
  return fmt::format("[{}]\n{}", x.id, plain(lines_of(x)));
}

std::string verdict_text(const std::vector<judgement>& all) {
  auto count = [&](verdict wanted) {
    return std::count_if(all.begin(), all.end(),
                         [&](auto& x) { return x.result == wanted; });
  };
  return fmt::format("{}{} reached, {} missed, {} not measured\n",
                     plain(lines_of(all)), count(verdict::reached),
                     count(verdict::missed), count(verdict::not_measured));
}

std::string markdown_text(const row_result& x) {
  return markdown(lines_of(x));
}

std::string markdown_text(const std::vector<judgement>& all) {
  return markdown(lines_of(all));
}

} // namespace redoubt::bench
