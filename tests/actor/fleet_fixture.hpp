#pragma once

#include <redoubt/actors/log.hpp>
#include <redoubt/actors/request/client.hpp>
#include <redoubt/actors/supervisor/supervisor.hpp>

#include <caf/all.hpp>
#include <caf/test/dsl.hpp>
#include <redoubt/tests/support/check.hpp>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace redoubt_test {

using namespace redoubt;
using namespace std::chrono_literals;

/// What the one connection of a fleet knows.
struct fleet_wire {
  struct unit {
    uint32_t owner;
    uint64_t id;
    std::string text;
  };

  struct owner {
    link_client client;
    uint64_t taken = 0;
  };

  uint64_t link = 0;
  std::vector<owner> owners;
  /// Units of request actors that await their replies.
  std::deque<unit> pending;
  /// Units of request actors that were ever received.
  uint64_t received = 0;
  /// What the server says to a unit at once; nothing lets it wait.
  std::function<std::optional<reply>(const std::string&)> server;
};

/// A connection that is always ready, and answers as the test wants.
class fleet_link : public connection_actor::base {
public:
  fleet_link(caf::actor_config& cfg, std::shared_ptr<fleet_wire> wire,
             link_observer observer)
    : connection_actor::base(cfg), wire_(std::move(wire)) {
    wire_->owners.push_back({observer});
  }

  behavior_type make_behavior() override {
    announce(0);
    return {
      [this](submit_many& x) { on_submit(x); },
      [this](attach_client& x) {
        for (auto& each : wire_->owners)
          if (each.client == x.client)
            return;
        wire_->owners.push_back({x.client});
        announce(static_cast<uint32_t>(wire_->owners.size() - 1));
      },
      [this](detach_client& x) {
        for (auto& each : wire_->owners)
          if (each.client == x.client)
            each.client = nullptr;
      },
      [this](adopt_link& x) {
        wire_->owners[0].client = x.observer;
        announce(0);
      },
      [](close_link&) {},
      [](resolved&) {},
      [](io_event&) {},
      [](tick&) {},
    };
  }

private:
  void announce(uint32_t owner) {
    link_up x;
    x.link = wire_->link;
    x.connection = connection_actor{this};
    x.owner = owner;
    x.credit = 65536;
    x.credit_bytes = 1u << 30;
    send(wire_->owners[owner].client, std::move(x));
  }

  void on_submit(submit_many& x) {
    auto& from = wire_->owners[x.owner];
    from.taken += x.units.size();
    link_replies answers{wire_->link, {}};
    for (auto& each : x.units) {
      std::string text{*each.wire};
      // The supervisor's own.
      std::optional<reply> said;
      if (x.owner == 0) {
        said = reply::status("PONG");
      } else {
        ++wire_->received;
        if (wire_->server)
          said = wire_->server(text);
      }
      if (said)
        answers.items.push_back({each.id, errc::none, std::move(*said)});
      else
        wire_->pending.push_back({x.owner, each.id, text});
    }
    if (!answers.items.empty())
      send(from.client, std::move(answers));
  }

  std::shared_ptr<fleet_wire> wire_;
};

/// What became of all requests.
struct fleet_record {
  uint64_t succeeded = 0;
  uint64_t failed = 0;
  uint64_t exhausted = 0;

  uint64_t ended() const { return succeeded + failed; }
};

class fleet_sink : public completion_sink::base {
public:
  fleet_sink(caf::actor_config& cfg, std::shared_ptr<fleet_record> told)
    : completion_sink::base(cfg), told_(std::move(told)) {}

  behavior_type make_behavior() override {
    return {[this](completions& x) {
      for (auto& each : x.items) {
        auto why = std::get_if<failure>(&each.result);
        ++(why ? told_->failed : told_->succeeded);
        told_->exhausted += why && why->budget_exhausted ? 1 : 0;
      }
    }};
  }

private:
  std::shared_ptr<fleet_record> told_;
};

/// Real request actors and a real supervisor around one connection, under CAF's
/// deterministic scheduler and virtual clock.
class fleet_fixture : public test_coordinator_fixture<> {
public:
  fleet_fixture() {
    for (auto name : {"supervisor", "request"})
      logger_for(name)->set_level(spdlog::level::off);
    options.pool.connections = 1;
  }

  ~fleet_fixture() override {
    caf::anon_send_exit(boss, caf::exit_reason::kill);
    for (auto& each : fleet)
      caf::anon_send_exit(each, caf::exit_reason::kill);
    for (auto& each : links)
      caf::anon_send_exit(each, caf::exit_reason::kill);
    for (auto& each : sinks)
      caf::anon_send_exit(each, caf::exit_reason::kill);
    consume_messages();
    for (auto& each : wires)
      each->owners.clear();
  }

  void start(size_t request_actors) {
    supervisor_config config;
    config.options = options;
    config.seed = 42;
    config.dial = [this](uint32_t, uint64_t link, link_observer observer,
                         const link_client&) {
      wires.push_back(std::make_shared<fleet_wire>());
      wires.back()->link = link;
      wires.back()->server = server;
      links.push_back(sys.spawn<fleet_link>(wires.back(), observer));
      return connection_actor{links.back()};
    };
    config.succeed = [this](std::shared_ptr<supervisor_standing> x) {
      left = std::move(x);
    };
    config.inherited = left;
    boss = sys.spawn<supervisor>(config);
    while (fleet.size() < request_actors) {
      client_config mine;
      mine.id = fleet.size();
      mine.seed = 7 + fleet.size();
      mine.defaults = options.client;
      mine.limits = options.limits;
      mine.supervisor = boss;
      fleet.push_back(sys.spawn<client>(mine));
      caf::anon_send(boss, register_client{fleet.back(), mine.id, 0});
    }
    consume_messages();
  }

  fleet_wire& wire() { return *wires.back(); }

  /// `n` reads by one caller of request actor `i`, each of another key.
  void ask(size_t i, uint64_t n, const request_options& o = {}) {
    submit x;
    sinks.push_back(sys.spawn<fleet_sink>(told));
    x.sink = sinks.back();
    auto options_of_all = std::make_shared<const request_options>(o);
    for (uint64_t k = 0; k < n; ++k)
      x.commands.push_back(
        {k, command{"GET", std::to_string(++offered)}, options_of_all});
    caf::anon_send(fleet.at(i), std::move(x));
  }

  /// Answers the oldest units that wait.
  void answer(uint64_t n, const reply& value = reply::string("v")) {
    for (; n > 0 && !wire().pending.empty(); --n) {
      auto unit = wire().pending.front();
      wire().pending.pop_front();
      link_replies x{wire().link, {}};
      x.items.push_back({unit.id, errc::none, value});
      caf::anon_send(wire().owners[unit.owner].client, std::move(x));
    }
  }

  /// Ends the connection; the server took all that it was sent.
  void lose() {
    auto gone = wires.back();
    caf::anon_send_exit(links.back(), caf::exit_reason::kill);
    for (auto& each : gone->owners) {
      link_closed x;
      x.link = gone->link;
      x.taken_up_to = x.written_up_to = each.taken;
      x.cause = errc::disconnected;
      x.text = "gone";
      x.was_ready = true;
      if (each.client)
        caf::anon_send(each.client, std::move(x));
    }
    gone->owners.clear();
    gone->pending.clear();
  }

  /// Lets all work that can, and looks after each message.
  void run(const std::function<void()>& look = [] {}) {
    while (sched.try_run_once())
      look();
  }

  /// Lets time pass in small steps, as it does.
  void pass(
    std::chrono::milliseconds time, const std::function<void()>& look = [] {}) {
    for (; time > 0ms; time -= 1ms) {
      advance_time(1ms);
      run(look);
    }
  }

  runtime_status status() {
    runtime_status result;
    auto asked = self->request(boss, caf::infinite, status_query{});
    run();
    asked.receive([&](runtime_status& x) { result = std::move(x); },
                  [](caf::error&) { CAF_FAIL("no status"); });
    return result;
  }

  /// Everybody has `each` in flight at a time, and all is well.
  void work_well(uint64_t each) {
    for (size_t i = 0; i < fleet.size(); ++i)
      ask(i, each);
    run();
    answer(each * fleet.size());
    run();
    // So that it is reported.
    pass(101ms);
  }

  runtime_options options;
  std::function<std::optional<reply>(const std::string&)> server;
  supervisor_internal boss;
  std::shared_ptr<supervisor_standing> left;
  std::vector<client_actor> fleet;
  std::vector<connection_actor> links;
  std::vector<std::shared_ptr<fleet_wire>> wires;
  std::vector<completion_sink> sinks;
  std::shared_ptr<fleet_record> told = std::make_shared<fleet_record>();
  uint64_t offered = 0;
};

} // namespace redoubt_test
