#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace redoubt::sim {

/// What can go wrong.
enum class fault : uint8_t {
  // -- the network
  reset,
  close,
  cut_reply,
  spoil_reply,
  hold_requests,
  hold_replies,
  trickle,
  latency,
  refuse,
  drop,
  // -- the server
  kill_server,
  stop_server,
  loading,
  busy,
  read_only,
  out_of_memory,
  too_many_clients,
  // -- our own actors
  kill_client,
  kill_supervisor,
  kill_connection,
};

constexpr size_t fault_count = 20;

std::string_view to_string(fault x) noexcept;

/// What goes on when a fault strikes.
enum class phase : uint8_t {
  /// No connection is ready, and the breaker is closed.
  connecting,
  /// Nobody waits for an answer.
  idle,
  /// Requests are under way.
  busy,
  /// The breaker is open, or half-open.
  open,
  half_open,
};

constexpr size_t phase_count = 5;

std::string_view to_string(phase x) noexcept;

using fault_counts = std::array<std::array<uint64_t, phase_count>, fault_count>;

/// What one run came to.
struct run_result {
  uint64_t seed = 0;
  /// Empty if every promise was kept.
  std::string violation;
  fault_counts fired{};
  uint64_t faults = 0;
  uint64_t operations = 0;
  uint64_t acknowledged = 0;
  uint64_t unknown = 0;
  uint64_t failed = 0;
  uint64_t steps = 0;
  /// Of all that happened, in order: two runs of one seed have the same.
  uint64_t fingerprint = 0;
  /// One line for each thing that happened, if asked for.
  std::vector<std::string> history;
};

/// Runs request actors, supervisor and connections against a server and a network
/// that are simulated, on virtual time. The seed decides who asks what, in which
/// order messages arrive, what goes wrong and when.
run_result simulate(uint64_t seed, bool with_history);

} // namespace redoubt::sim
