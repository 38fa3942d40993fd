#include <redoubt/messages/retry_maker.hpp>

namespace redoubt {

using namespace retry_checks;

namespace {

wait_strategy spread(wait_op::kind what, std::string_view where,
                     milliseconds base, milliseconds max, double factor) {
  check_wait(where, "base", base, milliseconds{1});
  check_span(where, "base", base, "max", max);
  // Written so that NaN fails.
  if (!(factor >= 1.0 && factor <= 100.0))
    refuse(where, "factor must be a number from 1 to 100");
  wait_op op;
  op.what = what;
  op.low = base;
  op.high = max;
  op.factor = factor;
  return retry_maker::one(std::move(op));
}

} // namespace

wait_strategy no_wait() {
  return fixed(milliseconds{0});
}

wait_strategy fixed(milliseconds wait) {
  check_wait("fixed", "the wait", wait);
  wait_op op;
  op.low = wait;
  return retry_maker::one(std::move(op));
}

wait_strategy uniform(milliseconds low, milliseconds high) {
  check_span("uniform", "low", low, "high", high);
  wait_op op;
  op.what = wait_op::kind::uniform;
  op.low = low;
  op.high = high;
  return retry_maker::one(std::move(op));
}

wait_strategy incrementing(milliseconds start, milliseconds step,
                           milliseconds max) {
  check_span("incrementing", "start", start, "max", max);
  check_wait("incrementing", "step", step);
  wait_op op;
  op.what = wait_op::kind::incrementing;
  op.low = start;
  op.step = step;
  op.high = max;
  return retry_maker::one(std::move(op));
}

wait_strategy exponential(milliseconds base, milliseconds max, double factor) {
  return spread(wait_op::kind::exponential, "exponential", base, max, factor);
}

wait_strategy exponential_jitter(milliseconds base, milliseconds max,
                                 double factor) {
  return spread(wait_op::kind::full_jitter, "exponential_jitter", base, max,
                factor);
}

wait_strategy equal_jitter(milliseconds base, milliseconds max, double factor) {
  return spread(wait_op::kind::equal_jitter, "equal_jitter", base, max, factor);
}

wait_strategy decorrelated_jitter(milliseconds base, milliseconds max,
                                  double factor) {
  return spread(wait_op::kind::decorrelated_jitter, "decorrelated_jitter", base,
                max, factor);
}

wait_strategy from_failure(std::string_view name, result_wait function,
                           milliseconds max) {
  check_name("from_failure", name);
  check_wait("from_failure", "max", max);
  if (!function)
    refuse("from_failure", "the function is empty");
  wait_op op;
  op.what = wait_op::kind::from_failure;
  op.high = max;
  op.name = name;
  op.function = std::make_shared<const result_wait>(std::move(function));
  return retry_maker::one(std::move(op));
}

wait_strategy slow_for(wait_strategy usual, const wait_strategy& slow) {
  wait_op op;
  op.what = wait_op::kind::slow;
  return retry_maker::joined(std::move(usual), slow, std::move(op));
}

wait_strategy at_most(wait_strategy wait, milliseconds max) {
  check_wait("at_most", "max", max);
  return retry_maker::capped(std::move(wait), max);
}

wait_strategy operator+(wait_strategy a, const wait_strategy& b) {
  wait_op op;
  op.what = wait_op::kind::sum;
  return retry_maker::joined(std::move(a), b, std::move(op));
}

wait_stretch operator*(uint32_t times, wait_strategy wait) {
  check_count("chain", "the number of waits", times);
  return {times, std::move(wait)};
}

wait_strategy chain(std::vector<wait_stretch> parts) {
  if (parts.empty())
    refuse("chain", "needs at least one wait");
  check_count("chain", "the number of waits", parts.back().times);
  auto result = std::move(parts.back().wait);
  while (parts.pop_back(), !parts.empty()) {
    auto& [times, wait] = parts.back();
    check_count("chain", "the number of waits", times);
    retry_maker::skip(result, times);
    wait_op op;
    op.what = wait_op::kind::first;
    op.count = times;
    result = retry_maker::joined(std::move(wait), result, std::move(op));
  }
  return result;
}

} // namespace redoubt
