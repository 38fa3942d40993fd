#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

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
  rate,
  concat,
  corrupt,
  close_on_data,
  slow_close,
};

constexpr size_t verb_count = static_cast<size_t>(verb::slow_close) + 1;

/// How the gate ends a connection, on both sides.
enum class ending : uint8_t { fin, reset };

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

/// Which bytes of a stream are replaced, and by what.
struct damage {
  enum class place : uint8_t {
    /// As many bytes as `instead` has, from byte `number` on, the first being 0.
    at,
    /// Each `number`th byte by the first one of `instead`.
    every,
    /// The first `pattern` that arrives in one piece, whatever its length.
    first,
  };
  place where = place::at;
  uint64_t number = 0;
  std::string pattern = {};
  std::string instead = {};
};

/// What is done to the bytes of one direction. A new verb adds a field here,
/// and `relay` heeds it where it reads or writes.
struct traffic_rule {
  /// Bytes are taken in and not passed on.
  bool hold = false;
  /// Each byte is passed on this much later.
  std::chrono::milliseconds delay{0};
  /// And by up to this much more, at random; none overtakes another.
  std::chrono::milliseconds jitter{0};
  /// At most this many bytes per write; 0 writes what there is.
  size_t slice_bytes = 0;
  /// Pause after each slice.
  std::chrono::milliseconds slice_pause{0};
  /// At most this many bytes per second; 0 is no limit.
  uint64_t rate_bytes = 0;
  /// Bytes are gathered until there are so many, or none came for `concat_pause`,
  /// and then written at once; 0 gathers nothing.
  size_t concat_bytes = 0;
  std::chrono::milliseconds concat_pause{0};
  std::optional<damage> corrupt;
  /// After this many bytes the connection ends.
  std::optional<uint64_t> cut_after;
  ending cut_by = ending::fin;
  /// The connection ends when a byte comes in.
  std::optional<ending> close_on_data;
  /// The end of a stream is passed on this much later.
  std::chrono::milliseconds slow_close{0};
};

/// Index of a single direction in per-direction arrays.
constexpr size_t requests_lane = 0;
constexpr size_t replies_lane = 1;

using traffic_rules = std::array<traffic_rule, 2>;

} // namespace redoubt::lab
