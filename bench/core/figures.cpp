#include <redoubt/bench/core/figures.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace redoubt::bench {

namespace {

constexpr std::array kinds = {
  figure_kind{"ops_per_s", "ops/s", 0},
  figure_kind{"client_cpu_us", "CPU µs/op", 2},
  figure_kind{"server_cpu_us", "server µs/op", 2},
  figure_kind{"p50_us", "p50 µs", 0},
  figure_kind{"p99_us", "p99 µs", 0},
  figure_kind{"p999_us", "p99.9 µs", 0},
  figure_kind{"failed_percent", "failed %", 2},
  figure_kind{"allocations", "allocs/op", 1},
  figure_kind{"allocated_bytes", "bytes/op", 0},
  figure_kind{"rss_mb", "RSS MB", 1},
  figure_kind{"settled_ms", "settled ms", 1},
  figure_kind{"cpu_percent", "CPU %", 2},
  figure_kind{"bytes_per_request", "bytes/request", 0},
  figure_kind{"rss_growth_mb", "RSS growth MB", 1},
  figure_kind{"in_time_per_s", "in time/s", 0},
  figure_kind{"shed_per_s", "shed/s", 0},
  figure_kind{"late_per_s", "late/s", 0},
  figure_kind{"rejected_per_s", "rejected/s", 0},
  figure_kind{"extra_percent", "more commands %", 1},
};

} // namespace

std::span<const figure_kind> figure_kinds() noexcept {
  return kinds;
}

const figure_kind* find_figure(std::string_view name) noexcept {
  auto i = std::find_if(kinds.begin(), kinds.end(),
                        [name](auto& x) { return x.name == name; });
  return i == kinds.end() ? nullptr : &*i;
}

std::string format_figure(std::string_view name, double value) {
  auto kind = find_figure(name);
  auto text = fmt::format("{:.{}f}", value, kind ? kind->decimals : 2);
  auto end = std::min(text.find('.'), text.size());
  auto first = size_t{text.starts_with('-') ? 1u : 0u};
  for (auto at = end; at > first + 3;)
    text.insert(at -= 3, 1, ',');
  return text;
}

double median(std::vector<double> values) {
  if (values.empty())
    return 0;
  auto middle = values.begin() + static_cast<ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

figures median_of(const std::vector<figures>& runs) {
  std::map<std::string, std::vector<double>, std::less<>> all;
  for (auto& run : runs)
    for (auto& [name, value] : run)
      all[name].push_back(value);
  figures result;
  for (auto& [name, values] : all)
    result[name] = median(std::move(values));
  return result;
}

double spread_of(const std::vector<figures>& runs, std::string_view name) {
  std::vector<double> values;
  for (auto& run : runs)
    if (auto i = run.find(name); i != run.end())
      values.push_back(i->second);
  auto middle = median(values);
  if (values.empty() || middle == 0)
    return 0;
  auto [low, high] = std::minmax_element(values.begin(), values.end());
  return (*high - *low) / middle;
}

} // namespace redoubt::bench
