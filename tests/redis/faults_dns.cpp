#define CAF_SUITE faults_dns

// Names of servers that cannot be found, or that move.

#include <redoubt/tests/redis/faulty.hpp>

#include <redoubt/tests/support/name_server.hpp>

using namespace redoubt;
using namespace redoubt::test;
using namespace std::chrono_literals;

namespace {

struct fixture : faulty_service {
  name_server names{{}};

  fixture() {
    options.server.host = "db.test";
    options.pool.dns_servers = names.address();
  }

  ~fixture() {
    me.reset();
    rt.reset();
  }

  /// A request that waits fails by its deadline, and cannot have run.
  void waits_in_vain() {
    auto since = stopwatch_clock::now();
    failed_as(ask(command{"INCR", "n"}, once(200ms)), errc::deadline_exceeded,
              fate::not_sent);
    CAF_CHECK(stopwatch_clock::now() - since < 700ms);
  }

  /// All is well, and nothing ran that was said not to have run.
  void is_found() {
    CAF_CHECK_EQUAL(ask(command{"INCR", "n"}, patient()).value.number(), 1);
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(faults_dns_tests, fixture)

CAF_TEST(a name that does not exist is asked for at each dial until it does) {
  launch();
  waits_in_vain();
  CAF_CHECK(comes([](auto& x) {
    return x.dials_failed >= 3 && x.last_error == errc::resolve_failed;
  }));
  CAF_CHECK(names.queries() >= 3);
  names.change("db.test", {"127.0.0.1"});
  is_found();
}

CAF_TEST(a name server that is silent holds nobody up) {
  names.fall_silent();
  options.pool.resolve_timeout = 60s;
  launch();
  CAF_REQUIRE(eventually([&] { return names.queries() > 0; }));
  waits_in_vain();
  auto since = stopwatch_clock::now();
  for (int i = 0; i < 20; ++i)
    CAF_CHECK(status().connections_wanted == 1);
  CAF_CHECK(stopwatch_clock::now() - since < 1s);
  since = stopwatch_clock::now();
  rt->shutdown(5s);
  CAF_CHECK(stopwatch_clock::now() - since < 2s);
}

CAF_TEST(a name server that speaks again is heard) {
  names.fall_silent();
  options.pool.resolve_timeout = 200ms;
  launch();
  waits_in_vain();
  CAF_CHECK(
    comes([](auto& x) { return x.last_error == errc::resolve_failed; }));
  names.change("db.test", {"127.0.0.1"});
  names.speak();
  is_found();
}

CAF_TEST(a server that moves is found at its new address) {
  names.change("db.test", {"127.0.0.3"});
  launch();
  waits_in_vain();
  CAF_CHECK(
    comes([](auto& x) { return x.last_error == errc::connect_failed; }));
  names.change("db.test", {"127.0.0.1"});
  is_found();
  // And the other way round: a link that lives is not disturbed, its successor
  // finds nobody any more.
  names.change("db.test", {"127.0.0.3"});
  CAF_CHECK(ask(command{"GET", "n"}).ok());
  gate.reset_all();
  CAF_CHECK(comes([](auto& x) {
    return x.connections_lost == 1 && x.last_error == errc::connect_failed;
  }));
  CAF_CHECK_EQUAL(gate.resets(), 1u);
}

CAF_TEST(a first address that is dead costs no more than a dial) {
  names.change("db.test", {"127.0.0.3", "127.0.0.1"});
  launch();
  is_found();
  CAF_CHECK_EQUAL(status().connections_lost, 0u);
  CAF_CHECK(names.queries() >= 1);
}

CAF_TEST_FIXTURE_SCOPE_END()
