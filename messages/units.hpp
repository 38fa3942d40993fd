#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace redoubt {

// Durations and sizes as people write them: a whole number and a unit, without
// a blank between.

/// What `parse_duration` takes, for error messages.
constexpr std::string_view duration_syntax =
  R"(a duration such as "500ms" or "2s"; units are us, ms, s, m and h)";

/// What `parse_size` takes, for error messages.
constexpr std::string_view size_syntax =
  R"(a size such as "64MiB" or a number of bytes; units are B, KiB, MiB, )"
  "GiB and TiB";

/// Reads `250us`, `500ms`, `2s`, `1m` or `1h`, also negative. A value too large
/// for the type becomes the largest.
std::optional<std::chrono::microseconds> parse_duration(std::string_view text);

/// Writes a duration so that `parse_duration` reads the same.
std::string duration_text(std::chrono::microseconds value);

/// Reads `100B`, `512KiB`, `64MiB`, `1GiB` or `1TiB`. A value too large for the
/// type becomes the largest.
std::optional<uint64_t> parse_size(std::string_view text);

/// Writes a size so that `parse_size` reads the same.
std::string size_text(uint64_t value);

} // namespace redoubt
