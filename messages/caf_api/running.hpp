#pragma once

// What runs actors, and actors that run on a thread of ours.

#include <caf/actor_config.hpp>
#include <caf/actor_system.hpp>
#include <caf/error.hpp>
#include <caf/execution_unit.hpp>
#include <caf/logger.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/resumable.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>
#include <caf/spawn_options.hpp>

#include <cstddef>
#include <utility>

namespace redoubt::api {

// -- hosts ----------------------------------------------------------------------

/// What an actor runs on: a worker of CAF's scheduler, or a thread of our own.
using host = caf::execution_unit;

/// Something with work to do: an actor with messages, or a job of CAF's.
using runnable = caf::resumable;

/// Base of our own hosts. Made of an `actor_system*`, which it answers by
/// `system()`.
using own_host = caf::execution_unit;

/// Completes `Base`, an `own_host`: `self.run_later(runnable*)` is handed what has
/// work, and a reference to it. Any thread.
template <class Self, class Base>
class runs_later : public Base {
public:
  using Base::Base;

  void exec_later(runnable* who) final {
    static_cast<Self*>(this)->run_later(who);
  }
};

/// Hands `who` to CAF's scheduler. Any thread.
inline void schedule(caf::actor_system& sys, runnable* who) {
  sys.scheduler().enqueue(who);
}

/// True of what is `hosted`, and runs nowhere else.
inline bool is_hosted(const runnable& who) {
  return who.subtype() == caf::resumable::io_actor;
}

/// Gives up the reference to `who`.
inline void release(runnable* who) {
  intrusive_ptr_release(who);
}

/// Lets `who` handle at most `max_messages` on `on`, on its thread. True if it
/// wants to be run again; else it was released.
inline bool run(runnable* who, host* on, size_t max_messages) {
  switch (who->resume(on, max_messages)) {
    case caf::resumable::resume_later: return true;
    case caf::resumable::shutdown_execution_unit: return false;
    default: release(who); return false;
  }
}

/// Makes the thread that it lives on one that actors may run on.
class actor_thread {
public:
  explicit actor_thread(caf::actor_system& sys) : system_(sys) {
    CAF_SET_LOGGER_SYS(&sys);
    sys.thread_started();
  }

  actor_thread(const actor_thread&) = delete;
  actor_thread& operator=(const actor_thread&) = delete;

  ~actor_thread() { system_.thread_terminates(); }

private:
  caf::actor_system& system_;
};

/// Bounds the threads of CAF's scheduler, in an `actor_system_config` of which no
/// system was made yet.
template <class Config>
void limit_threads(Config& config, size_t threads) {
  config.set("scheduler.max-threads", threads);
}

// -- actors on a host -------------------------------------------------------------

/// The host that an actor is being spawned on.
inline host* host_of(const caf::actor_config& cfg) {
  return cfg.host;
}

/// Spawns an event-based actor class on `on`.
template <class Class, class... Ts>
auto spawn_on(caf::actor_system& sys, host* on, Ts&&... xs) {
  caf::actor_config cfg{on};
  return sys.spawn_class<Class, caf::no_spawn_options>(cfg,
                                                       std::forward<Ts>(xs)...);
}

/// How a turn of an actor ended.
enum class turn {
  /// It handled as many messages as it was allowed.
  cut_short,
  /// It handled all messages that there were.
  idle,
  /// The actor terminated.
  ended,
};

/// Ties `Base`, an event-based actor class, to one host: whoever sends to it and
/// whatever wakes it, it runs there. `Self`, the class that derives from this one,
/// is asked by
///
/// * `host* home()`: where it lives;
/// * `bool admit(const caf::mailbox_element&)`: false if the message was dealt with
///   and must not reach the mailbox. On the sender's thread;
/// * `void after_turn(turn, size_t max_messages)`: after each turn of at most that
///   many messages;
/// * `void terminated()`: once, when no further message will be handled.
template <class Self, class Base>
class hosted : public Base {
public:
  using Base::Base;
  using Base::enqueue;

  void enqueue(caf::mailbox_element_ptr x, host*) override {
    if (self().admit(*x))
      Base::enqueue(std::move(x), self().home());
  }

  caf::resumable::subtype_t subtype() const override {
    return caf::resumable::io_actor;
  }

  caf::resumable::resume_result resume(host* on, size_t max_messages) override {
    auto result = Base::resume(on, max_messages);
    self().after_turn(turn_of(result), max_messages);
    return result;
  }

  bool cleanup(caf::error&& reason, host* on) override {
    auto first = Base::cleanup(std::move(reason), on);
    if (first)
      self().terminated();
    return first;
  }

private:
  static turn turn_of(caf::resumable::resume_result x) {
    switch (x) {
      case caf::resumable::resume_later: return turn::cut_short;
      case caf::resumable::awaiting_message: return turn::idle;
      default: return turn::ended;
    }
  }

  Self& self() { return static_cast<Self&>(*this); }
};

} // namespace redoubt::api
