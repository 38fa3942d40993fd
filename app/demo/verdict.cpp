#include <redoubt/app/demo/verdict.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

namespace redoubt::demo {

namespace {

// The targets; docs/performance.md gives their reasons.
constexpr double blip_p99_limit_ms = 130;
constexpr double recovery_limit_ms = 100;

/// Answers what is wrong, or nothing.
using check = std::function<std::optional<std::string>(const summary&)>;

/// A promise, and where it holds.
struct promise {
  std::string text;
  bool decides_in_quick;
  std::optional<fault> only_in;
  std::optional<client_kind> only_of;
  check broken;
};

/// A promise that a count is zero.
check is_zero(uint64_t summary::*count) {
  return [count](const summary& x) -> std::optional<std::string> {
    if (x.*count == 0)
      return {};
    return std::to_string(x.*count);
  };
}

std::optional<std::string> late_blip(const summary& x) {
  if (x.p99_ms <= blip_p99_limit_ms)
    return {};
  return fmt::format("{:.0f} ms", x.p99_ms);
}

std::optional<std::string> slow_recovery(const summary& x) {
  if (x.back_to_success_ms && *x.back_to_success_ms <= recovery_limit_ms)
    return {};
  return x.back_to_success_ms ? fmt::format("{:.0f} ms", *x.back_to_success_ms)
                              : "no success";
}

std::optional<std::string> failed_more_than_due(const summary& x) {
  if (x.failed <= x.due_until_success)
    return {};
  return fmt::format("{} of {}", x.failed, x.due_until_success);
}

std::optional<std::string> wrong_count(const summary& x) {
  if (x.incr_lost == 0 && x.incr_doubled == 0)
    return {};
  return fmt::format("{} lost, {} doubled", x.incr_lost, x.incr_doubled);
}

std::vector<promise> promises() {
  return {
    {"every request was answered, once",
     true,
     {},
     {},
     [](const summary& x) {
       return is_zero(x.unanswered > 0 ? &summary::unanswered
                                       : &summary::answered_twice)(x);
     }},
    {"no reply went to another request",
     true,
     {},
     {},
     is_zero(&summary::crossed)},
    {"no INCR was lost and none ran twice", true, {}, {}, wrong_count},
    {"what was issued after the first success went well",
     true,
     {},
     {},
     is_zero(&summary::bad_after_success)},
    {fmt::format("every answer came by the deadline + {} ms (tolerance {} ms)",
                 deadline_tick.count(), scheduling_tolerance.count()),
     false,
     {},
     {},
     is_zero(&summary::late)},
    {fmt::format("first success <= {:.0f} ms after the server was back",
                 recovery_limit_ms),
     false,
     {},
     {},
     slow_recovery},
    {"blip: no request failed",
     false,
     fault::blip,
     {},
     is_zero(&summary::failed)},
    {"blip: the breaker stayed closed",
     false,
     fault::blip,
     {},
     is_zero(&summary::trips)},
    {fmt::format("blip: p99 of all requests <= {:.0f} ms", blip_p99_limit_ms),
     false,
     fault::blip,
     {},
     late_blip},
    {"fail_fast: no more failed than were issued from loss to first success",
     false,
     {},
     client_kind::fail_fast,
     failed_more_than_due},
    {"wait: the restart cost no request", false, fault::restart,
     client_kind::wait, is_zero(&summary::failed)},
    {"wait: none failed before its deadline",
     false,
     {},
     client_kind::wait,
     is_zero(&summary::failed_too_early)},
    {"wait: none failed that was issued after the server was back",
     false,
     {},
     client_kind::wait,
     is_zero(&summary::failed_after_back)},
  };
}

bool applies(const promise& x, const outcome& where, const client_run& run) {
  return run.kind != client_kind::hiredis
         && (!x.only_in || *x.only_in == where.what.kind)
         && (!x.only_of || *x.only_of == run.kind);
}

verdict judge_one(const promise& x, const std::vector<outcome>& outcomes,
                  bool quick) {
  verdict result{x.text, true, x.decides_in_quick || !quick, {}};
  for (auto& where : outcomes)
    for (auto& run : where.runs) {
      if (!applies(x, where, run))
        continue;
      auto wrong = x.broken(summarize(where, run));
      if (!wrong)
        continue;
      result.kept = false;
      result.detail += fmt::format("{}{}, {}: {}",
                                   result.detail.empty() ? "" : "; ",
                                   to_string(where.what.kind),
                                   to_string(run.kind), *wrong);
    }
  return result;
}

} // namespace

std::vector<verdict> judge(const std::vector<outcome>& outcomes, bool quick) {
  std::vector<verdict> result;
  for (auto& each : promises())
    result.push_back(judge_one(each, outcomes, quick));
  return result;
}

bool all_kept(const std::vector<verdict>& verdicts) {
  return std::all_of(verdicts.begin(), verdicts.end(),
                     [](auto& x) { return x.kept || !x.decides; });
}

} // namespace redoubt::demo
