#define CAF_SUITE killed_actors

#include <redoubt/actors/random.hpp>
#include <redoubt/messages/wiring.hpp>
#include <redoubt/tests/redis/counting.hpp>
#include <redoubt/tests/unit/seed.hpp>

#include <redoubt/tests/support/check.hpp>

#include <map>
#include <memory>
#include <mutex>
#include <vector>

using namespace redoubt;
using namespace redoubt::test;
using namespace std::chrono_literals;

namespace {

/// The living connection actors of a runtime, which it tells nobody but its own
/// request actors. Any thread.
class connection_list {
public:
  void add(uint64_t link, connection_actor who) {
    std::lock_guard guard{mutex_};
    living_[link] = std::move(who);
  }

  void remove(uint64_t link) {
    std::lock_guard guard{mutex_};
    living_.erase(link);
  }

  std::vector<connection_actor> living() const {
    std::lock_guard guard{mutex_};
    std::vector<connection_actor> all;
    for (auto& [link, who] : living_)
      all.push_back(who);
    return all;
  }

private:
  mutable std::mutex mutex_;
  std::map<uint64_t, connection_actor> living_;
};

/// Joins the request actors of a runtime, so that each connection is introduced
/// to it, and never sends a command. All else that it is told it drops.
class onlooker : public caf::event_based_actor {
public:
  onlooker(caf::actor_config& cfg, std::shared_ptr<connection_list> to)
    : caf::event_based_actor(cfg), to_(std::move(to)) {
    set_default_handler(caf::drop);
  }

  caf::behavior make_behavior() override {
    return {
      [this](link_up& x) { to_->add(x.link, std::move(x.connection)); },
      [this](link_closed& x) { to_->remove(x.link); },
    };
  }

private:
  std::shared_ptr<connection_list> to_;
};

class fixture {
public:
  fixture() : rt(options()), client(rt.client()) {
    CAF_REQUIRE(!rt.wait_ready(5s));
    watcher_ = caf::actor_cast<client_actor>(
      caf::actor{rt.system().spawn<onlooker>(connections)});
    auto boss = caf::actor_cast<supervisor_internal>(
      caf::actor_cast<caf::actor>(rt.supervisor()));
    caf::anon_send(boss, register_client{watcher_, onlooker_number, 0});
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
  /// No request actor of the runtime's own has this number.
  static constexpr uint64_t onlooker_number = 1u << 30;

  runtime_options options() {
    auto x = options_for(server);
    x.client.on_open = on_open_policy::wait;
    // So many deaths would else slow the dials down.
    x.pool.max_restarts = 10000;
    return x;
  }

  client_actor watcher_;
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
