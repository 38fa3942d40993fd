#pragma once

#include <redoubt/messages/command.hpp>

#include <chrono>
#include <optional>

namespace redoubt {

/// How long the server may block for a command, by its arguments, at most 24 h.
/// Nothing if it does not block, or its arguments make no sense to the server;
/// `milliseconds::max()` if it blocks for ever.
std::optional<std::chrono::milliseconds> block_time(const command& x);

} // namespace redoubt
