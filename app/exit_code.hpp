#pragma once

#include <redoubt/messages/error.hpp>

namespace redoubt::app {

/// Exit status of the program.
enum exit_code : int {
  success = 0,
  /// The server answered with an error, or is unhealthy.
  negative = 1,
  /// The arguments or the configuration are bad.
  usage = 2,
  /// The command did not run.
  not_run = 3,
  /// The command may have run.
  maybe_run = 4,
  /// A fault in the program itself (EX_SOFTWARE of sysexits.h).
  internal = 70,
};

/// Exit status for a command that ended with `outcome` instead of a reply.
constexpr exit_code exit_code_of(fate outcome) noexcept {
  switch (outcome) {
    case fate::not_sent:
    case fate::refused: return not_run;
    case fate::unknown: return maybe_run;
    case fate::answered: return negative;
  }
  return internal;
}

} // namespace redoubt::app
