#include <redoubt/bench/contenders/hiredis.hpp>

#include <redoubt/bench/contenders/hiredis_loop.hpp>
#include <redoubt/bench/measure/interval_timer.hpp>

#include <algorithm>
#include <memory>

namespace redoubt::bench {

namespace {

/// Sends what is due at a fixed rate, whatever comes back.
class open_loop_of_hiredis {
public:
  open_loop_of_hiredis(const endpoint& server, const workload& load,
                       double per_second)
    : commands_(load),
      loop_(server),
      timer_(open_loop_pace),
      per_second_(per_second) {
    loop_.watch(timer_.fd(), [this] { timer_.drain(); });
  }

  void run(double seconds, sample& out) {
    out_ = &out;
    since_ = clock::now();
    next_ = 0;
    auto until = after(seconds);
    auto end = since_;
    while (end < until || under_way_ > 0) {
      end = std::min(clock::now(), until);
      for (auto at = due(next_); at < end && !wrong_; at = due(next_))
        ask(next_++, at);
      loop_.turn();
    }
    if (wrong_)
      wrong_reply();
  }

private:
  struct question {
    open_loop_of_hiredis* owner;
    size_t number;
    clock::time_point since;
  };

  clock::time_point due(size_t n) const {
    return since_
           + std::chrono::duration_cast<clock::duration>(
             std::chrono::duration<double>(static_cast<double>(n)
                                           / per_second_));
  }

  void ask(size_t n, clock::time_point since) {
    ++under_way_;
    auto& text = commands_[n];
    redisAsyncFormattedCommand(loop_.context(), on_reply,
                               new question{this, n, since}, text.data(),
                               text.size());
  }

  static void on_reply(redisAsyncContext*, void* raw, void* tag) {
    std::unique_ptr<question> x{static_cast<question*>(tag)};
    auto& self = *x->owner;
    --self.under_way_;
    // No exception may pass through hiredis.
    if (!self.commands_.is_answer(static_cast<redisReply*>(raw), x->number))
      self.wrong_ = true;
    self.out_->latencies.add(nanoseconds(clock::now() - x->since));
    ++self.out_->operations;
  }

  wire_commands commands_;
  hiredis_loop loop_;
  interval_timer timer_;
  double per_second_;
  clock::time_point since_;
  size_t next_ = 0;
  size_t under_way_ = 0;
  bool wrong_ = false;
  sample* out_ = nullptr;
};

} // namespace

runner hiredis_open_loop(const endpoint& server, const workload& load,
                         double per_second) {
  auto loop = std::make_shared<open_loop_of_hiredis>(server, load, per_second);
  return [loop](double seconds, sample& out) { loop->run(seconds, out); };
}

} // namespace redoubt::bench
