#pragma once

// Messages and the interfaces that they make up.

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/meta/type_name.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

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

} // namespace redoubt::api
