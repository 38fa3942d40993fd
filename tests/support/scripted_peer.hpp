#pragma once

#include <redoubt/app/lab/socket.hpp>
#include <redoubt/tests/support/peer_connection.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace redoubt::test {

/// Something that happens once; a script can wait for it.
class cue {
public:
  void give();

  /// Whether it happened within `limit`.
  bool wait(std::chrono::milliseconds limit) const;

private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  bool happened_ = false;
};

/// What a handler says to one command.
struct peer_answer {
  enum class then : uint8_t { keep, close, reset };

  peer_answer(std::string text, then what = then::keep)
    : bytes(std::move(text)), afterwards(what) {}
  peer_answer(const char* text, then what = then::keep)
    : bytes(text), afterwards(what) {}

  /// Bytes as they go over the wire; none leaves the command unanswered.
  std::string bytes;
  /// What happens to the connection after them.
  then afterwards;
};

/// Answers a command, or nothing for `default_answer`.
using handler = std::function<std::optional<peer_answer>(const argv&)>;

/// What a Redis 7 without data says to AUTH, SELECT, HELLO, PING and CLIENT;
/// `-ERR unknown command` to all others. CLIENT ID tells `connection` + 1.
std::string default_answer(const argv& command, size_t connection = 0);

class peer_session;

/// Talks to one connection at a time, on the peer's thread; runs when the first
/// one is accepted.
using script = std::function<void(peer_session&)>;

struct peer_options {
  /// Listen on a unix socket instead of a port of 127.0.0.1.
  bool unix_socket = false;
  /// Limit for each step of a script.
  std::chrono::milliseconds step_limit{5000};
};

constexpr auto peer_limit = std::chrono::milliseconds{5000};

/// A Redis server for tests that is exact to the byte. It follows a script, or
/// answers every command on every connection through a handler, on a thread of
/// its own. All members may be used on any thread.
///
///     scripted_peer peer{script{[](auto& client) {
///       client.expect_command({"GET", "k"});
///       client.reply_in_pieces("$1\r\nv\r\n", 1);
///       client.reset();
///     }}};
///
///     scripted_peer peer{[](const argv& words) -> std::optional<peer_answer> {
///       if (words[0] == "GET")
///         return "$1\r\nv\r\n";
///       return {};
///     }};
class scripted_peer {
public:
  explicit scripted_peer(handler answers = {}, peer_options options = {});
  explicit scripted_peer(script steps, peer_options options = {});

  scripted_peer(const scripted_peer&) = delete;
  scripted_peer& operator=(const scripted_peer&) = delete;

  /// Ends the script where it stands and closes everything.
  ~scripted_peer();

  uint16_t port() const noexcept { return where_.port; }
  const std::string& path() const noexcept { return where_.path; }

  /// Commands received so far, of all connections or of the `n`th, from 0.
  std::vector<argv> commands() const;
  std::vector<argv> commands(size_t n) const;

  /// Connections accepted so far, and those of them that their client ended.
  size_t connections() const;
  size_t ended() const;

  /// Each waits until there were so many in all.
  bool wait_for(size_t n, std::chrono::milliseconds limit = peer_limit) const;
  bool wait_for_connections(size_t n,
                            std::chrono::milliseconds limit = peer_limit) const;
  bool wait_for_ended(size_t n,
                      std::chrono::milliseconds limit = peer_limit) const;

  /// Waits for the end of the script; true if all was as it expected.
  bool wait_done(std::chrono::milliseconds limit = peer_limit) const;

  /// What was not as expected, one line each; empty if all was well.
  std::string failures() const;

  // -- of a peer with a handler

  /// Sends bytes that nobody asked for on every living connection.
  void push(std::string bytes);

  /// Ends every living connection by FIN or RST.
  void close_all();
  void reset_all();

private:
  friend class peer_session;

  struct record {
    size_t connection;
    argv words;
  };

  scripted_peer(handler answers, script steps, peer_options options);
  void serve();
  void serve_once();
  void answer_all(peer_connection& client);
  void apply(peer_connection& client, const peer_answer& what);
  void follow();
  std::unique_ptr<peer_connection> accept();
  void take_in(peer_connection& client);
  std::optional<argv> next(peer_connection& client);
  void fail(const std::string& what);
  void for_each_client(std::function<void(peer_connection&)> action);
  bool wait_until(std::chrono::milliseconds limit,
                  const std::function<bool()>& holds) const;

  const handler answers_;
  const script steps_;
  const peer_options options_;
  std::string folder_;
  lab::address where_;
  lab::unique_fd reservation_;
  lab::unique_fd listener_;
  lab::unique_fd wake_;
  std::atomic<bool> stopping_ = false;

  // -- the peer's thread only
  std::vector<std::unique_ptr<peer_connection>> clients_;

  // -- under the mutex
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<std::function<void(peer_connection&)>> actions_;
  std::vector<record> records_;
  size_t connections_ = 0;
  size_t ended_ = 0;
  bool done_ = false;
  std::string failures_;

  std::thread thread_;
};

/// The steps of a script. A step that fails, or takes longer than the limit, is
/// noted in `failures` and ends the script.
class peer_session {
public:
  explicit peer_session(scripted_peer& peer);

  peer_session(const peer_session&) = delete;
  peer_session& operator=(const peer_session&) = delete;

  /// Reads the next command, whatever it is.
  argv next_command();

  /// Reads the next command and compares it; the word `*` stands for any.
  void expect_command(const argv& expected);

  /// Waits until the client ends the connection.
  void expect_end();

  void reply(std::string_view bytes);

  /// Each piece is written on its own, so that the client can read it alone.
  void reply_in_pieces(std::string_view bytes, size_t piece_size,
                       std::chrono::milliseconds pause = {});

  /// Does nothing until then: the client sees a server that is silent.
  void stall_until(const cue& what);

  /// Ends the connection by FIN or RST.
  void close();
  void reset();

  /// Goes on with the next connection.
  void accept_next();

private:
  template <class Predicate>
  void wait_for(Predicate holds, int fd, const std::string& what);

  scripted_peer& peer_;
  std::unique_ptr<peer_connection> client_;
};

} // namespace redoubt::test
