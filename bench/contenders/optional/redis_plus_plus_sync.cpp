#include <redoubt/bench/contenders/optional/redis_plus_plus.hpp>
#include <redoubt/bench/contenders/peers.hpp>

#include <atomic>
#include <exception>
#include <memory>
#include <thread>

namespace redoubt::bench {

namespace {

sw::redis::ConnectionPoolOptions pool_of(size_t n) {
  sw::redis::ConnectionPoolOptions x;
  x.size = n;
  return x;
}

bool ask(sw::redis::Redis& redis, const workload& load, size_t i) {
  if (load.writes(i))
    return redis.set(load.key(i), load.value(i));
  auto value = redis.get(load.key(i));
  return value && load.is_value(*value, i);
}

} // namespace

runner redis_plus_plus_sync(const endpoint& server, const workload& load,
                            size_t n) {
  auto redis = std::make_shared<sw::redis::Redis>(
    redis_plus_plus_options(server), pool_of(n));
  return [redis, load, n](double seconds, sample& out) {
    std::vector<sample> samples(n);
    std::atomic<bool> wrong{false};
    auto until = after(seconds);
    auto work = [&](size_t place) {
      try {
        for (auto i = place * load.key_count / n;
             !wrong && clock::now() < until; ++i) {
          auto since = clock::now();
          if (!ask(*redis, load, i))
            wrong = true;
          samples[place].latencies.add(nanoseconds(clock::now() - since));
          ++samples[place].operations;
        }
      } catch (const sw::redis::Error&) {
        wrong = true;
      }
    };
    // The first of them is this thread.
    std::vector<std::thread> others;
    for (size_t place = 1; place < n; ++place)
      others.emplace_back(work, place);
    work(0);
    for (auto& each : others)
      each.join();
    if (wrong)
      wrong_reply();
    for (auto& each : samples)
      out.add(each);
  };
}

} // namespace redoubt::bench
