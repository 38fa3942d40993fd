#include <redoubt/bench/contenders/hiredis.hpp>

#include <redoubt/bench/contenders/hiredis_loop.hpp>

#include <memory>
#include <vector>

namespace redoubt::bench {

namespace {

/// Keeps commands of one or two workloads under way.
class closed_loop {
public:
  struct group {
    workload load;
    size_t outstanding = 0;
    bool counted = true;
    bool own_connection = false;
  };

  closed_loop(const endpoint& server, const std::vector<group>& groups)
    : loop_(server) {
    for (auto& each : groups) {
      auto loop = &loop_;
      if (each.own_connection) {
        loop = &*(second_ = std::make_unique<hiredis_loop>(server));
        loop_.watch(loop->descriptor(), [loop] { loop->turn(); });
      }
      lines_.push_back(
        {wire_commands{each.load}, 0, each.counted, loop->context()});
    }
    for (size_t i = 0; i < groups.size(); ++i)
      asked_.insert(asked_.end(), groups[i].outstanding,
                    question{this, &lines_[i], 0, {}});
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
  struct line {
    wire_commands commands;
    size_t next = 0;
    bool counted = true;
    redisAsyncContext* context = nullptr;
  };

  struct question {
    closed_loop* owner = nullptr;
    line* from = nullptr;
    size_t number = 0;
    clock::time_point since;
  };

  void ask(question* x) {
    x->number = x->from->next++;
    x->since = clock::now();
    ++under_way_;
    auto& text = x->from->commands[x->number];
    redisAsyncFormattedCommand(x->from->context, on_reply, x, text.data(),
                               text.size());
  }

  static void on_reply(redisAsyncContext*, void* raw, void* tag) {
    auto x = static_cast<question*>(tag);
    auto& self = *x->owner;
    --self.under_way_;
    // No exception may pass through hiredis.
    if (!x->from->commands.is_answer(static_cast<redisReply*>(raw), x->number))
      self.wrong_ = true;
    if (x->from->counted) {
      self.out_->latencies.add(nanoseconds(clock::now() - x->since));
      ++self.out_->operations;
    }
    if (!self.stopping_ && !self.wrong_)
      self.ask(x);
  }

  hiredis_loop loop_;
  std::unique_ptr<hiredis_loop> second_;
  std::vector<line> lines_;
  std::vector<question> asked_;
  size_t under_way_ = 0;
  bool stopping_ = false;
  bool wrong_ = false;
  sample* out_ = nullptr;
};

runner run_groups(const endpoint& server,
                  const std::vector<closed_loop::group>& groups) {
  auto loop = std::make_shared<closed_loop>(server, groups);
  return [loop](double seconds, sample& out) { loop->run(seconds, out); };
}

} // namespace

runner hiredis_async(const endpoint& server, const workload& load,
                     size_t outstanding) {
  return run_groups(server, {{load, outstanding}});
}

runner hiredis_beside(const endpoint& server, const workload& load,
                      size_t outstanding, const workload& other,
                      size_t others_outstanding, bool own_connection) {
  return run_groups(server,
                    {{load, outstanding},
                     {other, others_outstanding, false, own_connection}});
}

} // namespace redoubt::bench
