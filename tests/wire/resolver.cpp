#define CAF_SUITE resolver

#include "reactor_fixture.hpp"

#include <redoubt/actors/reactor/resolver.hpp>
#include <redoubt/tests/support/name_server.hpp>
#include <redoubt/tests/support/service.hpp>

#include <algorithm>
#include <optional>

using namespace reactor_test;
using redoubt::test::name_server;
using redoubt::test::open_descriptors;

namespace {

using addresses = std::vector<std::string>;

class fixture : public reactor_fixture {
public:
  fixture() {
    start();
    baseline = open_descriptors();
  }

  ~fixture() { stop(); }

  /// A resolver that knows these servers only.
  void start_resolver(std::string servers) {
    subject = api::spawn_on<pinned<resolver>>(sys, host.get(), *host,
                                              std::move(servers));
  }

  uint64_t ask(std::string name, std::chrono::milliseconds timeout = limit) {
    auto sink = caf::actor_cast<resolved_sink>(caf::actor{self});
    self->send(subject, resolve{++last_id, std::move(name), timeout, sink});
    return last_id;
  }

  /// The next answer; fails the test if there is none.
  resolved next() {
    resolved result;
    self->receive([&](resolved& x) { result = std::move(x); },
                  caf::after(limit) >> [] { CAF_ERROR("no answer"); });
    // The order of addresses is the system's choice.
    std::sort(result.addresses.begin(), result.addresses.end());
    return result;
  }

  resolved look_up(std::string name,
                   std::chrono::milliseconds timeout = limit) {
    auto id = ask(std::move(name), timeout);
    auto result = next();
    CAF_CHECK_EQUAL(result.id, id);
    return result;
  }

  bool silent_for(std::chrono::milliseconds time) {
    auto nothing = false;
    self->receive([](resolved&) {},
                  caf::after(time) >> [&] { nothing = true; });
    return nothing;
  }

  size_t baseline = 0;
  resolver_actor subject;
  uint64_t last_id = 0;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(resolver_tests, fixture)

CAF_TEST(addresses are their own answer) {
  name_server server{{}};
  start_resolver(server.address());
  auto four = look_up("192.0.2.7");
  CAF_CHECK_EQUAL(four.addresses, addresses{"192.0.2.7"});
  CAF_CHECK_EQUAL(four.error, "");
  auto six = look_up("2001:db8::7");
  CAF_CHECK_EQUAL(six.addresses, addresses{"2001:db8::7"});
}

CAF_TEST(localhost is known without a server) {
  name_server server{{}};
  server.fall_silent();
  start_resolver(server.address());
  auto x = look_up("localhost");
  CAF_CHECK_EQUAL(x.error, "");
  CAF_CHECK(!x.addresses.empty());
  for (auto& each : x.addresses)
    CAF_CHECK(each.starts_with("127.") || each == "::1");
}

CAF_TEST(a name has all its addresses and each once) {
  name_server server{{{"two.test", {"192.0.2.1", "192.0.2.2"}},
                      {"same.test", {"192.0.2.3", "192.0.2.3"}}}};
  start_resolver(server.address());
  auto two = look_up("two.test");
  CAF_CHECK_EQUAL(two.addresses, (addresses{"192.0.2.1", "192.0.2.2"}));
  CAF_CHECK_EQUAL(two.error, "");
  auto same = look_up("same.test");
  CAF_CHECK_EQUAL(same.addresses, addresses{"192.0.2.3"});
}

CAF_TEST(a name that does not exist is an error) {
  name_server server{{{"empty.test", {}}}};
  start_resolver(server.address());
  auto unknown = look_up("unknown.test");
  CAF_CHECK(unknown.addresses.empty());
  CAF_CHECK_EQUAL(unknown.error, "Domain name not found");
  // It exists, but has no address.
  auto empty = look_up("empty.test");
  CAF_CHECK(empty.addresses.empty());
  CAF_CHECK(!empty.error.empty());
}

CAF_TEST(text that is no name is an error) {
  name_server server{{}};
  start_resolver(server.address());
  for (auto text : {"a..b", ".b", "no name.test"}) {
    auto x = look_up(text);
    CAF_CHECK(x.addresses.empty());
    CAF_CHECK(!x.error.empty());
  }
}

CAF_TEST(a server that never answers is an error at the timeout) {
  name_server server{{}};
  server.fall_silent();
  start_resolver(server.address());
  auto since = api::clock::now();
  auto x = look_up("silent.test", 200ms);
  auto took = api::clock::now() - since;
  CAF_CHECK(x.addresses.empty());
  CAF_CHECK_EQUAL(x.error, "no answer from the name servers");
  CAF_CHECK(took >= 200ms);
  CAF_CHECK(took < 1s);
  // Once is enough, whatever c-ares does with it afterwards.
  CAF_CHECK(silent_for(500ms));
  CAF_CHECK(server.queries() > 0);
}

CAF_TEST(a query that waits holds up no other) {
  name_server server{{{"known.test", {"192.0.2.1"}}}, "silent.test"};
  start_resolver(server.address());
  ask("silent.test", 30s);
  for (int i = 0; i < 20; ++i) {
    CAF_CHECK_EQUAL(look_up("127.0.0.1").error, "");
    CAF_CHECK_EQUAL(look_up("localhost").error, "");
    CAF_CHECK_EQUAL(look_up("known.test").error, "");
  }
}

CAF_TEST(each query has its own timeout) {
  name_server server{{}};
  server.fall_silent();
  start_resolver(server.address());
  auto slow = ask("slow.test", 150ms);
  auto quick = ask("quick.test", 50ms);
  auto first = next();
  auto second = next();
  CAF_CHECK_EQUAL(first.id, quick);
  CAF_CHECK_EQUAL(second.id, slow);
}

CAF_TEST(a server that comes back is asked again) {
  name_server server{{{"late.test", {"192.0.2.1"}}}};
  server.fall_silent();
  start_resolver(server.address());
  ask("late.test");
  CAF_REQUIRE(eventually([&] { return server.queries() > 0; }));
  server.speak();
  CAF_CHECK_EQUAL(next().error, "");
}

CAF_TEST(bytes that are no answer are no answer) {
  name_server server{{}};
  server.babble();
  start_resolver(server.address());
  auto x = look_up("babel.test", 300ms);
  CAF_CHECK(x.addresses.empty());
  CAF_CHECK(!x.error.empty());
}

CAF_TEST(many queries at a time are each answered once) {
  constexpr size_t n = 300;
  name_server::zone names;
  for (size_t i = 0; i < n; ++i)
    names["host" + std::to_string(i) + ".test"] = {"192.0.2."
                                                   + std::to_string(i % 250)};
  name_server server{names};
  start_resolver(server.address());
  for (size_t i = 0; i < n; ++i)
    ask("host" + std::to_string(i) + ".test");
  std::vector<int> answers(n + 1);
  for (size_t i = 0; i < n; ++i) {
    auto x = next();
    CAF_REQUIRE(x.id >= 1 && x.id <= n);
    ++answers[x.id];
    auto expected = "192.0.2." + std::to_string((x.id - 1) % 250);
    CAF_CHECK_EQUAL(x.addresses, addresses{expected});
  }
  CAF_CHECK_EQUAL(std::ranges::count(answers, 1), static_cast<long>(n));
  CAF_CHECK(silent_for(50ms));
}

CAF_TEST(servers that are no addresses are an error of every query) {
  start_resolver("nonsense");
  for (int i = 0; i < 3; ++i) {
    auto x = look_up("name.test");
    CAF_CHECK(x.addresses.empty());
    CAF_CHECK(!x.error.empty());
  }
}

// -- the end ------------------------------------------------------------------

CAF_TEST(a resolver that is evicted answers what is pending at once) {
  name_server server{{}};
  server.fall_silent();
  start_resolver(server.address());
  auto id = ask("pending.test", 60s);
  CAF_REQUIRE(eventually([&] { return server.queries() > 0; }));
  auto since = api::clock::now();
  host->evict();
  CAF_CHECK(api::clock::now() - since < 1s);
  auto x = next();
  CAF_CHECK_EQUAL(x.id, id);
  CAF_CHECK(x.addresses.empty());
  CAF_CHECK(!x.error.empty());
}

CAF_TEST(queries leave no descriptor behind) {
  name_server::zone names{{"known.test", {"192.0.2.1"}}};
  std::optional<name_server> server{names};
  start_resolver(server->address());
  for (int i = 0; i < 100; ++i)
    CAF_CHECK_EQUAL(look_up("known.test").error, "");
  server.reset();
  CAF_CHECK(eventually([&] { return open_descriptors() == baseline; }));
}

CAF_TEST(resolvers that end in the middle leave no descriptor behind) {
  std::optional<name_server> server{name_server::zone{}};
  server->fall_silent();
  for (int i = 0; i < 50; ++i) {
    start_resolver(server->address());
    for (auto name : {"a.test", "b.test", "c.test"})
      ask(name, 60s);
    CAF_REQUIRE(eventually([&] { return server->queries() > 0; }));
    host->evict();
    for (int j = 0; j < 3; ++j)
      CAF_CHECK(!next().error.empty());
  }
  server.reset();
  CAF_CHECK_EQUAL(open_descriptors(), baseline);
}

CAF_TEST_FIXTURE_SCOPE_END()
