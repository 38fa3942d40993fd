#define CAF_SUITE fence

#include <redoubt/app/lab/fault_gate.hpp>
#include <redoubt/tests/support/raw_client.hpp>
#include <redoubt/tests/support/service.hpp>
#include <redoubt/tests/support/wait.hpp>

#include <redoubt/tests/support/check.hpp>

#include <memory>
#include <optional>
#include <set>

using namespace redoubt;
using namespace redoubt::test;
using namespace std::chrono_literals;

namespace {

/// A service whose network keeps back what it sent, until the test lets go.
class fixture {
public:
  fixture() {
    options = options_for(gate.port());
    options.pool.connections = 1;
    options.client.timeouts.attempt = 100ms;
    options.client.timeouts.request = 5s;
    options.client.retry = retry_policy{
      options.client.retry.wait(), stop_after(10) | stop_before_deadline()};
  }

  void start() {
    rt.emplace(options);
    client = rt->client();
    CAF_REQUIRE(!rt->wait_ready(5s));
    me.emplace(*rt);
  }

  /// Makes the service a user that may do all but one thing.
  void deny(const char* what) {
    server.command({"ACL", "SETUSER", "app", "on", ">pw", "~*", "+@all", what});
    options.server.user = "app";
    options.server.password = secret{"pw"};
  }

  /// A SET whose first copy is on its way when its connection is given up.
  result set_held_back(const char* value) {
    gate.hold_living(lab::direction::requests);
    return me->ask(client, command{"SET", "k", value});
  }

  /// Lets the network deliver what it kept, and waits until it did.
  void deliver() {
    auto living = me->status(*rt).connections.size();
    gate.pass();
    CAF_CHECK(eventually([&] { return gate.living() <= living; }));
  }

  lab::private_redis server;
  lab::fault_gate gate{lab::address::tcp(server.port())};
  runtime_options options;
  std::optional<runtime> rt;
  request_actor client;
  std::optional<caller> me;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(fence_redis_tests, fixture)

CAF_TEST(a copy that arrives late does not undo a newer write) {
  start();
  auto first = set_held_back("1");
  CAF_REQUIRE(first.ok());
  CAF_CHECK(first.value.repeated);
  CAF_CHECK(me->ask(client, command{"SET", "k", "2"}).ok());
  deliver();
  CAF_CHECK_EQUAL(server.command({"GET", "k"}), "2");
}

CAF_TEST(a write is not repeated where the old connection cannot be killed) {
  deny("-client|kill");
  start();
  auto first = set_held_back("1");
  CAF_REQUIRE(first.why.has_value());
  CAF_CHECK(first.why->outcome == fate::unknown);
  CAF_CHECK(me->ask(client, command{"SET", "k", "2"}).ok());
  CAF_CHECK_EQUAL(server.command({"GET", "k"}), "2");
  // That is why: the late copy runs.
  deliver();
  CAF_CHECK(eventually([&] { return server.command({"GET", "k"}) == "1"; }));
}

CAF_TEST(a write is not repeated where the connection got no name) {
  deny("-client");
  start();
  auto first = set_held_back("1");
  CAF_REQUIRE(first.why.has_value());
  CAF_CHECK(first.why->outcome == fate::unknown);
}

CAF_TEST(four rights to CLIENT are all that a fence needs) {
  server.command({"ACL", "SETUSER", "app", "on", ">pw", "~*", "+get", "+set",
                  "+ping", "+client|setname", "+client|id", "+client|list",
                  "+client|kill"});
  options.server.user = "app";
  options.server.password = secret{"pw"};
  start();
  auto first = set_held_back("1");
  CAF_REQUIRE(first.ok());
  CAF_CHECK(first.value.repeated);
  deliver();
}

CAF_TEST(a stranger who got our id after a restart is left alone) {
  start();
  auto id = me->status(*rt).connections.at(0).client_id;
  CAF_REQUIRE(id > 0);
  gate.hold_living(lab::direction::requests);
  auto pending = me->self()->request(client, caf::infinite,
                                     command{"SET", "k", "1"});
  CAF_REQUIRE(eventually([&] { return gate.hits(lab::verb::hold) > 0; }));
  gate.refuse();
  server.kill();
  server.start();
  std::vector<std::unique_ptr<raw_client>> strangers;
  std::string theirs;
  while (theirs != ":" + std::to_string(id) + "\r\n") {
    strangers.push_back(std::make_unique<raw_client>(server.port()));
    CAF_REQUIRE(strangers.back()->send("*2\r\n$6\r\nCLIENT\r\n$2\r\nID\r\n"));
    theirs = strangers.back()->read();
    CAF_REQUIRE(strangers.size() < 1000);
  }
  gate.pass();
  auto ok = false;
  pending.receive([&](reply&) { ok = true; }, [](caf::error&) {});
  CAF_CHECK(ok);
  CAF_CHECK(strangers.back()->send("*1\r\n$4\r\nPING\r\n"));
  CAF_CHECK_EQUAL(strangers.back()->read(), "+PONG\r\n");
}

CAF_TEST(every connection has a name of its own that begins with ours) {
  options.pool.connections = 3;
  options.pool.client_name = "shop";
  start();
  CAF_REQUIRE(eventually([&] {
    auto list = server.command({"CLIENT", "LIST"});
    size_t n = 0;
    for (size_t at = 0; (at = list.find(" name=shop#", at)) != list.npos; ++at)
      ++n;
    return n == 3;
  }));
  auto list = server.command({"CLIENT", "LIST"});
  std::set<std::string> names;
  for (size_t at = 0; (at = list.find(" name=shop#", at)) != list.npos; ++at)
    names.insert(list.substr(at, list.find(' ', at + 1) - at));
  CAF_CHECK_EQUAL(names.size(), 3u);
}

CAF_TEST_FIXTURE_SCOPE_END()
