#pragma once

// Sending, asking, answering and watching, and the clock.

#include <caf/abstract_actor.hpp>
#include <caf/actor_addr.hpp>
#include <caf/actor_clock.hpp>
#include <caf/actor_control_block.hpp>
#include <caf/actor_system.hpp>
#include <caf/exit_reason.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/response_promise.hpp>
#include <caf/send.hpp>
#include <caf/system_messages.hpp>
#include <caf/typed_response_promise.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace redoubt::api {

// -- time -----------------------------------------------------------------------

/// Clock of all deadlines and schedules. CAF's actor clock uses the same one,
/// and replaces it by a virtual clock in deterministic tests.
using clock = std::chrono::steady_clock;
using time_point = clock::time_point;
using duration = clock::duration;

/// A time span from outside, kept in a range in which sums do not overflow.
inline std::chrono::milliseconds bounded(std::chrono::milliseconds x) {
  return std::clamp<std::chrono::milliseconds>(x, std::chrono::milliseconds{0},
                                               std::chrono::hours{24});
}

/// Now, by the actor clock (virtual in deterministic tests).
template <class Self>
time_point now(Self* self) {
  return self->system().clock().now();
}

// -- sending --------------------------------------------------------------------

/// Sends `xs` as one message from `self` to `to`.
template <class Self, class Handle, class... Ts>
void send(Self* self, const Handle& to, Ts&&... xs) {
  self->send(to, std::forward<Ts>(xs)...);
}

/// Sends `msg` from `self` to `to`, delivered at `when` of the actor clock.
template <class Self, class Handle, class Message>
void send_at(Self* self, const Handle& to, time_point when, Message&& msg) {
  self->scheduled_send(to, when, std::forward<Message>(msg));
}

/// Sends `xs` as one message from nobody. Any thread.
template <class Handle, class... Ts>
void anon_send(const Handle& to, Ts&&... xs) {
  caf::anon_send(to, std::forward<Ts>(xs)...);
}

/// Sends `xs` to `to` in place of the present message, which came from somebody: it
/// has the same sender, and answers the same request if it was one.
template <class Self, class Handle, class... Ts>
void delegate(Self* self, const Handle& to, Ts&&... xs) {
  self->delegate(to, std::forward<Ts>(xs)...);
}

/// Puts `msg` from nobody into the mailbox of `self`, by way of `on`, the host
/// whose thread this is.
template <class Self, class Host, class Message>
void post(Self* self, Host* on, Message&& msg) {
  self->enqueue(caf::make_mailbox_element(nullptr, caf::make_message_id(), {},
                                          std::forward<Message>(msg)),
                on);
}

/// Kills `who`, a handle or an address, whatever its exit handler. Any thread.
template <class Handle>
void kill(const Handle& who) {
  caf::anon_send_exit(who, caf::exit_reason::kill);
}

// -- asking ---------------------------------------------------------------------

/// Sends `xs` as one request from `self` to `to`. What comes back takes handlers
/// of the answer and of a `caf::error`: by `then` if `self` is event-based, by
/// `receive` if it blocks (of a `caf::scoped_actor` it is `ptr()`).
template <class Self, class Handle, class Timeout, class... Ts>
auto request(Self* self, const Handle& to, const Timeout& timeout, Ts&&... xs) {
  return self->request(to, timeout, std::forward<Ts>(xs)...);
}

// -- answering ------------------------------------------------------------------

/// True if somebody waits for what `promise` will deliver: it is of a request,
/// and unanswered.
template <class T>
bool is_awaited(caf::typed_response_promise<T>& promise) {
  caf::response_promise& raw = promise;
  return raw.pending() && !raw.async();
}

/// Who asked for what `promise` will deliver; null if nobody did.
template <class T>
const caf::abstract_actor* asker_of(caf::typed_response_promise<T>& promise) {
  auto& source = static_cast<caf::response_promise&>(promise).source();
  return source ? source->get() : nullptr;
}

/// Answers a request that is in no actor's hands by an error. Any thread.
inline void refuse(const caf::mailbox_element& request, caf::error why) {
  if (request.sender)
    request.sender->get()->enqueue(nullptr, request.mid.response_id(),
                                   caf::make_message(std::move(why)), nullptr);
}

// -- watching -------------------------------------------------------------------

/// True if `who` has terminated. Any thread.
inline bool is_terminated(const caf::abstract_actor& who) {
  return who.getf(caf::abstract_actor::is_terminated_flag);
}

/// Tells `self` when the actor behind `to` terminates, by its `on_down`.
template <class Self, class Handle>
void monitor(Self* self, const Handle& to) {
  self->monitor(to);
}

/// Ends one `monitor`.
template <class Self, class Handle>
void demonitor(Self* self, const Handle& to) {
  self->demonitor(to.address());
}

/// Calls `handler` with the address of each actor that `self` monitors and that
/// terminates.
template <class Self, class Handler>
void on_down(Self* self, Handler handler) {
  self->set_down_handler(
    [handler = std::move(handler)](caf::down_msg& x) { handler(x.source); });
}

} // namespace redoubt::api
