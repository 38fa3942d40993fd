#define CAF_SUITE killed_actors

#include <redoubt/actors/random.hpp>
#include <redoubt/tests/redis/counting.hpp>
#include <redoubt/tests/support/onlooker.hpp>
#include <redoubt/tests/unit/seed.hpp>

#include <redoubt/tests/support/check.hpp>

#include <memory>
#include <vector>

using namespace redoubt;
using namespace redoubt::test;
using namespace std::chrono_literals;

namespace {

class fixture {
public:
  fixture() : rt(options()), client(rt.client()) {
    CAF_REQUIRE(!rt.wait_ready(5s));
    watcher_ = spawn_onlooker(rt, connections);
    CAF_REQUIRE(eventually([&] { return !connections->living().empty(); }));
  }

  ~fixture() { kill(watcher_); }

  template <class Handle>
  static void kill(const Handle& x) {
    caf::anon_send_exit(x, caf::exit_reason::kill);
  }

  void kill_one_connection(random_source& random) {
    auto all = connections->living();
    if (!all.empty())
      kill(all[random.next() % all.size()]);
  }

  /// Lets the callers work for a while that differs each time.
  void let_count(random_source& random) {
    auto enough = counters.acknowledged()
                  + static_cast<int64_t>(random.next() % 200);
    CAF_CHECK(
      eventually([&] { return counters.acknowledged() >= enough; }, 20s));
  }

  /// Every answer came, and about when it should: the deadline of a request is
  /// 2 s; the rest is for a machine that has other things to do.
  static void check_in_time(const tally& x) { CAF_CHECK(x.longest < 2s + 3s); }

  std::shared_ptr<connection_list>
    connections = std::make_shared<connection_list>();
  lab::private_redis server;
  runtime rt;
  request_actor client;
  counting counters{rt, client, server};

private:
  runtime_options options() {
    auto x = options_for(server);
    x.client.on_open = on_open_policy::wait;
    // So many deaths would else slow the dials down.
    x.pool.max_restarts = 10000;
    return x;
  }

  caf::actor watcher_;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(killed_actors_tests, fixture)

CAF_TEST(connections killed under load cost no counter more than its answer) {
  auto seed = seed_of_this_run();
  CAF_MESSAGE("REDOUBT_SEED=" << seed);
  random_source random{seed};
  auto sum = counters.during([&] {
    for (int i = 0; i < 40; ++i) {
      kill_one_connection(random);
      let_count(random);
    }
  });
  CAF_CHECK(counters.goes_on());
  check_in_time(sum);
  caller me{rt};
  CAF_CHECK(me.status(rt).connections_lost >= 10);
}

CAF_TEST(whichever actors are killed each request has one true answer) {
  auto seed = seed_of_this_run();
  CAF_MESSAGE("REDOUBT_SEED=" << seed);
  random_source random{seed};
  auto sum = counters.during([&] {
    for (int i = 0; i < 40; ++i) {
      auto victims = 1 + random.next() % 7;
      if ((victims & 1) != 0)
        kill_one_connection(random);
      if ((victims & 2) != 0)
        kill(rt.supervisor());
      if ((victims & 4) != 0)
        kill(rt.current(client));
      let_count(random);
    }
  });
  CAF_CHECK(counters.goes_on());
  check_in_time(sum);
  CAF_CHECK(rt.current(client) != client);
}

CAF_TEST_FIXTURE_SCOPE_END()
