#include <redoubt/bench/overload.hpp>

#include <redoubt/actors/runtime.hpp>
#include <redoubt/app/lab/slow_server.hpp>
#include <redoubt/bench/figures.hpp>

#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <vector>

namespace redoubt::bench {

namespace {

using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::chrono::microseconds service{1000};
constexpr size_t asker_count = 20;

/// How often each asks for what is due.
constexpr std::chrono::milliseconds pace{5};

struct variant {
  const char* name;
  double link_share;
  bool adaptive;
  milliseconds deadline{200};
};

/// Asks at a fixed rate from `since` to `until`, whatever comes back.
struct ask_at_rate {
  double per_second = 0;
  milliseconds deadline{0};
  clock::time_point since;
  clock::time_point until;
};

/// What became of the requests of one asker by the end of its time.
struct asked {
  uint64_t in_time = 0;
  uint64_t shed = 0;
  uint64_t late = 0;
  uint64_t rejected = 0;
  histogram latencies;
};

struct wake {};

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

/// One server, one runtime, one load.
asked run_once(const variant& what, double load, double seconds) {
  lab::slow_server server{service};
  runtime_options options;
  options.server.port = server.port();
  options.limits.link_share = what.link_share;
  options.limits.adaptive = what.adaptive;
  runtime rt{options};
  if (auto error = rt.wait_ready(std::chrono::seconds{5}))
    throw std::runtime_error("redoubt cannot connect");
  auto to = rt.client();
  caf::scoped_actor self{rt.system()};
  std::vector<caf::actor> askers;
  ask_at_rate plan;
  plan.deadline = what.deadline;
  plan.per_second = load * 1e6 / static_cast<double>(service.count())
                    / asker_count;
  plan.since = clock::now();
  plan.until = plan.since
               + std::chrono::duration_cast<clock::duration>(
                 std::chrono::duration<double>(seconds));
  for (size_t i = 0; i < asker_count; ++i) {
    askers.push_back(rt.system().spawn<asker>(to));
    self->send(askers.back(), plan);
    // Not all at the same moment.
    plan.since += std::chrono::duration_cast<clock::duration>(
      std::chrono::duration<double>(1 / plan.per_second / asker_count));
  }
  asked sum;
  size_t left = askers.size();
  self->receive_while([&] { return left > 0; })([&](const asked& x) {
    sum.in_time += x.in_time;
    sum.shed += x.shed;
    sum.late += x.late;
    sum.rejected += x.rejected;
    sum.latencies.add(x.latencies);
    --left;
  });
  for (auto& each : askers)
    caf::anon_send_exit(each, caf::exit_reason::kill);
  return sum;
}

void print_run(const variant& what, double load, double seconds) {
  auto x = run_once(what, load, seconds);
  auto rate = [seconds](uint64_t n) {
    return static_cast<double>(n) / seconds;
  };
  fmt::print("  {:<26} deadline {:>4} ms, load {:.1f}  {:>5.0f} in time/s  "
             "p50 {:>6.1f} ms  shed {:>5.0f}/s  late {:>5.0f}/s  breaker open "
             "{:>5.0f}/s\n",
             what.name, what.deadline.count(), load, rate(x.in_time),
             x.latencies.quantile_us(0.5) / 1000, rate(x.shed), rate(x.late),
             rate(x.rejected));
  std::fflush(stdout);
}

} // namespace

void run_overload(double seconds) {
  limit_options defaults;
  variant variants[] = {
    {"defaults", defaults.link_share, defaults.adaptive},
    {"adaptive, no link_share", 0, true},
    {"neither", 0, false},
  };
  fmt::print("\noverload: a server that does 1000 commands/s, {} callers; what "
             "became of their requests\n",
             asker_count);
  for (auto& each : variants)
    for (auto load : {0.5, 1.0, 2.0, 3.0})
      print_run(each, load, 2 * seconds);
  // Attempts of 500 ms that time out are what the breaker counts.
  for (auto each : {variants[0], variants[2]}) {
    each.deadline = milliseconds{2000};
    print_run(each, 3.0, 6 * seconds);
  }
}

} // namespace redoubt::bench
