#pragma once

#include <redoubt/actors/reactor/io_host.hpp>
#include <redoubt/tests/sim/network.hpp>

#include <map>

namespace redoubt::sim {

/// In place of a reactor: its connections run where all other actors do, on the
/// deterministic scheduler, and their sockets are those of a simulated network.
class host final : public api::runs_later<host, io_host> {
public:
  host(caf::actor_system& sys, network& net) : runs_later(&sys), net_(net) {}

  void run_later(api::runnable* who) { api::schedule(system(), who); }

  uint32_t mailbox_limit() const noexcept override { return UINT32_MAX; }
  void add_resident(caf::actor_addr) override {}
  void remove_resident(const caf::actor_addr&) override {}

  transport& sockets() noexcept override { return net_; }

  void watch(int fd, uint32_t events, io_handler* handler) override {
    watched_[fd] = {events, handler};
  }

  void rewatch(int fd, uint32_t events, io_handler* handler) override {
    watched_[fd] = {events, handler};
  }

  void unwatch(int fd, io_handler* handler) noexcept override {
    watched_.erase(fd);
    forget_dirty(handler);
  }

  void flush() noexcept { flush_dirty(); }

  bool anything_to_flush() const noexcept { return anyone_dirty(); }

  /// Tells each connection what its socket is ready for.
  void poll() {
    for (auto& [fd, x] : watched_)
      if (auto events = net_.readiness(fd)
                        & (x.events | uint32_t{EPOLLERR | EPOLLHUP});
          events != 0)
        x.handler->on_ready(events);
  }

  size_t watched() const noexcept { return watched_.size(); }

private:
  struct interest {
    uint32_t events = 0;
    io_handler* handler = nullptr;
  };

  network& net_;
  std::map<int, interest> watched_;
};

} // namespace redoubt::sim
