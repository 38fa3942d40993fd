#pragma once

#include <redoubt/actors/random.hpp>
#include <redoubt/messages/reply.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// Replies as bytes.

namespace redoubt::test {

/// An array in an array and so on, `depth` of them, around `inner`.
inline std::string nested(size_t depth, const std::string& inner = ":1\r\n") {
  std::string text;
  for (size_t i = 0; i < depth; ++i)
    text += "*1\r\n";
  return text + inner;
}

inline std::string bulk(std::string_view text) {
  return "$" + std::to_string(text.size()) + "\r\n" + std::string{text}
         + "\r\n";
}

inline std::string random_text(random_source& random, bool any_byte) {
  std::string text;
  for (auto n = 1 + random.next() % 40; n > 0; --n)
    text += static_cast<char>(any_byte ? random.next() % 256
                                       : 'a' + random.next() % 26);
  return text;
}

/// A random reply, nested to at most `depth`, and its bytes.
inline reply random_reply(random_source& random, uint32_t depth,
                          std::string& wire) {
  switch (random.next() % (depth > 0 ? 10 : 6)) {
    case 0: wire += random.next() % 2 == 0 ? "$-1\r\n" : "*-1\r\n"; return {};
    case 1: {
      auto text = random_text(random, false);
      wire += "+" + text + "\r\n";
      return reply::status(text);
    }
    case 2: {
      auto text = random_text(random, false);
      wire += "-" + text + "\r\n";
      return reply::error(text);
    }
    case 3: {
      auto number = static_cast<int64_t>(random.next()) >> (random.next() % 64);
      wire += ":" + std::to_string(number) + "\r\n";
      return reply::integer(number);
    }
    case 4: wire += "$0\r\n\r\n"; return reply::string("");
    case 5: {
      auto text = random_text(random, true);
      wire += bulk(text);
      return reply::string(text);
    }
    default: {
      std::vector<reply> elements;
      auto n = random.next() % 4;
      wire += "*" + std::to_string(n) + "\r\n";
      for (; n > 0; --n)
        elements.push_back(random_reply(random, depth - 1, wire));
      return reply::array(std::move(elements));
    }
  }
}

} // namespace redoubt::test
