#pragma once

#include <string>
#include <string_view>

namespace redoubt {

/// Replaces every byte above 127 that stands outside of strings and comments,
/// where TOML allows none, by a control character. The parser reports either in
/// the same place, but toml++ 3.3 runs into undefined behaviour on the former
/// (`is_non_ascii_horizontal_whitespace` of U+00E9 is "unreachable").
std::string without_stray_bytes(std::string_view toml);

} // namespace redoubt
