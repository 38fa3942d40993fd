#pragma once

#include <redoubt/actors/random.hpp>
#include <redoubt/messages/options.hpp>

#include <chrono>

namespace redoubt {

/// The wait before the next attempt, by decorrelated jitter: uniform between
/// the base and `multiplier` times the previous wait, never above the maximum
/// (Brooker, "Exponential Backoff And Jitter", AWS 2015). `previous` is 0
/// before the first wait; it counts as one base, so that the first wait is
/// jittered too and requests that failed together do not come back together.
/// `slow` takes `slow_base` and `slow_max`.
std::chrono::milliseconds next_wait(const retry_options& options,
                                    std::chrono::milliseconds previous,
                                    bool slow, random_source& random) noexcept;

} // namespace redoubt
