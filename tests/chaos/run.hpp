#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace redoubt::chaos {

struct run_options {
  uint64_t seed = 1;
  std::chrono::seconds length{60};
  uint64_t callers = 10;
  /// Deadlines are so many times as long: for programs that run slowly.
  int slowness = 1;
  /// How late an answer may be on a machine that has time.
  std::chrono::milliseconds slack{300};
  /// Where the history is written.
  std::string path;
};

/// Runs a runtime against a server of its own, with callers and with faults that
/// are drawn from the seed, until the time is over and each kind of fault has
/// struck (or had its chances). The seed decides all that is drawn; when things
/// happen is the machine's business.
///
/// The history is in the file then. Throws `std::runtime_error` if the server
/// cannot be had.
void play(const run_options& options);

} // namespace redoubt::chaos
