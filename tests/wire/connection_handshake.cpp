#define CAF_SUITE connection_handshake

#include <redoubt/tests/wire/connection_fixture.hpp>

#include <string>
#include <vector>

using namespace redoubt;
using namespace redoubt::test;
using namespace std::chrono_literals;

namespace {

constexpr auto too_many = "-ERR max number of clients reached\r\n";

struct fixture : connection_fixture {
  void sign_in(std::string user, std::string password) {
    config.server.user = std::move(user);
    config.server.password = secret{std::move(password)};
  }

  /// The end of a connection that never was ready, so that nobody was told
  /// anything else.
  link_closed failed(errc cause, bool gave_up = false) {
    auto end = end_of_first(cause, gave_up);
    auto x = first().so_far();
    CAF_CHECK(!x.up.has_value());
    CAF_CHECK_EQUAL(x.replies.size(), 0u);
    CAF_CHECK(!end.was_ready);
    CAF_CHECK_EQUAL(end.taken_up_to, 0u);
    CAF_CHECK_EQUAL(end.written_up_to, 0u);
    return end;
  }

  /// How a connection ends to whose first commands the peer answers this.
  link_closed refused(const std::string& answers, errc cause) {
    scripted_peer peer{script{[&](peer_session& client) {
      client.next_command();
      client.reply(answers);
      client.expect_end();
    }}};
    dial(peer);
    auto end = failed(cause);
    CAF_CHECK(peer.wait_done());
    return end;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(connection_handshake_tests, fixture)

// -- what is said -------------------------------------------------------------

CAF_TEST(without credentials it says its name and asks its id) {
  scripted_peer peer;
  open(peer);
  CAF_CHECK_EQUAL(
    peer.commands(),
    (std::vector<argv>{{"CLIENT", "SETNAME", "redoubt"}, {"CLIENT", "ID"}}));
  CAF_CHECK_EQUAL(peer.failures(), "");
}

CAF_TEST(link_up tells what an owner needs to know) {
  config.limits.credit = 11;
  config.limits.credit_bytes = 12345;
  scripted_peer peer{script{[](peer_session& client) {
    client.next_command();
    client.next_command();
    client.reply("+OK\r\n:987654321987\r\n");
    client.expect_end();
  }}};
  open(peer);
  auto x = first().so_far();
  CAF_CHECK_EQUAL(x.up->link, 7u);
  CAF_CHECK_EQUAL(x.up->owner, 0u);
  CAF_CHECK(x.up->connection == subject);
  CAF_CHECK_EQUAL(x.up->credit, 11u);
  CAF_CHECK_EQUAL(x.up->credit_bytes, 12345u);
  CAF_CHECK_EQUAL(x.up->client_id, 987654321987);
  std::vector<connection_state> life{connection_state::connecting,
                                     connection_state::handshaking};
  CAF_CHECK(x.progress == life);
  CAF_CHECK_EQUAL(x.batches.size(), 0u);
}

CAF_TEST(a password and a database come first and all is said at once) {
  sign_in("", "pw");
  config.server.db = 4;
  config.pool.client_name = "shop";
  scripted_peer peer{script{[](peer_session& client) {
    // No answer before the last command is there.
    client.expect_command({"AUTH", "pw"});
    client.expect_command({"SELECT", "4"});
    client.expect_command({"CLIENT", "SETNAME", "shop"});
    client.expect_command({"CLIENT", "ID"});
    client.reply("+OK\r\n+OK\r\n+OK\r\n:9\r\n");
    client.expect_end();
  }}};
  open(peer);
  CAF_CHECK_EQUAL(first().so_far().up->client_id, 9);
  close_with(errc::shutting_down);
  CAF_CHECK(peer.wait_done());
}

CAF_TEST(an ACL user signs in by name) {
  sign_in("app", "pw");
  scripted_peer peer;
  open(peer);
  auto commands = peer.commands();
  CAF_REQUIRE_EQUAL(commands.size(), 3u);
  CAF_CHECK_EQUAL(commands[0], (argv{"AUTH", "app", "pw"}));
}

CAF_TEST(answers that come byte by byte make it ready) {
  sign_in("app", "pw");
  scripted_peer peer{script{[](peer_session& client) {
    client.next_command();
    client.reply_in_pieces("+OK\r\n+OK\r\n:12\r\n", 1);
    client.expect_end();
  }}};
  open(peer);
  CAF_CHECK_EQUAL(first().so_far().up->client_id, 12);
}

CAF_TEST(a user who may not run CLIENT is ready without an id) {
  sign_in("app", "pw");
  scripted_peer peer{[](const argv& words) -> std::optional<peer_answer> {
    if (words[0] == "CLIENT")
      return "-NOPERM this user has no permissions to run the 'client' "
             "command\r\n";
    return echo(words);
  }};
  open(peer);
  CAF_CHECK_EQUAL(first().so_far().up->client_id, 0);
  get(first(), 1);
  CAF_CHECK(first().has_replies(1));
  CAF_CHECK_EQUAL(first().heard(), "1=\"k1\"");
}

// -- what is answered ---------------------------------------------------------

CAF_TEST(a wrong password is an authentication failure) {
  sign_in("app", "s3cr3t-canary");
  auto text = "WRONGPASS invalid username-password pair or user is disabled.";
  auto answers = "-" + std::string{text} + "\r\n-NOAUTH no\r\n";
  auto end = refused(answers, errc::auth_failed);
  CAF_CHECK_EQUAL(end.text, text);
  CAF_CHECK(end.text.find("canary") == std::string::npos);
}

CAF_TEST(a server that wants credentials we have not got refuses us) {
  refused("-NOAUTH Authentication required.\r\n", errc::auth_failed);
}

CAF_TEST(a database that does not exist fails the handshake) {
  config.server.db = 99;
  auto end = refused("-ERR DB index is out of range\r\n",
                     errc::handshake_failed);
  CAF_CHECK_EQUAL(end.text, "ERR DB index is out of range");
}

CAF_TEST(a server with too many clients turns us away by its greeting) {
  // The server greets and closes without reading: whatever comes first here,
  // its bytes, its FIN or the RST that our commands meet, the greeting counts.
  for (int i = 0; i < 20; ++i) {
    scripted_peer peer{script{[](peer_session& client) {
      client.reply(too_many);
      client.close();
    }}};
    connection_fixture each;
    each.dial(peer);
    auto end = each.end_of_first(errc::too_many_clients);
    CAF_CHECK_EQUAL(end.text, "ERR max number of clients reached");
    CAF_CHECK(!each.first().so_far().up.has_value());
    CAF_CHECK_EQUAL(each.first().so_far().replies.size(), 0u);
  }
}

CAF_TEST(a greeting is never taken for the answer to AUTH) {
  sign_in("app", "pw");
  scripted_peer peer{script{[](peer_session& client) {
    client.reply(too_many);
    client.close();
  }}};
  dial(peer);
  failed(errc::too_many_clients);
}

CAF_TEST(a server in protected mode turns us away by its greeting) {
  scripted_peer peer{script{[](peer_session& client) {
    client.reply("-DENIED Redis is running in protected mode because "
                 "protected mode is enabled and no password is set.\r\n");
    client.close();
  }}};
  dial(peer);
  auto end = failed(errc::too_many_clients);
  CAF_CHECK(end.text.starts_with("DENIED "));
}

CAF_TEST(a server that ends the handshake fails it) {
  for (auto by_reset : {false, true})
    for (std::string before : {"", "+OK", "+OK\r\n"}) {
      scripted_peer peer{script{[&](peer_session& client) {
        client.next_command();
        client.reply(before);
        by_reset ? client.reset() : client.close();
      }}};
      connection_fixture each;
      each.dial(peer);
      each.end_of_first(errc::handshake_failed);
      CAF_CHECK(!each.first().so_far().up.has_value());
    }
}

CAF_TEST(a server that is no Redis is a protocol error) {
  scripted_peer peer{script{[](peer_session& client) {
    client.reply("HTTP/1.1 400 Bad Request\r\n\r\n");
    client.expect_end();
  }}};
  dial(peer);
  failed(errc::protocol_error, true);
}

CAF_TEST(a reply behind the last of the handshake is one too many) {
  scripted_peer peer{script{[](peer_session& client) {
    client.next_command();
    client.next_command();
    client.reply("+OK\r\n:5\r\n+OK\r\n");
    client.expect_end();
  }}};
  dial(peer);
  auto end = end_of_first(errc::protocol_error, true);
  CAF_CHECK(end.was_ready);
  CAF_CHECK_EQUAL(first().so_far().replies.size(), 0u);
}

CAF_TEST(a handshake that stalls ends at its timeout) {
  config.pool.handshake_timeout = 100ms;
  config.pool.connect_timeout = 30s;
  for (std::string before : {"", "+OK\r\n", "+OK\r\n:1"}) {
    scripted_peer peer{script{[&](peer_session& client) {
      client.reply(before);
      client.expect_end();
    }}};
    connection_fixture each;
    each.config.pool = config.pool;
    stopwatch watch;
    each.dial(peer);
    each.end_of_first(errc::handshake_failed);
    CAF_CHECK(watch.elapsed() >= 100ms);
    CAF_CHECK(watch.elapsed() < 2s);
    CAF_CHECK(peer.wait_done());
  }
}

// -- others meanwhile ---------------------------------------------------------

CAF_TEST(who attaches and who detaches during the handshake is heard) {
  cue go;
  scripted_peer peer{script{[&](peer_session& client) {
    client.stall_until(go);
    shake_hands(client);
    client.expect_end();
  }}};
  auto& second = add_owner();
  auto& third = add_owner();
  dial(peer);
  caf::anon_send(subject, attach_client{second.handle});
  caf::anon_send(subject, attach_client{third.handle});
  detach(second);
  CAF_CHECK(peer.wait_for_connections(1));
  go.give();
  CAF_REQUIRE(first().is_up());
  CAF_REQUIRE(third.is_up());
  close_with(errc::shutting_down);
  CAF_CHECK(third.is_closed());
  second.settle();
  CAF_CHECK_NOT_EQUAL(third.so_far().up->owner, first().so_far().up->owner);
  CAF_CHECK(!second.so_far().up.has_value());
  CAF_CHECK(!second.so_far().closed.has_value());
}

CAF_TEST(a handshake can be called off) {
  cue go;
  scripted_peer peer{script{[&](peer_session& client) {
    client.stall_until(go);
    client.expect_end();
  }}};
  dial(peer);
  CAF_CHECK(peer.wait_for_connections(1));
  close_with(errc::shutting_down);
  failed(errc::shutting_down);
  go.give();
  CAF_CHECK(peer.wait_done());
}

CAF_TEST(an actor killed during the handshake tells its end) {
  cue go;
  scripted_peer peer{script{[&](peer_session& client) {
    client.stall_until(go);
    client.expect_end();
  }}};
  dial(peer);
  CAF_CHECK(peer.wait_for_connections(1));
  caf::anon_send_exit(subject, caf::exit_reason::kill);
  CAF_CHECK(first().is_closed());
  CAF_CHECK(!first().so_far().closed->was_ready);
  go.give();
  CAF_CHECK(peer.wait_done());
}

CAF_TEST_FIXTURE_SCOPE_END()
