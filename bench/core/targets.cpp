#include <redoubt/bench/core/targets.hpp>

#include <redoubt/messages/toml_parser.hpp>

#include <fmt/format.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <sstream>

namespace redoubt::bench {

namespace {

/// Reads one entry, and notes what is wrong with it.
class entry_reader {
public:
  entry_reader(std::string_view file, std::vector<config_error>& errors)
    : file_(file), errors_(errors) {}

  void fault(uint32_t line, std::string_view key, std::string what) {
    errors_.push_back(
      {std::string{file_}, line, std::string{key}, std::move(what)});
  }

  target read(const toml::table& entry) {
    target x;
    x.line = entry.source().begin.line;
    for (auto&& [key, value] : entry)
      take(x, key.str(), value);
    for (auto [key, text] : {std::pair{"name", &x.name},
                             {"row", &x.row},
                             {"contender", &x.contender},
                             {"figure", &x.figure}})
      if (text->empty() && !entry.contains(key))
        fault(x.line, key, "is missing");
    if (x.at_least.has_value() == x.at_most.has_value()
        && entry.contains("at_least") == entry.contains("at_most"))
      fault(x.line, "at_least", "one of at_least and at_most is needed");
    return x;
  }

private:
  void take(target& x, std::string_view key, const toml::node& value) {
    auto line = value.source().begin.line;
    if (key == "name")
      text(x.name, key, value);
    else if (key == "row")
      text(x.row, key, value);
    else if (key == "contender")
      text(x.contender, key, value);
    else if (key == "against")
      text(x.against, key, value);
    else if (key == "against_row")
      text(x.against_row, key, value);
    else if (key == "at_least")
      number(x.at_least, key, value);
    else if (key == "at_most")
      number(x.at_most, key, value);
    else if (key != "figure")
      fault(line, key, "no such key");
    else if (text(x.figure, key, value) && !find_figure(x.figure))
      fault(line, key, fmt::format("no figure '{}'", x.figure));
  }

  bool text(std::string& field, std::string_view key, const toml::node& value) {
    auto got = value.value_exact<std::string>();
    if (!got || got->empty()) {
      fault(value.source().begin.line, key, "must be a text in quotes");
      return false;
    }
    field = std::move(*got);
    return true;
  }

  void number(std::optional<double>& field, std::string_view key,
              const toml::node& value) {
    auto got = value.value<double>();
    if (value.is_number() && got && std::isfinite(*got) && *got >= 0)
      field = *got;
    else
      fault(value.source().begin.line, key, "must be a number, not below 0");
  }

  std::string_view file_;
  std::vector<config_error>& errors_;
};

/// The figure, or nothing.
std::optional<double> figure_of(const results& measured, std::string_view row,
                                std::string_view contender,
                                std::string_view figure) {
  auto r = measured.find(row);
  auto c = r ? r->find(contender) : nullptr;
  if (!c)
    return {};
  auto i = c->medians.find(figure);
  if (i == c->medians.end())
    return {};
  return i->second;
}

judgement judge_one(const target& x, const results& measured) {
  judgement result{x};
  auto value = figure_of(measured, x.row, x.contender, x.figure);
  if (value && x.is_ratio()) {
    auto other = figure_of(measured,
                           x.against_row.empty() ? x.row : x.against_row,
                           x.against.empty() ? x.contender : x.against,
                           x.figure);
    if (!other || *other == 0)
      value.reset();
    else
      *value /= *other;
  }
  if (!value)
    return result;
  result.value = *value;
  auto good = x.at_least ? *value >= *x.at_least : *value <= *x.at_most;
  result.result = good ? verdict::reached : verdict::missed;
  return result;
}

} // namespace

std::vector<target> parse_targets(std::string_view text, std::string_view file,
                                  std::vector<config_error>& errors) {
  entry_reader reader{file, errors};
  auto before = errors.size();
  std::vector<target> all;
  auto root = toml::parse(text);
  if (!root) {
    auto& e = root.error();
    reader.fault(e.source().begin.line, "", std::string{e.description()});
    return {};
  }
  for (auto&& [key, value] : root.table()) {
    auto entries = value.as_array();
    if (key.str() != "target" || !entries
        || !entries->is_homogeneous<toml::table>()) {
      reader.fault(value.source().begin.line, key.str(),
                   "only [[target]] entries may stand here");
      continue;
    }
    for (auto& each : *entries)
      all.push_back(reader.read(*each.as_table()));
  }
  if (errors.size() == before && all.empty())
    reader.fault(0, "target", "there is none");
  if (errors.size() != before)
    all.clear();
  return all;
}

std::vector<target> load_targets(const std::string& path,
                                 std::vector<config_error>& errors) {
  std::ifstream file{path};
  std::stringstream text;
  if (!file || !(text << file.rdbuf())) {
    errors.push_back(
      {path, 0, "", fmt::format("cannot be read: {}", std::strerror(errno))});
    return {};
  }
  return parse_targets(text.str(), path, errors);
}

std::string_view to_string(verdict x) noexcept {
  switch (x) {
    case verdict::reached: return "reached";
    case verdict::missed: return "missed";
    default: return "not measured";
  }
}

std::vector<judgement> judge(const std::vector<target>& targets,
                             const results& measured) {
  std::vector<judgement> all;
  for (auto& each : targets)
    all.push_back(judge_one(each, measured));
  return all;
}

} // namespace redoubt::bench
