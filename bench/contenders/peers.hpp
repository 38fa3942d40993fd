#pragma once

#include <redoubt/bench/core/workload.hpp>
#include <redoubt/bench/measure/contender.hpp>

#include <string>
#include <vector>

namespace redoubt::bench {

/// Another client library for C++, if it was found when this was configured.
struct peer {
  std::string id;
  std::string name;
  /// Keeps so many requests outstanding, over TCP.
  std::function<runner(const endpoint&, const workload&, size_t)> make;
  /// It needs a thread for each; with more it would measure the kernel.
  size_t outstanding_at_most = 1000000;
};

const std::vector<peer>& peers();

/// "redis-plus-plus: not installed" …
std::vector<std::string> missing_peers();

// Each is defined only if its library is there.

/// `n` threads that share a pool of `n` connections.
runner redis_plus_plus_sync(const endpoint& server, const workload& load,
                            size_t n);

/// One connection; each callback asks again, on the library's own thread.
runner redis_plus_plus_async(const endpoint& server, const workload& load,
                             size_t n);

/// One connection, `n` coroutines on one thread. Each asks for `size` things at a
/// time.
runner boost_redis(const endpoint& server, const workload& load, size_t n,
                   size_t size = 1);

/// A pipeline of `size` at a time; empty if Boost.Redis is not there.
std::function<runner(const endpoint&, const workload&, size_t size)>
boost_redis_pipeline();

} // namespace redoubt::bench
