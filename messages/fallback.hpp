#pragma once

#include <redoubt/messages/caf_api.hpp>
#include <redoubt/messages/command.hpp>
#include <redoubt/messages/error.hpp>
#include <redoubt/messages/reply.hpp>

#include <variant>

namespace redoubt {

/// Answers a command in the server's place: a cache, a second server, a queue for
/// later. It is told what became of the command; a write whose fate is `unknown`
/// may have run, or may still run. An error, or no answer by the request's
/// deadline, leaves the request with the failure that it had.
using fallback_actor = api::interface<reply(command, failure)>;

/// Who answers a command when redis does not: a value that will do (for reads
/// only), or an actor. The reply then says `stale`.
using fallback = std::variant<reply, fallback_actor>;

} // namespace redoubt
