#define CAF_SUITE requests

#include <redoubt/messages/script.hpp>

#include <redoubt/tests/support/service.hpp>
#include <redoubt/tests/support/wait.hpp>

#include <redoubt/tests/support/check.hpp>

using namespace redoubt;
using namespace redoubt::test;
using namespace std::chrono_literals;

namespace {

struct fixture {
  lab::private_redis server;
  runtime rt{options_for(server)};
  request_actor client = rt.client();
  caller me{rt};
};

std::string all_bytes() {
  std::string x;
  for (int i = 0; i < 256; ++i)
    x += static_cast<char>(i);
  return x;
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(requests_tests, fixture)

CAF_TEST(a first request gets its value) {
  server.command({"SET", "greeting", "hello"});
  auto x = me.ask(client, command{"GET", "greeting"});
  CAF_REQUIRE(x.ok());
  CAF_CHECK_EQUAL(x.value.text(), "hello");
}

CAF_TEST(every byte makes the round trip) {
  for (auto& value : {std::string{}, all_bytes(), std::string("\r\n$3\r\n"),
                      std::string(3u << 20, 'x')}) {
    CAF_REQUIRE(me.ask(client, command{"SET", all_bytes(), value}).ok());
    auto x = me.ask(client, command{"GET", all_bytes()});
    CAF_REQUIRE(x.ok());
    CAF_CHECK(x.value.text() == value);
  }
}

CAF_TEST(all kinds of replies arrive) {
  auto kind = [&](command x) { return me.ask(client, x).value.kind(); };
  CAF_CHECK(kind({"SET", "k", "v"}) == reply_kind::status);
  CAF_CHECK(kind({"GET", "missing"}) == reply_kind::nil);
  CAF_CHECK(kind({"INCR", "n"}) == reply_kind::integer);
  CAF_CHECK(kind({"INCR", "k"}) == reply_kind::error);
  CAF_CHECK(kind({"MGET", "k", "missing"}) == reply_kind::array);
  auto nested = me.ask(client,
                       command{"EVAL", "return {1,{2,{3,'x'}},false}", 0});
  CAF_CHECK_EQUAL(to_string(nested.value),
                  "1) (integer) 1\n2) 1) (integer) 2\n   2) 1) (integer) 3\n"
                  "      2) \"x\"\n3) (nil)");
}

CAF_TEST(a reply that is too deep costs no other request) {
  command deep{"EVAL", "return {{{{{{{{{1}}}}}}}}}", 0};
  pipeline x;
  for (int i = 0; i < 100; ++i) {
    x.commands.push_back(deep);
    x.commands.push_back(command{"INCR", "n"});
  }
  auto [all, why] = me.ask_many(client, x);
  CAF_REQUIRE(!why);
  CAF_REQUIRE_EQUAL(all.size(), 200u);
  for (size_t i = 0; i < 100; ++i) {
    CAF_REQUIRE(std::holds_alternative<failure>(all[2 * i]));
    CAF_REQUIRE(std::holds_alternative<reply>(all[2 * i + 1]));
    auto& error = std::get<failure>(all[2 * i]);
    CAF_CHECK(error.code == errc::reply_too_deep);
    CAF_CHECK(error.outcome == fate::answered);
    CAF_CHECK_EQUAL(error.attempts, 1u);
    CAF_CHECK_EQUAL(std::get<reply>(all[2 * i + 1]).number(),
                    static_cast<int64_t>(i + 1));
  }
  // EXEC's array is one more around it.
  auto just_too_deep = command{"EVAL", "return {{{{{{{1}}}}}}}", 0};
  CAF_CHECK(me.ask(client, just_too_deep).ok());
  auto [none, because] = me.ask_many(
    client, transaction{{command{"INCR", "n"}, just_too_deep}});
  CAF_REQUIRE(because.has_value());
  CAF_CHECK(because->code == errc::reply_too_deep);
  CAF_CHECK(because->outcome == fate::answered);
  CAF_CHECK_EQUAL(me.ask(client, command{"GET", "n"}).value.text(), "101");
  CAF_CHECK_EQUAL(me.status(rt).connections_lost, 0u);
}

CAF_TEST(a pipeline keeps its order and each command its own outcome) {
  pipeline x;
  for (int i = 0; i < 1000; ++i)
    x.commands.push_back(command{"INCR", "n"});
  x.commands.push_back(command{"LPUSH", "n", "x"});
  auto [all, why] = me.ask_many(client, x);
  CAF_REQUIRE(!why);
  CAF_REQUIRE_EQUAL(all.size(), 1001u);
  for (int i = 0; i < 1000; ++i)
    CAF_CHECK_EQUAL(std::get<reply>(all[static_cast<size_t>(i)]).number(),
                    i + 1);
  CAF_CHECK(std::get<reply>(all.back()).is_error());
}

CAF_TEST(a transaction runs as one unit among other traffic) {
  // Each transaction reads what it wrote; anything in between would show.
  auto noise = rt.client();
  for (int round = 0; round < 50; ++round) {
    std::vector<caf::scoped_actor> others;
    pipeline busy;
    for (int i = 0; i < 100; ++i)
      busy.commands.push_back(command{"SET", "k", "noise"});
    caf::scoped_actor other{rt.system()};
    auto pending = other->request(noise, caf::infinite, busy);
    auto [all, why] = me.ask_many(
      client, transaction{{command{"SET", "k", round}, command{"GET", "k"}}});
    CAF_REQUIRE(!why);
    CAF_CHECK_EQUAL(std::get<reply>(all[1]).text(), std::to_string(round));
    pending.receive([](replies&) {}, [](caf::error&) {});
  }
}

CAF_TEST(a transaction with a bad command is not run) {
  auto [all, why] = me.ask_many(
    client, transaction{{command{"SET", "k", "v"}, command{"GET"}}});
  CAF_REQUIRE(why.has_value());
  CAF_CHECK(why->code == errc::transaction_aborted);
  CAF_CHECK(why->outcome == fate::answered);
  CAF_CHECK_EQUAL(server.command({"EXISTS", "k"}), "0");
}

CAF_TEST(a script runs on a server that has forgotten it) {
  script count{"return redis.call('INCRBY', KEYS[1], ARGV[1])"};
  for (int64_t i = 1; i <= 3; ++i) {
    server.command({"SCRIPT", "FLUSH"});
    auto x = me.ask(client, count.call({"n"}, {2}));
    CAF_REQUIRE(x.ok());
    CAF_CHECK_EQUAL(x.value.number(), 2 * i);
  }
  server.command({"SCRIPT", "FLUSH"});
  transaction x;
  x.commands = {command{"SET", "a", 1}, count.call({"n"}, {4})};
  auto [all, why] = me.ask_many(client, x);
  CAF_REQUIRE(!why);
  CAF_CHECK_EQUAL(std::get<reply>(all.at(1)).number(), 10);
}

CAF_TEST(ten thousand concurrent requests are all answered) {
  constexpr int n = 10000;
  struct counts {
    int ok = 0;
    int failed = 0;
  };
  auto seen = std::make_shared<counts>();
  auto driver = rt.system().spawn(
    [seen](caf::event_based_actor* self, request_actor to) -> caf::behavior {
      for (int i = 0; i < n; ++i)
        self->request(to, caf::infinite, command{"INCR", "n"})
          .then(
            [=](const reply&) {
              if (++seen->ok + seen->failed == n)
                self->quit();
            },
            [=](const caf::error&) {
              if (seen->ok + ++seen->failed == n)
                self->quit();
            });
      return {[](int) {}};
    },
    client);
  me.self()->wait_for(driver);
  CAF_CHECK_EQUAL(seen->ok, n);
  CAF_CHECK_EQUAL(server.command({"GET", "n"}), std::to_string(n));
}

CAF_TEST(many threads share one handle and a second runtime works beside it) {
  runtime second{rt.system(), options_for(server)};
  auto other_client = second.client();
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      caller mine{rt};
      for (int i = 0; i < 200; ++i) {
        auto key = "k" + std::to_string(t);
        auto& to = i % 2 == 0 ? client : other_client;
        if (!mine.ask(to, command{"SET", key, i}).ok())
          continue;
        if (mine.ask(to, command{"GET", key}).value.text() == std::to_string(i))
          ++good;
      }
    });
  for (auto& each : threads)
    each.join();
  CAF_CHECK_EQUAL(good.load(), 1600);
}

CAF_TEST(health reports the fields of the server) {
  CAF_REQUIRE(!rt.wait_ready(5s));
  auto x = me.query<health_report>(rt.supervisor(), health_query{});
  CAF_CHECK_EQUAL(x.status, "healthy");
  CAF_CHECK(x.ping_time_ms > 0);
  CAF_CHECK(x.connected_clients >= 1);
  CAF_CHECK(x.used_memory > 0);
  CAF_CHECK(!x.used_memory_human.empty());
  CAF_CHECK_EQUAL(x.redis_version.substr(0, 2), "7.");
}

CAF_TEST(status tells of connections clients and counters) {
  me.ask(client, command{"SET", "k", "v"});
  CAF_CHECK(eventually([&] {
    auto x = me.status(rt);
    return x.requests.succeeded == 1 && x.connections.size() == 2;
  }));
  auto x = me.status(rt);
  CAF_CHECK_EQUAL(x.clients, 1u);
  CAF_CHECK(x.breaker.state == breaker_state::closed);
  CAF_CHECK(eventually([&] {
    auto y = me.status(rt);
    return y.connections.size() == 2
           && y.connections[0].state == connection_state::ready
           && y.connections[1].state == connection_state::ready;
  }));
  CAF_CHECK(server.command({"CLIENT", "LIST"}).find("name=redoubt")
            != std::string::npos);
}

CAF_TEST_FIXTURE_SCOPE_END()

CAF_TEST(a unix socket and a database other than the first) {
  lab::private_redis server;
  std::string error;
  auto where = parse_endpoint("unix://" + server.socket_path() + "?db=3",
                              error);
  CAF_REQUIRE(where.has_value());
  runtime_options o;
  o.server = *where;
  runtime rt{o};
  auto client = rt.client();
  caller me{rt};
  CAF_REQUIRE(me.ask(client, command{"SET", "k", "v"}).ok());
  CAF_CHECK_EQUAL(server.command({"EXISTS", "k"}), "0");
  server.command({"SELECT", "3"});
  CAF_CHECK_EQUAL(server.command({"EXISTS", "k"}), "1");
}

CAF_TEST(a host name is resolved) {
  lab::private_redis server;
  auto o = options_for(server);
  o.server.host = "localhost";
  runtime rt{o};
  auto client = rt.client();
  caller me{rt};
  CAF_CHECK(me.ask(client, command{"PING"}).ok());
}

CAF_TEST(several reactors serve their own clients) {
  lab::private_redis server;
  auto o = options_for(server);
  o.threads.reactors = 2;
  runtime rt{o};
  std::vector<request_actor> clients;
  for (int i = 0; i < 4; ++i)
    clients.push_back(rt.client());
  caller me{rt};
  for (auto& each : clients)
    CAF_CHECK(me.ask(each, command{"INCR", "n"}).ok());
  CAF_CHECK(eventually([&] { return me.status(rt).connections.size() == 4; }));
}

CAF_TEST(the reactor may run the callers) {
  lab::private_redis server;
  auto o = options_for(server);
  o.threads.run_callers = true;
  runtime rt{o};
  auto client = rt.client();
  caller me{rt};
  for (int i = 1; i <= 100; ++i)
    CAF_CHECK_EQUAL(me.ask(client, command{"INCR", "n"}).value.number(), i);
}
