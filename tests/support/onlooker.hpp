#pragma once

#include <redoubt/actors/runtime.hpp>
#include <redoubt/messages/wiring.hpp>

#include <caf/all.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace redoubt::test {

/// The living connection actors of a runtime, which it tells nobody but its own
/// request actors. Any thread.
class connection_list {
public:
  void add(uint64_t link, connection_actor who) {
    std::lock_guard guard{mutex_};
    living_[link] = std::move(who);
  }

  void remove(uint64_t link) {
    std::lock_guard guard{mutex_};
    gone_ += living_.erase(link);
  }

  std::vector<connection_actor> living() const {
    std::lock_guard guard{mutex_};
    std::vector<connection_actor> all;
    for (auto& [link, who] : living_)
      all.push_back(who);
    return all;
  }

  /// Connections that were here and are gone.
  uint64_t gone() const {
    std::lock_guard guard{mutex_};
    return gone_;
  }

private:
  mutable std::mutex mutex_;
  std::map<uint64_t, connection_actor> living_;
  uint64_t gone_ = 0;
};

/// Joins the request actors of a runtime, so that each connection is introduced
/// to it, and never sends a command. All else that it is told it drops.
class onlooker : public caf::event_based_actor {
public:
  onlooker(caf::actor_config& cfg, std::shared_ptr<connection_list> to)
    : caf::event_based_actor(cfg), to_(std::move(to)) {
    set_default_handler(caf::drop);
  }

  caf::behavior make_behavior() override {
    return {
      [this](link_up& x) { to_->add(x.link, std::move(x.connection)); },
      [this](link_closed& x) { to_->remove(x.link); },
    };
  }

private:
  std::shared_ptr<connection_list> to_;
};

/// An onlooker of `rt`. It must be killed before the runtime drains.
inline caf::actor spawn_onlooker(runtime& rt,
                                 std::shared_ptr<connection_list> to) {
  // No request actor of the runtime's own has this number.
  constexpr uint64_t number = 1u << 30;
  caf::actor result = rt.system().spawn<onlooker>(std::move(to));
  auto boss = caf::actor_cast<supervisor_internal>(
    caf::actor_cast<caf::actor>(rt.supervisor()));
  caf::anon_send(boss, register_client{caf::actor_cast<client_actor>(result),
                                       number, 0});
  return result;
}

} // namespace redoubt::test
