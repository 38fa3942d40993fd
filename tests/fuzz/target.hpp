#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

/// What a target defines, once per program: it is given an input and ends the
/// process if a property does not hold. Called by libFuzzer, and by replay.cpp
/// with each file of the corpus.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace redoubt::fuzz {

/// Ends the process, so that libFuzzer keeps the input, unless `property` holds.
inline void check(bool holds, std::string_view property,
                  std::string_view subject = {}) {
  if (holds)
    return;
  std::fprintf(stderr, "property does not hold: %.*s\n",
               static_cast<int>(property.size()), property.data());
  // Most is said by the input itself.
  subject = subject.substr(0, 1000);
  if (!subject.empty())
    std::fprintf(stderr, "%.*s\n", static_cast<int>(subject.size()),
                 subject.data());
  std::abort();
}

/// The input as text.
inline std::string_view text_of(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// Takes the first byte away; 0 if there is none.
inline uint8_t take_byte(std::string_view& text) {
  if (text.empty())
    return 0;
  auto result = static_cast<uint8_t>(text.front());
  text.remove_prefix(1);
  return result;
}

inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

/// Sums up an input, for what it has to decide beside itself.
inline uint64_t seed_of(std::string_view text) {
  // FNV-1a.
  uint64_t result = 0xcbf29ce484222325;
  for (unsigned char c : text)
    result = (result ^ c) * 0x100000001b3;
  return result;
}

} // namespace redoubt::fuzz
