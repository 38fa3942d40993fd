#define CAF_SUITE succession

#include <redoubt/tests/redis/counting.hpp>
#include <redoubt/tests/support/service.hpp>
#include <redoubt/tests/support/wait.hpp>

#include <redoubt/tests/support/check.hpp>

#include <mutex>
#include <vector>

using namespace redoubt;
using namespace redoubt::test;
using namespace std::chrono_literals;

namespace {

class event_collector : public subscriber_actor::base {
public:
  event_collector(caf::actor_config& cfg, std::shared_ptr<std::mutex> mutex,
                  std::shared_ptr<std::vector<event>> to)
    : subscriber_actor::base(cfg),
      mutex_(std::move(mutex)),
      to_(std::move(to)) {}

  behavior_type make_behavior() override {
    return {[this](const event& x) {
      std::lock_guard guard{*mutex_};
      to_->push_back(x);
    }};
  }

private:
  std::shared_ptr<std::mutex> mutex_;
  std::shared_ptr<std::vector<event>> to_;
};

struct fixture {
  fixture() : rt(options_for(server)), client(rt.client()) {
    CAF_REQUIRE(!rt.wait_ready(5s));
  }

  template <class Handle>
  static void kill(const Handle& x) {
    caf::anon_send_exit(x, caf::exit_reason::kill);
  }

  lab::private_redis server;
  runtime rt;
  request_actor client;
  counting counters{rt, client, server};
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(succession_tests, fixture)

CAF_TEST(requests do not notice that the supervisor dies) {
  auto sum = counters.during([&] {
    for (int i = 0; i < 5; ++i) {
      auto old = rt.supervisor();
      kill(old);
      CAF_CHECK(eventually([&] { return rt.supervisor() != old; }));
      CAF_CHECK(counters.goes_on());
    }
  });
  CAF_CHECK_EQUAL(sum.unknown, 0);
  CAF_CHECK_EQUAL(sum.not_sent, 0);
  caller me{rt};
  CAF_CHECK_EQUAL(me.status(rt).connections_lost, 0u);
}

CAF_TEST(a request actor that dies loses what was under way and nothing else) {
  counters.during([&] {
    for (int i = 0; i < 5; ++i) {
      auto old = rt.current(client);
      kill(old);
      CAF_CHECK(eventually([&] { return rt.current(client) != old; }));
      CAF_CHECK(counters.goes_on());
    }
  });
  CAF_CHECK(rt.current(client) != client);
  CAF_CHECK(rt.current(rt.current(client)) == rt.current(client));
}

CAF_TEST(all of them dying at once are replaced) {
  counters.during([&] {
    for (int i = 0; i < 3; ++i) {
      auto boss = rt.supervisor();
      auto old = rt.current(client);
      kill(boss);
      kill(old);
      CAF_CHECK(eventually(
        [&] { return rt.current(client) != old && rt.supervisor() != boss; }));
      CAF_CHECK(counters.goes_on());
    }
  });
}

CAF_TEST(a successor restarts lost connections and knows its subscribers) {
  auto mutex = std::make_shared<std::mutex>();
  auto events = std::make_shared<std::vector<event>>();
  auto listener = rt.system().spawn<event_collector>(mutex, events);
  caf::anon_send(rt.supervisor(), subscribe{listener});
  auto old = rt.supervisor();
  caller me{rt};
  me.status(rt); // The subscription arrived.
  kill(old);
  CAF_REQUIRE(eventually([&] { return rt.supervisor() != old; }));
  server.command({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
  auto heard = [&](event_kind kind) {
    return eventually([&] {
      std::lock_guard guard{*mutex};
      return std::any_of(events->begin(), events->end(),
                         [&](auto& x) { return x.kind == kind; });
    });
  };
  CAF_CHECK(heard(event_kind::handle_replaced));
  CAF_CHECK(heard(event_kind::connection_closed));
  CAF_CHECK(heard(event_kind::connection_up));
  CAF_CHECK(counters.goes_on());
  kill(listener);
}

CAF_TEST(a supervisor that is killed while it drains does not keep the runtime) {
  caller me{rt};
  auto drained_by = me.self()->request(rt.supervisor(), caf::infinite,
                                       drain{10s});
  kill(rt.supervisor());
  drained_by.receive([](const drained&) {}, [](caf::error&) {});
  rt.shutdown(100ms);
}

CAF_TEST_FIXTURE_SCOPE_END()
