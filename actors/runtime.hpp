#pragma once

#include <redoubt/actors/pinned.hpp>
#include <redoubt/messages/interfaces.hpp>
#include <redoubt/messages/options.hpp>
#include <redoubt/messages/options_toml.hpp>

#include <caf/actor_system.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace redoubt {

/// What a service owns: the I/O threads, the supervisor, the connections and the
/// request actors of one endpoint. Make one per endpoint, share it among all
/// threads and actors of the service; several side by side do not disturb each
/// other.
///
/// Redis may be down from the start: the runtime starts, answers by the breaker
/// and heals by itself.
///
/// All member functions may be called from any thread, save the destructor and
/// `shutdown`, which must not run on one of the runtime's own reactors.
class runtime {
public:
  /// Lives on the service's actor system, which must outlive it.
  /// Throws `std::invalid_argument` that names the keys if `options` are bad, and
  /// `std::system_error` if the system gives no thread or descriptor.
  runtime(caf::actor_system& sys, const runtime_options& options);

  /// Makes an actor system of its own.
  explicit runtime(const runtime_options& options);

  runtime(const runtime&) = delete;
  runtime& operator=(const runtime&) = delete;

  /// Calls `shutdown` with the limit from the options.
  ~runtime();

  /// A new client handle with the runtime's defaults. Each is one request actor:
  /// make a few per service (one per part that wants its own defaults and its own
  /// share), not one per request. It lives as long as the runtime.
  request_actor client();

  /// A new client handle with its own defaults.
  /// Throws `std::invalid_argument` that names the keys if they are bad.
  request_actor client(const client_options& defaults);

  /// The living request actor behind a client handle of this runtime: the handle
  /// itself, or, if its actor died, the one that took its place. `handle_replaced`
  /// is published then; requests to the old handle fail with `not_sent`.
  request_actor current(const request_actor& handle) const;

  /// Who answers operators. If its actor dies another one takes its place, and
  /// this answers that one.
  supervisor_actor supervisor() const;

  /// Waits until a connection is ready. Answers no error then, else the reason
  /// why there was none within `timeout`. Blocks the calling thread, so it throws
  /// `std::logic_error` on one of the runtime's own reactors: an actor there asks
  /// the supervisor by a `ready_query` instead.
  caf::error wait_ready(std::chrono::milliseconds timeout);

  /// Spawns an event-based actor class on the least loaded I/O thread, where its
  /// messages to and from client handles never change threads. It must not
  /// block. It is killed when the runtime ends.
  template <class Class, class... Ts>
  auto spawn_pinned(Ts&&... xs) {
    spawning under_way{*this};
    return api::spawn_on<pinned<Class>>(system(), &under_way.host(),
                                        std::forward<Ts>(xs)...);
  }

  /// Takes no new requests, waits until those in flight are answered or `limit`
  /// is over, answers the rest, ends all actors and joins the I/O threads. All
  /// handles stay valid; what is sent to them fails with `not_sent`. Does nothing
  /// when called again.
  void shutdown(std::chrono::milliseconds limit);

  caf::actor_system& system();

  const runtime_options& options() const noexcept;

private:
  struct state;

  /// Keeps the reactors while an actor is being spawned on one of them.
  /// Throws `std::logic_error` if the runtime is shut down.
  class spawning {
  public:
    explicit spawning(runtime& x);
    spawning(const spawning&) = delete;
    spawning& operator=(const spawning&) = delete;
    ~spawning();

    executor& host() const noexcept { return host_; }

  private:
    state& state_;
    executor& host_;
  };

  std::unique_ptr<state> state_;
};

/// Reads options from a TOML file. On any fault, also if the file cannot be read,
/// answers nothing and fills `errors`.
std::optional<runtime_options> load_options(const std::string& path,
                                            std::vector<config_error>& errors);

} // namespace redoubt
