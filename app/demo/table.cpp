#include <redoubt/app/demo/table.hpp>

#include <redoubt/app/demo/paint.hpp>

#include <fmt/format.h>

namespace redoubt::demo {

namespace {

constexpr auto heading = "             due in        failed     p99 longest "
                         "back to   INCR  INCR  final\n"
                         "  client      fault failed  after      ms wait ms   "
                         "ok ms  acked unkn.  count";

constexpr auto legend =
  "due in fault   due from the loss until an independent prober saw the "
  "server\n"
  "failed after   failed although issued after the client's first success\n"
  "p99, longest   from due to answered\n"
  "back to ok     from the server's return to the client's first success\n"
  "INCR           of the new server, after a restart; unkn.: was sent, and "
  "the\n"
  "               connection broke before the reply; not among the failed\n";

void print_row(const client_run& run, const summary& x) {
  auto recovery = x.back_to_success_ms
                    ? fmt::format("{:.1f}", *x.back_to_success_ms)
                    : "never";
  fmt::print(
    "  {:<9} {:>7} {:>6} {:>6} {:>7.1f} {:>7.0f} {:>7} {:>6} {:>5} {:>6}\n",
    to_string(run.kind), x.due_in_fault, x.failed, x.bad_after_success,
    x.p99_ms, x.longest_ms, recovery, x.incr_acknowledged, x.incr_unknown,
    x.incr_final);
}

} // namespace

void print_tables(const std::vector<outcome>& outcomes, bool color) {
  for (auto& each : outcomes) {
    fmt::print("\n{}\n{}\n", paint(describe(each.what), color::bold, color),
               paint(heading, color::dim, color));
    for (auto& run : each.runs)
      print_row(run, summarize(each, run));
  }
  fmt::print("\n{}", legend);
}

void print_verdicts(const std::vector<verdict>& verdicts, bool color) {
  fmt::print("\n");
  for (auto& each : verdicts) {
    auto word = each.kept      ? paint("kept  ", color::green, color)
                : each.decides ? paint("BROKEN", color::red, color)
                               : paint("missed", color::yellow, color);
    fmt::print("{}  {}{}{}\n", word, each.promise,
               each.detail.empty() ? "" : " [" + each.detail + "]",
               each.decides ? "" : " (shown only)");
  }
}

} // namespace redoubt::demo
