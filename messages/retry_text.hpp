#pragma once

#include <redoubt/messages/retry_policy.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace redoubt {

// Retry policies as texts, spelled as in C++ but for `fate::`, `errc::` and the
// unit of a duration, which is one of units.hpp:
//
//     wait = "exponential_jitter(10ms, 250ms) + uniform(0ms, 20ms)"
//     stop = "stop_after(5) | stop_before_deadline()"
//     when = "on(not_sent, refused) | on_errc(attempt_timeout) & idempotent()"

/// Bytes that the text of a part may have.
constexpr size_t longest_retry_text = 4096;

/// What is wrong in a text.
struct retry_text_error {
  /// Byte in the text, from 1.
  size_t position = 0;
  /// What is wrong and what was expected.
  std::string what;
};

/// `at 12: expected a duration such as …`.
std::string to_string(const retry_text_error& x);

/// Read a part of a policy; empty on a fault, which is then told by `error`.
std::optional<wait_strategy> parse_wait(std::string_view text,
                                        retry_text_error& error);
std::optional<stop_condition> parse_stop(std::string_view text,
                                         retry_text_error& error);
std::optional<retry_condition> parse_condition(std::string_view text,
                                               retry_text_error& error);

/// Write a part so that it can be read again. Functions of one's own are written
/// by their name and cannot be read.
std::string to_string(const wait_strategy& x);
std::string to_string(const stop_condition& x);
std::string to_string(const retry_condition& x);

/// The three parts as lines of a configuration file.
std::string to_string(const retry_policy& x);

/// False if the policy has what no text can hold: functions of one's own, or more
/// than `longest_retry_text` bytes in a part.
bool has_text(const retry_policy& x);

} // namespace redoubt
