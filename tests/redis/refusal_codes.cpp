#define CAF_SUITE refusal_codes

// The errors of the contract, one by one: from real servers as far as they can be
// brought to say them, and all of them over a socket. What the request actor makes
// of each is in actor.client_refusals.

#include <redoubt/tests/redis/faulty.hpp>

#include <redoubt/app/lab/socket.hpp>
#include <redoubt/tests/support/scripted_peer.hpp>
#include <redoubt/tests/support/server_errors.hpp>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

using namespace redoubt;
using namespace redoubt::test;
using namespace std::chrono_literals;

namespace {

using words = std::vector<std::string>;

/// A cluster of which the first node has the lower half of the slots, one of them
/// on its way to the second node.
class cluster_of_two {
public:
  /// A key of the second node.
  static constexpr auto elsewhere = "a";

  cluster_of_two() {
    CAF_REQUIRE_EQUAL(first_.command({"CLUSTER", "MEET", "127.0.0.1",
                                      std::to_string(second_.port()),
                                      std::to_string(buses_[1])}),
                      "OK");
    give(first_, "0", "8191");
    give(second_, "8192", "16383");
    for (auto each : {&first_, &second_})
      CAF_REQUIRE(eventually(
        [&] {
          return each->command({"CLUSTER", "INFO"})
            .starts_with("cluster_state:ok");
        },
        60s));
    CAF_CHECK_EQUAL(first_.command({"SET", "{k}present", "v"}), "OK");
    CAF_CHECK_EQUAL(first_.command({"CLUSTER", "SETSLOT", "7629", "MIGRATING",
                                    second_.command({"CLUSTER", "MYID"})}),
                    "OK");
    visits_ = visits();
  }

  const lab::private_redis& first() const { return first_; }

  /// The first node serves nothing from now on.
  void lose_slots() {
    CAF_CHECK_EQUAL(first_.command({"CLUSTER", "DELSLOTSRANGE", "0", "8191"}),
                    "OK");
  }

  /// Whether anybody followed a redirection to the second node.
  bool met_by_a_service() { return visits() != visits_; }

private:
  static lab::redis_options node(uint16_t bus) {
    lab::redis_options x;
    x.arguments = {"--cluster-enabled", "yes", "--cluster-port",
                   std::to_string(bus)};
    return x;
  }

  static void give(lab::private_redis& to, const char* from,
                   const char* until) {
    CAF_REQUIRE_EQUAL(to.command({"CLUSTER", "ADDSLOTSRANGE", from, until}),
                      "OK");
  }

  /// Connections that the second node ever took from clients.
  std::string visits() {
    auto text = second_.command({"INFO", "stats"});
    auto at = text.find("total_connections_received:");
    return text.substr(at, text.find('\r', at) - at);
  }

  uint16_t buses_[2] = {};
  lab::unique_fd reservations_[2] = {lab::reserve_port(buses_[0]),
                                     lab::reserve_port(buses_[1])};
  lab::private_redis first_{node(buses_[0])};
  lab::private_redis second_{node(buses_[1])};
  std::string visits_;
};

/// An error that a real server is brought to say.
struct refusal {
  words arguments;
  std::function<void(lab::private_redis&)> bring_about;
  words request;
  /// What the error begins with; the contract knows it by its first word.
  std::string text;
};

/// Runs commands that must be answered by OK.
auto runs(std::vector<words> all) {
  return [all](lab::private_redis& server) {
    for (auto& each : all)
      CAF_CHECK_EQUAL(server.command(each), "OK");
  };
}

/// Its snapshots fail: where the file should be there is a folder.
void cannot_save(lab::private_redis& server) {
  std::filesystem::create_directories(server.folder() + "/dump.rdb/x");
  server.command({"BGSAVE"});
  CAF_REQUIRE(eventually(
    [&] {
      return server.command({"INFO", "persistence"})
               .find("rdb_last_bgsave_status:err")
             != std::string::npos;
    },
    20s));
}

const server_error& row_of(const std::string& text) {
  auto word = text.substr(0, text.find(' '));
  for (auto& each : server_errors)
    if (each.text.starts_with(word + " "))
      return each;
  CAF_FAIL("not in the contract: " << text);
}

/// Checks what a request with two attempts that met an error ended with, and what
/// it cost.
void check_refusal(runtime& rt, caller& me, const result& got,
                   const server_error& row, const std::string& text) {
  if (row.code == errc::none) {
    CAF_REQUIRE(got.ok());
    CAF_CHECK(got.value.is_error());
    CAF_CHECK(got.value.text().starts_with(text));
  } else {
    failed_as(got, row.code, fate::refused);
    CAF_CHECK(got.why->last_message.starts_with(text));
    CAF_CHECK_EQUAL(got.why->attempts, row.again ? 2u : 1u);
  }
  // What the request actor saw is reported after a while.
  runtime_status x;
  CAF_REQUIRE(eventually([&] {
    x = me.status(rt);
    return x.requests.succeeded + x.requests.failed_refused == 1
           && (row.link == errc::none || x.connections_lost > 0);
  }));
  CAF_CHECK_EQUAL(x.requests.attempts, row.again ? 2u : 1u);
  CAF_CHECK_EQUAL(x.requests.retries, row.again ? 1u : 0u);
  auto failures = !row.counts ? 0u : row.again ? 2u : 1u;
  CAF_CHECK_EQUAL(x.breaker.failures_in_window, failures);
  CAF_CHECK_EQUAL(x.connections_lost > 0, row.link != errc::none);
  CAF_CHECK_EQUAL(to_string(x.last_error), to_string(row.link));
}

request_options twice() {
  request_options o;
  o.attempts = 2;
  o.deadline = 20s;
  o.attempt_timeout = 5s;
  return o;
}

} // namespace

CAF_TEST(errors of a real server have the codes of the contract) {
  const std::vector<refusal> rows{
    {{},
     runs({{"CONFIG", "SET", "maxmemory", "1"}}),
     {"SET", "k", "v"},
     "OOM "},
    {{},
     runs({{"CONFIG", "SET", "min-replicas-to-write", "1"}}),
     {"SET", "k", "v"},
     "NOREPLICAS "},
    {{"--save", "3600 1"}, cannot_save, {"SET", "k", "v"}, "MISCONF "},
    {{}, runs({{"SET", "k", "v"}}), {"LPUSH", "k", "v"}, "WRONGTYPE "},
    {{},
     runs({{"ACL", "SETUSER", "default", "-incr"}}),
     {"INCR", "n"},
     "NOPERM "},
    {{},
     runs({{"CONFIG", "SET", "replica-serve-stale-data", "no"},
           {"REPLICAOF", "127.0.0.1", "1"}}),
     {"GET", "k"},
     "MASTERDOWN "},
    {{},
     runs({{"REPLICAOF", "127.0.0.1", "1"}}),
     {"SET", "k", "v"},
     "READONLY "},
    {{}, runs({}), {"EVALSHA", std::string(40, 'f'), "0"}, "NOSCRIPT "},
  };
  for (auto& each : rows) {
    CAF_MESSAGE("expected: " << each.text);
    lab::redis_options settings;
    settings.arguments = each.arguments;
    lab::private_redis server{settings};
    each.bring_about(server);
    runtime rt{options_for(server)};
    auto client = rt.client();
    CAF_REQUIRE(!rt.wait_ready(5s));
    caller me{rt};
    auto got = me.ask(client, command{each.request}, twice());
    check_refusal(rt, me, got, row_of(each.text), each.text);
  }
}

CAF_TEST(errors of a real cluster have the codes of the contract) {
  cluster_of_two nodes;
  const std::vector<std::pair<words, std::string>> rows{
    {{"MGET", "a", "b"}, "CROSSSLOT "},
    {{"GET", cluster_of_two::elsewhere}, "MOVED 15495 127.0.0.1:"},
    {{"GET", "{k}absent"}, "ASK 7629 127.0.0.1:"},
    {{"MGET", "{k}present", "{k}absent"}, "TRYAGAIN "},
    {{"GET", "k"}, "CLUSTERDOWN "},
  };
  for (auto& [request, text] : rows) {
    CAF_MESSAGE("expected: " << text);
    if (text == "CLUSTERDOWN ")
      nodes.lose_slots();
    runtime rt{options_for(nodes.first())};
    auto client = rt.client();
    CAF_REQUIRE(!rt.wait_ready(5s));
    caller me{rt};
    auto got = me.ask(client, command{request}, twice());
    check_refusal(rt, me, got, row_of(text), text);
    CAF_CHECK(!nodes.met_by_a_service());
  }
}

CAF_TEST(errors of a server on a living link have the codes of the contract) {
  // All of them, also those that hardly any real server says at will.
  for (auto& row : server_errors) {
    CAF_MESSAGE("the server says: " << row.text);
    scripted_peer peer{[&](const argv& words) -> std::optional<peer_answer> {
      if (words[0] == "INCR")
        return "-" + std::string{row.text} + "\r\n";
      return {};
    }};
    runtime rt{options_for(peer.port())};
    auto client = rt.client();
    CAF_REQUIRE(!rt.wait_ready(5s));
    caller me{rt};
    auto got = me.ask(client, command{"INCR", "n"}, twice());
    check_refusal(rt, me, got, row, std::string{row.text});
    auto all = peer.commands();
    auto sent = std::count_if(all.begin(), all.end(),
                              [](auto& x) { return x[0] == "INCR"; });
    CAF_CHECK_EQUAL(sent, row.again ? 2 : 1);
  }
}
