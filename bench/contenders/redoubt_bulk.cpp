#include <redoubt/bench/contenders/redoubt_stage.hpp>

#include <redoubt/actors/bulk_client.hpp>

#include <utility>

namespace redoubt::bench {

namespace {

/// Keeps `width` questions under way over the bulk interface.
class bulk_driver : public caf::event_based_actor {
public:
  bulk_driver(caf::actor_config& cfg, request_actor to, const workload& load,
              size_t width, std::shared_ptr<shared_sample> out)
    : caf::event_based_actor(cfg),
      load_(load),
      asked_(width),
      redis_(this, std::move(to),
             [this](uint64_t place, outcome& x) { answered(place, x); }),
      out_(std::move(out)) {
    for (size_t i = 0; i < width; ++i)
      asked_[i].number = i * load.key_count / width;
  }

  caf::behavior make_behavior() override {
    return {
      [this](const start& x) {
        until_ = x.until;
        done_ = make_response_promise<bool>();
        for (size_t place = 0; place < asked_.size(); ++place)
          ask(place);
        redis_.flush();
      },
      [this](completions& x) { redis_.take(x); },
    };
  }

private:
  struct question {
    size_t number = 0;
    clock::time_point since;
  };

  void ask(size_t place) {
    auto& x = asked_[place];
    x.since = clock::now();
    redis_.add(command_of(load_, x.number), place);
  }

  void answered(size_t place, const outcome& x) {
    auto now = clock::now();
    auto& mine = asked_[place];
    auto value = std::get_if<reply>(&x);
    if (value && is_answer(load_, *value, mine.number++)) {
      auto& taken = out_->mine();
      taken.latencies.add(nanoseconds(now - mine.since));
      ++taken.operations;
    } else {
      out_->fail(value ? "not the answer" : to_string(std::get<failure>(x)));
      wrong_ = true;
    }
    if (now < until_ && !wrong_)
      ask(place);
    else if (redis_.outstanding() == 0)
      done_.deliver(true);
  }

  const workload load_;
  std::vector<question> asked_;
  bulk_client redis_;
  std::shared_ptr<shared_sample> out_;
  clock::time_point until_;
  caf::typed_response_promise<bool> done_;
  bool wrong_ = false;
};

} // namespace

runner redoubt_bulk(const runtime_options& options, const workload& load,
                    size_t n, callers_on where) {
  auto x = std::make_shared<stage>(options);
  auto to = x->rt.client();
  x->callers.push_back(
    where == callers_on::reactor
      ? caf::actor{x->rt.spawn_pinned<bulk_driver>(to, load, n, x->shared)}
      : x->rt.system().spawn<bulk_driver>(to, load, n, x->shared));
  return [x](double seconds, sample& out) { x->run(seconds, out); };
}

} // namespace redoubt::bench
