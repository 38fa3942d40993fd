#define CAF_SUITE connection_deep_replies

#include <redoubt/actors/request/transaction_body.hpp>
#include <redoubt/tests/wire/connection_fixture.hpp>

#include <string>
#include <vector>

using namespace redoubt;
using namespace redoubt::test;
using namespace std::chrono_literals;

namespace {

/// An array in an array and so on, `depth` of them, around `inner`.
std::string nested(size_t depth, const std::string& inner = ":1\r\n") {
  std::string text;
  for (size_t i = 0; i < depth; ++i)
    text += "*1\r\n";
  return text + inner;
}

/// A script that answers `n` commands with `bytes` all at once, and later ones
/// with +later.
script says(size_t n, std::string bytes) {
  return [n, bytes = std::move(bytes)](peer_session& client) {
    shake_hands(client);
    for (size_t i = 0; i < n; ++i)
      client.next_command();
    client.reply(bytes);
    client.next_command();
    client.reply("+later\r\n");
    client.expect_end();
  };
}

struct fixture : connection_fixture {
  /// Checks that the connection is up by one more request, then ends it.
  void is_in_sync(scripted_peer& peer, const std::string& so_far, size_t n) {
    CAF_CHECK(first().has_replies(n));
    get(first(), 99);
    CAF_CHECK(first().has_replies(n + 1));
    CAF_CHECK_EQUAL(first().heard(), so_far + " 99=later");
    close_with(errc::shutting_down);
    end_of_first(errc::shutting_down);
    CAF_CHECK(peer.wait_done());
  }

  /// Tells the connection `bytes` in answer to the second of two commands. Its
  /// end is `cause`, and `heard` is what was answered.
  void is_lost(const std::string& bytes, const std::string& heard) {
    scripted_peer peer{script{[&](peer_session& client) {
      shake_hands(client);
      client.next_command();
      client.next_command();
      client.reply("+first\r\n" + bytes);
      client.expect_end();
    }}};
    open(peer);
    get(first(), 1, 2);
    end_of_first(errc::protocol_error, true);
    CAF_CHECK_EQUAL(first().heard(), heard);
    CAF_CHECK(peer.wait_done());
  }
};

} // namespace

CAF_TEST(a deep reply between two others costs itself alone) {
  for (size_t depth : {8u, 9u, 100u}) {
    fixture x;
    scripted_peer peer{
      says(3, "+first\r\n" + nested(depth) + "$5\r\nthird\r\n")};
    x.open(peer);
    x.get(x.first(), 1, 3);
    x.is_in_sync(peer, "1=first 2=!reply_too_deep 3=\"third\"", 3);
  }
}

CAF_TEST(a deep reply says which limit it exceeds) {
  fixture x;
  x.config.limits.reply_depth = 3;
  scripted_peer peer{says(1, nested(4))};
  x.open(peer);
  x.get(x.first(), 1);
  CAF_REQUIRE(x.first().has_replies(1));
  CAF_CHECK_EQUAL(x.first().so_far().replies[0].value.text(),
                  "arrays are nested deeper than the limit of 3");
  x.is_in_sync(peer, "1=!reply_too_deep", 1);
}

CAF_TEST(a deep reply may come in pieces of any size) {
  for (size_t piece : {1u, 2u, 3u, 7u, 20u}) {
    fixture x;
    x.config.limits.reply_depth = 2;
    scripted_peer peer{script{[&](peer_session& client) {
      shake_hands(client);
      for (int i = 0; i < 3; ++i)
        client.next_command();
      client.reply_in_pieces("+first\r\n*2\r\n+a\r\n*2\r\n*1\r\n:1\r\n"
                               + bulk("*1\r\n") + "$5\r\nthird\r\n",
                             piece);
      client.next_command();
      client.reply("+later\r\n");
      client.expect_end();
    }}};
    x.open(peer);
    x.get(x.first(), 1, 3);
    x.is_in_sync(peer, "1=first 2=!reply_too_deep 3=\"third\"", 3);
  }
}

CAF_TEST(every owner gets its own reply around deep ones) {
  fixture x;
  x.config.limits.reply_depth = 1;
  scripted_peer peer{
    says(4, nested(2) + "+second\r\n" + nested(3) + "+fourth\r\n")};
  x.open(peer);
  auto& other = x.attach();
  x.get(other, 1, 2);
  CAF_CHECK(peer.wait_for(4));
  x.get(x.first(), 3, 2);
  CAF_CHECK(other.has_replies(2));
  x.is_in_sync(peer, "3=!reply_too_deep 4=fourth", 2);
  CAF_CHECK_EQUAL(other.heard(), "1=!reply_too_deep 2=second");
}

CAF_TEST(a unit of several replies with a deep one is answered as a whole) {
  // In the last place, where EXEC's is, and in the others.
  for (std::string replies :
       {"+OK\r\n+QUEUED\r\n" + nested(2), "+OK\r\n" + nested(2) + "*0\r\n",
        nested(2) + nested(3) + "-ERR no\r\n"}) {
    fixture x;
    x.config.limits.reply_depth = 1;
    scripted_peer peer{says(5, "+first\r\n" + replies + "+third\r\n")};
    x.open(peer);
    x.submit(x.first(), {connection_fixture::unit(1, command{"GET", "k"}),
                         {2, encode_transaction({command{"GET", "k"}}), 3, 60s},
                         connection_fixture::unit(3, command{"GET", "k"})});
    CAF_REQUIRE(x.first().has_replies(3));
    CAF_CHECK_EQUAL(x.first().so_far().replies[1].value.text(),
                    "arrays are nested deeper than the limit of 1");
    x.is_in_sync(peer, "1=first 2=!reply_too_deep 3=third", 3);
  }
}

CAF_TEST(a deep reply is not answered before its unit is complete) {
  fixture x;
  x.config.limits.reply_depth = 1;
  scripted_peer peer{script{[](peer_session& client) {
    shake_hands(client);
    client.next_command();
    client.reply("+OK\r\n" + nested(2));
    client.close();
  }}};
  x.open(peer);
  x.submit(x.first(), {{1, command{"PING"}.buffer(), 3, 60s}});
  x.end_of_first(errc::disconnected);
  CAF_CHECK_EQUAL(x.first().heard(), "");
}

CAF_TEST(a FIN at any byte of what is skipped loses the reply) {
  auto whole = nested(9, "*2\r\n$3\r\nabc\r\n-e\r\n");
  for (size_t n = 0; n < whole.size(); ++n) {
    fixture x;
    scripted_peer peer{script{[&](peer_session& client) {
      shake_hands(client);
      client.next_command();
      client.reply(whole.substr(0, n));
      client.close();
    }}};
    x.open(peer);
    x.get(x.first(), 1);
    auto end = x.end_of_first(errc::disconnected);
    CAF_CHECK_EQUAL(x.first().heard(), "");
    CAF_CHECK_EQUAL(end.written_up_to, 1u);
  }
}

CAF_TEST(bytes that are no RESP within a deep reply end the link) {
  for (auto text : {"$-5\r\n", "$3\r\nabcXY", ":x\r\n", "*-2\r\n", "HTTP/1.1"})
    fixture{}.is_lost(nested(9, text), "1=first");
}

CAF_TEST(a size beyond the limits within a deep reply ends the link) {
  for (auto text : {"*2147483647\r\n", "$9223372036854775807\r\n"})
    fixture{}.is_lost(nested(9, text), "1=first 2=!reply_too_deep");
}

CAF_TEST(a deep reply that nobody asked for ends the link) {
  fixture{}.is_lost("+second\r\n" + nested(9) + "+third\r\n",
                    "1=first 2=second");
}

CAF_TEST(a deep reply in the handshake ends the link) {
  fixture x;
  scripted_peer peer{script{[](peer_session& client) {
    client.next_command();
    client.reply(nested(9) + ":5\r\n");
    client.expect_end();
  }}};
  x.dial(peer);
  auto end = x.end_of_first(errc::protocol_error, true);
  CAF_CHECK(!end.was_ready);
  CAF_CHECK(!x.first().so_far().up);
}
