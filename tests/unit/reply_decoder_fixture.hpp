#pragma once

#include <redoubt/actors/connection/reply_decoder.hpp>
#include <redoubt/tests/support/check.hpp>
#include <redoubt/tests/unit/reply_wire.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace redoubt::test {

/// What a decoder makes of some bytes: the replies, and how it ended.
struct decoded {
  /// With an error in the place of each that was too deep.
  std::vector<reply> replies;
  size_t too_deep = 0;
  reply_decoder::result end = reply_decoder::result::need_more;
  std::string error;
};

/// A decoder with limits that a test sets.
struct decoder_fixture {
  using result = reply_decoder::result;

  limit_options limits;

  /// Feeds `bytes` in pieces, taking what is there after each.
  decoded decode(std::string_view bytes, size_t piece = SIZE_MAX) const {
    reply_decoder subject{limits};
    decoded x;
    while (!bytes.empty()) {
      auto part = bytes.substr(0, piece);
      bytes.remove_prefix(part.size());
      subject.feed(part.data(), part.size());
      reply next;
      while ((x.end = subject.next(next)) == result::got
             || x.end == result::too_deep) {
        x.replies.push_back(std::move(next));
        x.too_deep += x.end == result::too_deep ? 1 : 0;
      }
      if (x.end != result::need_more)
        break;
    }
    x.error = subject.error();
    return x;
  }

  /// The one reply that `bytes` are, however they arrive.
  reply decode_one(std::string_view bytes) const {
    auto whole = decode(bytes);
    CAF_REQUIRE_EQUAL(whole.replies.size(), 1u);
    CAF_CHECK(whole.end == result::need_more);
    CAF_CHECK_EQUAL(whole.error, "");
    CAF_CHECK(decode(bytes, 1).replies == whole.replies);
    return whole.replies[0];
  }

  /// How it ends, at once and byte by byte, if no reply comes of it.
  result end_of(std::string_view bytes) const {
    auto whole = decode(bytes);
    auto slow = decode(bytes, 1);
    CAF_CHECK_EQUAL(whole.replies.size(), 0u);
    CAF_CHECK_EQUAL(slow.replies.size(), 0u);
    CAF_CHECK(whole.end == slow.end);
    CAF_CHECK_EQUAL(whole.error.empty(), whole.end == result::need_more);
    return whole.end;
  }
};

} // namespace redoubt::test
