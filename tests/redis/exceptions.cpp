#define CAF_SUITE exceptions

// Exceptions in the handlers of a connection and of the supervisor, in a runtime as
// it is. Each allocation in turn fails in actor.connection_exceptions and
// actor.supervisor_exceptions.

#include <redoubt/tests/redis/faulty.hpp>

#include <redoubt/tests/support/allocations.hpp>

#include <set>
#include <string>
#include <vector>

using namespace redoubt;
using namespace redoubt::test;
using namespace std::chrono_literals;

namespace {

struct fixture : faulty_service {
  fixture() {
    options = options_for(server);
    options.pool.connections = 1;
  }

  template <class Question>
  auto query(Question x) {
    return me->self()->request(rt->supervisor(), 20s, std::move(x));
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(exceptions_tests, fixture)

CAF_TEST(a connection without memory for what it read costs nobody a second run) {
  // So few that nobody else needs much memory for them.
  constexpr int n = 1000;
  // Room for 256 replies that were read at once.
  constexpr size_t too_much = 40000;
  options.limits.credit = 2 * n;
  options.limits.credit_bytes = 64u << 20;
  options.limits.link_share = 0;
  options.client.timeouts.request = 60s;
  options.client.timeouts.attempt = 30s;
  start();
  server.stop();
  std::vector<decltype(send(command{"INCR", "n"}))> pending;
  for (int i = 0; i < n; ++i)
    pending.push_back(send(command{"INCR", "n"}));
  CAF_REQUIRE(comes([](auto& x) { return x.requests.in_flight >= n; }));
  uint64_t hits = 0;
  std::set<int64_t> values;
  int unknown = 0;
  {
    no_memory_for there{too_much};
    server.cont();
    for (auto& each : pending) {
      auto x = outcome_of(std::move(each));
      if (x.ok()) {
        values.insert(x.value.number());
        continue;
      }
      failed_as(x, errc::disconnected, fate::unknown);
      CAF_CHECK_EQUAL(x.why->last_message, "the connection actor died");
      ++unknown;
    }
    hits = there.hits();
  }
  CAF_CHECK_EQUAL(hits, 1u);
  CAF_CHECK(unknown > 0);
  // Those that were read before were told, and no value twice.
  CAF_CHECK(!values.empty());
  CAF_CHECK_EQUAL(static_cast<int>(values.size()) + unknown, n);
  // Nothing was sent again: those that had left ran once, or were lost with it.
  auto next = ask(command{"INCR", "n"}, patient());
  CAF_REQUIRE(next.ok());
  CAF_CHECK(next.value.number() > *values.rbegin());
  CAF_CHECK(next.value.number() <= n + 1);
  auto x = status();
  CAF_CHECK_EQUAL(x.connections_lost, 1u);
  CAF_CHECK_EQUAL(x.requests.retries, 0u);
}

CAF_TEST(a supervisor without memory for who waits answers all and is followed) {
  constexpr int n = 5000;
  // Room for 4096 who wait for a connection.
  constexpr size_t too_much = 300000;
  start();
  server.kill();
  CAF_REQUIRE(comes([](auto& x) { return x.connections_lost > 0; }));
  auto waits = send(command{"INCR", "n"}, patient(60s));
  auto old = rt->supervisor();
  std::vector<decltype(query(ready_query{60s}))> pending;
  pending.reserve(n);
  uint64_t hits = 0;
  {
    no_memory_for there{too_much};
    for (int i = 0; i < n; ++i)
      pending.push_back(query(ready_query{60s}));
    CAF_CHECK(eventually([&] { return rt->supervisor() != old; }));
    hits = there.hits();
  }
  CAF_CHECK_EQUAL(hits, 1u);
  server.start();
  int answered = 0;
  int failed = 0;
  for (auto& each : pending)
    each.receive([&](const ready&) { ++answered; },
                 [&](caf::error& e) {
                   CAF_CHECK(e != caf::sec::request_timeout);
                   ++failed;
                 });
  CAF_MESSAGE(answered << " waited for the server, " << failed
                       << " were told that the supervisor had died");
  CAF_CHECK_EQUAL(answered + failed, n);
  CAF_CHECK(failed >= 4096);
  // Requests noticed nothing of it.
  CAF_CHECK_EQUAL(outcome_of(std::move(waits)).value.number(), 1);
  CAF_CHECK(comes([](auto& x) {
    return x.breaker.state == breaker_state::closed && !x.connections.empty()
           && x.connections[0].state == connection_state::ready;
  }));
}

CAF_TEST_FIXTURE_SCOPE_END()
