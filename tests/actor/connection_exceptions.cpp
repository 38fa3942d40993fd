#define CAF_SUITE connection_exceptions

// Exceptions in the handlers of a connection: each allocation that a message makes it
// do fails once, and so do the calls to the reactor that may.

#include <redoubt/actors/connection/connection.hpp>
#include <redoubt/actors/log.hpp>
#include <redoubt/tests/support/allocations.hpp>

#include <caf/all.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>
#include <caf/test/dsl.hpp>
#include <redoubt/tests/support/check.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

using namespace redoubt;
using namespace std::chrono_literals;
using redoubt::test::no_memory_at;

namespace {

/// A socket that connects at once, and whose peer is the test.
class fake_socket final : public transport {
public:
  /// So that it needs no memory when it is written to.
  fake_socket() { outbound.reserve(1 << 20); }

  opening open_tcp(const std::string&, uint16_t,
                   std::chrono::milliseconds) override {
    ++open;
    return {descriptor, 0};
  }

  opening open_unix(const std::string&) override { return {-1, ENOENT}; }

  int connect_result(int) noexcept override { return 0; }

  ssize_t receive(int, char* to, size_t size) noexcept override {
    if (inbound.empty()) {
      errno = EAGAIN;
      return -1;
    }
    auto n = std::min(size, inbound.size());
    std::memcpy(to, inbound.data(), n);
    inbound.erase(0, n);
    return static_cast<ssize_t>(n);
  }

  ssize_t send(int, const iovec* parts, size_t) noexcept override {
    if (room == 0) {
      errno = EAGAIN;
      return -1;
    }
    auto n = std::min(room, parts->iov_len);
    outbound.append(static_cast<const char*>(parts->iov_base), n);
    room -= n;
    return static_cast<ssize_t>(n);
  }

  void close(int) noexcept override { --open; }
  void close_with_reset(int) noexcept override { --open; }

  static constexpr int descriptor = 1000;

  int open = 0;
  std::string inbound;
  std::string outbound;
  size_t room = std::numeric_limits<size_t>::max();
};

/// In place of a reactor.
class fake_host final : public io_host {
public:
  explicit fake_host(caf::actor_system& sys) : io_host(&sys) {}

  void exec_later(caf::resumable* ptr) override {
    system().scheduler().enqueue(ptr);
  }

  uint32_t mailbox_limit() const noexcept override { return UINT32_MAX; }
  void add_resident(caf::actor_addr) override {}
  void remove_resident(const caf::actor_addr&) override {}
  transport& sockets() noexcept override { return socket; }

  void watch(int, uint32_t events, io_handler* handler) override {
    refuse_if(watch_fails);
    wanted_ = events;
    handler_ = handler;
  }

  void rewatch(int, uint32_t events, io_handler*) override {
    refuse_if(rewatch_fails);
    wanted_ = events;
  }

  void unwatch(int, io_handler* handler) noexcept override {
    handler_ = nullptr;
    forget_dirty(handler);
  }

  void flush() noexcept { flush_dirty(); }

  /// Tells the connection what its socket is ready for.
  void poll() {
    auto events = wanted_ & (socket.room > 0 ? uint32_t{EPOLLOUT} : 0u);
    if (!socket.inbound.empty())
      events |= wanted_ & EPOLLIN;
    if (handler_ != nullptr && events != 0)
      handler_->on_ready(events);
  }

  fake_socket socket;
  bool watch_fails = false;
  bool rewatch_fails = false;

private:
  static void refuse_if(bool fails) {
    if (fails)
      throw std::system_error(ENOMEM, std::generic_category(), "epoll_ctl");
  }

  io_handler* handler_ = nullptr;
  uint32_t wanted_ = 0;
};

/// What an owner was told.
struct notes {
  size_t ups = 0;
  std::vector<link_reply> replies;
  std::vector<link_closed> ends;
  bool late = false;
};

class owner_actor : public link_observer::base {
public:
  owner_actor(caf::actor_config& cfg, std::shared_ptr<notes> to)
    : link_observer::base(cfg), to_(std::move(to)) {}

  behavior_type make_behavior() override {
    return {
      [this](link_up&) { ++told().ups; },
      [this](link_replies& x) {
        for (auto& each : x.items)
          told().replies.push_back(std::move(each));
      },
      [this](link_closed& x) { told().ends.push_back(std::move(x)); },
      [this](link_progress&) { told(); },
    };
  }

private:
  notes& told() {
    to_->late = to_->late || !to_->ends.empty();
    return *to_;
  }

  std::shared_ptr<notes> to_;
};

class fixture : public test_coordinator_fixture<> {
public:
  fixture() {
    logger_for("connection")->set_level(spdlog::level::off);
    config.link = 1;
    config.server.host = "127.0.0.1";
    for (size_t i = 0; i < 3; ++i) {
      told.push_back(std::make_shared<notes>());
      owners.push_back(sys.spawn<owner_actor>(told.back()));
    }
    consume_messages();
    config.observer = owners[0];
  }

  ~fixture() override {
    kill();
    for (auto& each : owners)
      caf::anon_send_exit(each, caf::exit_reason::kill);
    consume_messages();
  }

  void kill() {
    if (subject)
      caf::anon_send_exit(subject, caf::exit_reason::kill);
    subject = nullptr;
    work();
  }

  void spawn() {
    subject = connection_actor{
      api::spawn_on<connection>(sys, &host, host, config)};
  }

  /// Lets the connection, and the kernel, do all there is to do.
  void work() {
    do {
      consume_messages();
      host.flush();
      host.poll();
    } while (sched.has_job());
  }

  void begin_handshake() {
    spawn();
    work();
    CAF_REQUIRE(host.socket.outbound.find("CLIENT") != std::string::npos);
  }

  void attach(size_t i) {
    caf::anon_send(subject,
                   attach_client{caf::actor_cast<link_client>(owners[i])});
  }

  void connect() {
    begin_handshake();
    host.socket.inbound = "+OK\r\n:7\r\n";
    work();
    attach(1);
    attach(2);
    work();
    CAF_REQUIRE_EQUAL(told[2]->ups, 1u);
  }

  static std::string wire(uint64_t id) {
    command x{"APPEND", "key",
              "a value that takes memory " + std::to_string(id)};
    return std::string{x.wire()};
  }

  /// `n` units of owner 1 or 2.
  void submit(uint32_t who, size_t n, uint32_t replies = 1) {
    submit_many x;
    x.owner = who;
    for (size_t i = 0; i < n; ++i) {
      submitted.push_back({who, ++last_id});
      x.units.push_back({last_id,
                         std::make_shared<const std::string>(wire(last_id)),
                         replies, 1s});
    }
    caf::anon_send(subject, std::move(x));
  }

  /// Answers the first `n` of what was written, each by its id.
  void answer(size_t n, const std::string& before = {}) {
    for (size_t i = 0; i < n; ++i) {
      auto text = "the answer to number " + std::to_string(++answered);
      host.socket.inbound += before + "$" + std::to_string(text.size()) + "\r\n"
                             + text + "\r\n";
    }
  }

  void check_ended() {
    kill();
    CAF_CHECK_EQUAL(host.socket.open, 0);
    for (uint32_t who = 0; who < told.size(); ++who) {
      auto& x = *told[who];
      CAF_CHECK(!x.late);
      auto known = who == 0 || x.ups > 0;
      if (!known)
        continue;
      CAF_REQUIRE_EQUAL(x.ends.size(), 1u);
      check_units(who, x);
    }
  }

  caf::scheduler::test_coordinator& scheduler() { return sched; }

  fake_host host{sys};
  connection_config config;
  connection_actor subject;
  std::vector<link_observer> owners;
  std::vector<std::shared_ptr<notes>> told;

private:
  struct unit {
    uint32_t owner;
    uint64_t id;
  };

  void check_units(uint32_t who, const notes& x) {
    uint64_t sent = 0;
    uint64_t written = 0;
    size_t replies = 0;
    for (auto& each : submitted) {
      if (each.owner != who)
        continue;
      ++sent;
      if (host.socket.outbound.find(wire(each.id)) != std::string::npos)
        ++written;
      if (replies < x.replies.size()) {
        // In order, none left out, none twice, each its own.
        auto& got = x.replies[replies++];
        CAF_CHECK_EQUAL(got.id, each.id);
        auto expected = "the answer to number " + std::to_string(each.id);
        auto text = got.value.kind() == reply_kind::array
                      ? got.value.elements().back().text()
                      : got.value.text();
        CAF_CHECK_EQUAL(std::string{text}, expected);
      }
    }
    auto& end = x.ends.front();
    CAF_CHECK_EQUAL(replies, x.replies.size());
    CAF_CHECK(end.taken_up_to <= sent);
    CAF_CHECK(end.written_up_to <= end.taken_up_to);
    // What left is never said not to have left.
    CAF_CHECK(written <= end.written_up_to);
    CAF_CHECK(replies <= written);
  }

  std::vector<unit> submitted;
  uint64_t last_id = 0;
  uint64_t answered = 0;
};

struct scene {
  const char* what;
  std::function<void(fixture&)> play;
  /// What the allocation fails in.
  std::function<void(fixture&)> strike = [](fixture& x) {
    x.scheduler().run_once();
  };
};

void in_poll(fixture& x) {
  x.host.poll();
}

void in_flush(fixture& x) {
  x.host.flush();
}

const std::vector<scene> scenes{
  {"it starts", [](fixture& x) { x.spawn(); }},
  {"its name is resolved",
   [](fixture& x) {
     x.config.server.host = "db.test";
     x.config.resolver = caf::actor_cast<resolver_actor>(x.owners[0]);
     x.spawn();
     x.work();
     caf::anon_send(x.subject, resolved{1, {"127.0.0.1", "127.0.0.2"}, {}});
   }},
  {"its socket is connected",
   [](fixture& x) {
     x.spawn();
     x.consume_messages();
     x.host.poll();
   }},
  {"its handshake ends",
   [](fixture& x) {
     x.begin_handshake();
     x.attach(1);
     x.attach(2);
     x.work();
     x.host.socket.inbound = "+OK\r\n:7\r\n";
     x.host.poll();
   }},
  {"a request actor comes",
   [](fixture& x) {
     x.begin_handshake();
     x.host.socket.inbound = "+OK\r\n:7\r\n";
     x.work();
     x.attach(1);
   }},
  {"another supervisor adopts it",
   [](fixture& x) {
     x.connect();
     caf::anon_send(x.subject, adopt_link{x.owners[0]});
   }},
  {"commands come",
   [](fixture& x) {
     x.connect();
     x.submit(1, 3);
     x.work();
     x.submit(1, 40);
   }},
  {"commands come that have to wait",
   [](fixture& x) {
     x.connect();
     x.host.socket.room = 100;
     x.submit(2, 3000);
     x.work();
     x.submit(1, 40);
   }},
  {"commands are written",
   [](fixture& x) {
     x.connect();
     x.host.socket.room = 0;
     x.submit(1, 6000);
     x.submit(2, 40);
     x.work();
     x.host.socket.room = 200000;
     x.host.poll();
     x.consume_messages();
   },
   in_flush},
  {"replies are there",
   [](fixture& x) {
     x.connect();
     x.submit(1, 2);
     x.work();
     x.answer(2);
   },
   in_poll},
  {"replies come",
   [](fixture& x) {
     x.connect();
     for (int i = 0; i < 3; ++i) {
       x.submit(1, 2);
       x.submit(2, 1);
     }
     x.work();
     x.answer(7);
     x.host.poll();
   }},
  {"the replies of a transaction come",
   [](fixture& x) {
     x.connect();
     x.submit(1, 2, 3);
     x.work();
     x.answer(2, "+OK\r\n+QUEUED\r\n");
     x.host.poll();
   }},
  {"bytes come that are no RESP",
   [](fixture& x) {
     x.connect();
     x.submit(1, 3);
     x.work();
     x.answer(1);
     x.host.socket.inbound += "what is this supposed to be\r\n";
     x.host.poll();
   }},
  {"it turns out to belong to a replica",
   [](fixture& x) {
     x.connect();
     x.submit(1, 3);
     x.work();
     x.answer(2);
     caf::anon_send(x.subject, close_link{errc::read_only_replica, true});
   }},
  {"it is closed",
   [](fixture& x) {
     x.connect();
     x.submit(1, 3);
     x.work();
     caf::anon_send(x.subject, close_link{errc::shutting_down});
   }},
  {"it is killed",
   [](fixture& x) {
     x.connect();
     x.submit(1, 3);
     x.work();
     caf::anon_send_exit(x.subject, caf::exit_reason::kill);
   }},
  {"it was idle",
   [](fixture& x) {
     x.connect();
     x.sched.clock().current_time += 6s;
     x.sched.clock().trigger_timeouts();
   }},
  {"it was silent for too long",
   [](fixture& x) {
     x.connect();
     x.submit(1, 3);
     x.work();
     x.sched.clock().current_time += 6s;
     x.sched.clock().trigger_timeouts();
   }},
};

} // namespace

CAF_TEST(whatever allocation of a connection fails its owners are told the truth) {
  for (auto& each : scenes) {
    CAF_MESSAGE("while " << each.what);
    uint64_t n = 0;
    for (auto hit = true; hit; n += hit ? 1 : 0) {
      fixture x;
      each.play(x);
      {
        no_memory_at there{n};
        each.strike(x);
        hit = there.hit();
      }
      if (!hit)
        break;
      CAF_MESSAGE("without allocation " << n);
      x.work();
      x.check_ended();
    }
    CAF_CHECK(n > 0);
  }
}

CAF_TEST(a reactor that can watch no socket costs the connection) {
  fixture x;
  x.host.watch_fails = true;
  x.spawn();
  x.work();
  CAF_CHECK_EQUAL(x.told[0]->ends.size(), 1u);
  x.check_ended();
}

CAF_TEST(a reactor that cannot watch a socket for room costs the connection) {
  fixture x;
  x.connect();
  x.host.rewatch_fails = true;
  x.host.socket.room = 100;
  x.submit(1, 5);
  x.work();
  CAF_REQUIRE_EQUAL(x.told[1]->ends.size(), 1u);
  CAF_CHECK_EQUAL(x.told[1]->ends[0].taken_up_to, 5u);
  CAF_CHECK_EQUAL(x.told[1]->ends[0].written_up_to, 1u);
  x.check_ended();
}
