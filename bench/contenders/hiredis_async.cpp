#include <redoubt/bench/contenders/hiredis.hpp>

#include <redoubt/bench/contenders/hiredis_loop.hpp>

#include <memory>
#include <vector>

namespace redoubt::bench {

namespace {

/// Keeps a number of commands under way.
class closed_loop {
public:
  closed_loop(const endpoint& server, const workload& load, size_t outstanding)
    : commands_(load), loop_(server), asked_(outstanding) {
    for (auto& each : asked_)
      each.owner = this;
  }

  void run(double seconds, sample& out) {
    out_ = &out;
    auto until = after(seconds);
    stopping_ = false;
    for (auto& each : asked_)
      ask(&each);
    while (under_way_ > 0) {
      loop_.turn();
      stopping_ = wrong_ || clock::now() >= until;
    }
    if (wrong_)
      wrong_reply();
  }

private:
  struct question {
    closed_loop* owner = nullptr;
    size_t number = 0;
    clock::time_point since;
  };

  void ask(question* x) {
    x->number = next_++;
    x->since = clock::now();
    ++under_way_;
    auto& text = commands_[x->number];
    redisAsyncFormattedCommand(loop_.context(), on_reply, x, text.data(),
                               text.size());
  }

  static void on_reply(redisAsyncContext*, void* raw, void* tag) {
    auto x = static_cast<question*>(tag);
    auto& self = *x->owner;
    --self.under_way_;
    // No exception may pass through hiredis.
    if (!self.commands_.is_answer(static_cast<redisReply*>(raw), x->number))
      self.wrong_ = true;
    self.out_->latencies.add(nanoseconds(clock::now() - x->since));
    ++self.out_->operations;
    if (!self.stopping_ && !self.wrong_)
      self.ask(x);
  }

  wire_commands commands_;
  hiredis_loop loop_;
  std::vector<question> asked_;
  size_t next_ = 0;
  size_t under_way_ = 0;
  bool stopping_ = false;
  bool wrong_ = false;
  sample* out_ = nullptr;
};

} // namespace

runner hiredis_async(const endpoint& server, const workload& load,
                     size_t outstanding) {
  auto loop = std::make_shared<closed_loop>(server, load, outstanding);
  return [loop](double seconds, sample& out) { loop->run(seconds, out); };
}

} // namespace redoubt::bench
