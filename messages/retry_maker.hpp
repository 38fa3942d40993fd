#pragma once

// What the functions of retry_policy.hpp share. Private to messages/.

#include <redoubt/messages/retry_policy.hpp>
#include <redoubt/messages/units.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace redoubt {

/// The one that may write steps.
struct retry_maker {
  static wait_strategy one(wait_op op) {
    wait_strategy result;
    result.steps_.push_back(std::move(op));
    return result;
  }

  static stop_condition one(stop_op op) {
    stop_condition result;
    result.steps_.push_back(op);
    return result;
  }

  static retry_condition one(condition_op op) {
    retry_condition result;
    result.steps_.push_back(std::move(op));
    return result;
  }

  static void check_operand(size_t steps) {
    if (steps == 0)
      throw std::invalid_argument("retry policy: a part of it was moved away");
  }

  static void check_size(size_t steps) {
    if (steps > max_retry_steps)
      throw std::invalid_argument(fmt::format(
        "retry policy: no part may have more than {} steps", max_retry_steps));
  }

  /// `a b op`.
  template <class Part, class Op>
  static Part joined(Part a, const Part& b, Op op) {
    auto& steps = a.steps_;
    check_operand(steps.size());
    check_operand(b.steps_.size());
    check_size(steps.size() + b.steps_.size() + 1);
    steps.insert(steps.end(), b.steps_.begin(), b.steps_.end());
    steps.push_back(std::move(op));
    return a;
  }

  static wait_strategy capped(wait_strategy x, std::chrono::milliseconds max) {
    check_operand(x.steps_.size());
    check_size(x.steps_.size() + 1);
    wait_op op;
    op.what = wait_op::kind::at_most;
    op.high = max;
    x.steps_.push_back(std::move(op));
    return x;
  }

  /// Lets all steps of a later part of a chain count from `times` on.
  static void skip(wait_strategy& x, uint32_t times) {
    for (auto& op : x.steps_)
      op.skipped += times;
  }

  /// By De Morgan's rules.
  static retry_condition negated(retry_condition x) {
    using kind = condition_op::kind;
    for (auto& op : x.steps_) {
      if (op.what == kind::both)
        op.what = kind::either;
      else if (op.what == kind::either)
        op.what = kind::both;
      else
        op.negated = !op.negated;
    }
    return x;
  }
};

namespace retry_checks {

using std::chrono::milliseconds;

constexpr milliseconds day = std::chrono::hours{24};
constexpr uint32_t most_attempts = 1000;
constexpr size_t longest_text = 256;

[[noreturn]] inline void refuse(std::string_view where, std::string_view what) {
  throw std::invalid_argument(fmt::format("{}: {}", where, what));
}

inline void check_wait(std::string_view where, std::string_view field,
                       milliseconds value, milliseconds low = milliseconds{0}) {
  if (value < low || value > day)
    refuse(where, fmt::format("{} must be a duration from {} to 24h", field,
                              duration_text(low)));
}

inline void check_span(std::string_view where, std::string_view low_field,
                       milliseconds low, std::string_view high_field,
                       milliseconds high) {
  check_wait(where, low_field, low);
  check_wait(where, high_field, high);
  if (low > high)
    refuse(where,
           fmt::format("{} must not be longer than {}", low_field, high_field));
}

inline void check_count(std::string_view where, std::string_view field,
                        uint32_t value) {
  if (value < 1 || value > most_attempts)
    refuse(where, fmt::format("{} must be a number from 1 to {}", field,
                              most_attempts));
}

/// Names that can stand in a text: as names in C++.
inline void check_name(std::string_view where, std::string_view name) {
  auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c >= '0' && c <= '9') || c == '_';
  };
  if (name.empty() || name.size() > 64 || (name[0] >= '0' && name[0] <= '9')
      || !std::all_of(name.begin(), name.end(), fits))
    refuse(where, "the name must have 1 to 64 letters, digits and underscores "
                  "and not begin with a digit");
}

inline void check_text(std::string_view where, std::string_view text) {
  if (text.empty() || text.size() > longest_text)
    refuse(where,
           fmt::format("the text must have 1 to {} bytes", longest_text));
}

} // namespace retry_checks

} // namespace redoubt
