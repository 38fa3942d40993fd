#define CAF_SUITE connection_liveness

#include <redoubt/tests/wire/connection_fixture.hpp>

#include <algorithm>
#include <atomic>
#include <string>
#include <vector>

using namespace redoubt;
using namespace redoubt::test;
using namespace std::chrono_literals;

namespace {

struct fixture : connection_fixture {
  /// PINGs that `peer` was sent.
  static long pings(const scripted_peer& peer) {
    auto all = peer.commands();
    return std::count(all.begin(), all.end(), argv{"PING"});
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(connection_liveness_tests, fixture)

// -- an idle link -------------------------------------------------------------

CAF_TEST(an idle link is asked for a sign of life again and again) {
  config.pool.ping_interval = 40ms;
  config.pool.ping_timeout = 10s;
  std::atomic<bool> early = false;
  scripted_peer peer{script{[&](peer_session& client) {
    stopwatch watch;
    shake_hands(client);
    for (int i = 0; i < 3; ++i) {
      client.expect_command({"PING"});
      early = early || watch.elapsed() < 40ms;
      watch = {};
      client.reply("+PONG\r\n");
    }
    client.expect_end();
  }}};
  open(peer);
  CAF_CHECK(peer.wait_for(5));
  CAF_CHECK(!first().so_far().closed.has_value());
  CAF_CHECK_EQUAL(first().so_far().replies.size(), 0u);
  CAF_CHECK(!early);
}

CAF_TEST(an idle link that does not answer is dead) {
  config.pool.ping_interval = 50ms;
  config.pool.ping_timeout = 80ms;
  scripted_peer peer{script{[](peer_session& client) {
    shake_hands(client);
    client.expect_command({"PING"});
    client.expect_end();
  }}};
  stopwatch watch;
  open(peer);
  auto end = end_of_first(errc::disconnected, true);
  CAF_CHECK(watch.elapsed() >= 130ms);
  CAF_CHECK(watch.elapsed() < 3s);
  CAF_CHECK(end.was_ready);
  CAF_CHECK_EQUAL(end.taken_up_to, 0u);
  CAF_CHECK_EQUAL(first().so_far().replies.size(), 0u);
  CAF_CHECK(peer.wait_done());
}

CAF_TEST(a PING that is answered by an error is a sign of life) {
  config.pool.ping_interval = 20ms;
  scripted_peer peer{[](const argv& words) -> std::optional<peer_answer> {
    if (words[0] == "PING")
      return "-NOPERM this user has no permissions to run the 'ping' "
             "command\r\n";
    return echo(words);
  }};
  open(peer);
  CAF_CHECK(eventually([&] { return pings(peer) >= 3; }));
  get(first(), 1);
  CAF_CHECK(first().has_replies(1));
  CAF_CHECK_EQUAL(first().heard(), "1=\"k1\"");
}

CAF_TEST(a command behind a PING gets its own reply) {
  config.pool.ping_interval = 20ms;
  config.pool.ping_timeout = 10s;
  scripted_peer peer{script{[](peer_session& client) {
    shake_hands(client);
    client.expect_command({"PING"});
    client.expect_command({"GET", "k1"});
    client.reply("+PONG\r\n+mine\r\n");
    client.expect_end();
  }}};
  open(peer);
  CAF_REQUIRE(peer.wait_for(3));
  get(first(), 1);
  CAF_CHECK(first().has_replies(1));
  CAF_CHECK_EQUAL(first().heard(), "1=mine");
}

CAF_TEST(a PING is no unit of anybody) {
  config.pool.ping_interval = 20ms;
  config.pool.ping_timeout = 60ms;
  scripted_peer peer{script{[](peer_session& client) {
    shake_hands(client);
    client.expect_command({"GET", "k1"});
    client.reply("+OK\r\n");
    client.expect_command({"PING"});
    client.expect_end();
  }}};
  open(peer);
  get(first(), 1);
  auto end = end_of_first(errc::disconnected, true);
  CAF_CHECK_EQUAL(end.taken_up_to, 1u);
  CAF_CHECK_EQUAL(end.written_up_to, 1u);
}

// -- a link in use ------------------------------------------------------------

CAF_TEST(a link whose oldest command is unanswered for too long is dead) {
  config.pool.dead_link_factor = 3;
  scripted_peer peer{script{[](peer_session& client) {
    shake_hands(client);
    client.expect_end();
  }}};
  open(peer);
  auto& second = attach();
  stopwatch watch;
  get(first(), 1, 1, 50ms);
  get(second, 2, 2, 60s);
  auto end = end_of_first(errc::disconnected, true);
  CAF_CHECK(watch.elapsed() >= 150ms);
  CAF_CHECK(watch.elapsed() < 3s);
  CAF_CHECK_EQUAL(end.taken_up_to, 1u);
  CAF_CHECK_EQUAL(end.written_up_to, 1u);
  end = end_of(second, errc::disconnected, true);
  CAF_CHECK_EQUAL(end.taken_up_to, 2u);
  CAF_CHECK(peer.wait_done());
}

CAF_TEST(a server that stalls writes is not kept alive by a PING) {
  config.pool.ping_interval = 20ms;
  scripted_peer peer{[](const argv& words) -> std::optional<peer_answer> {
    if (words[0] == "GET")
      return "";
    return {};
  }};
  open(peer);
  get(first(), 1, 1, 150ms);
  CAF_CHECK(eventually([&] {
    auto all = peer.commands();
    return all.back() == argv{"GET", "k1"};
  }));
  auto before = pings(peer);
  end_of_first(errc::disconnected, true);
  CAF_CHECK_EQUAL(pings(peer), before);
}

CAF_TEST(a slow drip of bytes is no silence) {
  // Ten times 60 ms is well beyond the 400 ms after which silence is death.
  scripted_peer peer{script{[](peer_session& client) {
    shake_hands(client);
    client.next_command();
    client.reply_in_pieces("+drip-drip\r\n", 1, 60ms);
    client.expect_end();
  }}};
  open(peer);
  stopwatch watch;
  get(first(), 1, 1, 200ms);
  CAF_CHECK(first().has_replies(1));
  CAF_CHECK(watch.elapsed() > 400ms);
  CAF_CHECK_EQUAL(first().heard(), "1=drip-drip");
}

CAF_TEST(a drip that dries up is a dead link) {
  scripted_peer peer{script{[](peer_session& client) {
    shake_hands(client);
    client.next_command();
    client.reply_in_pieces("$100\r\nabcdefgh", 1, 10ms);
    client.expect_end();
  }}};
  open(peer);
  get(first(), 1, 1, 100ms);
  auto end = end_of_first(errc::disconnected, true);
  CAF_CHECK_EQUAL(first().so_far().replies.size(), 0u);
  CAF_CHECK_EQUAL(end.written_up_to, 1u);
  CAF_CHECK(peer.wait_done());
}

CAF_TEST(replies to older commands keep the link alive for newer ones) {
  // Each command waits longer than 2 x 150 ms in the end, but never in silence.
  scripted_peer peer{script{[](peer_session& client) {
    shake_hands(client);
    for (int i = 0; i < 8; ++i)
      client.next_command();
    client.reply_in_pieces("+1\r\n+2\r\n+3\r\n+4\r\n+5\r\n+6\r\n+7\r\n+8\r\n",
                           4, 60ms);
    client.expect_end();
  }}};
  open(peer);
  get(first(), 1, 8, 150ms);
  CAF_CHECK(first().has_replies(8));
  CAF_CHECK_EQUAL(first().heard(), "1=1 2=2 3=3 4=4 5=5 6=6 7=7 8=8");
}

CAF_TEST_FIXTURE_SCOPE_END()
