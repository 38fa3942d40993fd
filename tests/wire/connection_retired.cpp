#define CAF_SUITE connection_retired

#include <redoubt/tests/wire/connection_fixture.hpp>

#include <string>
#include <vector>

using namespace redoubt;
using namespace redoubt::test;
using namespace std::chrono_literals;

namespace {

constexpr auto
  read_only = "-READONLY You can't write against a read only replica.\r\n";
constexpr auto no_auth = "-NOAUTH Authentication required.\r\n";

struct fixture : connection_fixture {
  /// Answers one of three commands by `bytes`; the others are in flight then.
  script refuse_first_of_three(const std::string& bytes) {
    return [bytes](peer_session& client) {
      shake_hands(client);
      for (int i = 0; i < 3; ++i)
        client.next_command();
      client.reply(bytes);
      client.expect_end();
    };
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(connection_retired_tests, fixture)

CAF_TEST(a server that has become a replica is left) {
  scripted_peer peer{script{[](peer_session& client) {
    shake_hands(client);
    client.next_command();
    client.reply(read_only);
    client.expect_end();
  }}};
  open(peer);
  get(first(), 1);
  auto end = end_of_first(errc::read_only_replica);
  CAF_CHECK_EQUAL(
    first().heard(),
    "1=(error) READONLY You can't write against a read only replica.");
  CAF_CHECK(end.was_ready);
  CAF_CHECK(end.text.starts_with("READONLY "));
  CAF_CHECK_EQUAL(end.taken_up_to, 1u);
  CAF_CHECK_EQUAL(end.written_up_to, 1u);
  CAF_CHECK(peer.wait_done());
}

CAF_TEST(a server that wants credentials all of a sudden is left) {
  scripted_peer peer{script{[](peer_session& client) {
    shake_hands(client);
    client.next_command();
    client.reply(no_auth);
    client.expect_end();
  }}};
  open(peer);
  get(first(), 1);
  end_of_first(errc::auth_failed);
  CAF_CHECK_EQUAL(first().heard(), "1=(error) NOAUTH Authentication required.");
  CAF_CHECK(peer.wait_done());
}

CAF_TEST(what was written before is answered first) {
  cue refused;
  cue go;
  scripted_peer peer{script{[&](peer_session& client) {
    shake_hands(client);
    for (int i = 0; i < 3; ++i)
      client.next_command();
    client.reply(read_only);
    refused.give();
    client.stall_until(go);
    client.reply("+2\r\n+3\r\n");
    client.expect_end();
  }}};
  open(peer);
  auto& second = attach();
  get(first(), 1);
  CAF_CHECK(peer.wait_for(3));
  get(second, 2, 2);
  CAF_CHECK(refused.wait(10s));
  CAF_CHECK(first().has_replies(1));
  CAF_CHECK(!first().so_far().closed.has_value());
  go.give();
  auto end = end_of(second, errc::read_only_replica);
  CAF_CHECK_EQUAL(second.heard(), "2=2 3=3");
  CAF_CHECK_EQUAL(end.written_up_to, 2u);
  end_of_first(errc::read_only_replica);
}

CAF_TEST(what comes later is not sent) {
  cue go;
  scripted_peer peer{script{[&](peer_session& client) {
    shake_hands(client);
    client.next_command();
    client.next_command();
    client.reply(read_only);
    client.stall_until(go);
    client.reply("+2\r\n");
    client.expect_end();
  }}};
  open(peer);
  get(first(), 1, 2);
  CAF_CHECK(first().has_replies(1));
  get(first(), 3, 4);
  // Behind these in the mailbox.
  attach();
  go.give();
  auto end = end_of_first(errc::read_only_replica);
  CAF_CHECK_EQUAL(end.taken_up_to, 6u);
  CAF_CHECK_EQUAL(end.written_up_to, 2u);
  CAF_CHECK(peer.wait_done());
  CAF_CHECK_EQUAL(peer.commands().size(), 4u);
}

CAF_TEST(a retired link that stays silent is dead) {
  scripted_peer peer{refuse_first_of_three(read_only)};
  open(peer);
  get(first(), 1, 3, 100ms);
  auto end = end_of_first(errc::disconnected, true);
  CAF_CHECK_EQUAL(end.taken_up_to, 3u);
  CAF_CHECK_EQUAL(end.written_up_to, 3u);
  CAF_CHECK(peer.wait_done());
}

CAF_TEST(a retired link that breaks keeps the reason why it was left) {
  scripted_peer peer{script{[](peer_session& client) {
    shake_hands(client);
    client.next_command();
    client.next_command();
    client.reply(no_auth);
    client.close();
  }}};
  open(peer);
  get(first(), 1, 2);
  auto end = end_of_first(errc::auth_failed);
  CAF_CHECK_EQUAL(end.taken_up_to, 2u);
  CAF_CHECK_EQUAL(end.written_up_to, 2u);
  CAF_CHECK_EQUAL(first().heard(), "1=(error) NOAUTH Authentication required.");
}

CAF_TEST(an error that a script made up keeps the link) {
  scripted_peer peer{script{[](peer_session& client) {
    shake_hands(client);
    client.next_command();
    client.next_command();
    client.reply("-READONLY by order of the script\r\n+OK\r\n");
    client.expect_end();
  }}};
  open(peer);
  get(first(), 1, 2);
  CAF_CHECK(first().has_replies(2));
  CAF_CHECK_EQUAL(first().heard(),
                  "1=(error) READONLY by order of the script 2=OK");
  CAF_CHECK(!first().so_far().closed.has_value());
}

CAF_TEST(a member of a transaction that is refused retires the link as well) {
  scripted_peer peer{script{[](peer_session& client) {
    shake_hands(client);
    client.next_command();
    client.reply("+OK\r\n" + std::string{read_only}
                 + "-EXECABORT Transaction discarded because of previous "
                   "errors.\r\n");
    client.expect_end();
  }}};
  open(peer);
  submit(first(), {{1, command{"PING"}.buffer(), 3, 60s}});
  end_of_first(errc::read_only_replica);
  auto x = first().so_far();
  CAF_REQUIRE_EQUAL(x.replies.size(), 1u);
  CAF_CHECK_EQUAL(x.replies[0].value.elements().size(), 3u);
}

CAF_TEST(an error within the reply of a transaction that ran keeps the link) {
  scripted_peer peer{script{[](peer_session& client) {
    shake_hands(client);
    client.next_command();
    client.reply("*1\r\n" + std::string{read_only});
    client.expect_command({"GET", "k2"});
    client.reply("+OK\r\n");
    client.expect_end();
  }}};
  open(peer);
  get(first(), 1);
  CAF_CHECK(first().has_replies(1));
  get(first(), 2);
  CAF_CHECK(first().has_replies(2));
  CAF_CHECK(!first().so_far().closed.has_value());
}

CAF_TEST(a link to a replica that was told so answers what was written) {
  cue go;
  scripted_peer peer{script{[&](peer_session& client) {
    shake_hands(client);
    client.next_command();
    client.stall_until(go);
    client.reply("+1\r\n");
    client.expect_end();
  }}};
  open(peer);
  get(first(), 1);
  CAF_CHECK(peer.wait_for(3));
  close_with(errc::read_only_replica, true);
  get(first(), 2);
  go.give();
  auto end = end_of_first(errc::read_only_replica);
  CAF_CHECK_EQUAL(first().heard(), "1=1");
  CAF_CHECK_EQUAL(end.taken_up_to, 2u);
  CAF_CHECK_EQUAL(end.written_up_to, 1u);
  CAF_CHECK(peer.wait_done());
}

CAF_TEST_FIXTURE_SCOPE_END()
