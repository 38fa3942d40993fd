#pragma once

#include <redoubt/actors/request/client.hpp>

#include <caf/all.hpp>
#include <caf/test/dsl.hpp>
#include <redoubt/tests/support/check.hpp>

#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace redoubt_test {

using namespace redoubt;
using namespace std::chrono_literals;

/// What a fake connection was given, and what a fake supervisor was told.
struct record {
  std::vector<submission> units;
  /// For each of them, the number by which its link knows the request actor.
  std::vector<uint32_t> owners;
  size_t messages = 0;
  std::vector<report> reports;
  std::vector<client_drained> drained;
};

/// A connection that only writes down what it is given; the test answers.
class fake_link : public connection_actor::base {
public:
  fake_link(caf::actor_config& cfg, std::shared_ptr<record> to)
    : connection_actor::base(cfg), to_(std::move(to)) {}

  behavior_type make_behavior() override {
    return {
      [this](submit_many& x) {
        ++to_->messages;
        for (auto& unit : x.units) {
          to_->units.push_back(std::move(unit));
          to_->owners.push_back(x.owner);
        }
      },
      [](attach_client&) {},
      [](detach_client&) {},
      [](adopt_link&) {},
      [](close_link&) {},
      [](resolved&) {},
      [](io_event&) {},
      [](tick&) {},
    };
  }

private:
  std::shared_ptr<record> to_;
};

using fake_supervisor_actor = report_sink;

class fake_supervisor : public fake_supervisor_actor::base {
public:
  fake_supervisor(caf::actor_config& cfg, std::shared_ptr<record> to)
    : fake_supervisor_actor::base(cfg), to_(std::move(to)) {}

  behavior_type make_behavior() override {
    return {
      [this](report& x) { to_->reports.push_back(std::move(x)); },
      [this](client_drained& x) { to_->drained.push_back(x); },
    };
  }

private:
  std::shared_ptr<record> to_;
};

/// A request actor between a fake connection and a fake supervisor, under CAF's
/// deterministic scheduler and virtual clock.
class client_fixture : public test_coordinator_fixture<> {
public:
  client_fixture() {
    config.id = 0;
    config.seed = 42;
  }

  ~client_fixture() override {
    if (subject)
      caf::anon_send_exit(subject, caf::exit_reason::kill);
    for (auto& each : links)
      caf::anon_send_exit(each, caf::exit_reason::kill);
    caf::anon_send_exit(boss, caf::exit_reason::kill);
    consume_messages();
  }

  void start() {
    boss = sys.spawn<fake_supervisor>(told);
    config.supervisor = boss;
    subject = sys.spawn<client>(config);
    consume_messages();
  }

  /// Starts the request actor with one link.
  void start_connected() {
    start();
    link_up_now();
  }

  void link_up_now(uint32_t credit = 1024, uint64_t credit_bytes = 1u << 20) {
    links.push_back(sys.spawn<fake_link>(told));
    link_up x;
    x.link = ++last_link;
    x.connection = links.back();
    x.owner = static_cast<uint32_t>(last_link);
    x.credit = credit;
    x.credit_bytes = credit_bytes;
    x.client_id = client_ids ? 40 + static_cast<int64_t>(last_link) : 0;
    x.client_name = name_of(last_link);
    told->units.clear();
    told->owners.clear();
    caf::anon_send(subject, x);
    consume_messages();
  }

  /// What the server calls the `n`th link.
  std::string name_of(uint64_t n) const {
    return client_ids ? "test#" + std::to_string(n) : "";
  }

  template <class... Ts>
  auto ask(Ts&&... xs) {
    auto handle = self->request(subject, caf::infinite,
                                std::forward<Ts>(xs)...);
    consume_messages();
    return handle;
  }

  /// Answers the first unanswered unit of the current link.
  void answer_next(reply value, errc code = errc::none) {
    CAF_REQUIRE(answered < told->units.size());
    link_replies x;
    x.link = last_link;
    x.items.push_back({told->units[answered++].id, code, std::move(value)});
    caf::anon_send(subject, std::move(x));
    consume_messages();
  }

  /// Loses the current link after `written` of its units were written.
  void lose_link(uint64_t written, bool gave_up = false,
                 errc cause = errc::disconnected) {
    link_closed x;
    x.link = last_link;
    x.taken_up_to = told->units.size();
    x.written_up_to = written;
    x.cause = cause;
    x.text = "gone";
    x.gave_up = gave_up;
    x.was_ready = true;
    answered = 0;
    caf::anon_send(subject, std::move(x));
    consume_messages();
  }

  void set_gate(breaker_state state, uint64_t generation,
                uint32_t permits = 0) {
    gate x;
    x.state = state;
    x.generation = generation;
    x.permits = permits;
    x.lease_until = sched.clock().now() + 200ms;
    caf::anon_send(subject, x);
    consume_messages();
  }

  /// Lets time pass in small steps, as it does.
  void pass(std::chrono::milliseconds time) {
    for (auto left = time; left > 0ms; left -= 5ms) {
      advance_time(std::min<std::chrono::milliseconds>(left, 5ms));
      consume_messages();
    }
  }

  template <class Handle>
  reply expect_reply(Handle&& handle) {
    reply result;
    handle.receive([&](reply& x) { result = std::move(x); },
                   [&](caf::error& e) {
                     CAF_FAIL("failed: " << to_string(*failure_of(e)));
                   });
    return result;
  }

  template <class Handle>
  failure expect_failure(Handle&& handle) {
    failure result;
    handle.receive([&](reply& x) { CAF_FAIL("replied: " << to_string(x)); },
                   [&](caf::error& e) { result = failure_of(e).value(); });
    return result;
  }

  template <class Handle>
  std::vector<outcome> expect_outcomes(Handle&& handle) {
    std::vector<outcome> result;
    handle.receive([&](replies& x) { result = std::move(x.outcomes); },
                   [&](caf::error& e) {
                     CAF_FAIL("failed: " << to_string(*failure_of(e)));
                   });
    return result;
  }

  /// The commands that the current link was given, as text.
  std::vector<std::string> sent() const {
    std::vector<std::string> result;
    for (auto& unit : told->units)
      result.emplace_back(*unit.wire);
    return result;
  }

  std::string sent(size_t i) const {
    return std::string{*told->units.at(i).wire};
  }

  static std::string wire(std::initializer_list<detail::argument> arguments) {
    return std::string{command{arguments}.wire()};
  }

  client_config config;
  client_actor subject;
  fake_supervisor_actor boss;
  std::vector<connection_actor> links;
  std::shared_ptr<record> told = std::make_shared<record>();
  uint64_t last_link = 0;
  /// The server takes names and tells ids.
  bool client_ids = false;
  size_t answered = 0;
};

} // namespace redoubt_test
