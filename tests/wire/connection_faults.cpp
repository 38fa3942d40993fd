#define CAF_SUITE connection_faults

#include <redoubt/tests/support/memory.hpp>
#include <redoubt/tests/wire/connection_fixture.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <string_view>
#include <vector>

using namespace redoubt;
using namespace redoubt::test;
using namespace std::chrono_literals;

namespace {

/// A connection on which one command was answered and one is in flight, to
/// which the peer then says `bytes`.
struct spoilt : connection_fixture {
  enum class then : uint8_t { wait, close, reset };

  explicit spoilt(const std::string& bytes, then what = then::wait,
                  limit_options limits = {}) {
    config.limits = limits;
    scripted_peer peer{script{[&](peer_session& client) {
      shake_hands(client);
      client.expect_command({"GET", "k1"});
      client.expect_command({"GET", "k2"});
      client.reply("+first\r\n" + bytes);
      if (what == then::close)
        client.close();
      else if (what == then::reset)
        client.reset();
      else
        client.expect_end();
    }}};
    open(peer);
    get(first(), 1, 2);
    CAF_CHECK(first().is_closed());
    CAF_CHECK(peer.wait_done());
  }

  /// Nobody was told of more than the first reply.
  void is_lost(errc cause, bool gave_up) {
    auto end = end_of_first(cause, gave_up);
    CAF_CHECK_EQUAL(first().heard(), "1=first");
    CAF_CHECK_EQUAL(end.taken_up_to, 2u);
    CAF_CHECK_EQUAL(end.written_up_to, 2u);
    CAF_CHECK(end.was_ready);
  }
};

/// A server that says what it is told to on one connection, and sees how the
/// client ends it.
class raw_server {
public:
  raw_server() {
    reservation_ = lab::reserve_port(port_);
    listener_ = lab::listen_on(lab::address::tcp(port_));
  }

  uint16_t port() const { return port_; }

  void accept() {
    CAF_REQUIRE(eventually([this] {
      client_ = lab::accept_from(listener_);
      return static_cast<bool>(client_);
    }));
  }

  void say(std::string_view bytes) {
    CAF_REQUIRE(::send(client_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL)
                == static_cast<ssize_t>(bytes.size()));
  }

  /// Waits for the end; true if it came as RST.
  bool is_reset() {
    char room[4096];
    auto error = 0;
    CAF_REQUIRE(eventually([&] {
      auto n = ::recv(client_.get(), room, sizeof room, 0);
      error = n < 0 ? errno : 0;
      return n == 0 || (n < 0 && error != EAGAIN);
    }));
    return error == ECONNRESET;
  }

private:
  uint16_t port_ = 0;
  lab::unique_fd reservation_;
  lab::unique_fd listener_;
  lab::unique_fd client_;
};

} // namespace

// -- the link breaks ----------------------------------------------------------

CAF_TEST(a FIN at any byte of a reply loses it and never cuts it short) {
  for (std::string whole :
       {"$5\r\nhello\r\n", "+QUEUED\r\n", "-ERR no\r\n", ":1234\r\n", "$-1\r\n",
        "*3\r\n$1\r\na\r\n:12\r\n*1\r\n+x\r\n"})
    for (size_t n = 0; n < whole.size(); ++n)
      spoilt{whole.substr(0, n), spoilt::then::close}.is_lost(
        errc::disconnected, false);
}

CAF_TEST(a FIN behind a reply loses nothing) {
  spoilt x{"$5\r\nhello\r\n", spoilt::then::close};
  auto end = x.end_of_first(errc::disconnected);
  CAF_CHECK_EQUAL(x.first().heard(), "1=first 2=\"hello\"");
  CAF_CHECK_EQUAL(end.taken_up_to, 2u);
  CAF_CHECK_EQUAL(end.written_up_to, 2u);
}

CAF_TEST(an RST within a string loses it) {
  for (int i = 0; i < 10; ++i)
    spoilt{"$10\r\nabc", spoilt::then::reset}.is_lost(errc::disconnected,
                                                      false);
}

CAF_TEST(a FIN within a unit of several replies loses the whole unit) {
  connection_fixture x;
  scripted_peer peer{script{[](peer_session& client) {
    shake_hands(client);
    client.next_command();
    client.reply("+OK\r\n+QUEUED\r\n");
    client.close();
  }}};
  x.open(peer);
  x.submit(x.first(), {{1, command{"PING"}.buffer(), 3, 60s}});
  auto end = x.end_of_first(errc::disconnected);
  CAF_CHECK_EQUAL(x.first().heard(), "");
  CAF_CHECK_EQUAL(end.taken_up_to, 1u);
  CAF_CHECK_EQUAL(end.written_up_to, 1u);
}

CAF_TEST(a link that ends with nothing outstanding says so) {
  for (auto by_reset : {false, true}) {
    connection_fixture x;
    scripted_peer peer{echo};
    x.open(peer);
    x.get(x.first(), 1, 3);
    CAF_CHECK(x.first().has_replies(3));
    by_reset ? peer.reset_all() : peer.close_all();
    auto end = x.end_of_first(errc::disconnected);
    CAF_CHECK_EQUAL(end.taken_up_to, 3u);
    CAF_CHECK_EQUAL(end.written_up_to, 3u);
    CAF_CHECK_EQUAL(x.first().so_far().replies.size(), 3u);
  }
}

// -- bytes that are no RESP ---------------------------------------------------

CAF_TEST(bytes that are no RESP end the link and answer nobody) {
  for (auto text :
       {"HTTP/1.1 400 Bad Request\r\n", "$3\r\nabcXY", "-\r\n", "$3\r\nabc\rX",
        "$abc\r\n", ":12x\r\n", "*-5\r\n", "$-2\r\n", "*1\r\n$3\r\nabcXY",
        "\r\n", "$99999999999999999999\r\n"})
    spoilt{text}.is_lost(errc::protocol_error, true);
}

CAF_TEST(a push ends the link) {
  spoilt{">2\r\n$10\r\ninvalidate\r\n*-1\r\n"}.is_lost(errc::protocol_error,
                                                       true);
}

CAF_TEST(replies before bytes that are no RESP are handed out) {
  spoilt x{"+second\r\nHTTP/1.1"};
  auto end = x.end_of_first(errc::protocol_error, true);
  CAF_CHECK_EQUAL(x.first().heard(), "1=first 2=second");
  CAF_CHECK_EQUAL(end.written_up_to, 2u);
}

CAF_TEST(a reply that nobody asked for ends the link) {
  spoilt x{"+second\r\n+third\r\n"};
  x.end_of_first(errc::protocol_error, true);
  CAF_CHECK_EQUAL(x.first().heard(), "1=first 2=second");
}

CAF_TEST(a reply on an idle link ends it) {
  connection_fixture x;
  scripted_peer peer{echo};
  x.open(peer);
  peer.push("+OK\r\n");
  auto end = x.end_of_first(errc::protocol_error, true);
  CAF_CHECK_EQUAL(x.first().so_far().replies.size(), 0u);
  CAF_CHECK_EQUAL(end.taken_up_to, 0u);
  CAF_CHECK(peer.wait_for_ended(1));
}

// -- replies beyond the limits ------------------------------------------------

CAF_TEST(a reply beyond a limit is answered and ends the link) {
  limit_options limits;
  limits.reply_bytes = 100;
  limits.reply_elements = 10;
  for (std::string text :
       {"$101\r\n", "*11\r\n", "*1\r\n*10\r\n", "*2\r\n:1\r\n$101\r\n"}) {
    spoilt x{text, spoilt::then::wait, limits};
    auto end = x.end_of_first(errc::protocol_error, true);
    CAF_CHECK_EQUAL(x.first().heard(), "1=first 2=!reply_too_deep");
    CAF_CHECK_EQUAL(end.taken_up_to, 2u);
    CAF_CHECK_EQUAL(end.written_up_to, 2u);
  }
}

CAF_TEST(a reply at its limits is handed on) {
  limit_options limits;
  limits.reply_bytes = 5;
  limits.reply_elements = 3;
  limits.reply_depth = 2;
  spoilt x{"*2\r\n*1\r\n:1\r\n$5\r\nhello\r\n", spoilt::then::close, limits};
  x.end_of_first(errc::disconnected);
  CAF_CHECK_EQUAL(x.first().heard(), "1=first 2=1) 1) (integer) 1\n"
                                     "2) \"hello\"");
}

CAF_TEST(only the first in line is answered when a reply exceeds a limit) {
  connection_fixture x;
  x.config.limits.reply_elements = 1;
  scripted_peer peer{script{[](peer_session& client) {
    shake_hands(client);
    for (int i = 0; i < 3; ++i)
      client.next_command();
    client.reply("*2\r\n:1\r\n:2\r\n+OK\r\n+OK\r\n");
    client.expect_end();
  }}};
  x.open(peer);
  auto& second = x.attach();
  x.get(second, 1);
  CAF_CHECK(peer.wait_for(3));
  x.get(x.first(), 2, 2);
  auto end = x.end_of(second, errc::protocol_error, true);
  CAF_CHECK_EQUAL(end.written_up_to, 1u);
  CAF_CHECK_EQUAL(second.heard(), "1=!reply_too_deep");
  end = x.end_of_first(errc::protocol_error, true);
  CAF_CHECK_EQUAL(end.written_up_to, 2u);
  CAF_CHECK_EQUAL(x.first().heard(), "");
}

CAF_TEST(a unit of several replies is answered once when one is too large) {
  connection_fixture x;
  x.config.limits.reply_elements = 1;
  scripted_peer peer{script{[](peer_session& client) {
    shake_hands(client);
    client.next_command();
    client.reply("+OK\r\n+QUEUED\r\n*2\r\n:1\r\n:2\r\n");
    client.expect_end();
  }}};
  x.open(peer);
  x.submit(x.first(), {{1, command{"PING"}.buffer(), 3, 60s}});
  x.end_of_first(errc::protocol_error, true);
  CAF_CHECK_EQUAL(x.first().heard(), "1=!reply_too_deep");
}

CAF_TEST(the largest lengths end the link before anything is allocated) {
  // Whatever the first run costs is spent before.
  spoilt{"*2147483647\r\n"}.end_of_first(errc::protocol_error, true);
  auto before = resident_bytes();
  for (std::string text : {"$9223372036854775807\r\n", "*2147483647\r\n",
                           "*1\r\n*2147483647\r\n"}) {
    spoilt x{text};
    x.end_of_first(errc::protocol_error, true);
    CAF_CHECK_EQUAL(x.first().heard(), "1=first 2=!reply_too_deep");
  }
  CAF_CHECK_LESS(resident_bytes(), before + (8u << 20));
}

// -- how the socket is closed -------------------------------------------------

CAF_TEST(a link that we gave up is closed by RST) {
  raw_server server;
  connection_fixture x;
  x.config.server.port = server.port();
  x.dial();
  server.accept();
  server.say("+OK\r\n:5\r\n");
  CAF_REQUIRE(x.first().is_up());
  server.say("HTTP/1.1 400 Bad Request\r\n");
  x.end_of_first(errc::protocol_error, true);
  CAF_CHECK(server.is_reset());
}

CAF_TEST(a link that others find broken is closed by RST as well) {
  raw_server server;
  connection_fixture x;
  x.config.server.port = server.port();
  x.dial();
  server.accept();
  server.say("+OK\r\n:5\r\n");
  CAF_REQUIRE(x.first().is_up());
  x.close_with(errc::protocol_error);
  x.end_of_first(errc::protocol_error, true);
  CAF_CHECK(server.is_reset());
}

CAF_TEST(a killed actor closes its link by RST) {
  raw_server server;
  connection_fixture x;
  x.config.server.port = server.port();
  x.dial();
  server.accept();
  server.say("+OK\r\n:5\r\n");
  CAF_REQUIRE(x.first().is_up());
  caf::anon_send_exit(x.subject, caf::exit_reason::kill);
  x.end_of_first(errc::disconnected, true);
  CAF_CHECK(server.is_reset());
}

CAF_TEST(a link that is closed in peace ends by FIN) {
  raw_server server;
  connection_fixture x;
  x.config.server.port = server.port();
  x.dial();
  server.accept();
  server.say("+OK\r\n:5\r\n");
  CAF_REQUIRE(x.first().is_up());
  x.close_with(errc::shutting_down);
  x.end_of_first(errc::shutting_down);
  CAF_CHECK(!server.is_reset());
}
