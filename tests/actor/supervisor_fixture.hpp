#pragma once

#include "supervisor_fakes.hpp"

#include <redoubt/actors/request/connection_lease.hpp>

#include <caf/test/dsl.hpp>
#include <redoubt/tests/support/check.hpp>

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace redoubt_test {

/// How the endpoint takes dials that the test does not answer by itself.
enum class mood { silent, refuses, accepts };

/// A supervisor between fake connections and fake request actors, under CAF's
/// deterministic scheduler and virtual clock.
class supervisor_fixture : public test_coordinator_fixture<> {
public:
  struct dialled {
    std::shared_ptr<dial_record> told;
    connection_actor handle;
    link_observer observer;

    dial_record* operator->() const { return told.get(); }
  };

  struct joined {
    std::shared_ptr<client_record> told;
    client_actor handle;
  };

  struct subscribed {
    listener::heard_events heard;
    caf::actor handle;

    subscriber_actor typed() const {
      return caf::actor_cast<subscriber_actor>(handle);
    }
  };

  supervisor_fixture() {
    logger_for("supervisor")->set_level(spdlog::level::off);
    config.seed = 42;
    config.dial = [this](uint32_t reactor, uint64_t link,
                         link_observer observer, link_client leaseholder) {
      if (dial_throws)
        throw std::runtime_error("no room");
      auto told = std::make_shared<dial_record>();
      told->link = link;
      told->reactor = reactor;
      told->at = now();
      if (leaseholder)
        told->attached.push_back(leaseholder.address());
      auto handle = sys.spawn<fake_connection>(told, observer);
      dials.push_back({told, handle, observer});
      return connection_actor{handle};
    };
    config.lend = [this](uint32_t, const caf::strong_actor_ptr& holder) {
      lease_config x;
      x.holder = holder;
      leases.push_back(lease_actor{sys.spawn<connection_lease>(std::move(x))});
      return leases.back();
    };
  }

  ~supervisor_fixture() override {
    kill(subject);
    for (auto& each : dials)
      kill(each.handle);
    for (auto& each : clients)
      kill(each.handle);
    for (auto& each : leases)
      kill(each);
    for (auto& each : listeners)
      kill(each.handle);
    consume_messages();
  }

  runtime_options& options() { return config.options; }

  void start() {
    config.succeed = [this](std::shared_ptr<supervisor_standing> x) {
      left = std::move(x);
    };
    subject = sys.spawn<supervisor>(config);
    consume_messages();
  }

  /// Kills the supervisor; `lost` is said to it too late.
  void kill_supervisor(const std::function<void()>& lost = [] {}) {
    kill(subject);
    consume_messages();
    CAF_REQUIRE(left != nullptr);
    lost();
    consume_messages();
  }

  /// Starts the supervisor that follows the one that was killed.
  void start_successor() {
    config.inherited = left;
    start();
    for (auto& each : dials)
      each.observer = subject;
  }

  /// Starts with one connection wanted, and that one ready.
  void start_connected() {
    options().pool.connections = 1;
    start();
    come_up(0);
  }

  template <class Handle>
  void kill(const Handle& x) {
    if (x)
      caf::anon_send_exit(x, caf::exit_reason::kill);
  }

  api::time_point now() { return sched.clock().now(); }

  /// Lets time pass in small steps, as it does.
  void pass(std::chrono::milliseconds time) {
    for (; time > 0ms; time -= clock_step) {
      advance_time(clock_step);
      settle();
    }
  }

  // -- connections ------------------------------------------------------------

  /// Lets everybody work, and the endpoint answer by its mood.
  void settle() {
    consume_messages();
    for (size_t i = 0; endpoint != mood::silent && i < dials.size(); ++i) {
      if (dials[i]->ready || dials[i]->gone)
        continue;
      if (endpoint == mood::accepts)
        come_up(i);
      else
        end(i, errc::connect_failed, "Connection refused");
    }
    for (size_t i = 0; answers_pings && i < dials.size(); ++i)
      while (!dials[i]->gone && dials[i]->answered < dials[i]->units.size())
        answer(i, reply::status("PONG"));
  }

  /// The `i`th dial, counted from 0, finishes its handshake.
  void come_up(size_t i, int64_t client_id = 0) {
    CAF_REQUIRE(i < dials.size());
    dials[i]->ready = true;
    link_up x;
    x.link = dials[i]->link;
    x.connection = dials[i].handle;
    x.owner = owner_number;
    x.client_id = client_id;
    caf::anon_send(dials[i].observer, std::move(x));
    consume_messages();
  }

  /// The `i`th dial fails, or its connection is lost.
  void end(size_t i, errc cause = errc::disconnected,
           std::string text = "gone") {
    CAF_REQUIRE(i < dials.size());
    dials[i]->gone = true;
    link_closed x;
    x.link = dials[i]->link;
    x.cause = cause;
    x.text = std::move(text);
    x.was_ready = dials[i]->ready;
    caf::anon_send(dials[i].observer, std::move(x));
    kill(dials[i].handle);
    consume_messages();
  }

  /// Answers the first unanswered unit of the `i`th dial.
  void answer(size_t i, reply value) {
    CAF_REQUIRE(dials[i]->answered < dials[i]->units.size());
    link_replies x;
    x.link = dials[i]->link;
    x.items.push_back(
      {dials[i]->units[dials[i]->answered++].id, errc::none, std::move(value)});
    caf::anon_send(dials[i].observer, std::move(x));
    consume_messages();
  }

  std::string wire(size_t i, size_t unit) const {
    return std::string{*dials.at(i)->units.at(unit).wire};
  }

  /// Connects as often as is wanted, then lets the endpoint fall silent.
  void connect_all() {
    auto wanted = options().pool.connections * options().threads.reactors;
    endpoint = mood::accepts;
    settle();
    for (int i = 0; i < 1000 && ready_count() < wanted; ++i)
      pass(1ms);
    endpoint = mood::silent;
    CAF_REQUIRE_EQUAL(ready_count(), wanted);
  }

  uint32_t ready_count() {
    uint32_t n = 0;
    for (auto& each : status().connections)
      n += each.state == connection_state::ready ? 1 : 0;
    return n;
  }

  /// The newest dial on `reactor` that is not over.
  size_t newest_on(uint32_t reactor) const {
    for (auto i = dials.size(); i-- > 0;)
      if (dials[i]->reactor == reactor && !dials[i]->gone)
        return i;
    CAF_FAIL("no dial on reactor " << reactor);
  }

  /// Time from each dial to the next, from the `first` one on.
  std::vector<api::duration> gaps(size_t first = 0) const {
    std::vector<api::duration> result;
    for (auto i = first + 1; i < dials.size(); ++i)
      result.push_back(dials[i]->at - dials[i - 1]->at);
    return result;
  }

  /// The largest number of dials within `span`.
  size_t most_dials_in(std::chrono::milliseconds span) const {
    size_t most = 0;
    for (size_t i = 0, j = 0; j < dials.size(); ++j) {
      while (dials[j]->at - dials[i]->at >= span)
        ++i;
      most = std::max(most, j - i + 1);
    }
    return most;
  }

  // -- request actors ---------------------------------------------------------

  client_record& join(uint32_t reactor = 0,
                      link_lane lane = link_lane::shared) {
    auto told = std::make_shared<client_record>();
    told->id = 100 + clients.size();
    auto handle = sys.spawn<recording_client>(told);
    clients.push_back({told, handle});
    caf::anon_send(subject, register_client{handle, told->id, reactor, lane});
    consume_messages();
    return *told;
  }

  caf::actor_addr address(size_t client) const {
    return clients.at(client).handle.address();
  }

  /// A report of the generation that the request actor knows.
  report report_of(const client_record& who) const {
    report x;
    x.client = who.id;
    x.generation = who.gates.back().generation;
    return x;
  }

  template <class Message>
  void tell(Message x) {
    caf::anon_send(subject, std::move(x));
    consume_messages();
  }

  /// `n` requests of `who` failed one after the other.
  void fail_requests(const client_record& who, uint64_t n) {
    auto x = report_of(who);
    x.failures = n;
    x.run = n;
    tell(x);
  }

  // -- operators --------------------------------------------------------------

  template <class Question>
  auto ask(Question x) {
    auto handle = self->request(subject, caf::infinite, std::move(x));
    consume_messages();
    return handle;
  }

  bool answered() { return !self->mailbox().empty(); }

  /// False, and the test fails, if waiting for an answer would take forever.
  bool check_answered() {
    auto result = answered();
    CAF_CHECK(result);
    return result;
  }

  template <class Answer, class Handle>
  Answer expect_answer(Handle&& handle) {
    Answer result{};
    if (!check_answered())
      return result;
    handle.receive([&](Answer& x) { result = std::move(x); },
                   [&](caf::error& e) {
                     CAF_FAIL("failed: " << to_string(*failure_of(e)));
                   });
    return result;
  }

  template <class Answer, class Handle>
  failure expect_failure(Handle&& handle) {
    failure result;
    if (!check_answered())
      return result;
    handle.receive([&](Answer&) { CAF_FAIL("answered"); },
                   [&](caf::error& e) { result = failure_of(e).value(); });
    return result;
  }

  runtime_status status() {
    return expect_answer<runtime_status>(ask(status_query{}));
  }

  breaker_status breaker() { return status().breaker; }

  breaker_status force(force_breaker::action what) {
    return expect_answer<breaker_status>(ask(force_breaker{what}));
  }

  subscribed listen(bool acknowledges = true) {
    auto heard = std::make_shared<std::vector<event>>();
    auto handle = sys.spawn<listener>(heard, acknowledges);
    listeners.push_back({heard, caf::actor{handle}});
    tell(subscribe{listeners.back().typed()});
    return listeners.back();
  }

  /// What `pass` lets the clock move by.
  static constexpr auto clock_step = 1ms;

  /// The supervisor's own number on every connection.
  static constexpr uint32_t owner_number = 7;

  supervisor_config config;
  supervisor_internal subject;
  /// What the supervisor left that was killed.
  std::shared_ptr<supervisor_standing> left;
  mood endpoint = mood::silent;
  bool answers_pings = false;
  bool dial_throws = false;
  std::deque<dialled> dials;
  std::deque<joined> clients;
  std::deque<lease_actor> leases;
  std::deque<subscribed> listeners;
};

} // namespace redoubt_test
