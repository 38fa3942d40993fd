#pragma once

#include <redoubt/actors/connection/reply_decoder.hpp>

#include <string_view>
#include <utility>
#include <vector>

namespace redoubt::fuzz {

/// The replies that an input holds as RESP, up to what is none.
inline std::vector<reply> replies_of(std::string_view bytes) {
  reply_decoder decoder{limit_options{}};
  decoder.feed(bytes.data(), bytes.size());
  std::vector<reply> result;
  for (reply x; decoder.next(x) == reply_decoder::result::got;)
    result.push_back(std::move(x));
  return result;
}

} // namespace redoubt::fuzz
