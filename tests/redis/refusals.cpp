#define CAF_SUITE refusals

// What real servers turn away, and how it passes. The errors one by one are in
// redis.refusal_codes.

#include <redoubt/tests/redis/faulty.hpp>

#include <redoubt/tests/support/name_server.hpp>
#include <redoubt/tests/support/raw_client.hpp>

#include <optional>
#include <string>
#include <vector>

using namespace redoubt;
using namespace redoubt::test;
using namespace std::chrono_literals;

namespace {

using words = std::vector<std::string>;

/// Makes the service's connections start anew.
void cut_all(lab::private_redis& server) {
  server.command({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
}

/// Whether the server turned a request away so that it is sent again.
bool retries(caller& me, runtime& rt) {
  return eventually([&] { return me.status(rt).requests.retries > 0; }, 10s);
}

} // namespace

// -- passing ----------------------------------------------------------------------

CAF_TEST(a counter that a busy script keeps out runs once when the script ended) {
  lab::redis_options settings;
  settings.arguments = {"--busy-reply-threshold", "50"};
  lab::private_redis server{settings};
  runtime rt{options_for(server)};
  auto client = rt.client();
  CAF_REQUIRE(!rt.wait_ready(5s));
  caller me{rt};
  raw_client other{server.port()};
  CAF_REQUIRE(other.send("*3\r\n$4\r\nEVAL\r\n$17\r\nwhile true do end\r\n"
                         "$1\r\n0\r\n"));
  CAF_REQUIRE(
    eventually([&] { return server.command({"PING"}).starts_with("BUSY "); }));
  auto pending = me.self()->request(client, caf::infinite, command{"INCR", "n"},
                                    patient());
  caller operator_{rt};
  CAF_CHECK(retries(operator_, rt));
  CAF_CHECK_EQUAL(server.command({"SCRIPT", "KILL"}), "OK");
  pending.receive([](reply& x) { CAF_CHECK_EQUAL(x.number(), 1); },
                  [](caf::error& e) { CAF_ERROR(describe(e)); });
  CAF_CHECK_EQUAL(server.command({"GET", "n"}), "1");
  CAF_CHECK_EQUAL(operator_.status(rt).connections_lost, 0u);
}

CAF_TEST(a counter that meets a loading server runs once when it has loaded) {
  lab::redis_options settings;
  settings.arguments = {"--enable-debug-command", "yes"};
  lab::private_redis server{settings};
  server.command({"DEBUG", "POPULATE", "20000"});
  server.command(
    {"CONFIG", "SET", "loading-process-events-interval-bytes", "1024"});
  server.command({"CONFIG", "SET", "key-load-delay", "50"});
  runtime rt{options_for(server)};
  auto client = rt.client();
  CAF_REQUIRE(!rt.wait_ready(5s));
  caller me{rt};
  raw_client other{server.port()};
  CAF_REQUIRE(other.send("*2\r\n$5\r\nDEBUG\r\n$6\r\nRELOAD\r\n"));
  CAF_REQUIRE(eventually([&] {
    return server.command({"GET", "k"}).starts_with("LOADING ");
  }));
  auto pending = me.self()->request(client, caf::infinite, command{"INCR", "n"},
                                    patient());
  caller operator_{rt};
  CAF_CHECK(retries(operator_, rt));
  pending.receive([](reply& x) { CAF_CHECK_EQUAL(x.number(), 1); },
                  [](caf::error& e) { CAF_ERROR(describe(e)); });
  CAF_CHECK_EQUAL(server.command({"GET", "n"}), "1");
}

CAF_TEST(a server that becomes a replica is left and its name resolved anew) {
  lab::private_redis server;
  name_server names{{{"db.test", {"127.0.0.1"}}}};
  auto o = options_for(server);
  o.server.host = "db.test";
  o.pool.dns_servers = names.address();
  runtime rt{o};
  auto client = rt.client();
  CAF_REQUIRE(!rt.wait_ready(5s));
  caller me{rt};
  CAF_REQUIRE(me.ask(client, command{"INCR", "n"}).ok());
  auto before = me.status(rt);
  auto asked = names.queries();
  server.command({"REPLICAOF", "127.0.0.1", "1"});
  auto refused = me.ask(client, command{"INCR", "n"});
  CAF_REQUIRE(refused.why.has_value());
  CAF_CHECK(refused.why->code == errc::read_only_replica);
  CAF_CHECK(refused.why->outcome == fate::refused);
  CAF_CHECK_EQUAL(refused.why->attempts, 3u);
  // Each attempt met a connection of its own.
  auto after = me.status(rt);
  CAF_CHECK(after.connections_lost >= before.connections_lost + 2);
  CAF_CHECK(after.dials > before.dials);
  CAF_CHECK(names.queries() > asked);
  CAF_CHECK(after.breaker.state == breaker_state::closed);
  CAF_CHECK_EQUAL(after.breaker.failures_in_window, 0u);
  // Reads do not mind.
  CAF_CHECK_EQUAL(me.ask(client, command{"GET", "n"}).value.text(), "1");
  auto pending = me.self()->request(client, caf::infinite, command{"INCR", "n"},
                                    patient());
  server.command({"REPLICAOF", "NO", "ONE"});
  pending.receive([](reply& x) { CAF_CHECK_EQUAL(x.number(), 2); },
                  [](caf::error& e) { CAF_ERROR(describe(e)); });
}

CAF_TEST(writes follow the name of the master when it moves to another server) {
  lab::private_redis first;
  // On the same port of another address, as the name would have it.
  lab::redis_options settings;
  settings.arguments = {"--bind", "127.0.0.2", "--port",
                        std::to_string(first.port())};
  lab::private_redis second{settings};
  name_server names{{{"db.test", {"127.0.0.1"}}}};
  auto o = options_for(first);
  o.server.host = "db.test";
  o.pool.dns_servers = names.address();
  // So many refused writes would else slow the dials down.
  o.pool.max_restarts = 1000;
  runtime rt{o};
  auto client = rt.client();
  CAF_REQUIRE(!rt.wait_ready(5s));
  caller me{rt};
  CAF_CHECK_EQUAL(me.ask(client, command{"INCR", "n"}).value.number(), 1);
  auto replicates = [](lab::private_redis& who, const std::string& address,
                       uint16_t port) {
    CAF_CHECK_EQUAL(who.command({"REPLICAOF", address, std::to_string(port)}),
                    "OK");
  };
  replicates(second, "127.0.0.1", first.port());
  CAF_REQUIRE(eventually(
    [&] {
      return second.command({"GET", "n"}) == "1";
    },
    20s));
  // The roles change, and the name leads to the old master for a while.
  CAF_CHECK_EQUAL(second.command({"REPLICAOF", "NO", "ONE"}), "OK");
  replicates(first, "127.0.0.2", first.port());
  auto before = me.status(rt);
  auto asked = names.queries();
  auto pending = me.self()->request(client, caf::infinite, command{"INCR", "n"},
                                    patient());
  caller operator_{rt};
  CAF_CHECK(retries(operator_, rt));
  CAF_CHECK_EQUAL(second.command({"GET", "n"}), "1");
  names.change("db.test", {"127.0.0.2"});
  pending.receive([](reply& x) { CAF_CHECK_EQUAL(x.number(), 2); },
                  [](caf::error& e) { CAF_ERROR(describe(e)); });
  CAF_CHECK_EQUAL(second.command({"GET", "n"}), "2");
  CAF_CHECK_EQUAL(me.ask(client, command{"INCR", "n"}).value.number(), 3);
  // The name was asked for at each dial, and nobody is left at the old master.
  auto after = me.status(rt);
  CAF_CHECK(after.dials > before.dials);
  CAF_CHECK(names.queries() - asked >= after.dials - before.dials);
  CAF_CHECK(after.breaker.state == breaker_state::closed);
  auto serves = [](lab::private_redis& who) {
    return who.command({"CLIENT", "LIST"}).find("name=redoubt#")
           != std::string::npos;
  };
  CAF_CHECK(eventually([&] { return serves(second) && !serves(first); }));
}

// -- credentials and room -----------------------------------------------------------

CAF_TEST(credentials that go bad fail callers fast until they are good again) {
  struct row {
    std::string user;
    std::string password;
    words spoil;
    words mend;
  };
  const words requirepass{"CONFIG", "SET", "requirepass"};
  auto set = [&](const std::string& value) {
    auto x = requirepass;
    x.push_back(value);
    return x;
  };
  const std::vector<row> rows{
    // WRONGPASS, then NOAUTH, then an ACL user's.
    {"", "old", set("new"), set("old")},
    {"", "", set("new"), set("")},
    {"app",
     "pw",
     {"ACL", "SETUSER", "app", "resetpass", ">other"},
     {"ACL", "SETUSER", "app", "resetpass", ">pw"}},
    {"app",
     "pw",
     {"ACL", "SETUSER", "app", "off"},
     {"ACL", "SETUSER", "app", "on"}},
  };
  for (auto& row : rows) {
    CAF_MESSAGE("user '" << row.user << "', " << row.spoil.back());
    lab::redis_options settings;
    if (row.user.empty())
      settings.password = row.password;
    lab::private_redis server{settings};
    server.command({"ACL", "SETUSER", "app", "on", ">pw", "~*", "+@all"});
    auto o = options_for(server);
    o.server.user = row.user;
    o.server.password = secret{row.password};
    runtime rt{o};
    auto client = rt.client();
    CAF_REQUIRE(!rt.wait_ready(5s));
    caller me{rt};
    CAF_CHECK_EQUAL(server.command(row.spoil), "OK");
    // Who is in stays in.
    CAF_CHECK(me.ask(client, command{"INCR", "n"}).ok());
    cut_all(server);
    auto is_turned_away = [&] {
      auto x = me.ask(client, command{"GET", "k"});
      return x.why.has_value() && x.why->code == errc::auth_failed;
    };
    CAF_CHECK(eventually(is_turned_away));
    // At once, although it would wait for long.
    auto counter = me.ask(client, command{"INCR", "n"}, patient());
    CAF_REQUIRE(counter.why.has_value());
    CAF_CHECK(counter.why->code == errc::auth_failed);
    CAF_CHECK(is_not_sent(to_error(*counter.why)));
    CAF_CHECK_EQUAL(counter.why->attempts, 0u);
    CAF_CHECK(!counter.why->last_message.empty());
    CAF_CHECK(me.status(rt).breaker.state == breaker_state::closed);
    CAF_CHECK_EQUAL(server.command(row.mend), "OK");
    CAF_CHECK(eventually(
      [&] {
        return me.ask(client, command{"GET", "k"}).ok();
      },
      10s));
    CAF_CHECK_EQUAL(me.ask(client, command{"INCR", "n"}).value.number(), 2);
  }
}

CAF_TEST(a request waits for a server that has no room and never sees its greeting) {
  lab::redis_options settings;
  settings.arguments = {"--maxclients", "2"};
  lab::private_redis server{settings};
  server.command({"PING"});
  std::optional<raw_client> guest{server.port()};
  CAF_REQUIRE(guest->send("*1\r\n$4\r\nPING\r\n"));
  CAF_REQUIRE_EQUAL(guest->read(), "+PONG\r\n");
  auto o = options_for(server);
  o.pool.connections = 1;
  runtime rt{o};
  auto client = rt.client();
  caller me{rt};
  request_options brief;
  brief.deadline = 300ms;
  brief.on_open = on_open_policy::wait;
  auto first = me.ask(client, command{"INCR", "n"}, brief);
  CAF_REQUIRE(first.why.has_value());
  CAF_CHECK(first.why->code == errc::deadline_exceeded);
  CAF_CHECK(first.why->outcome == fate::not_sent);
  CAF_CHECK(first.why->last_message.find("max number of clients")
            != std::string::npos);
  auto x = me.status(rt);
  CAF_CHECK(x.last_error == errc::too_many_clients);
  CAF_CHECK(x.breaker.failures_in_window > 0);
  auto pending = me.self()->request(client, caf::infinite, command{"INCR", "n"},
                                    patient());
  guest.reset();
  pending.receive([](reply& got) { CAF_CHECK_EQUAL(got.number(), 1); },
                  [](caf::error& e) { CAF_ERROR(describe(e)); });
}
