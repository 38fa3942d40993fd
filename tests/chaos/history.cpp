#include <redoubt/tests/chaos/history.hpp>

#include <nlohmann/json.hpp>

#include <array>
#include <cstdlib>
#include <istream>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <unordered_map>

namespace redoubt::chaos {

namespace {

using json = nlohmann::json;

constexpr std::array<std::string_view, 5> op_names{"RPUSH", "INCR", "SET",
                                                   "GET", "ECHO"};

constexpr std::array<std::string_view, 4> ending_names{"pending", "ok",
                                                       "failed", "unknown"};

constexpr std::array<std::string_view, 3> state_names{"closed", "open",
                                                      "half_open"};

template <class Enum, size_t N>
Enum from_name(const std::array<std::string_view, N>& names,
               const std::string& name) {
  for (size_t i = 0; i < N; ++i)
    if (names[i] == name)
      return static_cast<Enum>(i);
  throw std::runtime_error("no such value: " + name);
}

template <class Enum, size_t N>
std::string name_of(const std::array<std::string_view, N>& names, Enum value) {
  return std::string{names.at(static_cast<size_t>(value))};
}

// What callers sent may hold any bytes once a fault changed it.
std::string text_of(const json& x) {
  return x.dump(-1, ' ', false, json::error_handler_t::replace);
}

json to_json(const footprint& x) {
  return {{"descriptors", x.descriptors},
          {"actors", x.actors},
          {"threads", x.threads}};
}

footprint footprint_from(const json& x) {
  return {x.at("descriptors"), x.at("actors"), x.at("threads")};
}

operation operation_from(const json& x) {
  operation y;
  y.id = x.at("id");
  y.caller = x.at("caller");
  y.lane = x.at("lane");
  y.op = from_name<op_kind>(op_names, x.at("op"));
  y.key = x.at("key");
  y.token = x.at("token");
  y.opt_in = x.at("opt_in");
  y.free = x.value("free", false);
  y.unit = x.value("unit", uint64_t{0});
  y.atomic = x.value("atomic", false);
  y.last = x.value("last", false);
  y.abandoned = x.value("abandoned", false);
  y.invoked = x.at("t_invoke");
  y.done = x.at("t_done");
  y.deadline = x.at("deadline");
  y.became = from_name<ending>(ending_names, x.at("outcome"));
  if (x.contains("fate")) {
    auto named = fate_from(x.at("fate").get<std::string>());
    if (!named)
      throw std::runtime_error("no such fate");
    y.outcome = *named;
  }
  if (y.became == ending::unknown)
    y.outcome = fate::unknown;
  y.errc = x.value("errc", "");
  y.kind = x.value("kind", "");
  y.value = x.value("value", "");
  y.repeated = x.value("repeated", false);
  y.answers = y.became == ending::pending || y.abandoned ? 0 : 1;
  return y;
}

run_facts run_from(const json& x) {
  run_facts y;
  y.seed = x.at("seed");
  y.slack = x.at("slack");
  y.dial_gap = x.at("dial_gap");
  y.recovery_limit = x.at("recovery_limit");
  y.shutdown = x.at("shutdown");
  y.shutdown_limit = x.at("shutdown_limit");
  y.before = footprint_from(x.at("before"));
  y.after = footprint_from(x.at("after"));
  y.faults = x.at("faults").get<std::vector<std::string>>();
  return y;
}

strike strike_from(const json& x) {
  return {x.at("fault"), x.at("fired"),  x.at("alone"),
          x.at("begun"), x.at("healed"), x.at("recovered")};
}

breaker_edge edge_from(const json& x) {
  return {x.at("generation"),
          from_name<breaker_state>(state_names, x.at("from")),
          from_name<breaker_state>(state_names, x.at("to"))};
}

void add_line(history& to, std::unordered_map<uint64_t, size_t>& places,
              const json& x) {
  auto what = x.value("record", "operation");
  if (what == "operation") {
    auto y = operation_from(x);
    places.emplace(y.id, to.operations.size());
    to.operations.push_back(std::move(y));
  } else if (what == "answer") {
    ++to.operations.at(places.at(x.at("id"))).answers;
  } else if (what == "run") {
    to.run = run_from(x);
  } else if (what == "dials") {
    to.dials.push_back({x.at("asked"), x.at("told"), x.at("dials")});
  } else if (what == "breaker") {
    to.edges.push_back(edge_from(x));
  } else if (what == "strike") {
    to.strikes.push_back(strike_from(x));
  } else if (what == "stall") {
    to.stalls.push_back({x.at("from"), x.at("until")});
  } else if (what == "list") {
    to.final.lists[x.at("key")] = x.at("items").get<std::vector<std::string>>();
  } else if (what == "string") {
    to.final.strings[x.at("key")] = x.at("value");
  } else {
    throw std::runtime_error("no such record: " + what);
  }
}

} // namespace

std::string to_string(op_kind value) {
  return name_of(op_names, value);
}

std::string to_string(ending value) {
  return name_of(ending_names, value);
}

std::string token_of(const std::string& key, uint64_t caller, uint64_t id) {
  return key + "|" + std::to_string(caller) + "|" + std::to_string(id);
}

uint64_t id_in(const std::string& token) {
  auto bar = token.rfind('|');
  if (bar == token.npos || bar + 1 == token.size()
      || token.find_first_not_of("0123456789", bar + 1) != token.npos)
    return 0;
  return std::strtoull(token.c_str() + bar + 1, nullptr, 10);
}

std::string value_of(const std::string& token) {
  auto id = id_in(token);
  auto padding = id % 16 == 0 ? id * 7919 % 8000 : id % 40;
  return token + "|" + std::string(padding, '.') + "#";
}

std::string token_in(const std::string& value) {
  auto token = value.substr(0, value.rfind('|'));
  return value_of(token) == value ? token : value;
}

std::string line_of(const operation& x) {
  json y{{"id", x.id},
         {"caller", x.caller},
         {"lane", x.lane},
         {"op", to_string(x.op)},
         {"key", x.key},
         {"token", x.token},
         {"opt_in", x.opt_in},
         {"t_invoke", x.invoked},
         {"t_done", x.done},
         {"deadline", x.deadline},
         {"outcome", to_string(x.became)}};
  if (x.became == ending::failed)
    y["fate"] = std::string{redoubt::to_string(x.outcome)};
  auto flag = [&](const char* name, bool value) {
    if (value)
      y[name] = true;
  };
  auto text = [&](const char* name, const std::string& value) {
    if (!value.empty())
      y[name] = value;
  };
  flag("free", x.free);
  flag("atomic", x.atomic);
  flag("last", x.last);
  flag("abandoned", x.abandoned);
  flag("repeated", x.repeated);
  if (x.unit != 0)
    y["unit"] = x.unit;
  text("errc", x.errc);
  text("kind", x.kind);
  text("value", x.value);
  return text_of(y);
}

std::string line_of_another_answer(uint64_t id) {
  return text_of({{"record", "answer"}, {"id", id}});
}

std::string line_of(const dial_sample& x) {
  return text_of({{"record", "dials"},
                  {"asked", x.asked},
                  {"told", x.told},
                  {"dials", x.dials}});
}

std::string line_of(const breaker_edge& x) {
  return text_of({{"record", "breaker"},
                  {"generation", x.generation},
                  {"from", name_of(state_names, x.from)},
                  {"to", name_of(state_names, x.to)}});
}

std::string line_of(const strike& x) {
  return text_of({{"record", "strike"},
                  {"fault", x.fault},
                  {"fired", x.fired},
                  {"alone", x.alone},
                  {"begun", x.begun},
                  {"healed", x.healed},
                  {"recovered", x.recovered}});
}

std::string line_of(const stall& x) {
  return text_of({{"record", "stall"}, {"from", x.from}, {"until", x.until}});
}

std::string line_of(const run_facts& x) {
  return text_of({{"record", "run"},
                  {"seed", x.seed},
                  {"slack", x.slack},
                  {"dial_gap", x.dial_gap},
                  {"recovery_limit", x.recovery_limit},
                  {"shutdown", x.shutdown},
                  {"shutdown_limit", x.shutdown_limit},
                  {"before", to_json(x.before)},
                  {"after", to_json(x.after)},
                  {"faults", x.faults}});
}

std::string lines_of(const final_state& x) {
  std::string result;
  for (auto& [key, items] : x.lists)
    result += text_of({{"record", "list"}, {"key", key}, {"items", items}})
              + "\n";
  for (auto& [key, value] : x.strings)
    result += text_of({{"record", "string"}, {"key", key}, {"value", value}})
              + "\n";
  return result;
}

history read_history(std::istream& in) {
  history result;
  std::unordered_map<uint64_t, size_t> places;
  size_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line.empty())
      continue;
    try {
      add_line(result, places, json::parse(line));
    } catch (const std::exception& e) {
      throw std::runtime_error("line " + std::to_string(number) + ": "
                               + e.what());
    }
  }
  return result;
}

} // namespace redoubt::chaos
