#define CAF_SUITE reply_decoder_depth

#include <redoubt/actors/random.hpp>
#include <redoubt/tests/support/memory.hpp>
#include <redoubt/tests/unit/reply_decoder_fixture.hpp>
#include <redoubt/tests/unit/seed.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

using namespace redoubt;
using namespace redoubt::test;

namespace {

reply too_deep(uint32_t limit = 7) {
  return reply::error("arrays are nested deeper than the limit of "
                      + std::to_string(limit));
}

uint32_t depth_of(const reply& x) {
  uint32_t inner = 0;
  for (auto& each : x.elements())
    inner = std::max(inner, depth_of(each));
  return inner + (x.kind() == reply_kind::array ? 1 : 0);
}

struct fixture : decoder_fixture {
  /// What `bytes` are, however they arrive; nothing is wrong with them.
  std::vector<reply> all_of(std::string_view bytes) const {
    auto whole = decode(bytes);
    CAF_CHECK(whole.end == result::need_more);
    CAF_CHECK_EQUAL(whole.error, "");
    for (size_t piece : {1u, 2u, 3u, 5u}) {
      auto slow = decode(bytes, piece);
      CAF_CHECK(slow.replies == whole.replies);
      CAF_CHECK_EQUAL(slow.too_deep, whole.too_deep);
    }
    return whole.replies;
  }

  /// Whether `bytes` are one reply that is skipped, and the next one is read.
  bool is_skipped(const std::string& bytes, uint32_t limit = 7) const {
    auto x = decode(bytes);
    return x.too_deep == 1
           && all_of(":1\r\n" + bytes + "$1\r\nb\r\n")
                == std::vector{reply::integer(1), too_deep(limit),
                               reply::string("b")};
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(reply_decoder_depth_tests, fixture)

CAF_TEST(nesting as deep as the limit passes and one deeper is skipped) {
  for (uint32_t depth = 1; depth <= 7; ++depth) {
    limits.reply_depth = depth;
    auto deepest = decode_one(nested(depth));
    for (uint32_t i = 0; i < depth; ++i) {
      CAF_REQUIRE_EQUAL(deepest.elements().size(), 1u);
      auto inner = deepest.elements()[0];
      deepest = inner;
    }
    CAF_CHECK(deepest == reply::integer(1));
    CAF_CHECK(is_skipped(nested(depth + 1), depth));
    CAF_CHECK(is_skipped(nested(depth + 1, "*0\r\n"), depth));
    CAF_CHECK(is_skipped(nested(depth, "*0\r\n"), depth));
    // No array is what is nil.
    CAF_CHECK_EQUAL(decode(nested(depth, "*-1\r\n")).too_deep, 0u);
  }
}

CAF_TEST(a limit beyond what the reader can take is that of the reader) {
  limits.reply_depth = 100;
  CAF_CHECK_EQUAL(depth_of(decode_one(nested(7))), 7u);
  CAF_CHECK(is_skipped(nested(8)));
  CAF_CHECK(is_skipped(nested(9)));
  CAF_CHECK(is_skipped(nested(10)));
}

CAF_TEST(nesting far deeper than any reader can take is skipped) {
  CAF_CHECK(is_skipped(nested(9)));
  CAF_CHECK(is_skipped(nested(10000)));
}

CAF_TEST(what stands before and behind the depth is skipped with it) {
  limits.reply_depth = 2;
  // In the first, the middle and the last place of arrays at every level.
  CAF_CHECK(is_skipped("*3\r\n:1\r\n*3\r\n+a\r\n*2\r\n$1\r\nb\r\n$-1\r\n"
                       "-c\r\n*2\r\n:2\r\n:3\r\n",
                       2));
  CAF_CHECK(is_skipped("*2\r\n*2\r\n*1\r\n:1\r\n*0\r\n*3\r\n:1\r\n:2\r\n"
                       "*1\r\n*1\r\n*0\r\n",
                       2));
  CAF_CHECK(is_skipped("*2\r\n:1\r\n*2\r\n:2\r\n*0\r\n", 2));
  CAF_CHECK(is_skipped("*1\r\n*1\r\n*1\r\n" + bulk("*9\r\n-x\r\n"), 2));
}

CAF_TEST(replies that are too deep may follow each other) {
  auto deep = nested(8);
  CAF_CHECK(all_of(deep + deep + "+a\r\n" + deep + nested(7, "+b\r\n"))
            == std::vector({too_deep(), too_deep(), reply::status("a"),
                            too_deep(), decode_one(nested(7, "+b\r\n"))}));
  std::string text;
  for (int i = 0; i < 3000; ++i)
    text += deep + ":" + std::to_string(i) + "\r\n";
  auto x = decode(text);
  CAF_CHECK_EQUAL(x.too_deep, 3000u);
  CAF_REQUIRE_EQUAL(x.replies.size(), 6000u);
  for (int i = 0; i < 3000; ++i)
    CAF_CHECK_EQUAL(x.replies[static_cast<size_t>(2 * i + 1)].number(), i);
}

CAF_TEST(a reply that is too deep may follow one of any length) {
  // The reader moves its buffer when it has taken 1024 bytes.
  for (size_t n : {0u, 900u, 980u, 990u, 1000u, 1010u, 1024u, 5000u, 100000u}) {
    auto before = bulk(std::string(n, 'x'));
    auto x = decode(before + nested(9) + before + "+z\r\n");
    CAF_REQUIRE_EQUAL(x.replies.size(), 4u);
    CAF_CHECK(x.replies[1] == too_deep());
    CAF_CHECK_EQUAL(x.replies[2].text().size(), n);
    CAF_CHECK(x.replies[3] == reply::status("z"));
  }
}

CAF_TEST(a reply may be cut in two at every byte of what is skipped) {
  auto text = "*2\r\n:1\r\n" + nested(9, "*2\r\n$3\r\n\r\n*\r\n-e\r\n")
              + ":7\r\n";
  for (size_t n = 0; n < text.size(); ++n) {
    reply_decoder subject{limits};
    reply out;
    subject.feed(text.data(), n);
    auto early = subject.next(out);
    subject.feed(text.data() + n, text.size() - n);
    if (early == result::need_more) {
      CAF_CHECK(subject.next(out) == result::too_deep);
    } else {
      CAF_CHECK(early == result::too_deep);
    }
    CAF_CHECK(out == too_deep());
    CAF_CHECK(subject.next(out) == result::got);
    CAF_CHECK(out == reply::integer(7));
    CAF_CHECK(subject.next(out) == result::need_more);
  }
}

CAF_TEST(a reply that is too deep is not there before its last byte is) {
  auto text = "*2\r\n" + nested(9) + ":1\r\n";
  for (size_t n = 0; n < text.size(); ++n) {
    auto x = decode(std::string_view{text}.substr(0, n));
    CAF_CHECK_EQUAL(x.replies.size(), 0u);
    CAF_CHECK(x.end == result::need_more);
  }
  CAF_CHECK_EQUAL(decode(text).too_deep, 1u);
}

CAF_TEST(elements of what was skipped do not count for the next reply) {
  limits.reply_depth = 2;
  limits.reply_elements = 6;
  auto six = "*6\r\n:1\r\n:2\r\n:3\r\n:4\r\n:5\r\n:6\r\n";
  auto deep = "*1\r\n*1\r\n*2\r\n:1\r\n*2\r\n:1\r\n:2\r\n";
  auto x = all_of(std::string{six} + deep + six + deep + six);
  CAF_CHECK_EQUAL(x.size(), 5u);
}

CAF_TEST(bytes that are no RESP within what is skipped are no RESP) {
  for (auto text : {"$-5\r\n", "$3\r\nabcXY", "$abc\r\n", "$1a\r\n", ":x\r\n",
                    "-\r\n", "*-2\r\n", "*x\r\n", "HTTP/1.1", "\r\n",
                    "$99999999999999999999\r\n", "*1\r\n*1\r\n$2\r\nabc\r\n"}) {
    CAF_CHECK(end_of(nested(8, text)) == result::broken);
    CAF_CHECK(end_of(nested(30, text)) == result::broken);
    CAF_CHECK(end_of("*2\r\n" + nested(9) + text) == result::broken);
  }
}

CAF_TEST(what is too large within what is skipped is too large) {
  limits.reply_bytes = 10;
  limits.reply_elements = 20;
  for (std::string text : {"$11\r\n", "+0123456789a", "*21\r\n", "*12\r\n",
                           "*2147483647\r\n", "$9223372036854775807\r\n"}) {
    CAF_CHECK(end_of(nested(9, text)) == result::too_large);
    CAF_CHECK(end_of("*2\r\n" + nested(9) + text) == result::too_large);
  }
  CAF_CHECK(end_of(nested(9, "*11\r\n")) == result::need_more);
  CAF_CHECK(end_of(nested(21)) == result::too_large);
  // Where the depth begins size is judged first.
  CAF_CHECK(end_of(nested(7, "*14\r\n")) == result::too_large);
  CAF_CHECK(end_of(nested(7, "*13\r\n")) == result::need_more);
}

CAF_TEST(nothing is read any more after bad bytes in what is skipped) {
  reply_decoder subject{limits};
  reply out;
  auto bad = nested(9, "$-5\r\n:1\r\n");
  subject.feed(bad.data(), bad.size());
  CAF_CHECK(subject.next(out) == result::broken);
  auto first = subject.error();
  CAF_CHECK(!first.empty());
  std::string good = ":1\r\n";
  subject.feed(good.data(), good.size());
  CAF_CHECK(subject.next(out) == result::broken);
  CAF_CHECK_EQUAL(subject.error(), first);
}

CAF_TEST(a reply that is skipped takes no memory however large) {
  // Pieces that do not make the reader give its buffer back each time.
  constexpr size_t piece = 4096;
  reply_decoder subject{limits};
  reply out;
  auto feed = [&](const std::string& bytes) {
    subject.feed(bytes.data(), bytes.size());
    return subject.next(out);
  };
  const std::string text(piece, 'x');
  feed(nested(9, "$100000000\r\n"));
  feed(text);
  auto before = resident_bytes();
  for (size_t i = 1; i < 100'000'000 / piece; ++i)
    if (feed(text) != result::need_more)
      CAF_FAIL("ended early");
  CAF_CHECK_LESS(resident_bytes(), before + (1u << 20));
  CAF_CHECK(feed(text.substr(0, 100'000'000 % piece) + "\r\n")
            == result::too_deep);
  CAF_CHECK(feed("+next\r\n") == result::got);
  // A million arrays, each in the one before.
  auto arrays = nested(piece / 4, "");
  before = resident_bytes();
  for (size_t i = 0; i < 1000; ++i)
    if (feed(arrays) != result::need_more)
      CAF_FAIL("ended early");
  CAF_CHECK_LESS(resident_bytes(), before + (1u << 20));
  CAF_CHECK(feed(":1\r\n") == result::too_deep);
}

CAF_TEST(random replies of any depth leave the others as they are) {
  auto seed = seed_of_this_run();
  CAF_MESSAGE("REDOUBT_SEED=" << seed);
  random_source random{seed};
  for (int round = 0; round < 2000; ++round) {
    limits.reply_depth = 1 + static_cast<uint32_t>(random.next() % 7);
    std::string wire;
    std::vector<reply> expected;
    for (auto n = 1 + random.next() % 8; n > 0; --n) {
      auto x = random_reply(random, 12, wire);
      expected.push_back(
        depth_of(x) > limits.reply_depth ? too_deep(limits.reply_depth) : x);
    }
    for (size_t piece : {size_t{1}, 1 + random.next() % 20, SIZE_MAX}) {
      auto x = decode(wire, piece);
      if (x.replies != expected || x.end != result::need_more)
        CAF_FAIL("round " << round << ", pieces of " << piece
                          << ", REDOUBT_SEED=" << seed);
    }
  }
  CAF_CHECK(true);
}

CAF_TEST_FIXTURE_SCOPE_END()
