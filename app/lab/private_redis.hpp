#pragma once

#include <redoubt/app/lab/socket.hpp>

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

struct redisContext;

namespace redoubt::lab {

struct redis_options {
  /// More arguments for redis-server, e.g. `{"--maxclients", "10"}`.
  std::vector<std::string> arguments;
  /// Sets `requirepass`, and `command` authenticates with it.
  std::string password;
  /// The program, looked up in PATH if it has no slash.
  std::string program = "redis-server";
  /// Limit for a start, from the fork to the first answer.
  std::chrono::milliseconds start_limit{10000};
  /// A server that still answers -LOADING counts as started.
  bool may_be_loading = false;
};

/// A redis-server of our own: a child process with a folder of its own, without
/// persistence unless `arguments` say otherwise, listening on a free port of
/// 127.0.0.1 and on a unix socket.
///
/// It ends with this object, and by the kernel's hand when this process dies by
/// a signal. Linux ties that to the *thread* that started the server: call the
/// constructor and `start` on a thread that outlives it.
///
/// Failures are thrown as `std::runtime_error`, with the end of the server's
/// log where there is one.
class private_redis {
public:
  /// Starts the server and waits until it answers.
  explicit private_redis(redis_options options = {});

  private_redis(const private_redis&) = delete;
  private_redis& operator=(const private_redis&) = delete;

  /// Ends the server, stopped or not, and removes its folder.
  ~private_redis();

  /// The port is ours as long as this object lives: nobody else gets it while
  /// the server is down.
  uint16_t port() const noexcept { return port_; }

  std::string socket_path() const { return folder_ + "/redis.sock"; }

  /// Folder of the server: its working directory, with `redis.log`.
  const std::string& folder() const noexcept { return folder_; }

  /// 0 while there is no server.
  pid_t pid() const noexcept { return pid_; }

  /// Starts the server again, on the same port and socket, with more arguments
  /// for this time only. Does nothing if there is one that answers.
  void start(const std::vector<std::string>& more = {});

  /// Ends the server by SIGKILL.
  void kill();

  /// Ends the server by SIGTERM, as an init system would; by SIGKILL if it has
  /// not ended after 5 s.
  void shutdown();

  /// Freezes the server (SIGSTOP), and lets it go on (SIGCONT).
  void stop();
  void cont();

  /// Runs one command over a connection of its own, past any gate. Answers text
  /// as it is, integers in decimal, nil as `(nil)`, errors as the server's
  /// message, arrays with one element per line. Any thread.
  std::string command(const std::vector<std::string>& arguments);

  /// The last lines of the server's log.
  std::string log_tail() const;

private:
  struct context_deleter {
    void operator()(redisContext* context) const noexcept;
  };

  using context_ptr = std::unique_ptr<redisContext, context_deleter>;

  void spawn(const std::vector<std::string>& more);
  void wait_ready();
  bool exited() noexcept;
  bool answers() const;
  void reap() noexcept;
  void disconnect();
  context_ptr connect() const;
  std::string run(redisContext& context,
                  const std::vector<std::string>& arguments) const;

  redis_options options_;
  std::string program_;
  std::string folder_;
  uint16_t port_ = 0;
  unique_fd reservation_;
  pid_t pid_ = 0;
  std::mutex mutex_;
  context_ptr context_;
};

} // namespace redoubt::lab
