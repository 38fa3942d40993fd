#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace redoubt {

/// What running a command twice would do. Decided once, when a command is
/// made, by its name *and arguments*.
enum class command_class : uint8_t {
  /// Changes nothing: GET, EXISTS, TTL.
  read_only,
  /// Twice is once, with the same reply: SET without NX/XX/GET, MSET, SETEX.
  idempotent,
  /// Twice is once in state, the reply may differ: DEL, SADD, HSET.
  convergent,
  /// Twice is not once, or nobody knows: INCR, LPUSH, EVAL, unknown commands.
  accumulating,
};

/// Name of `value` as it is written in configuration, logs and errors.
std::string_view to_string(command_class value) noexcept;

/// Reads a class by its name; empty if there is none of that name.
std::optional<command_class> command_class_from(std::string_view name) noexcept;

/// Arguments of one command, its name first.
using argument_list = std::span<const std::string_view>;

/// What the runtime must know about a command before sending it.
struct command_traits {
  command_class cls = command_class::accumulating;

  /// Empty if the command may go over a shared connection; else why not, with
  /// the interface to use instead. Points to static storage.
  std::string_view refusal = {};

  /// The same for a connection that is leased to one caller.
  std::string_view leased_refusal = {};
};

/// Class and admission of a command. Unknown commands are accumulating and
/// admitted: the server is the judge of their names.
command_traits traits_of(argument_list arguments) noexcept;

/// Keys of a command, in the order they stand. Views into `arguments`.
/// Commands whose keys cannot be told (unknown ones) answer all arguments, so
/// that an order rule built on keys errs on the safe side.
std::vector<std::string_view> keys_of(argument_list arguments);

} // namespace redoubt
