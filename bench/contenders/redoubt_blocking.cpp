#include <redoubt/bench/contenders/redoubt_stage.hpp>

#include <caf/scoped_actor.hpp>

#include <thread>

namespace redoubt::bench {

namespace {

/// One of the threads: asks and waits until its time is up.
class blocking_caller {
public:
  blocking_caller(stage& on, const request_actor& to, const workload& load,
                  size_t first)
    : stage_(on), self_(on.rt.system()), to_(to), load_(load), next_(first) {}

  void run(clock::time_point until, size_t n) {
    auto& taken = stage_.shared->mine();
    good_ = true;
    while (good_ && clock::now() < until) {
      auto since = clock::now();
      if (n == 1)
        ask_one();
      else
        ask_many(n);
      taken.latencies.add(nanoseconds(clock::now() - since));
      taken.operations += n;
      next_ += n;
    }
  }

private:
  void ask_one() {
    self_->request(to_, caf::infinite, command_of(load_, next_))
      .receive([this](const reply& x) { check(is_answer(load_, x, next_)); },
               [this](const caf::error& e) { fail(describe(e)); });
  }

  void ask_many(size_t n) {
    pipeline x;
    for (size_t k = 0; k < n; ++k)
      x.commands.push_back(command_of(load_, next_ + k));
    self_->request(to_, caf::infinite, std::move(x))
      .receive(
        [this](const replies& all) {
          for (size_t k = 0; k < all.outcomes.size(); ++k) {
            auto each = std::get_if<reply>(&all.outcomes[k]);
            check(each && is_answer(load_, *each, next_ + k));
          }
        },
        [this](const caf::error& e) { fail(describe(e)); });
  }

  void check(bool good) {
    if (!good)
      fail("not the answer");
  }

  void fail(std::string why) {
    stage_.shared->fail(std::move(why));
    good_ = false;
  }

  stage& stage_;
  caf::scoped_actor self_;
  const request_actor& to_;
  const workload& load_;
  size_t next_;
  bool good_ = true;
};

} // namespace

runner redoubt_blocking(const runtime_options& options, const workload& load,
                        size_t threads, size_t n) {
  auto x = std::make_shared<stage>(options);
  auto to = x->rt.client();
  return [x, to, load, threads, n](double seconds, sample& out) {
    auto until = after(seconds);
    auto work = [&](size_t i) {
      blocking_caller{*x, to, load, i * load.key_count / threads}.run(until, n);
    };
    // The first of them is this thread.
    std::vector<std::thread> others;
    for (size_t i = 1; i < threads; ++i)
      others.emplace_back(work, i);
    work(0);
    for (auto& each : others)
      each.join();
    x->shared->throw_if_failed();
    x->shared->take(out);
  };
}

} // namespace redoubt::bench
