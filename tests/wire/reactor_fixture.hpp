#pragma once

#include <redoubt/actors/reactor/reactor.hpp>
#include <redoubt/messages/interfaces.hpp>
#include <redoubt/tests/support/wait.hpp>

#include <caf/all.hpp>
#include <caf/test/dsl.hpp>
#include <redoubt/tests/support/check.hpp>

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace reactor_test {

using namespace redoubt;
using namespace std::chrono_literals;
using test::eventually;

/// Something that an actor shall do.
struct task {
  std::function<void(caf::event_based_actor*)> run;
};

} // namespace reactor_test

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(reactor_test::task)

namespace reactor_test {

constexpr auto limit = 5s;

/// Does what it is told, on its own or pinned.
class worker : public caf::event_based_actor {
public:
  explicit worker(caf::actor_config& cfg, std::function<void()> at_exit = {})
    : caf::event_based_actor(cfg), at_exit_(std::move(at_exit)) {}

  caf::behavior make_behavior() override {
    return {
      [this](task& x) { x.run(this); },
      [](ready_query) { return ready{}; },
    };
  }

  void on_exit() override {
    if (at_exit_)
      at_exit_();
  }

private:
  std::function<void()> at_exit_;
};

/// Where things were seen to happen.
class sightings {
public:
  explicit sightings(const reactor& host) : host_(host) {}

  void see(const std::string& what) {
    std::lock_guard guard{mutex_};
    auto& x = seen_[what];
    ++(host_.on_thread() ? x.on_thread : x.elsewhere);
  }

  /// Waits for it; true if it happened on the reactor's thread only.
  bool on_thread(const std::string& what) const {
    return eventually([&] { return count(what) > 0; })
           && of(what).elsewhere == 0;
  }

  bool elsewhere(const std::string& what) const {
    return eventually([&] { return count(what) > 0; })
           && of(what).on_thread == 0;
  }

  /// Times that it happened, and those on the reactor's thread.
  int count(const std::string& what) const {
    auto x = of(what);
    return x.on_thread + x.elsewhere;
  }

  int here(const std::string& what) const { return of(what).on_thread; }

private:
  struct counts {
    int on_thread = 0;
    int elsewhere = 0;
  };

  counts of(const std::string& what) const {
    std::lock_guard guard{mutex_};
    auto i = seen_.find(what);
    return i == seen_.end() ? counts{} : i->second;
  }

  const reactor& host_;
  mutable std::mutex mutex_;
  std::map<std::string, counts> seen_;
};

/// A reactor with actors on it and around it.
class reactor_fixture {
public:
  ~reactor_fixture() {
    stop();
    // Timers of theirs would keep them, and the system, for their whole limit.
    for (auto& each : free_ones_)
      kill(each);
  }

  void start(reactor::settings settings = {}) {
    host = std::make_unique<reactor>(sys, settings);
    seen = std::make_unique<sightings>(*host);
  }

  void stop() {
    if (host)
      host->evict();
    host.reset();
  }

  template <class Class = worker, class... Ts>
  caf::actor spawn_pinned(Ts&&... xs) {
    return caf::actor{
      api::spawn_on<pinned<Class>>(sys, host.get(), std::forward<Ts>(xs)...)};
  }

  /// An actor of the scheduler.
  template <class Class = worker>
  caf::actor spawn_free() {
    return free_ones_.emplace_back(sys.spawn<Class>());
  }

  /// Has `who` do something, and waits until it is done.
  bool run_on(const caf::actor& who,
              std::function<void(caf::event_based_actor*)> what) {
    auto done = false;
    self->request(who, limit, task{std::move(what)})
      .receive([&] { done = true; }, [](caf::error&) {});
    return done;
  }

  /// Has `from` wake `to`, which says where it woke.
  void wake_from(const caf::actor& from, const caf::actor& to) {
    auto before = seen->count("woken");
    run_on(from, [=, this](auto me) {
      me->send(to, task{[this](auto) { seen->see("woken"); }});
    });
    CAF_CHECK(eventually([&] { return seen->count("woken") > before; }));
  }

  bool answers(const caf::actor& who) {
    return run_on(who, [](auto) {});
  }

  void kill(const caf::actor& who) {
    caf::anon_send_exit(who, caf::exit_reason::kill);
  }

  caf::actor_system_config config;
  caf::actor_system sys{config};
  caf::scoped_actor self{sys};
  std::unique_ptr<reactor> host;
  std::unique_ptr<sightings> seen;

private:
  std::vector<caf::actor> free_ones_;
};

} // namespace reactor_test
