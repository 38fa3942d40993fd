#define CAF_SUITE connection_unwritten

#include <redoubt/actors/random.hpp>
#include <redoubt/tests/wire/connection_fixture.hpp>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

using namespace redoubt;
using namespace redoubt::test;
using namespace std::chrono_literals;

namespace {

/// Commands of one flood, and their size in all: more than sockets take in.
constexpr uint64_t flood_units = 400;
constexpr size_t largest_unit = 300'000;

/// Holds a reactor's thread until the cue.
class blocker : public api::interface<void(tick)>::base {
public:
  blocker(caf::actor_config& cfg, std::shared_ptr<cue> until,
          std::shared_ptr<cue> started)
    : api::interface<void(tick)>::base(cfg),
      until_(std::move(until)),
      started_(std::move(started)) {
  }

  behavior_type
  make_behavior() override {
    return {
      [this](tick&) {
        started_->give();
        until_->wait(20s);
      },
    };
  }

private:
  std::shared_ptr<cue> until_;
  std::shared_ptr<cue> started_;
};

struct fixture : connection_fixture {
  ~fixture() override { release_reactor(); }

  /// Keeps the reactor from doing anything until it is released; what is sent
  /// to its actors meanwhile is all there when it goes on.
  void block_reactor() {
    auto started = std::make_shared<cue>();
    auto x = api::spawn_on<pinned<blocker>>(sys, &host, go_on, started);
    caf::anon_send(x, tick{});
    CAF_REQUIRE(started->wait(10s));
  }

  void release_reactor() { go_on->give(); }

  /// Commands of all sizes, each of which names its owner and number.
  std::vector<submission> flood(const std::string& name, uint64_t first_id,
                                uint64_t n) {
    std::vector<submission> units;
    for (auto id = first_id; id < first_id + n; ++id)
      units.push_back(
        unit(id, command{"SET", name + std::to_string(id),
                         std::string(random.next() % largest_unit, 'x')}));
    return units;
  }

  /// Makes the reactor write a flood until the kernel takes no more. The server
  /// answers its first command at the cue `sent`.
  void pour(cue& sent, std::chrono::milliseconds patience = 60s) {
    auto units = flood("a", 0, flood_units);
    for (auto& each : units)
      each.patience = patience;
    block_reactor();
    submit(first(), std::move(units));
    sent.give();
    release_reactor();
    // A reactor writes before it reads.
    CAF_REQUIRE(first().has_replies(1));
  }

  random_source random{42};
  std::shared_ptr<cue> go_on = std::make_shared<cue>();
};

/// Commands of the owner `name` among those that a peer got.
uint64_t received(const scripted_peer& peer, const std::string& name) {
  auto all = peer.commands();
  return static_cast<uint64_t>(
    std::count_if(all.begin(), all.end(), [&](const argv& words) {
      return words[0] == "SET" && words[1].starts_with(name);
    }));
}

/// A server that reads nothing. It answers the first command at the cue `sent`;
/// at the cue `go` it reads all that there is.
script deaf_until(const cue& sent, const cue& go) {
  return [&](peer_session& client) {
    shake_hands(client);
    client.stall_until(sent);
    client.reply("+OK\r\n");
    client.stall_until(go);
    client.expect_end();
    try {
      for (;;)
        client.next_command();
    } catch (const std::runtime_error&) {
      // That was the last whole one.
    }
  };
}

std::atomic<int> pipe_signals{0};

void count_signal(int) {
  ++pipe_signals;
}

/// Counts SIGPIPE while it lives.
class signal_count {
public:
  signal_count() {
    pipe_signals = 0;
    struct sigaction count {};
    count.sa_handler = count_signal;
    ::sigaction(SIGPIPE, &count, &old_);
  }

  ~signal_count() { ::sigaction(SIGPIPE, &old_, nullptr); }

private:
  struct sigaction old_ {};
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(connection_unwritten_tests, fixture)

// -- turns ----------------------------------------------------------------------

CAF_TEST(request actors take turns however much one of them hands over) {
  cue sent;
  cue go;
  scripted_peer peer{script{[&](peer_session& client) {
    shake_hands(client);
    client.stall_until(sent);
    client.reply("+OK\r\n");
    client.stall_until(go);
    for (int i = 0; i < 4004; ++i)
      client.next_command();
    client.expect_end();
  }}};
  open(peer);
  auto& second = attach();
  auto& third = attach();
  std::string kilobyte(1024, 'x');
  std::vector<submission> many;
  std::vector<submission> few;
  for (uint64_t i = 0; i < 4000; ++i)
    many.push_back(unit(i, command{"SET", "a" + std::to_string(i), kilobyte}));
  for (uint64_t i = 0; i < 3; ++i)
    few.push_back(unit(i, command{"SET", "b" + std::to_string(i), "v"}));
  block_reactor();
  submit(first(), std::move(many));
  submit(second, std::move(few));
  submit(third, {unit(0, command{"SET", "c0", "v"})});
  sent.give();
  release_reactor();
  CAF_REQUIRE(first().has_replies(1));
  go.give();
  CAF_REQUIRE(peer.wait_for(4004, 30s));
  std::string order;
  for (auto& words : peer.commands())
    if (words[0] == "SET")
      order += words[1][0];
  // Behind 128 KiB of the first one.
  auto turns = order.find("aabcababaa");
  CAF_CHECK(turns != std::string::npos && turns < 128);
  close_with(errc::shutting_down);
  CAF_CHECK_EQUAL(end_of(first(), errc::shutting_down).written_up_to, 4000u);
  CAF_CHECK_EQUAL(end_of(second, errc::shutting_down).written_up_to, 3u);
  CAF_CHECK(peer.wait_done());
}

// -- what the kernel did not take ---------------------------------------------

CAF_TEST(a link closed while the peer does not read tells what was written) {
  // What the kernel took is still delivered behind an orderly close: so the
  // peer must find exactly as many whole commands as the owners are told.
  for (auto by_unix_socket : {false, true}) {
    fixture each;
    cue sent;
    cue go;
    scripted_peer peer{deaf_until(sent, go), {.unix_socket = by_unix_socket}};
    each.open(peer);
    auto& second = each.attach();
    each.block_reactor();
    // Both in turn, so that their units lie between each other's.
    for (uint64_t i = 0; i < flood_units; i += 20) {
      each.submit(each.first(), flood("a", i, 10));
      each.submit(second, flood("b", i, 10));
    }
    sent.give();
    each.release_reactor();
    CAF_REQUIRE(each.first().has_replies(1));
    each.close_with(errc::shutting_down);
    auto end = each.end_of_first(errc::shutting_down);
    auto other = each.end_of(second, errc::shutting_down);
    go.give();
    CAF_CHECK(peer.wait_done());
    CAF_CHECK_EQUAL(end.taken_up_to, flood_units / 2);
    CAF_CHECK_EQUAL(other.taken_up_to, flood_units / 2);
    CAF_CHECK_LESS(end.written_up_to, end.taken_up_to);
    CAF_CHECK_EQUAL(end.written_up_to, received(peer, "a"));
    CAF_CHECK_EQUAL(other.written_up_to, received(peer, "b"));
    CAF_CHECK_GREATER(end.written_up_to, 0u);
  }
}

CAF_TEST(a link whose peer resets it without reading tells what is not sent) {
  cue sent;
  cue go;
  scripted_peer peer{script{[&](peer_session& client) {
    shake_hands(client);
    client.stall_until(sent);
    client.reply("+OK\r\n");
    client.stall_until(go);
    client.reset();
  }}};
  open(peer);
  pour(sent);
  go.give();
  auto end = end_of_first(errc::disconnected);
  CAF_CHECK_EQUAL(end.taken_up_to, flood_units);
  CAF_CHECK_GREATER(end.written_up_to, 0u);
  CAF_CHECK_LESS(end.written_up_to, end.taken_up_to);
}

CAF_TEST(a peer that does not read is silent and its link is dead) {
  cue sent;
  cue go;
  scripted_peer peer{deaf_until(sent, go)};
  open(peer);
  pour(sent, 100ms);
  auto end = end_of_first(errc::disconnected, true);
  go.give();
  CAF_CHECK(peer.wait_done());
  CAF_CHECK_EQUAL(end.taken_up_to, flood_units);
  CAF_CHECK_LESS(end.written_up_to, end.taken_up_to);
  // An RST throws away what the peer has not read, hence no more than this.
  CAF_CHECK_LESS_OR_EQUAL(received(peer, "a"), end.written_up_to);
}

CAF_TEST(an actor killed while the peer does not read tells what is not sent) {
  cue sent;
  cue go;
  scripted_peer peer{deaf_until(sent, go)};
  open(peer);
  pour(sent);
  caf::anon_send_exit(subject, caf::exit_reason::kill);
  auto end = end_of_first(errc::disconnected, true);
  go.give();
  CAF_CHECK(peer.wait_done());
  CAF_CHECK_EQUAL(end.taken_up_to, flood_units);
  CAF_CHECK_LESS(end.written_up_to, end.taken_up_to);
  CAF_CHECK_LESS_OR_EQUAL(received(peer, "a"), end.written_up_to);
}

CAF_TEST(a peer that starts to read again gets the rest) {
  // A unix socket takes much less than these.
  constexpr uint64_t n = 60;
  cue go;
  scripted_peer peer{script{[&](peer_session& client) {
                       shake_hands(client);
                       client.stall_until(go);
                       for (uint64_t i = 1; i <= n; ++i) {
                         auto key = "a" + std::to_string(i);
                         client.expect_command({"SET", key, "*"});
                         client.reply("+OK\r\n");
                       }
                       client.expect_end();
                     }},
                     {.unix_socket = true}};
  open(peer);
  submit(first(), flood("a", 1, n));
  go.give();
  CAF_CHECK(first().has_replies(n));
  close_with(errc::shutting_down);
  auto end = end_of_first(errc::shutting_down);
  CAF_CHECK_EQUAL(end.taken_up_to, n);
  CAF_CHECK_EQUAL(end.written_up_to, n);
  CAF_CHECK(peer.wait_done());
}

CAF_TEST(what is submitted and closed in one turn is not sent) {
  scripted_peer peer{script{[](peer_session& client) {
    shake_hands(client);
    client.expect_end();
  }}};
  open(peer);
  block_reactor();
  get(first(), 1, 3);
  close_with(errc::shutting_down);
  release_reactor();
  auto end = end_of_first(errc::shutting_down);
  CAF_CHECK_EQUAL(end.taken_up_to, 3u);
  CAF_CHECK_EQUAL(end.written_up_to, 0u);
  CAF_CHECK(peer.wait_done());
  CAF_CHECK_EQUAL(peer.commands().size(), 2u);
}

CAF_TEST(what is submitted behind a close was never taken) {
  scripted_peer peer{echo};
  open(peer);
  block_reactor();
  get(first(), 1, 2);
  close_with(errc::shutting_down);
  get(first(), 3, 5);
  release_reactor();
  auto end = end_of_first(errc::shutting_down);
  CAF_CHECK_EQUAL(end.taken_up_to, 2u);
  CAF_CHECK_EQUAL(end.written_up_to, 0u);
}

// -- a peer that is gone ------------------------------------------------------

CAF_TEST(a write to a closed unix socket is an error and no signal) {
  signal_count counting;
  scripted_peer peer{echo, {.unix_socket = true}};
  open(peer);
  block_reactor();
  peer.close_all();
  get(first(), 1, 3);
  release_reactor();
  auto end = end_of_first(errc::disconnected);
  CAF_CHECK_EQUAL(end.taken_up_to, 3u);
  CAF_CHECK_EQUAL(end.written_up_to, 0u);
  CAF_CHECK_EQUAL(pipe_signals.load(), 0);
}

CAF_TEST(writes to a port whose peer is gone are an error and no signal) {
  signal_count counting;
  for (auto by_reset : {false, true})
    for (int i = 0; i < 10; ++i) {
      connection_fixture each;
      scripted_peer peer{echo};
      each.open(peer);
      by_reset ? peer.reset_all() : peer.close_all();
      // Some of them meet the socket before the end was read, some never reach
      // the actor.
      for (uint64_t n = 1; n <= 20; ++n)
        each.get(each.first(), n);
      auto end = each.end_of_first(errc::disconnected);
      CAF_CHECK(end.written_up_to <= end.taken_up_to);
      CAF_CHECK(end.taken_up_to <= 20);
      CAF_CHECK_EQUAL(each.first().so_far().replies.size(), 0u);
    }
  CAF_CHECK_EQUAL(pipe_signals.load(), 0);
}

CAF_TEST(a write to a port that was reset is an error and no signal) {
  signal_count counting;
  scripted_peer peer{echo};
  open(peer);
  block_reactor();
  peer.reset_all();
  get(first(), 1, 3);
  release_reactor();
  auto end = end_of_first(errc::disconnected);
  CAF_CHECK_EQUAL(end.taken_up_to, 3u);
  CAF_CHECK_EQUAL(end.written_up_to, 0u);
  CAF_CHECK_EQUAL(pipe_signals.load(), 0);
}

CAF_TEST(what the server answered before it went is told though a write fails) {
  cue go;
  scripted_peer peer{script{[&](peer_session& client) {
                       shake_hands(client);
                       client.expect_command({"GET", "k1"});
                       client.expect_command({"GET", "k2"});
                       client.stall_until(go);
                       client.reply("+1\r\n+2\r\n");
                       client.close();
                     }},
                     {.unix_socket = true}};
  open(peer);
  get(first(), 1, 2);
  CAF_REQUIRE(peer.wait_for(4));
  // It is answered while the reactor stands still, which then writes first.
  block_reactor();
  go.give();
  CAF_CHECK(peer.wait_done());
  get(first(), 3, 2);
  release_reactor();
  auto end = end_of_first(errc::disconnected);
  CAF_CHECK_EQUAL(first().heard(), "1=1 2=2");
  CAF_CHECK_EQUAL(end.taken_up_to, 4u);
  CAF_CHECK_EQUAL(end.written_up_to, 2u);
}

CAF_TEST_FIXTURE_SCOPE_END()
