#define CAF_SUITE connection

#include <redoubt/actors/random.hpp>
#include <redoubt/tests/wire/connection_fixture.hpp>

#include <string>
#include <vector>

using namespace redoubt;
using namespace redoubt::test;
using namespace std::chrono_literals;

namespace {

struct fixture : connection_fixture {
  /// Lets an ECHO of `n` bytes make the round trip; small ones go around it.
  void pass_large(scripted_peer& peer, size_t n) {
    open(peer);
    std::string large(n, '.');
    for (size_t i = 0; i < n; i += 4096)
      large[i] = static_cast<char>('a' + i / 4096 % 26);
    submit(first(),
           {unit(1, command{"GET", "before"}), unit(2, command{"ECHO", large}),
            unit(3, command{"GET", "after"})});
    CAF_REQUIRE(first().has_replies(3));
    auto x = first().so_far();
    CAF_CHECK_EQUAL(x.replies[0].value.text(), "before");
    CAF_CHECK(x.replies[1].value.text() == large);
    CAF_CHECK_EQUAL(x.replies[2].value.text(), "after");
    CAF_CHECK_EQUAL(peer.failures(), "");
  }
};

/// `1="k1" 2="k2" …`, as GET is answered by `echo`.
std::string echoes(uint64_t first, uint64_t n) {
  std::string text;
  for (auto id = first; id < first + n; ++id) {
    auto number = std::to_string(id);
    text += (text.empty() ? "" : " ") + number + "=\"k" + number + "\"";
  }
  return text;
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(connection_tests, fixture)

// -- replies ------------------------------------------------------------------

CAF_TEST(each command gets the reply that is its own) {
  scripted_peer peer{echo};
  open(peer);
  get(first(), 1, 5);
  get(first(), 6);
  CAF_CHECK(first().has_replies(6));
  CAF_CHECK_EQUAL(first().heard(), echoes(1, 6));
  for (auto& each : first().so_far().batches)
    CAF_CHECK(each > 0);
}

CAF_TEST(all kinds of replies are handed on) {
  scripted_peer peer{script{[](peer_session& client) {
    shake_hands(client);
    for (int i = 0; i < 7; ++i)
      client.next_command();
    client.reply("+OK\r\n:-7\r\n$-1\r\n*-1\r\n$2\r\nab\r\n"
                 "*2\r\n:1\r\n*1\r\n+x\r\n*0\r\n");
    client.expect_end();
  }}};
  open(peer);
  get(first(), 1, 7);
  CAF_CHECK(first().has_replies(7));
  CAF_CHECK_EQUAL(first().heard(),
                  "1=OK 2=(integer) -7 3=(nil) 4=(nil) 5=\"ab\" "
                  "6=1) (integer) 1\n2) 1) x 7=(empty array)");
}

CAF_TEST(errors of the server are replies and keep the link) {
  scripted_peer peer{script{[](peer_session& client) {
    shake_hands(client);
    for (int i = 0; i < 6; ++i)
      client.next_command();
    client.reply("-WRONGTYPE no\r\n-LOADING yet\r\n-MASTERDOWN no\r\n"
                 "-ERR max number of clients reached\r\n-READONLYX\r\n"
                 "-OOM command not allowed\r\n");
    client.expect_command({"GET", "k7"});
    client.reply("+OK\r\n");
    client.expect_end();
  }}};
  open(peer);
  get(first(), 1, 6);
  CAF_CHECK(first().has_replies(6));
  get(first(), 7);
  CAF_CHECK(first().has_replies(7));
  CAF_CHECK_EQUAL(first().heard(),
                  "1=(error) WRONGTYPE no 2=(error) LOADING yet "
                  "3=(error) MASTERDOWN no "
                  "4=(error) ERR max number of clients reached "
                  "5=(error) READONLYX 6=(error) OOM command not allowed 7=OK");
}

CAF_TEST(replies that come byte by byte are whole) {
  scripted_peer peer{script{[](peer_session& client) {
    shake_hands(client);
    for (int i = 0; i < 3; ++i)
      client.next_command();
    client.reply_in_pieces("$5\r\nhello\r\n*2\r\n:1\r\n$1\r\nx\r\n+OK\r\n", 1);
    client.expect_end();
  }}};
  open(peer);
  get(first(), 1, 3);
  CAF_CHECK(first().has_replies(3));
  CAF_CHECK_EQUAL(first().heard(),
                  "1=\"hello\" 2=1) (integer) 1\n2) \"x\" 3=OK");
}

CAF_TEST(a hundred replies in one segment are told in one message) {
  scripted_peer peer{script{[](peer_session& client) {
    shake_hands(client);
    std::string all;
    for (int i = 0; i < 100; ++i)
      all += bulk(client.next_command().at(1));
    client.reply(all);
    client.expect_end();
  }}};
  open(peer);
  get(first(), 1, 50);
  get(first(), 51, 50);
  CAF_CHECK(first().has_replies(100));
  CAF_CHECK_EQUAL(first().heard(), echoes(1, 100));
  CAF_CHECK_EQUAL(first().so_far().batches, std::vector<size_t>{100});
}

CAF_TEST(more replies than one read holds keep their order) {
  scripted_peer peer{script{[](peer_session& client) {
    shake_hands(client);
    std::string all;
    for (int i = 0; i < 1000; ++i)
      all += bulk(client.next_command().at(1) + std::string(5000, '.'));
    client.reply(all);
    client.expect_end();
  }}};
  open(peer);
  get(first(), 0, 1000);
  CAF_REQUIRE(first().has_replies(1000));
  auto x = first().so_far();
  for (size_t i = 0; i < 1000; ++i) {
    CAF_CHECK_EQUAL(x.replies[i].id, i);
    auto expected = "k" + std::to_string(i) + ".";
    CAF_CHECK(x.replies[i].value.text().starts_with(expected));
  }
}

CAF_TEST(keys and values may hold every byte or none) {
  std::string all;
  for (int i = 0; i < 256; ++i)
    all += static_cast<char>(i);
  scripted_peer peer{echo};
  open(peer);
  submit(first(), {unit(1, command{"ECHO", all}), unit(2, command{"ECHO", ""}),
                   unit(3, command{"ECHO", "\r\n$3\r\n-ERR\r\n"})});
  CAF_REQUIRE(first().has_replies(3));
  auto x = first().so_far();
  CAF_CHECK(x.replies[0].value == reply::string(all));
  CAF_CHECK(x.replies[1].value == reply::string(""));
  CAF_CHECK(x.replies[2].value == reply::string("\r\n$3\r\n-ERR\r\n"));
}

CAF_TEST(a command of 3 MB makes the round trip) {
  scripted_peer peer{echo};
  pass_large(peer, 3'000'000);
}

CAF_TEST(a command of 20 MB makes the round trip) {
  scripted_peer peer{echo};
  pass_large(peer, 20'000'000);
}

CAF_TEST(a command of 20 MB makes the round trip over a unix socket) {
  scripted_peer peer{echo, {.unix_socket = true}};
  pass_large(peer, 20'000'000);
}

// -- units of several replies -------------------------------------------------

CAF_TEST(a unit of several replies is one array) {
  scripted_peer peer{script{[](peer_session& client) {
    shake_hands(client);
    client.expect_command({"GET", "k1"});
    client.expect_command({"MULTI"});
    client.expect_command({"INCR", "n"});
    client.expect_command({"EXEC"});
    client.expect_command({"GET", "k3"});
    client.reply("$2\r\nk1\r\n+OK\r\n+QUEUED\r\n*1\r\n:8\r\n$2\r\nk3\r\n");
    client.expect_end();
  }}};
  open(peer);
  auto body = std::make_shared<const std::string>(
    "*1\r\n$5\r\nMULTI\r\n*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n*1\r\n$4\r\nEXEC\r\n");
  submit(first(), {unit(1, command{"GET", "k1"}),
                   {2, body, 3, 60s},
                   unit(3, command{"GET", "k3"})});
  CAF_REQUIRE(first().has_replies(3));
  auto x = first().so_far();
  auto all = reply::array({reply::status("OK"), reply::status("QUEUED"),
                           reply::array({reply::integer(8)})});
  CAF_CHECK(x.replies[1].value == all);
  CAF_CHECK_EQUAL(x.replies[0].value.text(), "k1");
  CAF_CHECK_EQUAL(x.replies[2].value.text(), "k3");
}

CAF_TEST(a unit of several replies that come byte by byte is one array) {
  scripted_peer peer{script{[](peer_session& client) {
    shake_hands(client);
    client.next_command();
    client.reply_in_pieces("+OK\r\n-ERR no\r\n*-1\r\n+next\r\n", 1);
    client.expect_end();
  }}};
  open(peer);
  auto ping = command{"PING"}.buffer();
  submit(first(), {{1, ping, 3, 60s}, {2, ping, 1, 60s}});
  CAF_REQUIRE(first().has_replies(2));
  auto x = first().so_far();
  auto all = reply::array(
    {reply::status("OK"), reply::error("ERR no"), reply{}});
  CAF_CHECK(x.replies[0].value == all);
  CAF_CHECK(x.replies[1].value == reply::status("next"));
}

// -- owners -------------------------------------------------------------------

CAF_TEST(several owners get their own replies in order) {
  scripted_peer peer{echo};
  open(peer);
  std::vector<owner*> all{&first(), &attach(), &attach()};
  CAF_CHECK_EQUAL(all[1]->so_far().up->owner, 1u);
  CAF_CHECK_EQUAL(all[2]->so_far().up->owner, 2u);
  random_source random{42};
  std::vector<uint64_t> sent(3);
  for (int i = 0; i < 300; ++i) {
    auto who = random.next() % 3;
    auto n = 1 + random.next() % 4;
    // An id tells its owner.
    get(*all[who], 1000 * (who + 1) + sent[who], n);
    sent[who] += n;
  }
  for (size_t who = 0; who < 3; ++who) {
    CAF_CHECK(all[who]->has_replies(sent[who]));
    CAF_CHECK_EQUAL(all[who]->heard(), echoes(1000 * (who + 1), sent[who]));
  }
}

CAF_TEST(an owner that detached is told nothing more) {
  cue go;
  scripted_peer peer{script{[&](peer_session& client) {
    shake_hands(client);
    for (int i = 0; i < 4; ++i)
      client.next_command();
    client.stall_until(go);
    client.reply("+1\r\n+2\r\n+3\r\n+4\r\n");
    client.expect_end();
  }}};
  open(peer);
  auto& second = attach();
  get(first(), 1);
  CAF_CHECK(peer.wait_for(3));
  get(second, 2, 2);
  CAF_CHECK(peer.wait_for(5));
  get(first(), 4);
  CAF_CHECK(peer.wait_for(6));
  detach(second);
  // Behind the detaching in the mailbox.
  auto& third = attach();
  go.give();
  CAF_CHECK(first().has_replies(2));
  CAF_CHECK_EQUAL(first().heard(), "1=1 4=4");
  close_with(errc::shutting_down);
  CAF_CHECK(first().is_closed());
  CAF_CHECK(third.is_closed());
  second.settle();
  CAF_CHECK_EQUAL(second.so_far().replies.size(), 0u);
  CAF_CHECK(!second.so_far().closed.has_value());
}

CAF_TEST(owners that come and go use the same number again) {
  scripted_peer peer{echo};
  open(peer);
  for (uint64_t i = 0; i < 50; ++i) {
    auto& next = attach();
    CAF_REQUIRE(next.is_up());
    CAF_REQUIRE_EQUAL(next.so_far().up->owner, 1u);
    get(next, i);
    CAF_REQUIRE(next.has_replies(1));
    detach(next);
    next.detached = true;
  }
}

CAF_TEST(the number of an owner that is owed a reply is not used again) {
  cue go;
  scripted_peer peer{script{[&](peer_session& client) {
    shake_hands(client);
    client.next_command();
    client.stall_until(go);
    client.reply("+1\r\n");
    client.next_command();
    client.reply("+2\r\n");
    client.expect_end();
  }}};
  open(peer);
  auto& gone = attach();
  get(gone, 1);
  CAF_CHECK(peer.wait_for(3));
  detach(gone);
  gone.detached = true;
  auto& next = attach();
  CAF_REQUIRE(next.is_up());
  CAF_CHECK_EQUAL(next.so_far().up->owner, 2u);
  go.give();
  get(next, 2);
  CAF_REQUIRE(next.has_replies(1));
  CAF_CHECK_EQUAL(next.heard(), "2=2");
  auto& last = attach();
  CAF_REQUIRE(last.is_up());
  CAF_CHECK_EQUAL(last.so_far().up->owner, 1u);
}

CAF_TEST(another supervisor takes over the number of the one that died) {
  scripted_peer peer{echo};
  open(peer);
  get(first(), 1);
  CAF_REQUIRE(first().has_replies(1));
  auto& next = add_owner();
  first().detached = true;
  caf::anon_send(subject, adopt_link{next.handle});
  CAF_REQUIRE(next.is_up());
  CAF_CHECK_EQUAL(next.so_far().up->owner, first().so_far().up->owner);
  get(next, 2);
  CAF_CHECK(next.has_replies(1));
  CAF_CHECK_EQUAL(next.heard(), "2=\"k2\"");
  CAF_CHECK_EQUAL(first().so_far().replies.size(), 1u);
}

CAF_TEST(an owner that is attached again is told nothing twice) {
  scripted_peer peer{echo};
  open(peer);
  auto& other = attach();
  caf::anon_send(subject, attach_client{other.handle});
  get(other, 1);
  CAF_CHECK(other.has_replies(1));
  other.settle();
  CAF_CHECK_EQUAL(other.so_far().ups, 1u);
}

CAF_TEST(an owner that died takes nobody along) {
  scripted_peer peer{echo};
  open(peer);
  auto& second = attach();
  second.detached = true;
  get(second, 1, 5);
  caf::anon_send_exit(second.handle, caf::exit_reason::kill);
  get(first(), 6, 5);
  CAF_CHECK(first().has_replies(5));
  CAF_CHECK_EQUAL(first().heard(), echoes(6, 5));
}

// -- the end ------------------------------------------------------------------

CAF_TEST(a closed link tells each owner what was taken and written) {
  cue go;
  scripted_peer peer{script{[&](peer_session& client) {
    shake_hands(client);
    for (int i = 0; i < 6; ++i)
      client.next_command();
    client.reply("+1\r\n+2\r\n");
    client.expect_end();
  }}};
  open(peer);
  auto& second = attach();
  auto& third = attach();
  get(first(), 1, 2);
  get(second, 3, 3);
  get(first(), 6);
  CAF_CHECK(peer.wait_for(8));
  CAF_CHECK(first().has_replies(2));
  close_with(errc::shutting_down);
  auto end = end_of(first(), errc::shutting_down);
  CAF_CHECK(end.was_ready);
  CAF_CHECK_EQUAL(end.taken_up_to, 3u);
  CAF_CHECK_EQUAL(end.written_up_to, 3u);
  end = end_of(second, errc::shutting_down);
  CAF_CHECK_EQUAL(end.taken_up_to, 3u);
  CAF_CHECK_EQUAL(end.written_up_to, 3u);
  end = end_of(third, errc::shutting_down);
  CAF_CHECK_EQUAL(end.taken_up_to, 0u);
  CAF_CHECK_EQUAL(end.written_up_to, 0u);
  CAF_CHECK_EQUAL(first().heard(), "1=1 2=2");
  CAF_CHECK(peer.wait_done());
}

CAF_TEST(an actor that is killed tells its end) {
  scripted_peer peer{script{[](peer_session& client) {
    shake_hands(client);
    client.next_command();
    client.next_command();
    client.reply("+1\r\n");
    client.expect_end();
  }}};
  open(peer);
  auto& second = attach();
  get(first(), 1, 2);
  CAF_CHECK(first().has_replies(1));
  CAF_CHECK(peer.wait_for(4));
  caf::anon_send_exit(subject, caf::exit_reason::kill);
  auto end = end_of(first(), errc::disconnected, true);
  CAF_CHECK(end.was_ready);
  CAF_CHECK_EQUAL(end.taken_up_to, 2u);
  CAF_CHECK_EQUAL(end.written_up_to, 2u);
  end_of(second, errc::disconnected, true);
  CAF_CHECK(peer.wait_done());
}

CAF_TEST(an exit that is no kill ends nothing) {
  scripted_peer peer{echo};
  open(peer);
  caf::anon_send_exit(subject, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(subject, caf::exit_reason::remote_link_unreachable);
  get(first(), 1);
  CAF_CHECK(first().has_replies(1));
  CAF_CHECK(!first().so_far().closed.has_value());
}

CAF_TEST(messages that it does not understand end nothing) {
  scripted_peer peer{echo};
  open(peer);
  auto untyped = caf::actor_cast<caf::actor>(subject);
  caf::anon_send(untyped, std::string{"hello"});
  caf::anon_send(untyped, 42, 43);
  caf::anon_send(subject, io_event{});
  caf::anon_send(subject, tick{12345, tick_purpose::deadlines});
  get(first(), 1);
  CAF_CHECK(first().has_replies(1));
  CAF_CHECK_EQUAL(first().heard(), echoes(1, 1));
}

CAF_TEST_FIXTURE_SCOPE_END()
