#include <redoubt/app/demo/summary.hpp>

#include <algorithm>
#include <set>
#include <utility>

namespace redoubt::demo {

namespace {

double to_ms(clock::duration x) {
  return std::chrono::duration<double, std::milli>(x).count();
}

bool has_failed(const record& x) {
  return x.what == result::failed || x.what == result::rejected
         || x.what == result::crossed;
}

// The first success that only a server that is back can have given.
std::optional<time_point> first_success(const outcome& x,
                                        const client_run& run) {
  std::optional<time_point> found;
  for (auto& each : run.records)
    if (each.what == result::ok && each.done >= x.when.opened
        && (!found || each.done < *found))
      found = each.done;
  return found;
}

void count_waits(summary& to, const outcome& x, const client_run& run) {
  std::vector<double> waits;
  for (auto& each : run.records) {
    auto answered = each.what != result::pending;
    auto wait = (answered ? each.done : x.when.end) - each.due;
    to.longest_ms = std::max(to.longest_ms, to_ms(wait));
    if (each.what == result::ok)
      waits.push_back(to_ms(wait));
    if (run.deadline
        && wait > *run.deadline + deadline_tick + scheduling_tolerance)
      ++to.late;
  }
  to.p99_ms = quantile(std::move(waits), 0.99);
}

void count_outcomes(summary& to, const outcome& x, const client_run& run,
                    time_point back, time_point success) {
  for (auto& each : run.records) {
    auto failed = has_failed(each);
    to.due_in_fault += each.due >= x.when.lost && each.due < back;
    to.due_until_success += each.due >= x.when.lost && each.due <= success;
    to.failed += failed;
    to.unknown += each.what == result::unknown;
    to.crossed += each.what == result::crossed;
    to.unanswered += each.what == result::pending;
    to.bad_after_success += each.what != result::ok && each.due > success;
    to.failed_after_back += failed && each.due > back;
    to.failed_too_early += failed && run.deadline
                           && each.due + *run.deadline > success;
  }
}

void count_increments(summary& to, const outcome& x, const client_run& run) {
  // A restart loses the data: what was acknowledged before it belongs to
  // another server.
  auto restart = x.what.kind == fault::restart;
  std::set<std::pair<bool, int64_t>> values;
  for (auto& each : run.records) {
    if (each.kind != op::incr)
      continue;
    auto is_last = !restart || each.what == result::pending
                   || each.done >= x.when.opened;
    if (each.what == result::ok) {
      to.incr_acknowledged += is_last;
      to.incr_doubled += !values.insert({is_last, each.number}).second;
    } else if (each.what == result::unknown || each.what == result::pending) {
      to.incr_unknown += is_last;
    }
  }
  to.incr_final = run.counter;
  to.incr_lost = std::max<int64_t>(0, to.incr_acknowledged - run.counter);
  to.incr_doubled += std::max<int64_t>(0, run.counter - to.incr_acknowledged
                                            - to.incr_unknown);
}

} // namespace

summary summarize(const outcome& x, const client_run& run) {
  summary result;
  auto back = x.when.back.value_or(x.when.end);
  auto success = first_success(x, run);
  result.issued = run.records.size();
  result.answered_twice = run.answered_twice;
  result.trips = run.trips;
  if (success)
    result.back_to_success_ms = std::max(0.0, to_ms(*success - back));
  count_waits(result, x, run);
  count_outcomes(result, x, run, back, success.value_or(x.when.end));
  count_increments(result, x, run);
  return result;
}

} // namespace redoubt::demo
