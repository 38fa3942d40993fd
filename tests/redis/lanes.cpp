#define CAF_SUITE lanes

// Which connections requests take, and connections that are replaced while they do.

#include <redoubt/app/lab/fault_gate.hpp>
#include <redoubt/tests/redis/faulty.hpp>

#include <set>
#include <string>

using namespace redoubt;
using namespace redoubt::test;
using namespace std::chrono_literals;

namespace {

struct fixture : faulty_service {
  fixture() { bulk.lane = link_lane::bulk; }

  /// The server's id of the connection that a request takes.
  template <class... Ts>
  int64_t taken_by(Ts&&... xs) {
    auto x = ask(command{"CLIENT", "ID"}, std::forward<Ts>(xs)...);
    CAF_REQUIRE(x.ok());
    return x.value.number();
  }

  bool has_ready(size_t n) {
    return comes([n](auto& x) {
      return x.connections.size() == n
             && std::all_of(x.connections.begin(), x.connections.end(),
                            [](auto& each) {
                              return each.state == connection_state::ready;
                            });
    });
  }

  request_options bulk;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(lanes_tests, fixture)

CAF_TEST(requests of the bulk lane take a connection of their own) {
  start();
  auto shared = taken_by();
  CAF_REQUIRE(has_ready(1));
  auto large = taken_by(bulk);
  CAF_CHECK(large != shared);
  CAF_REQUIRE(has_ready(2));
  for (int i = 0; i < 3; ++i) {
    CAF_CHECK_EQUAL(taken_by(), shared);
    CAF_CHECK_EQUAL(taken_by(bulk), large);
  }
  // A handle of that lane takes the same one.
  client_options whole;
  whole.lane = link_lane::bulk;
  auto id = me->ask(rt->client(whole), command{"CLIENT", "ID"});
  CAF_REQUIRE(id.ok());
  CAF_CHECK_EQUAL(id.value.number(), large);
  CAF_CHECK(has_ready(2));
}

CAF_TEST(a large reply that stalls holds up nobody on the shared lane) {
  start();
  std::string value(8u << 20, 'x');
  CAF_REQUIRE(ask(command{"SET", "big", value}, bulk).ok());
  CAF_REQUIRE(ask(command{"SET", "small", "v"}).ok());
  // Minutes, for the large one.
  gate.rate(64 * 1024, lab::direction::replies);
  bulk.deadline = 20s;
  bulk.attempt_timeout = 20s;
  auto big = send(command{"GET", "big"}, bulk);
  for (int i = 0; i < 100; ++i) {
    auto x = ask(command{"GET", "small"});
    CAF_REQUIRE(x.ok());
    CAF_CHECK_EQUAL(x.value.text(), "v");
  }
  CAF_CHECK(me->self()->mailbox().empty());
  gate.pass();
  auto x = outcome_of(std::move(big));
  CAF_REQUIRE(x.ok());
  CAF_CHECK_EQUAL(x.value.text().size(), value.size());
}

CAF_TEST(a bulk lane that is lost is made anew and counts nothing twice) {
  start();
  CAF_REQUIRE(ask(command{"INCR", "n"}, bulk).ok());
  for (int i = 0; i < 10; ++i) {
    gate.reset_all();
    auto o = patient();
    o.lane = link_lane::bulk;
    CAF_CHECK(ask(command{"GET", "n"}, o).ok());
  }
  CAF_CHECK_EQUAL(server.command({"GET", "n"}), "1");
}

CAF_TEST(connections are replaced under load and nobody notices) {
  options.pool.connections = 2;
  options.pool.lifetime = 1s;
  start();
  std::set<int64_t> used;
  int64_t counted = 0;
  while (used.size() < 4 && counted < 1'000'000) {
    used.insert(taken_by());
    for (int i = 0; i < 20; ++i) {
      auto x = ask(command{"INCR", "n"});
      CAF_REQUIRE(x.ok());
      CAF_REQUIRE_EQUAL(x.value.number(), ++counted);
      CAF_REQUIRE(!x.value.repeated);
    }
  }
  CAF_CHECK_EQUAL(used.size(), 4u);
  auto x = status();
  CAF_CHECK_EQUAL(x.connections_lost, 0u);
  CAF_CHECK_EQUAL(x.breaker.failures_in_window, 0u);
  CAF_CHECK_EQUAL(x.requests.failed_unknown + x.requests.failed_not_sent, 0u);
  CAF_CHECK_EQUAL(x.requests.retries, 0u);
}

CAF_TEST_FIXTURE_SCOPE_END()
