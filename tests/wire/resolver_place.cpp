#define CAF_SUITE resolver_place

#include <redoubt/actors/random.hpp>
#include <redoubt/actors/reactor/resolver_place.hpp>
#include <redoubt/tests/support/name_server.hpp>
#include <redoubt/tests/unit/seed.hpp>
#include <redoubt/tests/wire/connection_fixture.hpp>

using namespace redoubt;
using namespace redoubt::test;
using namespace std::chrono_literals;

namespace {

/// Connections that are dialled by name, as a runtime dials them.
struct fixture : connection_fixture {
  fixture() {
    logger_for("resolver")->set_level(spdlog::level::off);
    // Nobody's: each dial has an owner of its own.
    first().detached = true;
    config.server.host = "db.test";
    config.server.port = peer.port();
  }

  owner& dial_by_name() {
    auto& x = add_owner();
    config.observer = x.handle;
    config.resolver = place.current();
    dial();
    return x;
  }

  void kill_resolver() {
    caf::anon_send_exit(place.current(), caf::exit_reason::kill);
  }

  bool is_replaced(const resolver_actor& old) {
    return eventually([&] { return place.current() != old; });
  }

  name_server names{{{"db.test", {"127.0.0.1"}}}};
  resolver_place place{sys, host, names.address()};
  scripted_peer peer{echo};
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(resolver_place_tests, fixture)

CAF_TEST(all dials ask the same resolver as long as it lives) {
  auto one = place.current();
  CAF_CHECK(dial_by_name().is_up());
  CAF_CHECK(dial_by_name().is_up());
  CAF_CHECK(place.current() == one);
}

CAF_TEST(a resolver that was killed is replaced by the next dial) {
  CAF_REQUIRE(dial_by_name().is_up());
  auto old = place.current();
  kill_resolver();
  CAF_REQUIRE(is_replaced(old));
  auto asked = names.queries();
  CAF_CHECK(dial_by_name().is_up());
  CAF_CHECK(names.queries() > asked);
}

CAF_TEST(a resolver that is killed in the middle costs a dial and not the next) {
  config.pool.resolve_timeout = 100ms;
  names.fall_silent();
  auto& waiting = dial_by_name();
  CAF_REQUIRE(eventually([&] { return names.queries() > 0; }));
  auto old = place.current();
  kill_resolver();
  end_of(waiting, errc::resolve_failed);
  names.speak();
  CAF_REQUIRE(is_replaced(old));
  CAF_CHECK(dial_by_name().is_up());
}

CAF_TEST(resolvers killed at random moments end dials or let them through) {
  auto seed = seed_of_this_run();
  CAF_MESSAGE("REDOUBT_SEED=" << seed);
  random_source random{seed};
  config.pool.resolve_timeout = 100ms;
  for (int round = 0; round < 30; ++round) {
    auto old = place.current();
    std::vector<owner*> dialled;
    auto before_kill = random.next() % 4;
    for (uint64_t i = 0; i < before_kill; ++i)
      dialled.push_back(&dial_by_name());
    // Somewhere between the first question and the last answer.
    auto asked = names.queries();
    eventually([&] { return names.queries() > asked; }, 1ms);
    caf::anon_send_exit(old, caf::exit_reason::kill);
    dialled.push_back(&dial_by_name());
    for (auto each : dialled)
      if (!each->is_up())
        end_of(*each, errc::resolve_failed);
    CAF_REQUIRE(is_replaced(old));
    CAF_CHECK(dial_by_name().is_up());
  }
}

CAF_TEST_FIXTURE_SCOPE_END()
