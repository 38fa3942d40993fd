#include <redoubt/app/demo/scenario.hpp>

#include <redoubt/app/demo/pacer.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace redoubt::demo {

namespace {

using namespace std::chrono_literals;

// What a request may take beyond its deadline before it counts as hung, and
// what a client without deadlines gets.
constexpr auto patience = 2s;

/// One performance: the clients' recorders, the clock of the live lines, and
/// whether a signal came.
class performance {
public:
  performance(const stage& on, const scenario& what) : on_(on), what_(what) {
    for (auto* each : on.clients) {
      auto prefix = fmt::format("demo:{}:{}", to_string(what.kind),
                                to_string(each->kind()));
      lanes_.push_back({each, std::make_shared<recorder>(prefix)});
      trips_.push_back(each->observe().trips);
    }
  }

  std::optional<outcome> play() {
    on_.live.begin(describe(what_), lanes_);
    // Between two requests, so that none is seen on its way for no reason.
    next_tick_ = clock::now() + 1002ms;
    timeline when;
    {
      pacer pace{lanes_};
      if (!run_until(clock::now() + what_.lead_in))
        return {};
      when.lost = clock::now();
      fail();
      if (!run_until(when.lost + what_.down))
        return {};
      when.opened = heal();
      if (!run_until(when.opened + what_.lead_out))
        return {};
    }
    if (!wait_answered())
      return {};
    on_.live.tick();
    when.back = on_.prober.first_pong();
    on_.prober.disarm();
    when.end = clock::now();
    return collect(when);
  }

private:
  // False if a signal came.
  bool run_until(time_point when) {
    for (;;) {
      if (on_.signals.wait_until(std::min(when, next_tick_)))
        return false;
      if (clock::now() >= next_tick_) {
        on_.live.tick();
        next_tick_ += 1s;
      }
      if (clock::now() >= when)
        return true;
    }
  }

  void fail() {
    on_.gate.refuse();
    if (what_.kind == fault::restart)
      on_.redis.kill();
    else
      on_.gate.reset_all();
    on_.prober.arm();
    on_.live.note(what_.kind == fault::restart
                    ? "the server is killed"
                    : "all connections are reset, the port refuses");
  }

  time_point heal() {
    if (what_.kind == fault::restart)
      on_.redis.start();
    auto opened = clock::now();
    on_.gate.pass();
    on_.live.note(what_.kind == fault::restart ? "the server is back, empty"
                                               : "the port accepts again");
    return opened;
  }

  bool wait_answered() {
    for (auto& each : lanes_) {
      auto limit = clock::now() + each.who->deadline().value_or(0ms) + patience;
      while (!each.to->wait_answered(clock::now()) && clock::now() < limit)
        if (!run_until(clock::now() + 10ms))
          return false;
    }
    return true;
  }

  outcome collect(const timeline& when) const {
    outcome result{what_, when, {}};
    for (size_t i = 0; i < lanes_.size(); ++i) {
      auto& each = lanes_[i];
      client_run run{each.who->kind(), each.who->deadline(), {}, 0, 0, 0};
      run.records = each.to->records();
      run.answered_twice = each.to->answered_twice();
      run.trips = each.who->observe().trips - trips_[i];
      // Past the gate and past every client that is judged.
      auto text = on_.redis.command({"GET", each.to->work().counter()});
      std::from_chars(text.data(), text.data() + text.size(), run.counter);
      result.runs.push_back(std::move(run));
    }
    return result;
  }

  const stage& on_;
  const scenario& what_;
  std::vector<lane> lanes_;
  std::vector<uint64_t> trips_;
  time_point next_tick_{};
};

} // namespace

std::string_view to_string(fault value) noexcept {
  switch (value) {
    case fault::blip: return "blip";
    case fault::restart: return "restart";
    case fault::outage: return "outage";
  }
  return "?";
}

std::string describe(const scenario& x) {
  auto time = x.down < 1s ? fmt::format("{} ms", x.down.count())
                          : fmt::format("{} s", x.down.count() / 1000);
  switch (x.kind) {
    case fault::blip:
      return "blip: connections reset, port refused for " + time;
    case fault::restart: return "restart: server killed, down for " + time;
    case fault::outage:
      return "outage: connections reset, port refused for " + time;
  }
  return {};
}

std::vector<scenario> all_scenarios(bool quick) {
  // Faults start between two live lines.
  if (quick)
    return {{fault::blip, 100ms, 2500ms, 2000ms},
            {fault::restart, 1000ms, 2500ms, 2000ms},
            {fault::outage, 2000ms, 2500ms, 2000ms}};
  return {{fault::blip, 100ms, 3500ms, 3500ms},
          {fault::restart, 5000ms, 3500ms, 3500ms},
          {fault::outage, 15000ms, 3500ms, 3500ms}};
}

std::optional<outcome> play(const stage& on, const scenario& what) {
  return performance{on, what}.play();
}

} // namespace redoubt::demo
