#pragma once

#include <redoubt/messages/command_class.hpp>
#include <redoubt/messages/error.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace redoubt {

class reply;

// What a retry policy is compiled to: three flat programs in postfix order. Made
// by the functions of retry_policy.hpp, run by the request actor.

/// What became of one attempt, as a retry policy sees it.
struct attempt_result {
  /// `none` if the server answered.
  errc code = errc::none;
  fate outcome = fate::not_sent;
  command_class cls = command_class::accumulating;
  /// Times the command was sent so far, this one included.
  uint32_t attempts = 0;
  /// Time since the request came in, and until its deadline.
  std::chrono::milliseconds elapsed{0};
  std::chrono::milliseconds left{0};
  /// The wait before this attempt; 0 if there was none.
  std::chrono::milliseconds previous_wait{0};
  /// The server's error message, or the system's.
  std::string_view message = {};
  /// The reply, unless it is an error. Null if there is none.
  const reply* value = nullptr;
};

/// Conditions and waits of one's own. They run on the runtime's I/O threads, at
/// several places at a time: they must be quick and must not block.
using result_predicate = std::function<bool(const attempt_result&)>;
using reply_predicate = std::function<bool(const reply&)>;
using result_wait = std::function<std::chrono::milliseconds(
  const attempt_result&)>;

/// One step of a wait: pushes a wait, or joins those on top of the stack.
struct wait_op {
  enum class kind : uint8_t {
    fixed,
    uniform,
    incrementing,
    exponential,
    full_jitter,
    equal_jitter,
    decorrelated_jitter,
    from_failure,
    /// a b → a + b.
    sum,
    /// a → a, at most `high`.
    at_most,
    /// a b → a for the first `count` waits, then b.
    first,
    /// a b → b for codes with slow backoff, else a.
    slow,
  };

  kind what = kind::fixed;
  /// Waits that belong to earlier parts of a chain.
  uint32_t skipped = 0;
  uint32_t count = 0;
  std::chrono::milliseconds low{0};
  std::chrono::milliseconds high{0};
  std::chrono::milliseconds step{0};
  double factor = 0;
  std::string name = {};
  std::shared_ptr<const result_wait> function = {};

  bool operator==(const wait_op&) const = default;
};

/// One step of a stop condition.
struct stop_op {
  enum class kind : uint8_t {
    after,
    after_delay,
    before_deadline,
    never,
    both,
    either,
  };

  kind what = kind::never;
  uint32_t count = 0;
  std::chrono::milliseconds delay{0};

  bool operator==(const stop_op&) const = default;
};

/// One step of a retry condition. `!` is pushed down to the leaves, so that each
/// is negated among the results that it speaks of: "not this code" says nothing
/// about replies.
struct condition_op {
  enum class kind : uint8_t {
    // Of failures.
    by_default,
    failed,
    codes,
    // Of failures and error replies.
    fates,
    message,
    error_word,
    failure_predicate,
    // Of replies that are no errors.
    nil,
    text,
    number,
    value_predicate,
    // Of the command; true of replies only beside one of those above.
    classes,
    // Two on top of the stack.
    both,
    either,
  };

  kind what = kind::failed;
  bool negated = false;
  /// Bits of codes, fates or classes.
  uint64_t set = 0;
  int64_t number = 0;
  /// Texts to look for, or the name of the predicate.
  std::vector<std::string> texts = {};
  std::shared_ptr<const result_predicate> on_result = {};
  std::shared_ptr<const reply_predicate> on_value = {};

  bool operator==(const condition_op&) const = default;
};

/// Steps that one part of a policy may have. Bounds the stacks of evaluation.
constexpr size_t max_retry_steps = 64;

} // namespace redoubt
