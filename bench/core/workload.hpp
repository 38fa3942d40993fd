#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace redoubt::bench {

enum class operation : uint8_t {
  get,
  set,
  /// Four GETs and a SET, in turn.
  mix,
};

/// What is asked of the server. Operation `i` has its key, its value and its
/// answer by its number, so that a crossed reply shows.
struct workload {
  operation what = operation::get;
  size_t value_size = 64;
  size_t key_count = 10000;

  std::string key(size_t i) const;

  /// `value_size` bytes, but not less than the key's, that name their key.
  std::string value(size_t i) const;

  bool writes(size_t i) const noexcept {
    return what == operation::set || (what == operation::mix && i % 5 == 4);
  }

  /// Whether `got` is the value of operation `i`.
  bool is_value(std::string_view got, size_t i) const;
};

} // namespace redoubt::bench
