#pragma once

#include <redoubt/messages/caf_api.hpp>
#include <redoubt/messages/error.hpp>

#include <caf/actor_addr.hpp>
#include <caf/mailbox_element.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <utility>

namespace redoubt {

/// A thread that runs actors which live on it and on no other: a reactor, as
/// seen by those actors.
class executor : public api::own_host {
public:
  using api::own_host::own_host;

  /// Messages in one mailbox above which requests are bounced.
  virtual uint32_t mailbox_limit() const noexcept = 0;

  /// An actor began to live here, or terminated. Any thread.
  virtual void add_resident(caf::actor_addr who) = 0;
  virtual void remove_resident(const caf::actor_addr& who) = 0;
};

/// Bounces `request` with `overloaded`: it was never taken.
void bounce_overloaded(const caf::mailbox_element& request);

/// Pins an event-based actor class to the executor that it is spawned on: whoever
/// sends to it, and whatever wakes it, it resumes on that executor's thread.
///
/// Its mailbox is bounded: above the executor's limit a request is answered
/// `overloaded` on the sender's thread. Messages that are no requests pass,
/// unless `Base::turn_away(message)` answers or drops them: those of the runtime's
/// own actors, which are bounded by credit between sender and receiver.
///
/// If `Base` has `coalesce()` and `end_of_turn()`, the former is called once and
/// the latter after every resume, so that an actor can send in one message what
/// it gathered over a whole mailbox turn.
template <class Base>
class pinned : public api::hosted<pinned<Base>, Base> {
public:
  template <class... Ts>
  explicit pinned(caf::actor_config& cfg, Ts&&... xs)
    : super(cfg, std::forward<Ts>(xs)...),
      home_(static_cast<executor*>(api::host_of(cfg))),
      limit_(home_->mailbox_limit()) {
    if constexpr (has_turns)
      this->coalesce();
    home_->add_resident(this->address());
  }

private:
  using super = api::hosted<pinned<Base>, Base>;
  friend super;

  executor* home() const noexcept { return home_; }

  bool admit(const caf::mailbox_element& x) {
    auto pushed = pushed_.fetch_add(1, std::memory_order_relaxed);
    auto depth = pushed - consumed_.load(std::memory_order_relaxed);
    if (depth >= limit_.load(std::memory_order_relaxed) && turned_away(x)) {
      pushed_.fetch_sub(1, std::memory_order_relaxed);
      return false;
    }
    return true;
  }

  void after_turn(api::turn how, size_t max_messages) {
    // CAF 0.17 does not tell how many messages a turn handled: all that were
    // there if the mailbox ran empty, else as many as were allowed. A message
    // that is just being pushed may be taken for handled until the next turn.
    auto pushed = pushed_.load(std::memory_order_relaxed);
    if (how == api::turn::idle)
      consumed_.store(pushed, std::memory_order_relaxed);
    else if (how == api::turn::cut_short)
      consumed_.store(std::min(consumed_.load(std::memory_order_relaxed)
                                 + static_cast<int64_t>(max_messages),
                               pushed),
                      std::memory_order_relaxed);
    if constexpr (has_turns)
      if (how != api::turn::ended)
        finish_turn();
  }

  void terminated() {
    // From now on CAF itself turns requests away, and says why.
    limit_.store(INT64_MAX, std::memory_order_relaxed);
    home_->remove_resident(this->address());
  }

  static bool turned_away(const caf::mailbox_element& x) {
    if (x.mid.is_request()) {
      bounce_overloaded(x);
      return true;
    }
    if constexpr (requires { Base::turn_away(x); })
      return Base::turn_away(x);
    return false;
  }

  static constexpr bool has_turns = requires(Base & x) {
    x.coalesce();
    x.end_of_turn();
  };

  void finish_turn() noexcept {
    try {
      this->end_of_turn();
    } catch (...) {
      // Out of memory, outside CAF's own handlers: end as by an exception there.
      api::kill(this->address());
    }
  }

  executor* home_;
  // Written by senders and by the host's thread: the one thing that actors here
  // share, because CAF 0.17's mailboxes have no bound of their own.
  std::atomic<int64_t> limit_;
  std::atomic<int64_t> pushed_{0};
  std::atomic<int64_t> consumed_{0};
};

} // namespace redoubt
