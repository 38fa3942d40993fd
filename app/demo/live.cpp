#include <redoubt/app/demo/live.hpp>

#include <redoubt/app/demo/paint.hpp>

#include <fmt/format.h>

#include <cstdio>

namespace redoubt::demo {

namespace {

constexpr auto heading = " time  client     breaker      ok retried rejected "
                         "failed waiting    p50    p99 conns";

color color_of(breaker_state x) {
  switch (x) {
    case breaker_state::closed: return color::green;
    case breaker_state::half_open: return color::yellow;
    case breaker_state::open: break;
  }
  return color::red;
}

std::string ms(double value) {
  return value > 0 ? fmt::format("{:6.1f}", value) : "     -";
}

void print_line(const std::string& text) {
  fmt::print("{}\n", text);
  std::fflush(stdout);
}

} // namespace

void live_view::begin(std::string_view title, const std::vector<lane>& lanes) {
  start_ = clock::now();
  for (auto& each : lanes) {
    each.who->take_changes();
    retries_[each.who] = each.who->observe().retries;
  }
  print_line("");
  print_line(paint(title, color::bold, color_));
  print_line(paint(heading, color::dim, color_));
}

void live_view::tick(const std::vector<lane>& lanes) {
  for (auto& each : lanes)
    print_changes(each);
  for (auto& each : lanes)
    print_row(each, &each == &lanes.front());
}

void live_view::note(std::string_view text) {
  print_line(paint(fmt::format("{:5.2f}  -- {}", seconds(clock::now()), text),
                   color::bold, color_));
}

void live_view::print_changes(const lane& x) {
  for (auto& each : x.who->take_changes())
    print_line(fmt::format("{:5.2f}  {:<10} {} -> {}: {}", seconds(each.at),
                           to_string(x.who->kind()), to_string(each.from),
                           paint(to_string(each.to), color_of(each.to), color_),
                           to_string(each.cause)));
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
  print_line(fmt::format("{:>5}  {:<10} {} {:>5} {:>7} {:>8} {:>6} {:>7} {} {} "
                         "{:>5}",
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
