#pragma once

#include <redoubt/tests/chaos/history.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace redoubt::chaos {

/// A promise that was broken.
struct violation {
  /// Name of the check, as in the list below.
  std::string check;
  std::string what;
  /// The operations that show it.
  std::vector<uint64_t> operations;
};

/// What a history says.
struct findings {
  uint64_t operations = 0;
  uint64_t acknowledged = 0;
  uint64_t unknown = 0;
  uint64_t failed = 0;
  /// Writes that were acknowledged and are not there, ran more often than they may,
  /// and replies that belong to another request.
  uint64_t lost = 0;
  uint64_t duplicated = 0;
  uint64_t crossed = 0;
  std::vector<violation> violations;
};

/// Judges a history by what docs/guarantees.md promises. Pure.
///
/// | check | holds |
/// |---|---|
/// | lost | what was acknowledged is there |
/// | refuted | what ended as `not_sent`, `refused` or by an error never ran |
/// | invented | all that is there was sent |
/// | doubled | nothing ran twice whose caller did not opt in |
/// | torn | a transaction ran as a whole, with nothing in between, or not at all |
/// | counter | acknowledged ≤ final ≤ acknowledged + unknown |
/// | number | no INCR returned what another one did, or more than there are |
/// | crossed | each reply is of its request's kind, key and writer |
/// | order | what one caller had acknowledged is there in its order, and what was acknowledged before another was sent is there before it |
/// | stale | nobody reads, and the key does not end with, what a newer acknowledged write of its writer replaced |
/// | answered | each request has one answer |
/// | late | and in time: its deadline, a tick of 5 ms, and what the machine took |
/// | healed | when the faults are over everybody's last request succeeds, and after each fault somebody's does in time |
/// | fired | every kind of fault struck |
/// | dials | no two dials began closer than they may |
/// | breaker | it takes the four legal ways only, one after the other |
/// | leaked | descriptors, actors and threads are as before |
/// | shutdown | the runtime ended in time |
findings check(const history& x);

} // namespace redoubt::chaos
