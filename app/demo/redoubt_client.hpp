#pragma once

#include <redoubt/actors/runtime.hpp>
#include <redoubt/app/demo/client.hpp>

#include <caf/actor.hpp>

#include <mutex>

namespace redoubt::demo {

/// A client handle of a runtime of its own, driven by an actor that sends and
/// never waits.
class redoubt_client : public client {
public:
  /// `sys` must outlive it.
  redoubt_client(caf::actor_system& sys, uint16_t port, on_open_policy policy,
                 std::chrono::milliseconds deadline);
  ~redoubt_client() override;

  void issue(std::shared_ptr<recorder> to, uint32_t index) override;
  vitals observe() override;
  std::vector<breaker_change> take_changes() override;
  std::optional<std::chrono::milliseconds> deadline() const override;

  /// Why there is no connection after `limit`; empty if there is one.
  std::string wait_ready(std::chrono::milliseconds limit);

private:
  std::chrono::milliseconds deadline_;
  runtime runtime_;
  caf::actor driver_;
  subscriber_actor watcher_;
  // The watcher may outlive this object for a moment.
  struct changes;
  std::shared_ptr<changes> changes_;
};

} // namespace redoubt::demo
