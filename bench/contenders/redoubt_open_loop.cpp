#include <redoubt/bench/contenders/redoubt_open_loop.hpp>

#include <redoubt/actors/reactor/io_host.hpp>
#include <redoubt/bench/contenders/redoubt_stage.hpp>

#include <caf/scoped_actor.hpp>

#include <algorithm>
#include <utility>

namespace redoubt::bench {

namespace {

struct ask_at_rate {
  open_loop plan;
  clock::time_point since;
  clock::time_point until;
};

struct wake {};

} // namespace

} // namespace redoubt::bench

REDOUBT_LOCAL_MESSAGE(redoubt::bench::ask_at_rate)
REDOUBT_LOCAL_MESSAGE(redoubt::bench::wake)

namespace redoubt::bench {

namespace {

class asker : public caf::event_based_actor, public io_handler {
public:
  asker(caf::actor_config& cfg, request_actor to)
    : caf::event_based_actor(cfg),
      host_(static_cast<io_host*>(cfg.host)),
      to_(std::move(to)) {}

  caf::behavior make_behavior() override {
    return {
      [this](const ask_at_rate& x) {
        plan_ = x;
        options_.deadline = x.plan.deadline;
        done_ = make_response_promise();
        timer_.emplace(x.plan.pace);
        host_->watch(timer_->fd(), EPOLLIN, this);
      },
      [this](wake) { go_on(); },
    };
  }

  void on_exit() override { stop_timer(); }

  void on_ready(uint32_t) noexcept override {
    timer_->drain();
    caf::anon_send(caf::actor_cast<caf::actor>(this), wake{});
  }

  void flush() noexcept override {}

private:
  void stop_timer() {
    if (!timer_)
      return;
    host_->unwatch(timer_->fd(), this);
    timer_.reset();
  }

  clock::time_point due(uint64_t n) const {
    return plan_.since
           + std::chrono::duration_cast<clock::duration>(
             std::chrono::duration<double>(static_cast<double>(n)
                                           / plan_.plan.per_second));
  }

  void go_on() {
    auto end = std::min(clock::now(), plan_.until);
    for (auto at = due(result_.sent); at < end; at = due(result_.sent))
      ask(result_.sent++, at);
    if (end < plan_.until)
      return;
    stop_timer();
    finish();
  }

  void ask(uint64_t n, clock::time_point since) {
    ++open_;
    auto& load = plan_.plan.load;
    request(to_, caf::infinite,
            load ? command_of(*load, n) : command{"GET", "key"}, options_)
      .then(
        [this, n, since](const reply& x) {
          auto now = clock::now();
          if (plan_.plan.load && !is_answer(*plan_.plan.load, x, n))
            ++result_.wrong;
          if (now < plan_.until)
            ++result_.in_time;
          result_.answered.add(nanoseconds(now - since));
          --open_;
          finish();
        },
        [this, since](const caf::error& e) {
          auto now = clock::now();
          if (now < plan_.until)
            count(failure_of(e).value_or(failure{}).code);
          result_.failed.add(nanoseconds(now - since));
          --open_;
          finish();
        });
  }

  void count(errc code) {
    if (code == errc::overloaded)
      ++result_.shed;
    else if (code == errc::circuit_open)
      ++result_.rejected;
    else
      ++result_.late;
  }

  void finish() {
    if (open_ == 0 && !timer_ && done_.pending())
      done_.deliver(std::move(result_));
  }

  io_host* host_;
  request_actor to_;
  request_options options_;
  ask_at_rate plan_;
  std::optional<interval_timer> timer_;
  caf::response_promise done_;
  uint64_t open_ = 0;
  asked result_;
};

} // namespace

asked run_open_loop(runtime& rt, const std::vector<request_actor>& to,
                    const open_loop& plan) {
  caf::scoped_actor self{rt.system()};
  ask_at_rate each{plan, clock::now(), after(plan.seconds)};
  each.plan.per_second /= static_cast<double>(to.size());
  // Not all at the same moment.
  auto apart = after(1 / plan.per_second) - clock::now();
  std::vector<caf::actor> askers;
  for (auto& handle : to) {
    askers.emplace_back(rt.spawn_pinned<asker>(handle));
    self->send(askers.back(), each);
    each.since += apart;
  }
  asked sum;
  size_t left = to.size();
  self->receive_while([&] { return left > 0; })([&](const asked& x) {
    sum.sent += x.sent;
    sum.wrong += x.wrong;
    sum.in_time += x.in_time;
    sum.shed += x.shed;
    sum.late += x.late;
    sum.rejected += x.rejected;
    sum.answered.add(x.answered);
    sum.failed.add(x.failed);
    --left;
  });
  if (sum.wrong > 0)
    wrong_reply();
  return sum;
}

runner redoubt_open_loop(const runtime_options& options, const workload& load,
                         double per_second) {
  auto rt = std::make_shared<runtime>(options);
  wait_until_ready(*rt);
  auto to = rt->client();
  return [=](double seconds, sample& out) {
    open_loop plan;
    plan.per_second = per_second;
    plan.seconds = seconds;
    plan.load = load;
    auto x = run_open_loop(*rt, {to}, plan);
    out.latencies.add(x.answered);
    out.latencies.add(x.failed);
    out.operations += x.answered.total() + x.failed.total();
    out.failed += x.failed.total();
  };
}

runner redoubt_rejected_open_loop(const runtime_options& options,
                                  double per_second) {
  auto rt = std::make_shared<runtime>(options);
  wait_until_ready(*rt);
  auto to = rt->client();
  force_open(*rt, to);
  return [=](double seconds, sample& out) {
    open_loop plan;
    plan.per_second = per_second;
    plan.seconds = seconds;
    auto x = run_open_loop(*rt, {to}, plan);
    if (x.answered.total() > 0 || x.late > 0 || x.shed > 0)
      throw std::runtime_error("redoubt: not rejected");
    out.latencies.add(x.failed);
    out.operations += x.failed.total();
  };
}

} // namespace redoubt::bench
