#include <redoubt/bench/contenders/optional/redis_plus_plus.hpp>
#include <redoubt/bench/contenders/peers.hpp>

#include <sw/redis++/async_redis++.h>

#include <atomic>
#include <future>
#include <memory>

namespace redoubt::bench {

namespace {

using sw::redis::Future;
using sw::redis::OptionalString;

class callback_loop {
public:
  callback_loop(const endpoint& server, const workload& load, size_t n)
    : load_(load), asked_(n), redis_(redis_plus_plus_options(server)) {
    for (size_t i = 0; i < n; ++i)
      asked_[i] = {i * load.key_count / n, {}};
  }

  void run(double seconds, sample& out) {
    out_ = &out;
    until_ = after(seconds);
    left_ = asked_.size();
    done_ = {};
    auto done = done_.get_future();
    for (auto& each : asked_)
      ask(each);
    done.wait();
    if (wrong_)
      wrong_reply();
  }

private:
  struct question {
    size_t number = 0;
    clock::time_point since;
  };

  void ask(question& x) {
    x.since = clock::now();
    auto i = x.number;
    if (load_.writes(i))
      redis_.set(load_.key(i), load_.value(i), [this, &x](Future<bool>&& got) {
        answered(x, [&] { return got.get(); });
      });
    else
      redis_.get(load_.key(i), [this, &x](Future<OptionalString>&& got) {
        answered(x, [&] {
          auto value = got.get();
          return value && load_.is_value(*value, x.number);
        });
      });
  }

  /// On the library's thread.
  template <class IsRight>
  void answered(question& x, IsRight is_right) {
    try {
      if (!is_right())
        wrong_ = true;
    } catch (const std::exception&) {
      wrong_ = true;
    }
    auto now = clock::now();
    out_->latencies.add(nanoseconds(now - x.since));
    ++out_->operations;
    ++x.number;
    if (now < until_ && !wrong_)
      ask(x);
    else if (--left_ == 0)
      done_.set_value();
  }

  workload load_;
  std::vector<question> asked_;
  sample* out_ = nullptr;
  clock::time_point until_;
  std::atomic<size_t> left_{0};
  std::atomic<bool> wrong_{false};
  std::promise<void> done_;
  // Ends first: its thread uses all of the above.
  sw::redis::AsyncRedis redis_;
};

} // namespace

runner redis_plus_plus_async(const endpoint& server, const workload& load,
                             size_t n) {
  auto loop = std::make_shared<callback_loop>(server, load, n);
  return [loop](double seconds, sample& out) { loop->run(seconds, out); };
}

} // namespace redoubt::bench
