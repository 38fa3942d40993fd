#define CAF_SUITE lifecycle

#include <redoubt/tests/support/name_server.hpp>
#include <redoubt/tests/support/service.hpp>
#include <redoubt/tests/support/wait.hpp>

#include <redoubt/tests/support/check.hpp>

#include <malloc.h>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace redoubt;
using namespace redoubt::test;
using namespace std::chrono_literals;

namespace {

/// Sends `n` counters and reports how many were answered, and how.
struct burst_result {
  std::atomic<int> answered{0};
  std::atomic<int> succeeded{0};
  /// Failed as `shutting_down`, and may have run.
  std::atomic<int> shut_down{0};

  void fail(const caf::error& e) {
    auto why = failure_of(e);
    if (why && why->code == errc::shutting_down
        && why->outcome == fate::unknown)
      ++shut_down;
  }
};

constexpr int many = 10000;

caf::behavior burst(caf::event_based_actor* self, request_actor to, int n,
                    std::shared_ptr<burst_result> out) {
  for (int i = 0; i < n; ++i)
    self->request(to, caf::infinite, command{"INCR", "n"})
      .then(
        [=](const reply&) {
          ++out->succeeded;
          if (++out->answered == n)
            self->quit();
        },
        [=](const caf::error& e) {
          out->fail(e);
          if (++out->answered == n)
            self->quit();
        });
  return {[](int) {}};
}

/// Options by which `many` requests are in flight at once, and none fails early.
runtime_options all_in_flight(const lab::private_redis& server) {
  auto o = options_for(server);
  // A second one would be dialled while the server is frozen.
  o.pool.connections = 1;
  o.limits.credit = 2 * many;
  o.limits.credit_bytes = 64u << 20;
  o.limits.link_share = 0;
  o.client.timeouts.request = 60s;
  o.client.timeouts.attempt = 30s;
  o.threads.drain = 30s;
  return o;
}

/// Waits until so many requests were handed to a connection.
bool are_in_flight(runtime& rt, uint64_t n) {
  caller me{rt};
  return eventually([&] { return me.status(rt).requests.in_flight >= n; }, 20s);
}

/// Asks again as soon as it is answered, whatever the answer: with a command that
/// is refused at once, so that it never rests.
caf::behavior restless(caf::event_based_actor* self, const request_actor& to,
                       std::shared_ptr<std::atomic<int>> turns) {
  auto ask = std::make_shared<std::function<void()>>();
  std::weak_ptr again = ask;
  *ask = [=] {
    auto go_on = [=] {
      ++*turns;
      if (auto next = again.lock())
        (*next)();
    };
    self->request(to, caf::infinite, command{"SUBSCRIBE", "x"})
      .then([=](const reply&) { go_on(); },
            [=](const caf::error&) { go_on(); });
  };
  (*ask)();
  return {[keep = ask](int) {}};
}

class idle_actor : public caf::event_based_actor {
public:
  using caf::event_based_actor::event_based_actor;

  caf::behavior make_behavior() override {
    return {[](int) {}};
  }
};

} // namespace

CAF_TEST(shutdown answers requests in flight and the system ends) {
  lab::private_redis server;
  auto out = std::make_shared<burst_result>();
  {
    caf::actor_system_config config;
    caf::actor_system system{config};
    std::optional<runtime> rt{std::in_place, system, all_in_flight(server)};
    CAF_REQUIRE(!rt->wait_ready(5s));
    server.stop();
    auto driver = system.spawn(burst, rt->client(), many, out);
    CAF_REQUIRE(are_in_flight(*rt, many));
    server.cont();
    rt.reset();
    caf::scoped_actor self{system};
    self->wait_for(driver);
  }
  // There was time for all of them.
  CAF_CHECK_EQUAL(out->answered.load(), many);
  CAF_CHECK_EQUAL(out->succeeded.load(), many);
  CAF_CHECK_EQUAL(server.command({"GET", "n"}), std::to_string(many));
}

CAF_TEST(shutdown of a frozen server ends at the drain limit) {
  lab::private_redis server;
  // Of a system with one thread as of one with many.
  for (size_t threads : {1, 4}) {
    auto out = std::make_shared<burst_result>();
    {
      caf::actor_system_config config;
      config.set("scheduler.max-threads", threads);
      caf::actor_system system{config};
      std::optional<runtime> rt{std::in_place, system, all_in_flight(server)};
      CAF_REQUIRE(!rt->wait_ready(5s));
      server.stop();
      auto driver = system.spawn(burst, rt->client(), many, out);
      CAF_REQUIRE(are_in_flight(*rt, many));
      auto since = std::chrono::steady_clock::now();
      rt->shutdown(100ms);
      CAF_CHECK(std::chrono::steady_clock::now() - since < 10s);
      rt.reset();
      caf::scoped_actor self{system};
      self->wait_for(driver);
    }
    CAF_CHECK_EQUAL(out->answered.load(), many);
    CAF_CHECK_EQUAL(out->shut_down.load(), many);
    server.cont();
  }
}

CAF_TEST(a handle outlives its runtime and answers not sent) {
  lab::private_redis server;
  caf::actor_system_config config;
  caf::actor_system system{config};
  std::optional<runtime> rt{std::in_place, system, options_for(server)};
  auto client = rt->client();
  rt.reset();
  caf::scoped_actor self{system};
  self->request(client, caf::infinite, command{"GET", "k"})
    .receive([](reply&) { CAF_FAIL("replied"); },
             [](caf::error& e) { CAF_CHECK(is_not_sent(e)); });
}

CAF_TEST(a runtime ends while it dials and while it resolves) {
  caf::actor_system_config config;
  caf::actor_system system{config};
  lab::private_redis server;
  server.kill();
  for (int i = 0; i < 10; ++i) {
    runtime rt{system, options_for(server)};
    rt.shutdown(50ms);
  }
  name_server names{{}};
  names.fall_silent();
  auto o = options_for(1);
  o.server.host = "db.test";
  o.pool.dns_servers = names.address();
  o.pool.resolve_timeout = 60s;
  for (int i = 0; i < 10; ++i) {
    auto asked = names.queries();
    runtime rt{system, o};
    CAF_REQUIRE(eventually([&] { return names.queries() > asked; }));
    caller me{rt};
    auto connections = me.status(rt).connections;
    CAF_REQUIRE(!connections.empty());
    CAF_CHECK(connections[0].state == connection_state::resolving);
    auto since = std::chrono::steady_clock::now();
    rt.shutdown(50ms);
    CAF_CHECK(std::chrono::steady_clock::now() - since < 10s);
  }
}

CAF_TEST(threads may use a runtime while another thread ends it) {
  caf::actor_system_config config;
  caf::actor_system system{config};
  for (int i = 0; i < 10; ++i) {
    runtime rt{system, options_for(1)};
    std::atomic<bool> refused{false};
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t)
      threads.emplace_back([&, t] {
        while (!refused) {
          rt.wait_ready(1ms);
          try {
            rt.spawn_pinned<idle_actor>();
            rt.client();
          } catch (const std::logic_error&) {
            refused = true;
          }
        }
        for (int n = 0; n < 100; ++n)
          rt.wait_ready(1ms);
        if (t == 0)
          rt.shutdown(0ms);
      });
    rt.shutdown(10ms);
    for (auto& each : threads)
      each.join();
    CAF_CHECK(rt.wait_ready(1ms));
  }
}

CAF_TEST(a runtime ends inside a scheduled actor of a system with one thread) {
  lab::private_redis server;
  caf::actor_system_config config;
  config.set("scheduler.max-threads", size_t{1});
  caf::actor_system system{config};
  auto service = [&system](caf::event_based_actor*, uint16_t port) {
    runtime rt{system, options_for(port)};
    auto client = rt.client();
    CAF_CHECK(!rt.wait_ready(5s));
    caf::scoped_actor self{system};
    self->request(client, caf::infinite, command{"PING"})
      .receive([](reply& x) { CAF_CHECK_EQUAL(x.text(), "PONG"); },
               [](caf::error&) { CAF_FAIL("failed"); });
  };
  auto worker = system.spawn(service, server.port());
  caf::scoped_actor self{system};
  self->wait_for(worker);
}

CAF_TEST(ten thousand requests are answered by a scheduled actor that ends its runtime) {
  lab::private_redis server;
  burst_result out;
  {
    caf::actor_system_config config;
    config.set("scheduler.max-threads", size_t{1});
    caf::actor_system system{config};
    auto service = [&](caf::event_based_actor*, int n) {
      std::optional<runtime> rt{std::in_place, system, all_in_flight(server)};
      auto client = rt->client();
      CAF_REQUIRE(!rt->wait_ready(5s));
      server.stop();
      caf::scoped_actor self{system};
      std::vector<decltype(self->request(client, caf::infinite, command{}))>
        pending;
      for (int i = 0; i < n; ++i)
        pending.push_back(
          self->request(client, caf::infinite, command{"INCR", "n"}));
      CAF_REQUIRE(are_in_flight(*rt, many));
      rt->shutdown(100ms);
      rt.reset();
      for (auto& each : pending)
        each.receive([](reply&) { CAF_ERROR("replied"); },
                     [&](caf::error& e) { out.fail(e); });
    };
    auto worker = system.spawn(service, many);
    caf::scoped_actor self{system};
    self->wait_for(worker);
  }
  CAF_CHECK_EQUAL(out.shut_down.load(), many);
}

CAF_TEST(a runtime ends while the reactor runs callers that never rest) {
  lab::private_redis server;
  auto out = std::make_shared<burst_result>();
  {
    caf::actor_system_config config;
    caf::actor_system system{config};
    auto turns = std::make_shared<std::atomic<int>>(0);
    auto o = all_in_flight(server);
    o.threads.run_callers = true;
    std::optional<runtime> rt{std::in_place, system, o};
    CAF_REQUIRE(!rt->wait_ready(5s));
    server.stop();
    auto client = rt->client();
    auto driver = system.spawn(burst, client, many, out);
    CAF_REQUIRE(are_in_flight(*rt, many));
    std::vector<caf::actor> all;
    for (int i = 0; i < 8; ++i)
      all.push_back(system.spawn(restless, client, turns));
    CAF_REQUIRE(eventually([&] { return *turns > 1000; }));
    rt->shutdown(100ms);
    rt.reset();
    // From here on CAF runs them, and lets nobody else run beside them.
    for (auto& each : all)
      caf::anon_send_exit(each, caf::exit_reason::kill);
    caf::scoped_actor self{system};
    self->wait_for(driver);
  }
  CAF_CHECK_EQUAL(out->answered.load(), many);
  CAF_CHECK_EQUAL(out->shut_down.load(), many);
}

CAF_TEST(a pinned service actor works on the reactor and ends with the runtime) {
  class service : public caf::event_based_actor {
  public:
    service(caf::actor_config& cfg, request_actor to)
      : caf::event_based_actor(cfg), to_(std::move(to)) {}
    caf::behavior make_behavior() override {
      return {[this](int n) {
        auto promise = make_response_promise<int64_t>();
        request(to_, caf::infinite, command{"INCRBY", "n", n})
          .then([=](const reply& x) mutable { promise.deliver(x.number()); });
        return promise;
      }};
    }

  private:
    request_actor to_;
  };
  lab::private_redis server;
  caf::actor_system_config config;
  caf::actor_system system{config};
  caf::actor pinned_one;
  {
    runtime rt{system, options_for(server)};
    pinned_one = rt.spawn_pinned<service>(rt.client());
    caf::scoped_actor self{system};
    self->request(pinned_one, caf::infinite, 7)
      .receive([](int64_t x) { CAF_CHECK_EQUAL(x, 7); },
               [](caf::error&) { CAF_FAIL("failed"); });
  }
  caf::scoped_actor self{system};
  self->wait_for(pinned_one);
}

CAF_TEST(bad options are refused by name before anything starts) {
  runtime_options o;
  o.client.timeouts.attempt = 0ms;
  try {
    runtime rt{o};
    CAF_FAIL("made a runtime");
  } catch (const std::invalid_argument& e) {
    CAF_CHECK(std::string{e.what()}.find("client.attempt_timeout")
              != std::string::npos);
  }
}

CAF_TEST(a hundred runtimes leave no actor thread descriptor or memory behind) {
  lab::private_redis server;
  server.command({"PING"});
  caf::actor_system_config config;
  caf::actor_system system{config};
  auto round = [&] {
    runtime rt{system, options_for(server)};
    auto client = rt.client();
    caller me{rt};
    CAF_CHECK(me.ask(client, command{"SET", "k", "v"}).ok());
  };
  for (int i = 0; i < 10; ++i)
    round();
  auto actors = system.registry().running();
  auto threads = living_threads();
  auto descriptors = open_descriptors();
  auto bytes = mallinfo2().uordblks;
  for (int i = 0; i < 100; ++i)
    round();
  CAF_CHECK_EQUAL(system.registry().running(), actors);
  // A thread that was joined is listed for a moment longer.
  CAF_CHECK(eventually([&] { return living_threads() <= threads; }, 10s));
  CAF_CHECK_EQUAL(open_descriptors(), descriptors);
  // Ticks that were asked for and not yet due keep their receivers for up to two
  // seconds; then all memory is back. What is left must not grow by the round.
  CAF_CHECK(
    eventually([&] { return mallinfo2().uordblks < bytes + 100 * 1024; }, 10s));
}
