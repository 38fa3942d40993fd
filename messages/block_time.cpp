#include <redoubt/messages/block_time.hpp>

#include <redoubt/messages/caf_api.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string_view>

namespace redoubt {

namespace {

using std::chrono::milliseconds;

enum class place : uint8_t { first, last };
enum class unit : uint8_t { second, millisecond };

struct blocking_command {
  std::string_view name;
  place where;
  unit in;
};

/// Where those that always block have their timeout. XREAD and XREADGROUP have it as
/// an option.
constexpr std::array<blocking_command, 10> blocking{{
  {"BLPOP", place::last, unit::second},
  {"BRPOP", place::last, unit::second},
  {"BLMOVE", place::last, unit::second},
  {"BRPOPLPUSH", place::last, unit::second},
  {"BZPOPMIN", place::last, unit::second},
  {"BZPOPMAX", place::last, unit::second},
  {"BLMPOP", place::first, unit::second},
  {"BZMPOP", place::first, unit::second},
  {"WAIT", place::last, unit::millisecond},
  {"WAITAOF", place::last, unit::millisecond},
}};

std::optional<milliseconds> read(std::string_view text, unit in) {
  double value = 0;
  auto end = text.data() + text.size();
  auto [stop, code] = std::from_chars(text.data(), end, value);
  if (code != std::errc{} || stop != end || !std::isfinite(value) || value < 0)
    return std::nullopt;
  if (value == 0)
    return milliseconds::max();
  auto limit = static_cast<double>(api::bounded(milliseconds::max()).count());
  auto ms = std::ceil(in == unit::second ? value * 1000 : value);
  return milliseconds{static_cast<int64_t>(std::min(ms, limit))};
}

bool same_word(std::string_view text, std::string_view upper) {
  return std::equal(text.begin(), text.end(), upper.begin(), upper.end(),
                    [](char a, char b) {
                      return (a >= 'a' && a <= 'z' ? a - 'a' + 'A' : a) == b;
                    });
}

std::optional<milliseconds>
block_option(const std::vector<std::string_view>& args) {
  // GROUP has two arguments of its own, which may be any words.
  for (size_t i = 1; i + 1 < args.size(); ++i) {
    if (same_word(args[i], "GROUP"))
      i += 2;
    else if (same_word(args[i], "BLOCK"))
      return read(args[i + 1], unit::millisecond);
    else if (same_word(args[i], "STREAMS"))
      break;
  }
  return std::nullopt;
}

} // namespace

std::optional<milliseconds> block_time(const command& x) {
  auto name = x.name();
  if (name == "XREAD" || name == "XREADGROUP")
    return block_option(x.arguments());
  auto row = std::find_if(blocking.begin(), blocking.end(),
                          [&](auto& each) { return each.name == name; });
  if (row == blocking.end())
    return std::nullopt;
  auto args = x.arguments();
  if (args.size() < 2)
    return std::nullopt;
  return read(row->where == place::first ? args[1] : args.back(), row->in);
}

} // namespace redoubt
