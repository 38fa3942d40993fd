#include <redoubt/bench/contenders/redoubt_stage.hpp>

#include <utility>

namespace redoubt::bench {

namespace {

/// What a request is to end in.
enum class ending : uint8_t { reply, rejection };

/// Asks one thing after the other.
class one_caller : public asking_actor {
public:
  one_caller(caf::actor_config& cfg, request_actor to, const workload& load,
             size_t first, ending wanted, std::shared_ptr<shared_sample> out)
    : asking_actor(cfg, load, std::move(out)),
      to_(std::move(to)),
      next_(first),
      wanted_(wanted) {}

private:
  void ask() override {
    auto i = next_++;
    auto since = clock::now();
    request(to_, caf::infinite, command_of(load_, i))
      .then(
        [this, i, since](const reply& x) {
          if (wanted_ == ending::reply && is_answer(load_, x, i))
            answered(since, 1);
          else
            failed("not the answer: " + to_string(x));
        },
        [this, since](const caf::error& e) {
          if (wanted_ == ending::rejection
              && failure_of(e).value_or(failure{}).code == errc::circuit_open)
            answered(since, 1);
          else
            failed(e);
        });
  }

  request_actor to_;
  size_t next_;
  ending wanted_;
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

void add_callers(stage& to, const std::vector<request_actor>& handles,
                 const workload& load, size_t n, ending wanted,
                 const std::shared_ptr<shared_sample>& out) {
  for (size_t i = 0; i < n; ++i)
    to.callers.push_back(to.rt.system().spawn<one_caller>(
      handles[i % handles.size()], load, i * load.key_count / n, wanted, out));
}

} // namespace

runner redoubt_callers(const runtime_options& options, const workload& load,
                       size_t n) {
  auto x = std::make_shared<stage>(options);
  std::vector<request_actor> handles;
  for (uint32_t i = 0; i < options.threads.reactors; ++i)
    handles.push_back(x->rt.client());
  add_callers(*x, handles, load, n, ending::reply, x->shared);
  return [x](double seconds, sample& out) { x->run(seconds, out); };
}

runner redoubt_rejected(const runtime_options& options, size_t n) {
  auto x = std::make_shared<stage>(options);
  auto to = x->rt.client();
  force_open(x->rt, to);
  add_callers(*x, {to}, {}, n, ending::rejection, x->shared);
  return [x](double seconds, sample& out) { x->run(seconds, out); };
}

runner redoubt_beside(const runtime_options& options, const workload& load,
                      size_t n, const workload& other, size_t others,
                      larges_by by) {
  auto x = std::make_shared<stage>(options);
  auto to = x->rt.client();
  client_options defaults;
  if (by == larges_by::bulk_lane)
    defaults.lane = link_lane::bulk;
  auto for_others = by == larges_by::same_handle ? to : x->rt.client(defaults);
  auto not_counted = std::make_shared<shared_sample>();
  add_callers(*x, {to}, load, n, ending::reply, x->shared);
  add_callers(*x, {for_others}, other, others, ending::reply, not_counted);
  return [x, not_counted](double seconds, sample& out) {
    x->run(seconds, out);
    not_counted->throw_if_failed();
  };
}

runner redoubt_pipeline(const runtime_options& options, const workload& load,
                        size_t n) {
  auto x = std::make_shared<stage>(options);
  x->callers.push_back(
    x->rt.system().spawn<pipeline_caller>(x->rt.client(), load, n, x->shared));
  return [x](double seconds, sample& out) { x->run(seconds, out); };
}

} // namespace redoubt::bench
