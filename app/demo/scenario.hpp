#pragma once

#include <redoubt/app/demo/client.hpp>
#include <redoubt/app/demo/live.hpp>
#include <redoubt/app/demo/stop_signals.hpp>
#include <redoubt/app/lab/fault_gate.hpp>
#include <redoubt/app/lab/private_redis.hpp>
#include <redoubt/app/lab/prober.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace redoubt::demo {

enum class fault : uint8_t {
  /// All connections reset, the port refuses for a moment.
  blip,
  /// The server is killed and started again, without its data.
  restart,
  /// As a blip, for long.
  outage,
};

std::string_view to_string(fault value) noexcept;

/// A fault between two calm times.
struct scenario {
  fault kind;
  std::chrono::milliseconds down;
  std::chrono::milliseconds lead_in;
  std::chrono::milliseconds lead_out;
};

/// What the scenario does, in words.
std::string describe(const scenario& x);

/// The article's three scenarios.
std::vector<scenario> all_scenarios(bool quick);

/// Moments of a scenario.
struct timeline {
  /// Just before the fault.
  time_point lost;
  /// Just before the gate passed again: no reply after it is from before.
  time_point opened;
  /// First PONG to the prober; empty if there was none.
  std::optional<time_point> back;
  time_point end;
};

/// What one client made of a scenario.
struct client_run {
  client_kind kind;
  std::optional<std::chrono::milliseconds> deadline;
  std::vector<record> records;
  uint32_t answered_twice = 0;
  /// Times the breaker left the closed state.
  uint64_t trips = 0;
  /// The counter's value in the server at the end.
  int64_t counter = 0;
};

struct outcome {
  scenario what;
  timeline when;
  std::vector<client_run> runs;
};

/// What a scenario is played on.
struct stage {
  lab::private_redis& redis;
  lab::fault_gate& gate;
  lab::prober& prober;
  std::vector<client*> clients;
  live_view& live;
  stop_signals& signals;
};

/// Plays a scenario in real time. Empty if a signal ended it. To be called on
/// the thread that made `on.redis`.
std::optional<outcome> play(const stage& on, const scenario& what);

} // namespace redoubt::demo
