#define CAF_SUITE leases

#include <redoubt/tests/support/service.hpp>
#include <redoubt/tests/support/wait.hpp>

#include <caf/all.hpp>
#include <redoubt/tests/support/check.hpp>

#include <algorithm>
#include <optional>

using namespace redoubt;
using namespace redoubt::test;
using namespace std::chrono_literals;

namespace {

runtime_options small(const lab::private_redis& server) {
  auto x = options_for(server);
  x.pool.connections = 1;
  x.pool.leased = 2;
  return x;
}

struct fixture {
  lab::private_redis server;
  runtime rt{small(server)};
  request_actor client = rt.client();
  caller me{rt};

  fixture() { CAF_REQUIRE(!rt.wait_ready(5s)); }

  leased_connection lease(caller& who) {
    return who.query<leased>(rt.supervisor(), lease_connection{5s}).connection;
  }

  leased_connection lease() { return lease(me); }

  /// Why no lease is to be had within `time`.
  failure lease_failure(std::chrono::milliseconds time) {
    failure why;
    me.self()
      ->request(rt.supervisor(), caf::infinite, lease_connection{time})
      .receive([](leased&) { CAF_ERROR("there was one to be had"); },
               [&](caf::error& e) { why = caller::translate(e); });
    return why;
  }

  bool all_returned() {
    return eventually([&] { return me.status(rt).leased == 0; });
  }

  bool somebody_blocks() {
    return eventually([&] {
      auto all = server.command({"CLIENT", "LIST"});
      return all.find("cmd=blpop") != all.npos;
    });
  }

  int64_t connected_clients() {
    auto all = server.command({"CLIENT", "LIST"});
    return std::count(all.begin(), all.end(), '\n');
  }
};

request_options within(std::chrono::milliseconds deadline) {
  request_options x;
  x.deadline = deadline;
  return x;
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(leases_tests, fixture)

CAF_TEST(a pop blocks until there is something to pop) {
  auto own = lease();
  caf::scoped_actor other{rt.system()};
  auto popped = other->request(own, caf::infinite, command{"BLPOP", "q", 5});
  CAF_REQUIRE(somebody_blocks());
  // The connections that all share go on meanwhile.
  CAF_REQUIRE(me.ask(client, command{"RPUSH", "q", "v"}).ok());
  popped.receive(
    [](reply& x) { CAF_CHECK_EQUAL(to_string(x), "1) \"q\"\n2) \"v\""); },
    [](caf::error& e) { CAF_ERROR(describe(e)); });
}

CAF_TEST(a pop that blocks for longer than a request may take is waited for) {
  runtime_options hasty = small(server);
  hasty.client.timeouts.request = 500ms;
  hasty.client.timeouts.attempt = 100ms;
  runtime other{hasty};
  CAF_REQUIRE(!other.wait_ready(5s));
  caller asker{other};
  auto own = asker.query<leased>(other.supervisor(), lease_connection{5s})
               .connection;
  auto x = asker.ask(own, command{"BLPOP", "q", "0.8"});
  CAF_REQUIRE_EQUAL(x.ok() ? "" : to_string(*x.why), "");
  CAF_CHECK(x.value.is_nil());
  CAF_CHECK(asker.ask(own, command{"PING"}).ok());
}

CAF_TEST(a transaction over watched keys is run unless one changed) {
  auto own = lease();
  auto attempt = [&](bool meddle) {
    CAF_REQUIRE(me.ask(own, command{"WATCH", "k"}).ok());
    if (meddle)
      server.command({"SET", "k", "theirs"});
    transaction x;
    x.commands.push_back(command{"SET", "k", "mine"});
    return me.ask_many(own, x).second;
  };
  auto why = attempt(true);
  CAF_REQUIRE(why.has_value());
  CAF_CHECK(why->code == errc::transaction_aborted);
  CAF_CHECK(why->outcome == fate::answered);
  CAF_CHECK_EQUAL(server.command({"GET", "k"}), "theirs");
  CAF_CHECK(!attempt(false));
  CAF_CHECK_EQUAL(server.command({"GET", "k"}), "mine");
}

CAF_TEST(a database that was selected is that of nobody else) {
  auto own = lease();
  CAF_REQUIRE(me.ask(own, command{"SELECT", 1}).ok());
  CAF_REQUIRE(me.ask(own, command{"SET", "k", "one"}).ok());
  auto shared = me.ask(client, command{"GET", "k"});
  CAF_CHECK(shared.ok() && shared.value.is_nil());
  auto later = me.ask(lease(), command{"GET", "k"});
  CAF_CHECK(later.ok() && later.value.is_nil());
}

CAF_TEST(what is not for a leased connection either is refused) {
  auto own = lease();
  for (auto& x : {command{"SUBSCRIBE", "c"}, command{"MULTI"},
                  command{"CLIENT", "REPLY", "OFF"}, command{"HELLO", 3}}) {
    auto got = me.ask(own, x);
    CAF_REQUIRE(!got.ok());
    CAF_CHECK(got.why->code == errc::invalid_command);
    CAF_CHECK(got.why->outcome == fate::not_sent);
  }
  CAF_CHECK(me.ask(own, command{"PING"}).ok());
}

CAF_TEST(a connection that is given back is closed and its place is free) {
  auto before = connected_clients();
  auto first = lease();
  auto second = lease();
  CAF_CHECK_EQUAL(connected_clients(), before + 2);
  auto why = lease_failure(50ms);
  CAF_CHECK(why.code == errc::overloaded);
  CAF_CHECK(why.outcome == fate::not_sent);
  me.self()->send(first, release_connection{});
  auto third = lease();
  CAF_CHECK(me.ask(third, command{"PING"}).ok());
  auto late = me.ask(first, command{"PING"});
  CAF_REQUIRE(!late.ok());
  CAF_CHECK(late.why->outcome == fate::not_sent);
  me.self()->send(second, release_connection{});
  me.self()->send(third, release_connection{});
  CAF_CHECK(all_returned());
  CAF_CHECK(eventually([&] { return connected_clients() == before; }));
}

CAF_TEST(a holder that dies gives its connection back) {
  auto before = connected_clients();
  {
    caller other{rt};
    auto own = lease(other);
    CAF_CHECK(me.ask(own, command{"PING"}).ok());
    CAF_CHECK_EQUAL(me.status(rt).leased, 1u);
  }
  CAF_CHECK(all_returned());
  CAF_CHECK(eventually([&] { return connected_clients() == before; }));
}

CAF_TEST(a pop whose deadline passes is unknown and ends the lease) {
  auto own = lease();
  auto x = me.ask(own, command{"BLPOP", "q", 0}, within(100ms));
  CAF_REQUIRE(!x.ok());
  CAF_CHECK(x.why->code == errc::deadline_exceeded);
  CAF_CHECK(x.why->outcome == fate::unknown);
  CAF_CHECK(all_returned());
  // The server has let go of it too: nothing is popped for nobody.
  CAF_REQUIRE(eventually([&] {
    auto all = server.command({"CLIENT", "LIST"});
    return all.find("cmd=blpop") == all.npos;
  }));
  server.command({"RPUSH", "q", "v"});
  CAF_CHECK_EQUAL(server.command({"LLEN", "q"}), "1");
}

CAF_TEST(a lost connection ends the lease and is not made again) {
  auto own = lease();
  auto id = me.ask(own, command{"CLIENT", "ID"}).value.number();
  server.command({"CLIENT", "KILL", "ID", std::to_string(id)});
  CAF_CHECK(all_returned());
  auto x = me.ask(own, command{"INCR", "n"});
  CAF_REQUIRE(!x.ok());
  CAF_CHECK(x.why->code == errc::disconnected);
  CAF_CHECK(x.why->outcome == fate::not_sent);
  CAF_CHECK(me.ask(client, command{"PING"}).ok());
}

CAF_TEST(while the server is down a lease waits for it) {
  server.kill();
  CAF_REQUIRE(eventually([&] {
    auto x = me.status(rt);
    return std::none_of(x.connections.begin(), x.connections.end(),
                        [](auto& y) {
                          return y.state == connection_state::ready;
                        });
  }));
  auto why = lease_failure(100ms);
  CAF_CHECK(why.code == errc::connect_failed || why.code == errc::disconnected);
  CAF_CHECK(why.outcome == fate::not_sent);
  caf::scoped_actor other{rt.system()};
  auto waiting = other->request(rt.supervisor(), caf::infinite,
                                lease_connection{10s});
  CAF_REQUIRE(eventually([&] { return me.status(rt).lease_waiters == 1; }));
  server.start();
  waiting.receive(
    [&](leased& x) { CAF_CHECK(me.ask(x.connection, command{"PING"}).ok()); },
    [](caf::error& e) { CAF_ERROR(describe(e)); });
}

CAF_TEST(a lease outlives the supervisor) {
  auto own = lease();
  auto id = me.ask(own, command{"CLIENT", "ID"}).value.number();
  auto old = rt.supervisor();
  caf::anon_send_exit(old, caf::exit_reason::kill);
  CAF_REQUIRE(eventually([&] { return rt.supervisor() != old; }));
  CAF_CHECK_EQUAL(me.status(rt).leased, 1u);
  CAF_CHECK_EQUAL(me.ask(own, command{"CLIENT", "ID"}).value.number(), id);
  me.self()->send(own, release_connection{});
  CAF_CHECK(all_returned());
}

CAF_TEST(a drain waits for what is under way over a lease) {
  auto own = lease();
  caf::scoped_actor other{rt.system()};
  auto popped = other->request(own, caf::infinite, command{"BLPOP", "q", 5});
  CAF_REQUIRE(somebody_blocks());
  caf::scoped_actor third{rt.system()};
  auto done = third->request(rt.supervisor(), caf::infinite, drain{5s});
  CAF_REQUIRE(eventually([&] { return me.status(rt).draining; }));
  server.command({"RPUSH", "q", "v"});
  popped.receive(
    [](reply& x) { CAF_CHECK_EQUAL(to_string(x), "1) \"q\"\n2) \"v\""); },
    [](caf::error& e) { CAF_ERROR(describe(e)); });
  done.receive([](drained&) {}, [](caf::error& e) { CAF_ERROR(describe(e)); });
}

CAF_TEST(a shutdown gives up what a lease has under way at its limit) {
  auto own = lease();
  auto idle = lease();
  caf::scoped_actor other{rt.system()};
  auto popped = other->request(own, caf::infinite, command{"BLPOP", "q", 5});
  CAF_REQUIRE(somebody_blocks());
  rt.shutdown(100ms);
  popped.receive([](reply&) { CAF_ERROR("nothing was there to be popped"); },
                 [](caf::error& e) {
                   auto why = caller::translate(e);
                   CAF_CHECK(why.code == errc::shutting_down);
                   CAF_CHECK(why.outcome == fate::unknown);
                 });
  CAF_CHECK(!me.ask(idle, command{"PING"}).ok());
}

CAF_TEST_FIXTURE_SCOPE_END()
