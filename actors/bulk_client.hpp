#pragma once

#include <redoubt/messages/interfaces.hpp>

#include <caf/scheduled_actor.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace redoubt {

/// The bulk interface for an actor with many commands under way: gathers
/// commands, submits them in one message and hands out each outcome exactly
/// once, also if the client handle's actor dies.
///
///     bulk_client redis{this, rt.client(), [this](uint64_t key, outcome& x) {…}};
///     // in the behavior: [this](completions& x) { redis.take(x); }
///     redis.add(command{"GET", "k"}, 7);
///     redis.flush();
///
/// A member of the actor that uses it; all calls on that actor.
class bulk_client {
public:
  /// Gets the key that came with the command, and what became of it. May add
  /// further commands.
  using handler = std::function<void(uint64_t key, outcome& result)>;

  /// `self` receives the `completions` and passes them to `take`.
  bulk_client(caf::scheduled_actor* self, request_actor to, handler on_outcome);

  bulk_client(const bulk_client&) = delete;
  bulk_client& operator=(const bulk_client&) = delete;
  ~bulk_client() = default;

  /// Adds a command to the next `flush` and answers its id, for `cancel`. `key`
  /// is the caller's own.
  uint64_t add(command cmd, uint64_t key,
               std::shared_ptr<const request_options> options = nullptr);

  /// Sends what was added. If the client handle is gone, all of it ends in
  /// `actor_died` and `not_sent` soon.
  void flush();

  /// Takes a command back that was flushed; its outcome then is `cancelled`,
  /// unless it was on its way already.
  void cancel(uint64_t id);

  /// Hands out outcomes, then flushes what the handler added.
  void take(completions& x);

  /// Commands without an outcome.
  size_t outstanding() const noexcept { return outstanding_; }

  /// The client handle's actor died. `attach` gives it a new one.
  bool closed() const noexcept { return closed_; }

  /// Goes on with another client handle. What is outstanding on the old one
  /// still ends by itself.
  void attach(request_actor to);

private:
  struct slot {
    uint64_t key = 0;
    uint32_t generation = 0;
    bool used = false;
    /// Number of the handle that took it.
    uint64_t handle = 0;
  };

  completion_sink sink_address() const;
  void hand_out(uint64_t id, outcome& result);
  void end(uint64_t handle);
  uint64_t id_of(uint32_t index) const noexcept;

  caf::scheduled_actor* self_;
  request_actor to_;
  handler on_outcome_;
  std::vector<slot> slots_;
  std::vector<uint32_t> free_;
  std::vector<bulk_command> added_;
  size_t outstanding_ = 0;
  uint64_t handle_ = 0;
  bool closed_ = false;
};

} // namespace redoubt
