#include <redoubt/bench/contenders/redoubt_stage.hpp>

#include <utility>

namespace redoubt::bench {

namespace {

/// Asks one thing after the other.
class one_caller : public asking_actor {
public:
  one_caller(caf::actor_config& cfg, request_actor to, const workload& load,
             size_t first, std::shared_ptr<shared_sample> out)
    : asking_actor(cfg, load, std::move(out)),
      to_(std::move(to)),
      next_(first) {}

private:
  void ask() override {
    auto i = next_++;
    auto since = clock::now();
    request(to_, caf::infinite, command_of(load_, i))
      .then(
        [this, i, since](const reply& x) {
          if (is_answer(load_, x, i))
            answered(since, 1);
          else
            failed("not the answer: " + to_string(x));
        },
        [this](const caf::error& e) { failed(e); });
  }

  request_actor to_;
  size_t next_;
};

/// Asks `size` things at once.
class pipeline_caller : public asking_actor {
public:
  pipeline_caller(caf::actor_config& cfg, request_actor to,
                  const workload& load, size_t size,
                  std::shared_ptr<shared_sample> out)
    : asking_actor(cfg, load, std::move(out)),
      to_(std::move(to)),
      size_(size) {}

private:
  void ask() override {
    pipeline x;
    auto first = next_;
    for (size_t k = 0; k < size_; ++k)
      x.commands.push_back(command_of(load_, next_++));
    auto since = clock::now();
    request(to_, caf::infinite, std::move(x))
      .then(
        [this, first, since](const replies& all) {
          for (size_t k = 0; k < size_; ++k) {
            auto each = std::get_if<reply>(&all.outcomes[k]);
            if (!each || !is_answer(load_, *each, first + k))
              return failed("not the answer to a pipeline");
          }
          answered(since, size_);
        },
        [this](const caf::error& e) { failed(e); });
  }

  request_actor to_;
  size_t size_;
  size_t next_ = 0;
};

} // namespace

runner redoubt_callers(const runtime_options& options, const workload& load,
                       size_t n) {
  auto x = std::make_shared<stage>(options);
  std::vector<request_actor> handles;
  for (uint32_t i = 0; i < options.threads.reactors; ++i)
    handles.push_back(x->rt.client());
  for (size_t i = 0; i < n; ++i)
    x->callers.push_back(x->rt.system().spawn<one_caller>(
      handles[i % handles.size()], load, i * load.key_count / n, x->shared));
  return [x](double seconds, sample& out) { x->run(seconds, out); };
}

runner redoubt_pipeline(const runtime_options& options, const workload& load,
                        size_t n) {
  auto x = std::make_shared<stage>(options);
  x->callers.push_back(
    x->rt.system().spawn<pipeline_caller>(x->rt.client(), load, n, x->shared));
  return [x](double seconds, sample& out) { x->run(seconds, out); };
}

} // namespace redoubt::bench
