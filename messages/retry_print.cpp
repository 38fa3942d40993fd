#include <redoubt/messages/retry_text.hpp>

#include <redoubt/messages/units.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace redoubt {

namespace {

using std::chrono::milliseconds;

/// How tightly the outermost operator of a text binds.
enum class binding : uint8_t { either, both, sum, tight };

/// A text that stands for some steps of a program.
struct fragment {
  std::string text;
  binding bound = binding::tight;
  /// Between the parentheses of `chain(…)`, if it is one.
  std::string parts = {};
};

/// In parentheses if `x` binds more loosely than its place wants.
std::string fitted(const fragment& x, binding wanted) {
  return x.bound < wanted ? fmt::format("({})", x.text) : x.text;
}

/// Operators group from the left: the right operand stands in parentheses if it
/// is of the same kind.
fragment infix(const fragment& a, std::string_view sign, const fragment& b,
               binding bound) {
  auto tighter = static_cast<binding>(static_cast<int>(bound) + 1);
  return {fmt::format("{} {} {}", fitted(a, bound), sign, fitted(b, tighter)),
          bound};
}

std::vector<fragment> pop_two(std::vector<fragment>& stack) {
  std::vector<fragment> result{std::move(stack[stack.size() - 2]),
                               std::move(stack.back())};
  stack.resize(stack.size() - 2);
  return result;
}

std::string span_call(std::string_view name, const wait_op& x,
                      double usual_factor) {
  auto factor = x.factor == usual_factor ? "" : fmt::format(", {}", x.factor);
  return fmt::format("{}({}, {}{})", name, duration_text(x.low),
                     duration_text(x.high), factor);
}

std::string simple_text(const wait_op& x) {
  using kind = wait_op::kind;
  switch (x.what) {
    case kind::fixed:
      return x.low == milliseconds{0}
               ? "no_wait()"
               : fmt::format("fixed({})", duration_text(x.low));
    case kind::uniform:
      return fmt::format("uniform({}, {})", duration_text(x.low),
                         duration_text(x.high));
    case kind::incrementing:
      return fmt::format("incrementing({}, {}, {})", duration_text(x.low),
                         duration_text(x.step), duration_text(x.high));
    case kind::exponential: return span_call("exponential", x, 2);
    case kind::full_jitter: return span_call("exponential_jitter", x, 2);
    case kind::equal_jitter: return span_call("equal_jitter", x, 2);
    case kind::decorrelated_jitter:
      return span_call("decorrelated_jitter", x, 3);
    case kind::from_failure:
      return fmt::format("from_failure({}, {})", x.name, duration_text(x.high));
    default: return "?";
  }
}

fragment chain_of(uint32_t times, const fragment& first, const fragment& rest) {
  auto head = times == 1
                ? first.text
                : fmt::format("{} * {}", times, fitted(first, binding::tight));
  auto parts = fmt::format("{}, {}", head,
                           rest.parts.empty() ? rest.text : rest.parts);
  return {fmt::format("chain({})", parts), binding::tight, parts};
}

/// With single quotes, so that it can stand between the double ones of TOML.
std::string quoted(std::string_view text) {
  std::string result = "'";
  for (auto c : text) {
    if (c == '\'' || c == '\\')
      result += '\\';
    result += c;
  }
  return result + '\'';
}

template <class Enum>
std::string names_in(uint64_t set, Enum last) {
  std::string result;
  for (unsigned i = 0; i <= static_cast<unsigned>(last); ++i)
    if (((set >> i) & 1) != 0)
      result.append(result.empty() ? "" : ", ")
        .append(to_string(static_cast<Enum>(i)));
  return result;
}

std::string quoted_all(const std::vector<std::string>& texts) {
  std::string result;
  for (auto& each : texts)
    result.append(result.empty() ? "" : ", ").append(quoted(each));
  return result;
}

std::string leaf_text(const condition_op& x) {
  using kind = condition_op::kind;
  switch (x.what) {
    case kind::by_default: return "by_default()";
    case kind::failed: return "on_failure()";
    case kind::codes:
      return fmt::format("on_errc({})", names_in(x.set, static_cast<errc>(63)));
    case kind::fates:
      return fmt::format("on({})", names_in(x.set, fate::answered));
    case kind::classes:
      if (x.set == idempotent().steps().front().set)
        return "idempotent()";
      return fmt::format("on_class({})",
                         names_in(x.set, command_class::accumulating));
    case kind::message:
      return fmt::format("message_contains({})", quoted(x.texts.front()));
    case kind::error_word:
      return fmt::format("on_error({})", quoted_all(x.texts));
    case kind::failure_predicate:
      return fmt::format("on_failure({})", x.texts.front());
    case kind::nil: return "on_nil()";
    case kind::text:
      return fmt::format("on_reply({})", quoted(x.texts.front()));
    case kind::number: return fmt::format("on_reply({})", x.number);
    case kind::value_predicate:
      return fmt::format("on_reply({})", x.texts.front());
    default: return "?";
  }
}

std::string leaf_text(const stop_op& x) {
  using kind = stop_op::kind;
  switch (x.what) {
    case kind::after: return fmt::format("stop_after({})", x.count);
    case kind::after_delay:
      return fmt::format("stop_after_delay({})", duration_text(x.delay));
    case kind::before_deadline: return "stop_before_deadline()";
    default: return "stop_never()";
  }
}

bool is_negated(const condition_op& x) noexcept {
  return x.negated;
}

bool is_negated(const stop_op&) noexcept {
  return false;
}

template <class Op>
std::string logical_text(const std::vector<Op>& steps) {
  using kind = typename Op::kind;
  std::vector<fragment> stack;
  for (auto& op : steps) {
    if (op.what != kind::both && op.what != kind::either) {
      stack.push_back({(is_negated(op) ? "!" : "") + leaf_text(op)});
      continue;
    }
    auto two = pop_two(stack);
    stack.push_back(op.what == kind::both
                      ? infix(two[0], "&", two[1], binding::both)
                      : infix(two[0], "|", two[1], binding::either));
  }
  return std::move(stack.front().text);
}

} // namespace

std::string to_string(const wait_strategy& x) {
  using kind = wait_op::kind;
  std::vector<fragment> stack;
  for (auto& op : x.steps()) {
    if (op.what < kind::sum) {
      stack.push_back({simple_text(op)});
    } else if (op.what == kind::at_most) {
      stack.back() = {fmt::format("at_most({}, {})", stack.back().text,
                                  duration_text(op.high))};
    } else {
      auto two = pop_two(stack);
      if (op.what == kind::sum)
        stack.push_back(infix(two[0], "+", two[1], binding::sum));
      else if (op.what == kind::first)
        stack.push_back(chain_of(op.count, two[0], two[1]));
      else
        stack.push_back(
          {fmt::format("slow_for({}, {})", two[0].text, two[1].text)});
    }
  }
  return std::move(stack.front().text);
}

std::string to_string(const stop_condition& x) {
  return logical_text(x.steps());
}

std::string to_string(const retry_condition& x) {
  return logical_text(x.steps());
}

std::string to_string(const retry_policy& x) {
  return fmt::format("wait = {}\nstop = {}\nwhen = {}", to_string(x.wait()),
                     to_string(x.stop()), to_string(x.when()));
}

bool has_text(const retry_policy& x) {
  auto& waits = x.wait().steps();
  auto& conditions = x.when().steps();
  auto fits = [](auto& part) {
    return to_string(part).size() <= longest_retry_text;
  };
  return fits(x.wait()) && fits(x.stop()) && fits(x.when())
         && std::none_of(waits.begin(), waits.end(),
                         [](auto& op) { return op.function != nullptr; })
         && std::none_of(conditions.begin(), conditions.end(), [](auto& op) {
              return op.on_result != nullptr || op.on_value != nullptr;
            });
}

} // namespace redoubt
