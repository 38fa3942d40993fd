#pragma once

#include <redoubt/actors/reactor/io_host.hpp>
#include <redoubt/actors/reactor/loop_watch.hpp>

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

namespace redoubt {

/// One I/O thread: it waits on epoll and runs the actors pinned to it.
///
/// A turn is: resume what is queued, flush each dirty connection with one write,
/// wait for readiness, deliver it. With `run_callers` the actors that its actors
/// wake run here too, instead of being handed to CAF's scheduler.
class reactor final : public api::runs_later<reactor, io_host> {
public:
  struct settings {
    bool run_callers = false;
    std::chrono::microseconds spin{0};
    uint32_t mailbox_limit = 65536;
  };

  /// Starts the thread.
  reactor(caf::actor_system& sys, const settings& options);

  reactor(const reactor&) = delete;
  reactor& operator=(const reactor&) = delete;

  /// Stops the thread. All residents must have terminated: `evict` first.
  ~reactor() override;

  // -- any thread ---------------------------------------------------------------

  void run_later(api::runnable* who);
  uint32_t mailbox_limit() const noexcept override;
  void add_resident(caf::actor_addr who) override;
  void remove_resident(const caf::actor_addr& who) override;

  /// True on this reactor's thread.
  bool on_thread() const noexcept;

  /// Kills whoever lives here and waits until nobody does.
  void evict();

  size_t residents() const;

  loop_status load() const noexcept { return watch_.read(api::clock::now()); }

  // -- the reactor's thread -----------------------------------------------------

  transport& sockets() noexcept override { return system_transport(); }
  void watch(int fd, uint32_t events, io_handler* handler) override;
  void rewatch(int fd, uint32_t events, io_handler* handler) override;
  void unwatch(int fd, io_handler* handler) noexcept override;

private:
  void post(api::runnable* who);
  void wake() noexcept;
  void run();
  bool run_queued();
  void resume(api::runnable* who);
  bool spin_for_work();
  void sleep();
  void wait_for_events(int timeout_ms);
  void dispatch(int n) noexcept;
  void hand_over_rest();

  const settings options_;
  int epoll_fd_ = -1;
  int event_fd_ = -1;
  std::thread thread_;
  std::atomic<std::thread::id> thread_id_{};

  std::mutex inbox_mutex_;
  std::vector<api::runnable*> inbox_;
  bool asleep_ = false;
  bool stopping_ = false;

  // Of the reactor's thread.
  std::vector<api::runnable*> local_;
  std::vector<api::runnable*> batch_;
  std::array<epoll_event, 64> events_;
  int fetched_ = 0;
  loop_watch watch_;

  mutable std::mutex residents_mutex_;
  std::condition_variable residents_changed_;
  std::set<caf::actor_addr> residents_;
};

} // namespace redoubt
