#pragma once

// The one place that spells what differs between CAF 0.17 and CAF 1.x:
// signatures, inspection, error values, sending and spawning. Everything else
// includes this header and uses the names below.

#include <caf/actor_cast.hpp>
#include <caf/actor_clock.hpp>
#include <caf/actor_config.hpp>
#include <caf/actor_system.hpp>
#include <caf/config.hpp>
#include <caf/error.hpp>
#include <caf/meta/type_name.hpp>
#include <caf/typed_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <algorithm>
#include <chrono>

#if defined(CAF_MAJOR_VERSION) && CAF_MAJOR_VERSION != 0
#  error "redoubt builds against CAF 0.17; see docs/dependencies.md"
#endif

#define REDOUBT_PARENS ()
#define REDOUBT_EXPAND(...)                                                    \
  REDOUBT_EXPAND3(REDOUBT_EXPAND3(REDOUBT_EXPAND3(__VA_ARGS__)))
#define REDOUBT_EXPAND3(...)                                                   \
  REDOUBT_EXPAND2(REDOUBT_EXPAND2(REDOUBT_EXPAND2(__VA_ARGS__)))
#define REDOUBT_EXPAND2(...)                                                   \
  REDOUBT_EXPAND1(REDOUBT_EXPAND1(REDOUBT_EXPAND1(__VA_ARGS__)))
#define REDOUBT_EXPAND1(...) __VA_ARGS__
#define REDOUBT_FIELDS(...)                                                    \
  __VA_OPT__(REDOUBT_EXPAND(REDOUBT_FIELD(__VA_ARGS__)))
#define REDOUBT_FIELD(field, ...)                                              \
  , value.field __VA_OPT__(REDOUBT_FIELD_AGAIN REDOUBT_PARENS(__VA_ARGS__))
#define REDOUBT_FIELD_AGAIN() REDOUBT_FIELD

/// Declares `inspect` for a message type whose fields may all be printed.
/// Use inside namespace `redoubt`, after the struct.
#define REDOUBT_INSPECT(type, ...)                                             \
  template <class Inspector>                                                   \
  typename Inspector::result_type inspect(Inspector& f,                        \
                                          [[maybe_unused]] type& value) {      \
    return f(::caf::meta::type_name(#type) REDOUBT_FIELDS(__VA_ARGS__));       \
  }

/// Declares a message type that never leaves the process and is never printed
/// by CAF: it holds handles, shared buffers, time points or callers' data. Use
/// in the global namespace.
#define REDOUBT_LOCAL_MESSAGE(type) CAF_ALLOW_UNSAFE_MESSAGE_TYPE(type)

namespace redoubt::api {

/// Clock of all deadlines and schedules. CAF's actor clock uses the same one,
/// and replaces it by a virtual clock in deterministic tests.
using clock = std::chrono::steady_clock;
using time_point = clock::time_point;
using duration = clock::duration;

template <class Signature>
struct signature;

template <class... In>
struct signature<void(In...)> {
  using type = caf::reacts_to<In...>;
};

template <class Out, class... In>
struct signature<Out(In...)> {
  using type = typename caf::replies_to<In...>::template with<Out>;
};

/// `handles<reply(command)>` answers a `command` with a `reply`;
/// `handles<void(tick)>` consumes a `tick`.
template <class Signature>
using handles = typename signature<Signature>::type;

/// A typed actor from a list of signatures.
template <class... Signatures>
using interface = caf::typed_actor<handles<Signatures>...>;

/// Sends `msg` from `self` to `to`, delivered at `when` of the actor clock.
template <class Self, class Handle, class Message>
void send_at(Self* self, const Handle& to, time_point when, Message&& msg) {
  self->scheduled_send(to, when, std::forward<Message>(msg));
}

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

/// Spawns an event-based actor class on `host`.
template <class Class, class... Ts>
auto spawn_on(caf::actor_system& sys, caf::execution_unit* host, Ts&&... xs) {
  caf::actor_config cfg{host};
  return sys.spawn_class<Class, caf::no_spawn_options>(cfg,
                                                       std::forward<Ts>(xs)...);
}

} // namespace redoubt::api
