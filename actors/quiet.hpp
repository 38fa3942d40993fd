#pragma once

#include <redoubt/messages/caf_api.hpp>

#include <spdlog/logger.h>

#include <exception>
#include <memory>

namespace redoubt {

/// Gives an actor the handlers that all actors of the runtime share instead of
/// CAF's defaults, which print messages with their contents to stdout and take
/// an actor along when a linked one dies.
///
/// * Messages it does not understand are dropped; requests among them are
///   answered `unexpected_message`.
/// * Exits are trapped, save `kill`, which CAF carries out itself: a service that
///   links to a handle and dies does not take it along.
/// * An exception ends the actor. Its text goes to the log, its requesters are
///   answered by `on_exit`.
template <class Actor>
void make_quiet(Actor* self, const std::shared_ptr<spdlog::logger>& log) {
  auto name = self->name();
  api::replace_default_handlers(self, [log, name](std::exception_ptr& x) {
    try {
      std::rethrow_exception(x);
    } catch (const std::exception& e) {
      log->error("{} ends by an exception: {}", name, e.what());
    } catch (...) {
      log->error("{} ends by an exception of unknown type", name);
    }
  });
}

} // namespace redoubt
