#pragma once

#include <redoubt/bench/figures.hpp>

#include <cstdint>
#include <functional>

namespace redoubt::bench {

/// Who runs the actors that call.
enum class callers_on : uint8_t { reactor, scheduler };

/// `n` actors with one request outstanding each, through one client handle with
/// breaker, retries and deadlines at their defaults.
std::function<void(double, sample&)> redoubt_callers(uint16_t port, size_t n,
                                                     callers_on where);

/// One actor that sends pipelines of `n` commands, one at a time.
std::function<void(double, sample&)> redoubt_pipeline(uint16_t port, size_t n,
                                                      callers_on where);

/// One actor on the reactor that keeps `n` questions under way over the bulk
/// interface.
std::function<void(double, sample&)> redoubt_bulk(uint16_t port, size_t n);

/// A thread without actors that waits for each reply.
std::function<void(double, sample&)> redoubt_blocking(uint16_t port);

} // namespace redoubt::bench
