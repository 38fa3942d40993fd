#include <redoubt/bench/open_loop.hpp>

#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>

#include <algorithm>
#include <utility>

namespace redoubt::bench {

namespace {

using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// How often each asks for what is due.
constexpr milliseconds pace{5};

struct ask_at_rate {
  double per_second = 0;
  milliseconds deadline{0};
  clock::time_point since;
  clock::time_point until;
};

struct wake {};

clock::duration seconds_of(double x) {
  return std::chrono::duration_cast<clock::duration>(
    std::chrono::duration<double>(x));
}

} // namespace

} // namespace redoubt::bench

REDOUBT_LOCAL_MESSAGE(redoubt::bench::ask_at_rate)
REDOUBT_LOCAL_MESSAGE(redoubt::bench::asked)
REDOUBT_LOCAL_MESSAGE(redoubt::bench::wake)

namespace redoubt::bench {

namespace {

class asker : public caf::event_based_actor {
public:
  asker(caf::actor_config& cfg, request_actor to)
    : caf::event_based_actor(cfg), to_(std::move(to)) {}

  caf::behavior make_behavior() override {
    return {
      [this](const ask_at_rate& x) {
        plan_ = x;
        options_.deadline = x.deadline;
        done_ = make_response_promise();
        go_on();
      },
      [this](wake) { go_on(); },
    };
  }

private:
  /// All that is due by now.
  void go_on() {
    auto now = clock::now();
    auto end = std::min(now, plan_.until);
    auto due = std::chrono::duration<double>(end - plan_.since).count()
               * plan_.per_second;
    for (; static_cast<double>(sent_) < due; ++sent_)
      ask();
    if (now < plan_.until)
      delayed_send(this, pace, wake{});
    else
      finish();
  }

  void ask() {
    ++open_;
    ++result_.sent;
    auto since = clock::now();
    request(to_, caf::infinite, command{"GET", "key"}, options_)
      .then(
        [this, since](const reply&) {
          auto now = clock::now();
          if (now < plan_.until) {
            ++result_.in_time;
            result_.latencies.add(static_cast<uint64_t>((now - since).count()));
          }
          --open_;
          finish();
        },
        [this](const caf::error& e) {
          if (clock::now() < plan_.until)
            count(failure_of(e).value_or(failure{}).code);
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
    if (open_ == 0 && clock::now() >= plan_.until && done_.pending())
      done_.deliver(std::move(result_));
  }

  request_actor to_;
  request_options options_;
  ask_at_rate plan_;
  caf::response_promise done_;
  uint64_t sent_ = 0;
  uint64_t open_ = 0;
  asked result_;
};

} // namespace

asked run_open_loop(runtime& rt, const std::vector<request_actor>& to,
                    const open_loop& plan) {
  caf::scoped_actor self{rt.system()};
  std::vector<caf::actor> askers;
  ask_at_rate each;
  each.deadline = plan.deadline;
  each.per_second = plan.per_second / static_cast<double>(to.size());
  each.since = clock::now();
  each.until = each.since + seconds_of(plan.seconds);
  for (auto& handle : to) {
    askers.push_back(rt.system().spawn<asker>(handle));
    self->send(askers.back(), each);
    // Not all at the same moment.
    each.since += seconds_of(1 / plan.per_second);
  }
  asked sum;
  size_t left = askers.size();
  self->receive_while([&] { return left > 0; })([&](const asked& x) {
    sum.sent += x.sent;
    sum.in_time += x.in_time;
    sum.shed += x.shed;
    sum.late += x.late;
    sum.rejected += x.rejected;
    sum.latencies.add(x.latencies);
    --left;
  });
  for (auto& asking : askers)
    caf::anon_send_exit(asking, caf::exit_reason::kill);
  return sum;
}

} // namespace redoubt::bench
