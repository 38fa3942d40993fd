#include <redoubt/actors/request/retry_evaluation.hpp>

#include <redoubt/messages/reply.hpp>

#include <algorithm>
#include <array>

namespace redoubt {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds longest_wait = std::chrono::hours{24};

/// A stack of truths in one word, the newest lowest.
class bit_stack {
public:
  static_assert(max_retry_steps <= 64);

  void push(bool x) noexcept { bits_ = (bits_ << 1) | (x ? 1 : 0); }
  bool top() const noexcept { return (bits_ & 1) != 0; }

  // Replace two on top by one.

  void join_either() noexcept {
    auto second = bits_ & 1;
    bits_ = (bits_ >> 1) | second;
  }

  void join_both() noexcept {
    auto second = bits_ & 1;
    bits_ = (bits_ >> 1) & (second | ~uint64_t{1});
  }

  /// Keeps on top what is on top of the other, too.
  void restrict_to(const bit_stack& x) noexcept {
    bits_ &= x.bits_ | ~uint64_t{1};
  }

private:
  uint64_t bits_ = 0;
};

// -- waits ----------------------------------------------------------------------

/// `base` times `factor` to the power of `n`, at most `max`. In floating point:
/// the product may exceed what milliseconds can hold.
milliseconds grown(milliseconds base, milliseconds max, double factor,
                   uint32_t n) noexcept {
  auto value = static_cast<double>(base.count());
  for (; n != 0; n >>= 1, factor *= factor)
    if ((n & 1) != 0)
      value *= factor;
  // Written so that the NaN of 0 times infinity gives the maximum, too.
  return value < static_cast<double>(max.count())
           ? milliseconds{static_cast<milliseconds::rep>(value)}
           : max;
}

milliseconds asked_for(const wait_op& op, const attempt_result& x) noexcept {
  try {
    return std::clamp((*op.function)(x), milliseconds{0}, op.high);
  } catch (...) {
    return milliseconds{0};
  }
}

/// The wait of a step that joins no others. `n` counts the waits from 0.
milliseconds simple_wait(const wait_op& op, const attempt_result& x, uint32_t n,
                         random_source& random) noexcept {
  using kind = wait_op::kind;
  switch (op.what) {
    case kind::fixed: return op.low;
    case kind::uniform: return random.between(op.low, op.high);
    case kind::incrementing:
      return std::min(op.high, op.low + op.step * static_cast<int64_t>(n));
    case kind::exponential: return grown(op.low, op.high, op.factor, n);
    case kind::full_jitter:
      return random.between(milliseconds{0},
                            grown(op.low, op.high, op.factor, n));
    case kind::equal_jitter: {
      auto whole = grown(op.low, op.high, op.factor, n);
      return random.between(whole / 2, whole);
    }
    case kind::decorrelated_jitter: {
      // The first wait starts at the base, as does one after a shorter one of
      // another kind.
      auto from = std::max(x.previous_wait, op.low);
      return random.between(op.low, grown(from, op.high, op.factor, 1));
    }
    case kind::from_failure: return asked_for(op, x);
    default: return milliseconds{0};
  }
}

// -- conditions -------------------------------------------------------------------

bool is_in(uint64_t set, unsigned value) noexcept {
  return value < 64 && ((set >> value) & 1) != 0;
}

bool asks_of(const condition_op& op, const attempt_result& x) noexcept {
  using kind = condition_op::kind;
  auto is_value = x.value != nullptr;
  switch (op.what) {
    case kind::by_default:
    case kind::failed:
    case kind::codes: return x.code != errc::none;
    case kind::fates:
    case kind::message:
    case kind::error_word:
    case kind::failure_predicate: return !is_value;
    case kind::nil:
    case kind::text:
    case kind::number:
    case kind::value_predicate: return is_value;
    default: return true;
  }
}

template <class Predicate, class Subject>
bool holds_of(const Predicate& predicate, const Subject& x) noexcept {
  try {
    return predicate(x);
  } catch (...) {
    return false;
  }
}

bool has_text(const reply& x) noexcept {
  return x.kind() == reply_kind::string || x.kind() == reply_kind::status;
}

/// Of a leaf that asks of `x`, before it is negated.
bool leaf_holds(const condition_op& op, const attempt_result& x) noexcept {
  using kind = condition_op::kind;
  switch (op.what) {
    case kind::by_default: return rule_of(x.code).retry;
    case kind::failed: return true;
    case kind::codes: return is_in(op.set, static_cast<unsigned>(x.code));
    case kind::fates: return is_in(op.set, static_cast<unsigned>(x.outcome));
    case kind::classes: return is_in(op.set, static_cast<unsigned>(x.cls));
    case kind::message:
      return x.message.find(op.texts.front()) != std::string_view::npos;
    case kind::error_word:
      return std::find(op.texts.begin(), op.texts.end(),
                       error_code(cause_of(x.message)))
             != op.texts.end();
    case kind::failure_predicate: return holds_of(*op.on_result, x);
    case kind::nil: return x.value->is_nil();
    case kind::text:
      return has_text(*x.value) && x.value->text() == op.texts.front();
    case kind::number:
      return x.value->kind() == reply_kind::integer
             && x.value->number() == op.number;
    case kind::value_predicate: return holds_of(*op.on_value, *x.value);
    default: return false;
  }
}

} // namespace

std::chrono::milliseconds next_wait(const wait_strategy& wait,
                                    const attempt_result& x,
                                    random_source& random) noexcept {
  using kind = wait_op::kind;
  std::array<milliseconds, max_retry_steps> stack;
  size_t depth = 0;
  auto failed = x.attempts > 0 ? x.attempts - 1 : 0;
  for (auto& op : wait.steps()) {
    auto n = failed > op.skipped ? failed - op.skipped : 0;
    if (op.what == kind::at_most) {
      stack[depth - 1] = std::min(stack[depth - 1], op.high);
      continue;
    }
    if (op.what < kind::sum) {
      stack[depth++] = simple_wait(op, x, n, random);
      continue;
    }
    auto second = stack[--depth];
    auto& first = stack[depth - 1];
    if (op.what == kind::sum)
      first = std::min(first + second, longest_wait);
    else if (op.what == kind::first)
      first = n < op.count ? first : second;
    else
      first = rule_of(x.code).slow_backoff ? second : first;
  }
  return stack[0];
}

bool stops(const stop_condition& stop, const attempt_result& x,
           std::chrono::milliseconds wait, uint32_t max_attempts) noexcept {
  using kind = stop_op::kind;
  bit_stack stack;
  for (auto& op : stop.steps())
    switch (op.what) {
      case kind::after:
        stack.push(x.attempts >= (max_attempts != 0 ? max_attempts : op.count));
        break;
      case kind::after_delay: stack.push(x.elapsed >= op.delay); break;
      case kind::before_deadline: stack.push(wait >= x.left); break;
      case kind::never: stack.push(false); break;
      case kind::both: stack.join_both(); break;
      case kind::either: stack.join_either(); break;
    }
  return stack.top();
}

bool wants_retry(const retry_condition& when,
                 const attempt_result& x) noexcept {
  using kind = condition_op::kind;
  // Whether a condition holds, and whether it speaks of this kind of result: of a
  // reply, "the command is idempotent" alone says nothing.
  bit_stack holds;
  bit_stack speaks;
  for (auto& op : when.steps()) {
    if (op.what == kind::both) {
      holds.join_both();
      speaks.join_either();
      speaks.restrict_to(holds);
    } else if (op.what == kind::either) {
      holds.join_either();
      speaks.join_either();
    } else {
      auto yes = asks_of(op, x) && leaf_holds(op, x) != op.negated;
      holds.push(yes);
      speaks.push(yes && (op.what != kind::classes || x.code != errc::none));
    }
  }
  return speaks.top();
}

} // namespace redoubt
