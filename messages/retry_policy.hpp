#pragma once

#include <redoubt/messages/retry_program.hpp>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace redoubt {

// Retry policies as values (after tenacity and Polly): how long to wait, when to
// stop, what to retry. Each part is composed of small ones:
//
//     retry_policy{exponential_jitter(10ms, 250ms) + uniform(0ms, 20ms),
//                  stop_after(5) | stop_before_deadline(),
//                  on(fate::not_sent, fate::refused)
//                    | (on_errc(errc::attempt_timeout) & idempotent())}
//
// docs/retry.md has the whole list. All functions here throw
// `std::invalid_argument`, which names the function and what it allows, when
// they are given what makes no sense: a negative wait, a maximum below the
// minimum, no attempts. So a policy that exists is a good one.

/// How long to wait before the next attempt. Waits are whole milliseconds, at
/// most a day.
class wait_strategy {
public:
  const std::vector<wait_op>& steps() const noexcept { return steps_; }

  bool operator==(const wait_strategy&) const = default;

private:
  friend struct retry_maker;
  wait_strategy() = default;

  std::vector<wait_op> steps_;
};

/// When to give up.
class stop_condition {
public:
  const std::vector<stop_op>& steps() const noexcept { return steps_; }

  bool operator==(const stop_condition&) const = default;

private:
  friend struct retry_maker;
  stop_condition() = default;

  std::vector<stop_op> steps_;
};

/// What is worth another attempt. Of what it wants, the runtime grants what is
/// safe: see `retry_policy`.
class retry_condition {
public:
  const std::vector<condition_op>& steps() const noexcept { return steps_; }

  bool operator==(const retry_condition&) const = default;

private:
  friend struct retry_maker;
  retry_condition() = default;

  std::vector<condition_op> steps_;
};

// -- waits ----------------------------------------------------------------------

/// No wait at all.
wait_strategy no_wait();

/// Always the same.
wait_strategy fixed(std::chrono::milliseconds wait);

/// Uniform between both ends.
wait_strategy uniform(std::chrono::milliseconds low,
                      std::chrono::milliseconds high);

/// `start`, then `step` more each time, at most `max`.
wait_strategy incrementing(std::chrono::milliseconds start,
                           std::chrono::milliseconds step,
                           std::chrono::milliseconds max);

/// `base`, then `factor` (1 to 100) times the one before, at most `max`.
wait_strategy exponential(std::chrono::milliseconds base,
                          std::chrono::milliseconds max, double factor = 2.0);

/// Uniform between 0 and what `exponential` says ("full jitter": Brooker,
/// "Exponential Backoff And Jitter", AWS 2015).
wait_strategy exponential_jitter(std::chrono::milliseconds base,
                                 std::chrono::milliseconds max,
                                 double factor = 2.0);

/// Uniform between half of what `exponential` says and all of it.
wait_strategy equal_jitter(std::chrono::milliseconds base,
                           std::chrono::milliseconds max, double factor = 2.0);

/// Uniform between `base` and `factor` times the wait before, at most `max`. The
/// first wait counts as one after `base`, so that it is random, too.
wait_strategy decorrelated_jitter(std::chrono::milliseconds base,
                                  std::chrono::milliseconds max,
                                  double factor = 3.0);

/// What a function says of the failure, as in a server's "try again in 3 s"; kept
/// between 0 and `max`. A function that throws says 0. `name` stands for it in
/// texts.
wait_strategy from_failure(std::string_view name, result_wait function,
                           std::chrono::milliseconds max);

/// `slow` for errors that a server needs time for (`error_rule::slow_backoff`:
/// LOADING, BUSY, too many clients), else `usual`.
wait_strategy slow_for(wait_strategy usual, const wait_strategy& slow);

/// `wait`, but never longer than `max`.
wait_strategy at_most(wait_strategy wait, std::chrono::milliseconds max);

/// Both waits, one after the other.
wait_strategy operator+(wait_strategy a, const wait_strategy& b);

/// A wait that is used a number of times.
struct wait_stretch {
  uint32_t times = 1;
  wait_strategy wait;

  wait_stretch(wait_strategy x) : wait(std::move(x)) {}
  wait_stretch(uint32_t n, wait_strategy x) : times(n), wait(std::move(x)) {}
};

/// `3 * fixed(1s)`, for `chain`. From 1 to 1000.
wait_stretch operator*(uint32_t times, wait_strategy wait);

/// One wait after the other; the last one for all that follow. Each counts its
/// waits from its own first.
wait_strategy chain(std::vector<wait_stretch> parts);

template <std::convertible_to<wait_stretch>... Ts>
wait_strategy chain(Ts&&... parts) {
  return chain(std::vector<wait_stretch>{
    static_cast<wait_stretch>(std::forward<Ts>(parts))...});
}

// -- stops ----------------------------------------------------------------------

/// After this many attempts, 1 to 1000, the first one included.
/// `request_options::attempts` replaces the number.
stop_condition stop_after(uint32_t attempts);

/// When an attempt fails this long after the request came in.
stop_condition stop_after_delay(std::chrono::milliseconds delay);

/// When the next wait would end after the request's deadline. Without it such a
/// request fails at its deadline instead, with `deadline_exceeded`.
stop_condition stop_before_deadline();

/// Goes on until the deadline.
stop_condition stop_never();

stop_condition operator|(stop_condition a, const stop_condition& b);
stop_condition operator&(stop_condition a, const stop_condition& b);

// -- conditions -------------------------------------------------------------------

/// What the error table retries (`error_rule::retry`).
retry_condition by_default();

/// Any failure.
retry_condition on_failure();

/// Failures that a predicate holds of, and so error replies. One that throws
/// counts as false. `name` stands for it in texts.
retry_condition on_failure(std::string_view name, result_predicate predicate);

/// Failures with one of these fates.
retry_condition on(const std::vector<fate>& fates);

template <std::same_as<fate>... Ts>
  requires(sizeof...(Ts) > 0)
retry_condition on(Ts... fates) {
  return on(std::vector<fate>{fates...});
}

/// Failures with one of these codes.
retry_condition on_errc(const std::vector<errc>& codes);

template <std::same_as<errc>... Ts>
  requires(sizeof...(Ts) > 0)
retry_condition on_errc(Ts... codes) {
  return on_errc(std::vector<errc>{codes...});
}

/// Commands of one of these classes.
retry_condition on_class(const std::vector<command_class>& classes);

template <std::same_as<command_class>... Ts>
  requires(sizeof...(Ts) > 0)
retry_condition on_class(Ts... classes) {
  return on_class(std::vector<command_class>{classes...});
}

/// Commands that leave the same state when they run twice: all classes but
/// `accumulating`.
retry_condition idempotent();

/// Failures and error replies with this text in their message.
retry_condition message_contains(std::string_view text);

/// Failures and error replies whose message begins with one of these words, as in
/// `on_error("OOM", "MISCONF", "NOREPLICAS")`.
retry_condition on_error(std::vector<std::string> words);

template <std::convertible_to<std::string>... Ts>
  requires(sizeof...(Ts) > 0)
retry_condition on_error(Ts&&... words) {
  return on_error(
    std::vector<std::string>{std::string{std::forward<Ts>(words)}...});
}

/// Nil replies. `!on_nil()`: all other replies that are no errors.
retry_condition on_nil();

/// Replies (strings, status) with this text, integer replies with this number.
retry_condition on_reply(std::string_view text);
retry_condition on_reply(int64_t number);

/// Replies that are not yet what is wanted, as the predicate says: it is shown all
/// that are no errors. One that throws counts as false. `name` stands for it in
/// texts.
retry_condition on_reply(std::string_view name, reply_predicate not_yet);

retry_condition operator|(retry_condition a, const retry_condition& b);
retry_condition operator&(retry_condition a, const retry_condition& b);
retry_condition operator!(retry_condition x);

// -- the policy -------------------------------------------------------------------

/// Waits, stop and condition, compiled once and never changed: copies share one
/// program, from any thread. The default is three attempts with decorrelated
/// jitter of 10 ms to 250 ms, 100 ms to 1 s while the server needs time, on what
/// the error table retries.
///
/// No policy widens what is safe: a command that may have run runs again only as
/// its class and the order rule allow, whatever the policy wants. What was not
/// sent at all waits for a connection, not for the policy: it takes no wait and no
/// attempt.
class retry_policy {
public:
  /// The default.
  retry_policy();

  retry_policy(wait_strategy wait, stop_condition stop,
               retry_condition when = by_default());

  // Copied when moved: there is no policy without a program.
  retry_policy(const retry_policy&) noexcept = default;
  retry_policy& operator=(const retry_policy&) noexcept = default;
  ~retry_policy() = default;

  /// The article's numbers: 5 attempts, 0.1 s doubling up to 60 s.
  static retry_policy article();

  const wait_strategy& wait() const noexcept { return program_->wait; }
  const stop_condition& stop() const noexcept { return program_->stop; }
  const retry_condition& when() const noexcept { return program_->when; }

  /// Whether it asks of replies that are no errors.
  bool looks_at_replies() const noexcept { return program_->on_replies; }

  /// Whether the number of attempts stops it.
  bool counts_attempts() const noexcept { return program_->counts_attempts; }

  bool operator==(const retry_policy& other) const {
    return program_ == other.program_ || *program_ == *other.program_;
  }

private:
  struct program {
    wait_strategy wait;
    stop_condition stop;
    retry_condition when;
    bool on_replies = false;
    bool counts_attempts = false;

    bool operator==(const program&) const = default;
  };

  std::shared_ptr<const program> program_;
};

} // namespace redoubt
