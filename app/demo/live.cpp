#include <redoubt/app/demo/live.hpp>

#include <redoubt/app/demo/paint.hpp>

#include <fmt/format.h>

#include <cstdio>
#include <string>
#include <utility>

namespace redoubt::demo {

namespace {

constexpr auto heading = " time  client    breaker     ok retried rejected "
                         "failed waiting   p50   p99 conn";

color color_of(breaker_state x) {
  switch (x) {
    case breaker_state::closed: return color::green;
    case breaker_state::half_open: return color::yellow;
    case breaker_state::open: break;
  }
  return color::red;
}

std::string ms(double value) {
  if (value <= 0)
    return "    -";
  return value < 1000 ? fmt::format("{:5.1f}", value)
                      : fmt::format("{:5.0f}", value);
}

void print_line(const std::string& text) {
  fmt::print("{}\n", text);
  static_cast<void>(std::fflush(stdout));
}

} // namespace

void live_view::begin(std::string_view title, std::vector<lane> lanes) {
  start_ = clock::now();
  lanes_ = std::move(lanes);
  for (auto& each : lanes_) {
    each.who->take_changes();
    retries_[each.who] = each.who->observe().retries;
  }
  print_line("");
  print_line(paint(title, color::bold, color_));
  print_line(paint(heading, color::dim, color_));
}

void live_view::tick() {
  print_changes();
  for (auto& each : lanes_)
    print_row(each, &each == &lanes_.front());
}

void live_view::note(std::string_view text) {
  print_changes();
  print_line(paint(fmt::format("{:5.2f}  -- {}", seconds(clock::now()), text),
                   color::bold, color_));
}

void live_view::print_changes() {
  std::multimap<time_point, std::string> lines;
  for (auto& each : lanes_)
    for (auto& x : each.who->take_changes())
      lines.emplace(x.at,
                    fmt::format("{:5.2f}  {:<9} {} -> {}: {}", seconds(x.at),
                                to_string(each.who->kind()), to_string(x.from),
                                paint(to_string(x.to), color_of(x.to), color_),
                                to_string(x.cause)));
  for (auto& each : lines)
    print_line(each.second);
}

void live_view::print_row(const lane& x, bool first) {
  auto now = x.who->observe();
  auto seen = x.to->take_interval();
  auto& retries = retries_[x.who];
  auto retried = now.retries - retries;
  retries = now.retries;
  // Padded before it is painted: the sequences have no width.
  auto state = now.breaker
                 ? paint(fmt::format("{:<9}", to_string(*now.breaker)),
                         color_of(*now.breaker), color_)
                 : fmt::format("{:<9}", "-");
  auto time = first ? fmt::format("{:5.2f}", seconds(clock::now())) : "";
  print_line(fmt::format("{:>5}  {:<9} {} {:>4} {:>7} {:>8} {:>6} {:>7} {} {} "
                         "{:>4}",
                         time, to_string(x.who->kind()), state, seen.ok,
                         now.breaker ? std::to_string(retried) : "-",
                         now.breaker ? std::to_string(seen.rejected) : "-",
                         seen.failed + seen.unknown, seen.waiting,
                         ms(seen.p50_ms), ms(seen.p99_ms),
                         now.ready_connections));
}

double live_view::seconds(time_point at) const {
  return std::chrono::duration<double>(at - start_).count();
}

} // namespace redoubt::demo
