#include <redoubt/bench/core/print.hpp>

#include <nlohmann/json.hpp>

namespace redoubt::bench {

namespace {

// Keys keep the order in which they are written.
using json = nlohmann::ordered_json;

json to_json(const row_result& x) {
  auto contenders = json::array();
  for (auto& each : x.contenders) {
    json figures = json::object();
    for (auto& name : x.columns())
      if (auto i = each.medians.find(name); i != each.medians.end())
        figures[std::string{name}] = i->second;
    contenders.push_back({{"id", each.id},
                          {"name", each.name},
                          {"noise", each.noise},
                          {"figures", std::move(figures)}});
  }
  return {{"id", x.id},
          {"title", x.title},
          {"leading", x.leading},
          {"runs", x.runs},
          {"contenders", std::move(contenders)}};
}

json to_json(const judgement& x) {
  json out = {{"name", x.what.name},           {"row", x.what.row},
              {"contender", x.what.contender}, {"figure", x.what.figure},
              {"ratio", x.what.is_ratio()},    {"result", to_string(x.result)}};
  if (!x.what.against.empty())
    out["against"] = x.what.against;
  if (!x.what.against_row.empty())
    out["against_row"] = x.what.against_row;
  if (x.what.at_least)
    out["at_least"] = *x.what.at_least;
  if (x.what.at_most)
    out["at_most"] = *x.what.at_most;
  if (x.result != verdict::not_measured)
    out["value"] = x.value;
  return out;
}

} // namespace

std::string json_text(const results& x, const std::vector<judgement>& judged) {
  json setting = json::object();
  for (auto& [name, value] : x.setting)
    setting[name] = value;
  auto rows = json::array();
  for (auto& row : x.rows)
    rows.push_back(to_json(row));
  auto targets = json::array();
  for (auto& each : judged)
    targets.push_back(to_json(each));
  json all = {{"setting", std::move(setting)},
              {"notes", x.notes},
              {"rows", std::move(rows)},
              {"targets", std::move(targets)}};
  return all.dump(2) + '\n';
}

} // namespace redoubt::bench
