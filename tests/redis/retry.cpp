#define CAF_SUITE retry

#include <redoubt/tests/support/service.hpp>
#include <redoubt/tests/support/wait.hpp>

#include <redoubt/tests/support/check.hpp>

using namespace redoubt;
using namespace redoubt::test;
using namespace std::chrono_literals;

namespace {

struct fixture {
  fixture() : rt(options_for(server)), client(rt.client()) {
    CAF_REQUIRE(!rt.wait_ready(5s));
  }

  static request_options with(const retry_policy& policy) {
    request_options o;
    o.deadline = 20s;
    o.retry = policy;
    return o;
  }

  lab::private_redis server;
  runtime rt;
  request_actor client;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(retry_tests, fixture)

CAF_TEST(a counter waits until there is memory and counts once) {
  caller me{rt};
  CAF_CHECK(me.ask(client, command{"SET", "other", "x"}).ok());
  server.command({"CONFIG", "SET", "maxmemory", "1"});
  auto refused = me.ask(client, command{"INCR", "n"});
  CAF_CHECK_EQUAL(error_code(refused.value.text()), "OOM");
  auto waiting = me.self()->request(
    client, caf::infinite, command{"INCR", "n"},
    with({fixed(20ms), stop_never(), on_error("OOM")}));
  // It was turned away at least twice by then.
  CAF_CHECK(eventually([&] { return me.status(rt).requests.retries >= 2; }));
  server.command({"CONFIG", "SET", "maxmemory", "0"});
  waiting.receive([](reply& x) { CAF_CHECK_EQUAL(x.number(), 1); },
                  [](caf::error& e) { CAF_FAIL(describe(e)); });
  CAF_CHECK_EQUAL(server.command({"GET", "n"}), "1");
}

CAF_TEST(a transaction waits until there is memory and runs once) {
  caller me{rt};
  server.command({"CONFIG", "SET", "maxmemory", "1"});
  auto waiting = me.self()->request(
    client, caf::infinite,
    transaction{{command{"INCR", "n"}, command{"INCR", "n"}}},
    with({fixed(20ms), stop_never(), on_error("OOM")}));
  CAF_CHECK(eventually([&] { return me.status(rt).requests.retries >= 2; }));
  server.command({"CONFIG", "SET", "maxmemory", "0"});
  waiting.receive([](replies& x) { CAF_CHECK_EQUAL(x.outcomes.size(), 2u); },
                  [](caf::error& e) { CAF_FAIL(describe(e)); });
  CAF_CHECK_EQUAL(server.command({"GET", "n"}), "2");
}

CAF_TEST(a read waits for what its own caller writes later) {
  caller me{rt};
  auto waiting = me.self()->request(
    client, caf::infinite, command{"GET", "k"},
    with({fixed(20ms), stop_never(), on_nil()}));
  CAF_CHECK(eventually([&] { return me.status(rt).requests.retries >= 1; }));
  CAF_CHECK(me.ask(client, command{"SET", "k", "v"}).ok());
  waiting.receive([](reply& x) { CAF_CHECK_EQUAL(x.text(), "v"); },
                  [](caf::error& e) { CAF_FAIL(describe(e)); });
}

CAF_TEST(new defaults of a client handle survive its request actor) {
  caller me{rt};
  client_options changed;
  changed.retry = retry_policy{no_wait(), stop_after(7), on_nil()};
  me.self()
    ->request(client, caf::infinite, reconfigure_client{changed})
    .receive([] {}, [](caf::error& e) { CAF_FAIL(describe(e)); });
  auto old = rt.current(client);
  caf::anon_send_exit(old, caf::exit_reason::kill);
  CAF_REQUIRE(eventually([&] { return rt.current(client) != old; }));
  client = rt.current(client);
  CAF_REQUIRE(!rt.wait_ready(5s));
  auto before = me.status(rt).requests.retries;
  CAF_CHECK(me.ask(client, command{"GET", "k"}).value.is_nil());
  CAF_CHECK(
    eventually([&] { return me.status(rt).requests.retries >= before + 6; }));
}

CAF_TEST_FIXTURE_SCOPE_END()
