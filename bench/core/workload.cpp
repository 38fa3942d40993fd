#include <redoubt/bench/core/workload.hpp>

#include <algorithm>
#include <charconv>

namespace redoubt::bench {

std::string workload::key(size_t i) const {
  // Each size has keys of its own. One buffer: what asks is measured, too.
  char text[48];
  auto put = [end = text + sizeof text](char* at, size_t x) {
    return std::to_chars(at, end, x).ptr;
  };
  auto at = put(text, value_size);
  *at++ = ':';
  at = put(at, i % key_count);
  return {text, at};
}

std::string workload::value(size_t i) const {
  auto text = key(i);
  text.resize(std::max(value_size, text.size() + 1), '.');
  return text;
}

bool workload::is_value(std::string_view got, size_t i) const {
  auto mine = key(i);
  return got.size() == std::max(value_size, mine.size() + 1)
         && got.starts_with(mine) && got[mine.size()] == '.'
         && got.back() == '.';
}

} // namespace redoubt::bench
