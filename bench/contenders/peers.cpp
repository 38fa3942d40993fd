#include <redoubt/bench/contenders/peers.hpp>

namespace redoubt::bench {

const std::vector<peer>& peers() {
  static const std::vector<peer> all = {
#ifdef REDOUBT_REDIS_PLUS_PLUS
    {"redis-plus-plus-sync", "redis-plus-plus, threads and a pool",
     redis_plus_plus_sync, 64},
#endif
#ifdef REDOUBT_REDIS_PLUS_PLUS_ASYNC
    {"redis-plus-plus-async", "redis-plus-plus, callbacks",
     redis_plus_plus_async},
#endif
#ifdef REDOUBT_BOOST_REDIS
    {"boost-redis", "Boost.Redis, coroutines",
     [](const endpoint& at, const workload& load, size_t n) {
       return boost_redis(at, load, n);
     }},
#endif
  };
  return all;
}

std::vector<std::string> missing_peers() {
  return {
#ifndef REDOUBT_REDIS_PLUS_PLUS
    "redis-plus-plus: not installed",
#elif !defined(REDOUBT_REDIS_PLUS_PLUS_ASYNC)
    "redis-plus-plus: installed without its asynchronous interface",
#endif
#ifndef REDOUBT_BOOST_REDIS
    "Boost.Redis: not installed",
#endif
  };
}

std::function<runner(const endpoint&, const workload&, size_t)>
boost_redis_pipeline() {
#ifdef REDOUBT_BOOST_REDIS
  return [](const endpoint& at, const workload& load, size_t size) {
    return boost_redis(at, load, 1, size);
  };
#else
  return {};
#endif
}

} // namespace redoubt::bench
