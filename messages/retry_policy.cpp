#include <redoubt/messages/retry_maker.hpp>

namespace redoubt {

using namespace retry_checks;

namespace {

retry_condition leaf(condition_op::kind what) {
  condition_op op;
  op.what = what;
  return retry_maker::one(std::move(op));
}

/// One of a set of small enums, each below `end`.
template <class Enum>
retry_condition one_of(condition_op::kind what, std::string_view where,
                       const std::vector<Enum>& values, Enum first, Enum last) {
  condition_op op;
  op.what = what;
  for (auto each : values) {
    if (each < first || each > last)
      refuse(where, "no such value");
    op.set |= uint64_t{1} << static_cast<unsigned>(each);
  }
  if (op.set == 0)
    refuse(where, "needs at least one value");
  return retry_maker::one(std::move(op));
}

constexpr auto last_code = errc::invalid_options;
static_assert(static_cast<unsigned>(last_code) < 64);

} // namespace

// -- stops ----------------------------------------------------------------------

stop_condition stop_after(uint32_t attempts) {
  check_count("stop_after", "attempts", attempts);
  return retry_maker::one(
    stop_op{.what = stop_op::kind::after, .count = attempts});
}

stop_condition stop_after_delay(milliseconds delay) {
  check_wait("stop_after_delay", "the delay", delay, milliseconds{1});
  return retry_maker::one(
    stop_op{.what = stop_op::kind::after_delay, .delay = delay});
}

stop_condition stop_before_deadline() {
  return retry_maker::one(stop_op{.what = stop_op::kind::before_deadline});
}

stop_condition stop_never() {
  return retry_maker::one(stop_op{.what = stop_op::kind::never});
}

stop_condition operator|(stop_condition a, const stop_condition& b) {
  return retry_maker::joined(std::move(a), b,
                             stop_op{.what = stop_op::kind::either});
}

stop_condition operator&(stop_condition a, const stop_condition& b) {
  return retry_maker::joined(std::move(a), b,
                             stop_op{.what = stop_op::kind::both});
}

// -- conditions -------------------------------------------------------------------

retry_condition by_default() {
  return leaf(condition_op::kind::by_default);
}

retry_condition on_failure() {
  return leaf(condition_op::kind::failed);
}

retry_condition on_failure(std::string_view name, result_predicate predicate) {
  check_name("on_failure", name);
  if (!predicate)
    refuse("on_failure", "the predicate is empty");
  condition_op op;
  op.what = condition_op::kind::failure_predicate;
  op.texts.emplace_back(name);
  op.on_result = std::make_shared<const result_predicate>(std::move(predicate));
  return retry_maker::one(std::move(op));
}

retry_condition on(const std::vector<fate>& fates) {
  return one_of(condition_op::kind::fates, "on", fates, fate::not_sent,
                fate::answered);
}

retry_condition on_errc(const std::vector<errc>& codes) {
  return one_of(condition_op::kind::codes, "on_errc", codes,
                errc::resolve_failed, last_code);
}

retry_condition on_class(const std::vector<command_class>& classes) {
  return one_of(condition_op::kind::classes, "on_class", classes,
                command_class::read_only, command_class::accumulating);
}

retry_condition idempotent() {
  return on_class(command_class::read_only, command_class::idempotent,
                  command_class::convergent);
}

retry_condition message_contains(std::string_view text) {
  check_text("message_contains", text);
  condition_op op;
  op.what = condition_op::kind::message;
  op.texts.emplace_back(text);
  return retry_maker::one(std::move(op));
}

retry_condition on_error(std::vector<std::string> words) {
  if (words.empty())
    refuse("on_error", "needs at least one word");
  for (auto& each : words) {
    check_text("on_error", each);
    if (each.find(' ') != std::string::npos)
      refuse("on_error", "takes first words, which have no blank");
  }
  condition_op op;
  op.what = condition_op::kind::error_word;
  op.texts = std::move(words);
  return retry_maker::one(std::move(op));
}

retry_condition on_nil() {
  return leaf(condition_op::kind::nil);
}

retry_condition on_reply(std::string_view text) {
  // The empty string is a reply like any other.
  if (text.size() > longest_text)
    refuse("on_reply",
           fmt::format("the text must have at most {} bytes", longest_text));
  condition_op op;
  op.what = condition_op::kind::text;
  op.texts.emplace_back(text);
  return retry_maker::one(std::move(op));
}

retry_condition on_reply(int64_t number) {
  condition_op op;
  op.what = condition_op::kind::number;
  op.number = number;
  return retry_maker::one(std::move(op));
}

retry_condition on_reply(std::string_view name, reply_predicate not_yet) {
  check_name("on_reply", name);
  if (!not_yet)
    refuse("on_reply", "the predicate is empty");
  condition_op op;
  op.what = condition_op::kind::value_predicate;
  op.texts.emplace_back(name);
  op.on_value = std::make_shared<const reply_predicate>(std::move(not_yet));
  return retry_maker::one(std::move(op));
}

retry_condition operator|(retry_condition a, const retry_condition& b) {
  condition_op op;
  op.what = condition_op::kind::either;
  return retry_maker::joined(std::move(a), b, std::move(op));
}

retry_condition operator&(retry_condition a, const retry_condition& b) {
  condition_op op;
  op.what = condition_op::kind::both;
  return retry_maker::joined(std::move(a), b, std::move(op));
}

retry_condition operator!(retry_condition x) {
  return retry_maker::negated(std::move(x));
}

// -- the policy -------------------------------------------------------------------

namespace {

bool asks_of_values(const condition_op& x) noexcept {
  using kind = condition_op::kind;
  return x.what == kind::nil || x.what == kind::text || x.what == kind::number
         || x.what == kind::value_predicate;
}

bool counts(const stop_op& x) noexcept {
  return x.what == stop_op::kind::after;
}

} // namespace

retry_policy::retry_policy() {
  // One program for all who take the default.
  static const retry_policy standard{
    slow_for(decorrelated_jitter(milliseconds{10}, milliseconds{250}),
             decorrelated_jitter(milliseconds{100}, milliseconds{1000})),
    stop_after(3) | stop_before_deadline()};
  program_ = standard.program_;
}

retry_policy::retry_policy(wait_strategy wait, stop_condition stop,
                           retry_condition when) {
  retry_maker::check_operand(wait.steps().size());
  retry_maker::check_operand(stop.steps().size());
  retry_maker::check_operand(when.steps().size());
  auto on_replies = std::any_of(when.steps().begin(), when.steps().end(),
                                asks_of_values);
  auto counts_attempts = std::any_of(stop.steps().begin(), stop.steps().end(),
                                     counts);
  program_ = std::make_shared<const program>(
    program{std::move(wait), std::move(stop), std::move(when), on_replies,
            counts_attempts});
}

retry_policy retry_policy::article() {
  // It says that its waits have jitter; tenacity's have none.
  return {equal_jitter(milliseconds{100}, std::chrono::seconds{60}),
          stop_after(5) | stop_before_deadline()};
}

} // namespace redoubt
