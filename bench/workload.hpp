#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace redoubt::bench {

constexpr size_t key_count = 10000;

inline std::string key(size_t i) {
  return "key:" + std::to_string(i % key_count);
}

/// 64 bytes that name their key, so that a crossed reply shows.
inline std::string value(size_t i) {
  auto text = key(i);
  text.resize(64, '.');
  return text;
}

inline void check(std::string_view got, size_t i) {
  auto mine = key(i);
  if (got.size() != 64 || got.substr(0, mine.size()) != mine
      || got[mine.size()] != '.')
    throw std::runtime_error("a reply belongs to another request");
}

} // namespace redoubt::bench
