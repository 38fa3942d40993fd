#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace redoubt::lab {

/// What a gate can do to connections and bytes.
enum class verb : uint8_t {
  pass,
  refuse,
  stop_accepting,
  reset_all,
  close_all,
  hold,
  delay,
  slice,
  cut,
};

constexpr size_t verb_count = static_cast<size_t>(verb::cut) + 1;

/// Counts how often each fault took effect. Any thread may read.
class hit_counters {
public:
  void add(verb which, uint64_t times = 1) noexcept {
    hits_[static_cast<size_t>(which)] += times;
  }

  uint64_t of(verb which) const noexcept {
    return hits_[static_cast<size_t>(which)];
  }

private:
  std::array<std::atomic<uint64_t>, verb_count> hits_{};
};

/// Directions that a verb of the gate acts on.
enum class direction : uint8_t {
  /// From the client to the server.
  requests = 1,
  /// From the server to the client.
  replies = 2,
  both = 3,
};

/// What is done to the bytes of one direction. A new verb adds a field here,
/// and `relay` heeds it where it reads or writes.
struct traffic_rule {
  /// Bytes are taken in and not passed on.
  bool hold = false;
  /// Each byte is passed on this much later.
  std::chrono::milliseconds delay{0};
  /// At most this many bytes per write; 0 writes what there is.
  size_t slice_bytes = 0;
  /// Pause after each slice.
  std::chrono::milliseconds slice_pause{0};
  /// After this many bytes the connection ends by FIN on both sides.
  std::optional<uint64_t> cut_after;
};

/// Index of a single direction in per-direction arrays.
constexpr size_t requests_lane = 0;
constexpr size_t replies_lane = 1;

using traffic_rules = std::array<traffic_rule, 2>;

} // namespace redoubt::lab
