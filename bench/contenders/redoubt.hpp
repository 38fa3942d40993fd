#pragma once

#include <redoubt/bench/core/workload.hpp>
#include <redoubt/bench/measure/contender.hpp>
#include <redoubt/messages/options.hpp>

namespace redoubt::bench {

/// Who runs the actors that call.
enum class callers_on : uint8_t { reactor, scheduler };

/// All defaults: breaker, retries, deadlines, budget.
runtime_options options_for(const endpoint& server, callers_on where);

/// The same with limits that let as many requests be in flight as one likes.
runtime_options roomy_options_for(const endpoint& server, callers_on where);

/// `n` actors with one request outstanding each, through one client handle per
/// reactor.
runner redoubt_callers(const runtime_options& options, const workload& load,
                       size_t n);

/// The same while the breaker is forced open: every request must be rejected.
runner redoubt_rejected(const runtime_options& options, size_t n);

/// By which client handle large things are asked for.
enum class larges_by { same_handle, own_handle, bulk_lane };

/// `n` actors that ask for small things. Beside them `others` ask for large ones,
/// which are not counted.
runner redoubt_beside(const runtime_options& options, const workload& load,
                      size_t n, const workload& other, size_t others,
                      larges_by by);

/// One actor that keeps `n` questions under way over the bulk interface: pinned to
/// the reactor, or run by CAF's scheduler.
runner redoubt_bulk(const runtime_options& options, const workload& load,
                    size_t n, callers_on where);

/// One actor that sends pipelines of `n` commands, one at a time.
runner redoubt_pipeline(const runtime_options& options, const workload& load,
                        size_t n);

/// `threads` threads without actors; each waits for its reply. With `n` above 1
/// they send pipelines.
runner redoubt_blocking(const runtime_options& options, const workload& load,
                        size_t threads, size_t n = 1);

} // namespace redoubt::bench
