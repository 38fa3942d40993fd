#define CAF_SUITE supervisor_links

#include "supervisor_fixture.hpp"

using namespace redoubt_test;

namespace {

struct fixture : supervisor_fixture {
  std::vector<link_lane> lanes_of_links() {
    std::vector<link_lane> result;
    for (auto& each : status().connections)
      result.push_back(each.lane);
    return result;
  }

  /// Connections that were dialled and neither closed nor lost.
  size_t alive() const {
    return static_cast<size_t>(std::count_if(
      dials.begin(), dials.end(), [](auto& x) { return !x.told->gone; }));
  }

  bool knows(size_t dial, size_t client) const {
    auto& all = dials.at(dial).told->attached;
    return std::find(all.begin(), all.end(), address(client)) != all.end();
  }

  /// Ten seconds with one connection that is always replaced in time.
  void start_ageing(std::chrono::milliseconds lifetime) {
    options().pool.lifetime = lifetime;
    start_connected();
    join();
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(supervisor_links_tests, fixture)

// -- lanes ----------------------------------------------------------------------

CAF_TEST(connections of the bulk lane are made once somebody uses it) {
  options().pool.connections = 2;
  options().pool.bulk_connections = 3;
  endpoint = mood::accepts;
  start();
  join();
  pass(1s);
  CAF_CHECK_EQUAL(ready_count(), 2u);
  CAF_CHECK_EQUAL(status().connections_wanted, 2u);
  join(0, link_lane::bulk);
  pass(1s);
  CAF_CHECK_EQUAL(ready_count(), 5u);
  CAF_CHECK_EQUAL(status().connections_wanted, 5u);
  auto lanes = lanes_of_links();
  CAF_CHECK_EQUAL(std::count(lanes.begin(), lanes.end(), link_lane::bulk), 3);
}

CAF_TEST(each reactor has a bulk lane of its own) {
  options().threads.reactors = 2;
  options().pool.connections = 1;
  endpoint = mood::accepts;
  start();
  join(1, link_lane::bulk);
  pass(1s);
  auto all = status().connections;
  CAF_REQUIRE_EQUAL(all.size(), 3u);
  for (auto& each : all)
    if (each.lane == link_lane::bulk)
      CAF_CHECK_EQUAL(each.reactor, 1u);
}

CAF_TEST(a request actor knows the connections of its lane alone) {
  options().pool.connections = 1;
  endpoint = mood::accepts;
  start();
  pass(100ms);
  join();
  join(0, link_lane::bulk);
  pass(100ms);
  join(0, link_lane::bulk);
  join();
  CAF_REQUIRE_EQUAL(alive(), 2u);
  auto bulk = lanes_of_links().at(0) == link_lane::bulk ? 0u : 1u;
  CAF_REQUIRE_EQUAL(bulk, 1u);
  for (size_t client : {0u, 3u}) {
    CAF_CHECK(knows(0, client));
    CAF_CHECK(!knows(1, client));
  }
  for (size_t client : {1u, 2u}) {
    CAF_CHECK(!knows(0, client));
    CAF_CHECK(knows(1, client));
  }
  // One that dies is forgotten by its own connections.
  kill(clients[1].handle);
  consume_messages();
  CAF_CHECK(dials[0]->detached.empty());
  CAF_CHECK_EQUAL(dials[1]->detached.size(), 1u);
}

CAF_TEST(a lost connection is made anew in its lane) {
  options().pool.connections = 1;
  endpoint = mood::accepts;
  start();
  join(0, link_lane::bulk);
  pass(100ms);
  for (size_t i : {0u, 1u}) {
    auto lane = status().connections.at(i).lane;
    auto id = status().connections.at(i).id;
    end(static_cast<size_t>(id) - 1);
    pass(100ms);
    auto lanes = lanes_of_links();
    CAF_CHECK_EQUAL(lanes.size(), 2u);
    CAF_CHECK_EQUAL(std::count(lanes.begin(), lanes.end(), lane), 1);
  }
}

CAF_TEST(the server is asked over the shared lane while there is one) {
  options().pool.connections = 1;
  start();
  join(0, link_lane::bulk);
  pass(100ms);
  CAF_REQUIRE(dials.size() >= 2);
  // The bulk lane is up first.
  auto first = status().connections.at(0).lane == link_lane::bulk ? 0u : 1u;
  come_up(first);
  ask(health_query{});
  CAF_CHECK_EQUAL(dials[first]->units.size(), 2u);
  come_up(1 - first);
  ask(health_query{});
  CAF_CHECK_EQUAL(dials[first]->units.size(), 2u);
  CAF_CHECK_EQUAL(dials[1 - first]->units.size(), 2u);
}

CAF_TEST(a successor knows the lanes) {
  options().pool.connections = 1;
  endpoint = mood::accepts;
  start();
  join();
  join(0, link_lane::bulk);
  pass(100ms);
  CAF_REQUIRE_EQUAL(alive(), 2u);
  kill_supervisor();
  start_successor();
  pass(1s);
  CAF_CHECK_EQUAL(alive(), 2u);
  CAF_CHECK_EQUAL(status().connections_wanted, 2u);
  end(1);
  pass(100ms);
  auto lanes = lanes_of_links();
  CAF_CHECK_EQUAL(std::count(lanes.begin(), lanes.end(), link_lane::bulk), 1);
}

// -- no more than ---------------------------------------------------------------

CAF_TEST(there are never more connections than allowed) {
  options().pool.connections = 2;
  options().pool.max_connections = 4;
  start();
  // Dials that hang count as well.
  pass(1s);
  CAF_CHECK_EQUAL(dials.size(), 4u);
  CAF_CHECK_EQUAL(alive(), 4u);
  end(0, errc::connect_failed);
  pass(100ms);
  CAF_CHECK_EQUAL(dials.size(), 5u);
  CAF_CHECK_EQUAL(alive(), 4u);
}

// -- growing old ------------------------------------------------------------------

CAF_TEST(an old connection is closed once another one took its place) {
  start_ageing(10s);
  pass(8s - clock_step);
  CAF_CHECK_EQUAL(dials.size(), 1u);
  pass(2s + clock_step);
  CAF_REQUIRE_EQUAL(dials.size(), 2u);
  // It serves as long as there is no other.
  CAF_CHECK(dials[0]->closed_with.empty());
  CAF_CHECK_EQUAL(ready_count(), 1u);
  come_up(1);
  CAF_REQUIRE_EQUAL(dials[0]->closed_with.size(), 1u);
  CAF_CHECK(dials[0]->closed_gently);
  CAF_CHECK(knows(1, 0));
  auto now = status();
  CAF_CHECK_EQUAL(now.connections_lost, 0u);
  CAF_CHECK_EQUAL(now.restarts, 0u);
  CAF_CHECK_EQUAL(now.breaker.failures_in_window, 0u);
  // And so on.
  pass(7s);
  CAF_CHECK_EQUAL(dials.size(), 2u);
  pass(3s);
  CAF_CHECK_EQUAL(dials.size(), 3u);
}

CAF_TEST(without a lifetime no connection grows old) {
  start_ageing(0ms);
  sched.clock().current_time += 24h * 365;
  pass(1s);
  CAF_CHECK_EQUAL(dials.size(), 1u);
}

CAF_TEST(connections that came up together are replaced one after the other) {
  options().pool.connections = 8;
  options().pool.lifetime = 10s;
  start();
  connect_all();
  auto n = dials.size();
  for (int i = 0; i < 8; ++i) {
    pass(10s);
    // Nobody answers the dial: the others wait.
    CAF_REQUIRE_EQUAL(dials.size(), n + 1);
    CAF_CHECK_EQUAL(ready_count(), 8u);
    come_up(n++);
    CAF_CHECK_EQUAL(ready_count(), 8u);
  }
  auto closed = 0;
  for (size_t i = 0; i < dials.size(); ++i)
    closed += dials[i]->closed_gently ? 1 : 0;
  CAF_CHECK_EQUAL(closed, 8);
}

CAF_TEST(an old connection that cannot be replaced serves on) {
  start_ageing(10s);
  for (int i = 1; i < 4; ++i) {
    pass(10s + clock_step);
    CAF_REQUIRE_EQUAL(dials.size(), static_cast<size_t>(i + 1));
    end(static_cast<size_t>(i), errc::too_many_clients, "max clients");
    pass(7s);
    CAF_CHECK_EQUAL(ready_count(), 1u);
    // The server is well, and it is not pestered.
    CAF_CHECK_EQUAL(dials.size(), static_cast<size_t>(i + 1));
    CAF_CHECK_EQUAL(breaker().failures_in_window, 0u);
    CAF_CHECK(dials[0]->closed_with.empty());
  }
}

CAF_TEST(an old connection that is lost is a loss like any other) {
  start_ageing(10s);
  pass(10s + clock_step);
  CAF_REQUIRE_EQUAL(dials.size(), 2u);
  end(0);
  CAF_CHECK_EQUAL(status().connections_lost, 1u);
  end(1, errc::connect_failed);
  pass(100ms);
  CAF_REQUIRE(dials.size() >= 3);
  come_up(dials.size() - 1);
  pass(1s);
  CAF_CHECK_EQUAL(ready_count(), 1u);
  CAF_CHECK_EQUAL(status().connections_wanted, 1u);
}

CAF_TEST(without room for both an old connection goes first) {
  options().pool.max_connections = 1;
  start_ageing(10s);
  pass(10s + clock_step);
  CAF_CHECK(dials[0]->closed_gently);
  pass(100ms);
  CAF_REQUIRE_EQUAL(dials.size(), 2u);
  come_up(1);
  CAF_CHECK_EQUAL(ready_count(), 1u);
}

CAF_TEST(nothing is replaced during a drain) {
  start_ageing(10s);
  ask(drain{20s});
  pass(15s);
  CAF_CHECK_EQUAL(dials.size(), 1u);
  CAF_CHECK(!answered());
}

CAF_TEST_FIXTURE_SCOPE_END()
