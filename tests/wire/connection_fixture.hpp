#pragma once

#include <redoubt/actors/connection/connection.hpp>
#include <redoubt/actors/log.hpp>
#include <redoubt/actors/reactor/reactor.hpp>
#include <redoubt/messages/command.hpp>
#include <redoubt/tests/support/scripted_peer.hpp>
#include <redoubt/tests/support/wait.hpp>

#include <caf/all.hpp>
#include <redoubt/tests/support/check.hpp>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace redoubt::test {

/// What a connection told one of its owners, in order.
struct told {
  std::vector<connection_state> progress;
  std::optional<link_up> up;
  std::vector<link_reply> replies;
  /// Completions in each message.
  std::vector<size_t> batches;
  std::optional<link_closed> closed;
  size_t ups = 0;
  size_t closes = 0;
  /// Something came behind `link_closed`, or replies before `link_up`.
  bool out_of_order = false;
};

/// Where an owner writes down what it is told. Any thread.
class notebook {
public:
  template <class Change>
  void note(Change change) {
    {
      std::lock_guard guard{mutex_};
      x_.out_of_order = x_.out_of_order || x_.closed.has_value();
      change(x_);
    }
    changed_.notify_all();
  }

  /// Whether `holds` came to hold of what was told.
  template <class Predicate>
  bool wait(Predicate holds,
            std::chrono::milliseconds limit = std::chrono::seconds{10}) const {
    std::unique_lock guard{mutex_};
    return changed_.wait_for(guard, limit, [&] { return holds(x_); });
  }

  told read() const {
    std::lock_guard guard{mutex_};
    return x_;
  }

private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  told x_;
};

/// Plays the request actors and the supervisor.
class owner_actor : public link_observer::base {
public:
  owner_actor(caf::actor_config& cfg, std::shared_ptr<notebook> to)
    : link_observer::base(cfg), to_(std::move(to)) {}

  behavior_type make_behavior() override {
    return {
      [this](link_up& up) {
        to_->note([&](told& x) {
          ++x.ups;
          x.up = std::move(up);
        });
      },
      [this](link_replies& news) {
        to_->note([&](told& x) {
          x.out_of_order = x.out_of_order || !x.up;
          x.batches.push_back(news.items.size());
          for (auto& each : news.items)
            x.replies.push_back(std::move(each));
        });
      },
      [this](link_closed& end) {
        to_->note([&](told& x) {
          ++x.closes;
          x.closed = std::move(end);
        });
      },
      [this](link_progress& step) {
        to_->note([&](told& x) { x.progress.push_back(step.state); });
      },
    };
  }

private:
  std::shared_ptr<notebook> to_;
};

/// An owner of the connection, as tests see it.
struct owner {
  link_observer handle;
  std::shared_ptr<notebook> notes = std::make_shared<notebook>();
  bool detached = false;

  told so_far() const { return notes->read(); }

  // The first two wait no longer than the connection lives.

  bool is_up() const {
    return notes->wait([](const told& x) { return x.up || x.closed; })
           && so_far().up.has_value();
  }

  bool has_replies(size_t n) const {
    return notes->wait([n](const told& x) {
      return x.replies.size() >= n || x.closed;
    }) && so_far().replies.size() >= n;
  }

  bool is_closed() const {
    return notes->wait([](const told& x) { return x.closed.has_value(); });
  }

  /// Waits until it noted all that was sent to it before.
  void settle() const {
    caf::anon_send(handle, link_progress{0, connection_state::draining});
    CAF_REQUIRE(notes->wait([](const told& x) {
      return !x.progress.empty()
             && x.progress.back() == connection_state::draining;
    }));
  }

  /// The replies so far, as in `1="v" 2=(nil) 3=!reply_too_deep`.
  std::string heard() const {
    std::string text;
    for (auto& each : so_far().replies) {
      text += text.empty() ? "" : " ";
      text += std::to_string(each.id) + "=";
      if (each.code == errc::none)
        text += to_string(each.value);
      else
        text += "!" + std::string{to_string(each.code)};
    }
    return text;
  }
};

/// A connection on a reactor of its own, with its first owner and as many more
/// as a test wants. At the end each of them must have been told the end, once
/// and behind all else.
class connection_fixture {
public:
  connection_fixture() {
    logger_for("connection")->set_level(spdlog::level::off);
    config.link = 7;
    config.observer = add_owner().handle;
  }

  virtual ~connection_fixture() {
    host.evict();
    for (auto& each : owners_) {
      if (subject && !each.detached)
        CAF_CHECK(each.is_closed());
      caf::anon_send_exit(each.handle, caf::exit_reason::kill);
      auto x = each.so_far();
      CAF_CHECK(!x.out_of_order);
      CAF_CHECK(x.closes <= 1 && x.ups <= 1);
    }
  }

  owner& first() { return owners_.front(); }

  /// An owner that the connection does not know yet.
  owner& add_owner() {
    auto& x = owners_.emplace_back();
    x.handle = sys.spawn<owner_actor>(x.notes);
    return x;
  }

  /// Starts the connection to `config.server`.
  void dial() {
    subject = api::spawn_on<pinned<connection>>(sys, &host, host, config);
  }

  void dial(const scripted_peer& peer) {
    if (peer.path().empty()) {
      config.server.port = peer.port();
    } else {
      config.server.kind = endpoint::transport::unix_socket;
      config.server.path = peer.path();
    }
    dial();
  }

  /// Starts the connection and waits until it is ready.
  void open(const scripted_peer& peer) {
    dial(peer);
    CAF_REQUIRE(first().is_up());
  }

  /// Adds another owner to a connection that is ready.
  owner& attach() {
    auto& x = add_owner();
    caf::anon_send(subject, attach_client{x.handle});
    CAF_REQUIRE(x.is_up());
    return x;
  }

  void detach(owner& x) {
    x.detached = true;
    caf::anon_send(subject, detach_client{x.handle});
  }

  void submit(const owner& from, std::vector<submission> units) {
    auto number = from.so_far().up.value().owner;
    caf::anon_send(subject, submit_many{number, std::move(units)});
  }

  static submission
  unit(uint64_t id, const command& x,
       std::chrono::milliseconds patience = std::chrono::seconds{60}) {
    return {id, x.buffer(), 1, patience};
  }

  /// `n` commands GET k<id>, as one message.
  void get(const owner& from, uint64_t first_id, uint64_t n = 1,
           std::chrono::milliseconds patience = std::chrono::seconds{60}) {
    std::vector<submission> units;
    for (auto id = first_id; id < first_id + n; ++id)
      units.push_back(
        unit(id, command{"GET", "k" + std::to_string(id)}, patience));
    submit(from, std::move(units));
  }

  void close_with(errc cause, bool when_answered = false) {
    caf::anon_send(subject, close_link{cause, when_answered});
  }

  /// Waits for the end, of which it checks all that is the same for all owners.
  link_closed end_of(const owner& x, errc cause, bool gave_up = false) {
    CAF_REQUIRE(x.is_closed());
    auto end = x.so_far().closed.value();
    CAF_CHECK_EQUAL(end.link, config.link);
    CAF_CHECK_EQUAL(to_string(end.cause), to_string(cause));
    CAF_CHECK_EQUAL(end.gave_up, gave_up);
    CAF_CHECK(!end.text.empty());
    return end;
  }

  link_closed end_of_first(errc cause, bool gave_up = false) {
    return end_of(first(), cause, gave_up);
  }

  connection_config config;
  caf::actor_system_config system_config;
  caf::actor_system sys{system_config};
  reactor host{sys, {}};
  connection_actor subject;

private:
  // References to owners stay valid.
  std::deque<owner> owners_;
};

/// Plays the server in the shortest handshake.
inline void shake_hands(peer_session& client) {
  client.expect_command({"CLIENT", "SETNAME", "redoubt"});
  client.expect_command({"CLIENT", "ID"});
  client.reply("+OK\r\n:5\r\n");
}

inline std::string bulk(std::string_view text) {
  return "$" + std::to_string(text.size()) + "\r\n" + std::string{text}
         + "\r\n";
}

/// Answers GET <key> with the key and ECHO <text> with the text.
inline std::optional<peer_answer> echo(const argv& words) {
  if (words[0] == "GET" || words[0] == "ECHO")
    return bulk(words.at(1));
  return {};
}

/// Time since it was made.
class stopwatch {
public:
  std::chrono::milliseconds elapsed() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
      api::clock::now() - start_);
  }

private:
  api::time_point start_ = api::clock::now();
};

} // namespace redoubt::test
