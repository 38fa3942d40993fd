#define CAF_SUITE lifecycle

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
  std::atomic<int> unexplained{0};
};

caf::behavior burst(caf::event_based_actor* self, request_actor to, int n,
                    std::shared_ptr<burst_result> out) {
  for (int i = 0; i < n; ++i)
    self->request(to, caf::infinite, command{"INCR", "n"})
      .then(
        [=](const reply&) {
          if (++out->answered == n)
            self->quit();
        },
        [=](const caf::error& e) {
          if (!failure_of(e))
            ++out->unexplained;
          if (++out->answered == n)
            self->quit();
        });
  return {[](int) {}};
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
    std::optional<runtime> rt{std::in_place, system, options_for(server)};
    auto driver = system.spawn(burst, rt->client(), 10000, out);
    rt.reset();
    caf::scoped_actor self{system};
    self->wait_for(driver);
  }
  CAF_CHECK_EQUAL(out->answered.load(), 10000);
  CAF_CHECK_EQUAL(out->unexplained.load(), 0);
}

CAF_TEST(shutdown of a frozen server ends at the drain limit) {
  lab::private_redis server;
  auto out = std::make_shared<burst_result>();
  caf::actor_system_config config;
  caf::actor_system system{config};
  auto o = options_for(server);
  o.client.timeouts.request = 60s;
  o.client.timeouts.attempt = 30s;
  std::optional<runtime> rt{std::in_place, system, o};
  CAF_REQUIRE(!rt->wait_ready(5s));
  server.stop();
  auto driver = system.spawn(burst, rt->client(), 1000, out);
  rt->shutdown(100ms);
  caf::scoped_actor self{system};
  self->wait_for(driver);
  CAF_CHECK_EQUAL(out->answered.load(), 1000);
  CAF_CHECK_EQUAL(out->unexplained.load(), 0);
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
  auto o = options_for(1);
  o.server.host = "name.that.is.never.answered.invalid";
  o.pool.dns_servers = "127.0.0.1:9";
  for (int i = 0; i < 10; ++i) {
    runtime rt{system, o};
    rt.shutdown(50ms);
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

CAF_TEST(a runtime ends while the reactor runs callers that never rest) {
  lab::private_redis server;
  caf::actor_system_config config;
  caf::actor_system system{config};
  auto out = std::make_shared<burst_result>();
  auto o = options_for(server);
  o.threads.run_callers = true;
  std::optional<runtime> rt{std::in_place, system, o};
  CAF_REQUIRE(!rt->wait_ready(5s));
  // Each asks again as soon as it is answered, whatever the answer.
  auto busy = [out](caf::event_based_actor* self,
                    const request_actor& to) -> caf::behavior {
    auto ask = std::make_shared<std::function<void()>>();
    std::weak_ptr again = ask;
    *ask = [=] {
      auto go_on = [=] {
        ++out->answered;
        if (auto next = again.lock())
          (*next)();
      };
      self->request(to, caf::infinite, command{"PING"})
        .then([=](const reply&) { go_on(); },
              [=](const caf::error&) { go_on(); });
    };
    (*ask)();
    return {[keep = ask](int) {}};
  };
  std::vector<caf::actor> all;
  auto client = rt->client();
  for (int i = 0; i < 8; ++i)
    all.push_back(system.spawn(busy, client));
  CAF_CHECK(eventually([&] { return out->answered > 1000; }));
  rt.reset();
  for (auto& each : all)
    caf::anon_send_exit(each, caf::exit_reason::kill);
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
