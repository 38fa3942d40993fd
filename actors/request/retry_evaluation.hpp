#pragma once

#include <redoubt/actors/random.hpp>
#include <redoubt/messages/retry_policy.hpp>

#include <chrono>
#include <cstdint>

namespace redoubt {

// Runs the programs of a retry policy. Nothing is allocated; functions of the
// caller's own that throw count as "no" and "no wait".

/// The wait before the next attempt.
std::chrono::milliseconds next_wait(const wait_strategy& wait,
                                    const attempt_result& x,
                                    random_source& random) noexcept;

/// Whether to give up instead of waiting `wait` for another attempt.
/// `max_attempts` replaces the policy's own number of attempts unless it is 0.
bool stops(const stop_condition& stop, const attempt_result& x,
           std::chrono::milliseconds wait, uint32_t max_attempts) noexcept;

/// Whether the result is one that the policy wants another attempt for.
bool wants_retry(const retry_condition& when, const attempt_result& x) noexcept;

} // namespace redoubt
