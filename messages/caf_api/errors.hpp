#pragma once

// Error values, and what an actor does about what it has no handler for.

#include <caf/actor_system.hpp>
#include <caf/atom.hpp>
#include <caf/error.hpp>
#include <caf/exit_reason.hpp>
#include <caf/fwd.hpp>
#include <caf/message.hpp>
#include <caf/result.hpp>
#include <caf/sec.hpp>
#include <caf/system_messages.hpp>

#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <utility>

namespace redoubt::api {

/// What tells our errors from all others.
inline constexpr auto error_category = caf::atom("redoubt");

/// The error with `code`, an enum of ours, that carries `context`.
template <class Code, class T>
caf::error make_error(Code code, T&& context) {
  return {static_cast<uint8_t>(code), error_category,
          caf::make_message(std::forward<T>(context))};
}

/// The code of one of our errors; empty for all others.
template <class Code>
std::optional<Code> code_of(const caf::error& x) {
  if (!x || x.category() != error_category)
    return std::nullopt;
  return static_cast<Code>(x.code());
}

/// What one of our errors carries; null if somebody stripped it.
template <class T>
const T* context_of(const caf::error& x) {
  auto& context = x.context();
  return context.match_elements<T>() ? &context.get_as<T>(0) : nullptr;
}

/// True of what CAF answers a request with whose receiver terminated: before it
/// came, or while it lay in the mailbox.
inline bool means_receiver_is_gone(const caf::error& x) {
  return x == caf::sec::request_receiver_down
         || x.category() == caf::atom("exit");
}

/// Text of any error, for people.
inline std::string render(caf::actor_system& sys, const caf::error& x) {
  return sys.render(x);
}

/// Handlers of `self` in place of CAF's own. Messages it has no handler for are
/// dropped; requests among them are answered `unexpected_message`. It outlives
/// exits, save `kill`, and ignores whom it monitored and errors that it is sent.
/// `on_exception` gets the `std::exception_ptr` of what left a handler, and then
/// `self` ends.
template <class Self, class OnException>
void replace_default_handlers(Self* self, OnException on_exception) {
  self->set_default_handler(
    [](caf::scheduled_actor*, caf::message_view&) -> caf::result<caf::message> {
      return caf::sec::unexpected_message;
    });
  self->set_exit_handler([](caf::exit_msg&) {});
  self->set_down_handler([](caf::down_msg&) {});
  self->set_error_handler([](caf::error&) {});
  self->set_exception_handler([on_exception = std::move(on_exception)](
                                std::exception_ptr& x) -> caf::error {
    on_exception(x);
    return caf::sec::runtime_error;
  });
}

} // namespace redoubt::api
