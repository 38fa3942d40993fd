#define CAF_SUITE reply_skipper

#include <redoubt/actors/connection/reply_skipper.hpp>
#include <redoubt/actors/random.hpp>
#include <redoubt/tests/support/memory.hpp>
#include <redoubt/tests/unit/reply_decoder_fixture.hpp>
#include <redoubt/tests/unit/seed.hpp>

#include <string>
#include <string_view>
#include <vector>

using namespace redoubt;
using namespace redoubt::test;

namespace {

/// What became of some bytes: how it ended, and how many were not taken.
struct skipped {
  reply_skipper::result end = reply_skipper::result::need_more;
  size_t left = 0;
  std::string error;
};

struct fixture {
  using result = reply_skipper::result;

  limit_options limits;

  /// Skips `to_come` elements of what arrives in pieces.
  skipped skip_pieces(std::string_view bytes, size_t piece, uint32_t to_come,
                      uint32_t elements) const {
    reply_skipper subject{limits};
    subject.start(to_come, elements);
    skipped x;
    while (!bytes.empty() && x.end == result::need_more) {
      auto part = bytes.substr(0, piece);
      auto size = part.size();
      x.end = subject.skip(part);
      bytes.remove_prefix(size - part.size());
    }
    x.left = bytes.size();
    x.error = subject.error();
    return x;
  }

  /// The same, however the bytes arrive.
  skipped skip(std::string_view bytes, uint32_t to_come = 1,
               uint32_t elements = 0) const {
    auto whole = skip_pieces(bytes, SIZE_MAX, to_come, elements);
    for (size_t piece : {1u, 2u, 3u, 7u}) {
      auto slow = skip_pieces(bytes, piece, to_come, elements);
      CAF_CHECK(slow.end == whole.end);
      CAF_CHECK_EQUAL(slow.error, whole.error);
      if (whole.end == result::done)
        CAF_CHECK_EQUAL(slow.left, whole.left);
    }
    auto failed = whole.end == result::broken || whole.end == result::too_large;
    CAF_CHECK_EQUAL(whole.error.empty(), !failed);
    return whole;
  }

  /// Whether `bytes` are one reply, of which the last byte is needed and behind
  /// which nothing is taken.
  bool is_one_reply(const std::string& bytes) const {
    auto alone = skip(bytes);
    auto followed = skip(bytes + bytes);
    auto cut = skip(std::string_view{bytes}.substr(0, bytes.size() - 1));
    return alone.end == result::done && alone.left == 0
           && followed.end == result::done && followed.left == bytes.size()
           && cut.end == result::need_more;
  }

  /// How it ends, alone and deep within other arrays.
  result end_of(const std::string& bytes) const {
    auto alone = skip(bytes).end;
    CAF_CHECK(skip("*2\r\n:1\r\n" + nested(20, bytes)).end == alone);
    return alone;
  }
};

/// All kinds of elements, arrays within arrays, and lines in all lengths.
const std::string one_of_all =
  "*13\r\n+OK\r\n+\r\n-ERR no\r\n:0\r\n:-12\r\n$-1\r\n*-1\r\n*0\r\n"
  "$0\r\n\r\n$5\r\nhello\r\n$7\r\n\r\n*9\r\n\r\r\n"
  "*1\r\n*2\r\n*1\r\n$3\r\n:1\r\r\n+a\rb\r\r\n$12\r\nabcdefghijkl\r\n";

} // namespace

CAF_TEST_FIXTURE_SCOPE(reply_skipper_tests, fixture)

// -- what is RESP -------------------------------------------------------------

CAF_TEST(every kind of reply is skipped to its last byte) {
  for (std::string text :
       {"+OK\r\n", "+\r\n", "-ERR no\r\n", ":42\r\n", ":-1\r\n", ":0\r\n",
        "$5\r\nhello\r\n", "$0\r\n\r\n", "$-1\r\n", "*-1\r\n", "*0\r\n",
        "*1\r\n*0\r\n", "*2\r\n*1\r\n:1\r\n$-1\r\n",
        "*3\r\n:1\r\n*2\r\n+a\r\n-b\r\n$1\r\nc\r\n", ":9223372036854775807\r\n",
        ":-9223372036854775808\r\n"})
    CAF_CHECK(is_one_reply(text));
  CAF_CHECK(is_one_reply(one_of_all));
}

CAF_TEST(a reply may be cut in two at every byte) {
  for (size_t n = 0; n <= one_of_all.size(); ++n) {
    reply_skipper subject{limits};
    subject.start(1, 0);
    auto begin = std::string_view{one_of_all}.substr(0, n);
    auto end = subject.skip(begin);
    CAF_CHECK(end
              == (n < one_of_all.size() ? result::need_more : result::done));
    CAF_CHECK(begin.empty());
    auto rest = one_of_all.substr(n) + "+next\r\n";
    std::string_view left{rest};
    CAF_CHECK(subject.skip(left) == result::done);
    CAF_CHECK_EQUAL(std::string{left}, "+next\r\n");
  }
}

CAF_TEST(what a string holds is not taken for headers) {
  CAF_CHECK(is_one_reply(bulk("*1000\r\n$-7\r\nHTTP/1.1")));
  CAF_CHECK(is_one_reply(bulk(std::string("\0\r\n", 3))));
  CAF_CHECK(is_one_reply("*1\r\n" + bulk("\r\n") + ""));
}

CAF_TEST(a carriage return alone does not end a text) {
  for (std::string text : {"+a\rb\r\n", "+\r\r\n", "+a\r\r\rb\r\n", "-\r\r\n",
                           "+a\nb\r\n", "+\n\r\n"})
    CAF_CHECK(is_one_reply(text));
}

CAF_TEST(as many elements are skipped as are still to come) {
  std::string text = ":1\r\n*2\r\n+a\r\n$1\r\nb\r\n:3\r\n:4\r\n";
  CAF_CHECK_EQUAL(skip(text, 1).left, text.size() - 4);
  CAF_CHECK_EQUAL(skip(text, 2).left, 8u);
  CAF_CHECK_EQUAL(skip(text, 3).left, 4u);
  CAF_CHECK_EQUAL(skip(text, 4).left, 0u);
  CAF_CHECK(skip(text, 4).end == result::done);
  CAF_CHECK(skip(text, 5).end == result::need_more);
}

CAF_TEST(nothing is taken when no element is to come) {
  reply_skipper subject{limits};
  subject.start(0, 3);
  std::string_view bytes{"+next\r\n"};
  CAF_CHECK(subject.skip(bytes) == result::done);
  CAF_CHECK_EQUAL(bytes.size(), 7u);
  bytes = {};
  CAF_CHECK(subject.skip(bytes) == result::done);
}

CAF_TEST(a skipper can start again after the end of a reply) {
  limits.reply_elements = 3;
  reply_skipper subject{limits};
  std::string text = "*1\r\n*2\r\n:1\r\n:2\r\n";
  for (int i = 0; i < 5; ++i) {
    subject.start(1, 0);
    std::string_view bytes{text};
    CAF_CHECK(subject.skip(bytes) == result::done);
  }
}

CAF_TEST(random replies are skipped in pieces of any size) {
  auto seed = seed_of_this_run();
  CAF_MESSAGE("REDOUBT_SEED=" << seed);
  random_source random{seed};
  for (int round = 0; round < 2000; ++round) {
    std::string wire;
    random_reply(random, 12, wire);
    auto rest = 1 + random.next() % 30;
    auto bytes = wire + std::string(rest, '*');
    for (size_t piece : {size_t{1}, 1 + random.next() % 20, SIZE_MAX}) {
      auto x = skip_pieces(bytes, piece, 1, 0);
      if (x.end != result::done || x.left != rest)
        CAF_FAIL("round " << round << ", pieces of " << piece
                          << ", REDOUBT_SEED=" << seed);
    }
  }
  CAF_CHECK(true);
}

// -- what is no RESP ----------------------------------------------------------

CAF_TEST(a byte that begins no reply is no RESP) {
  for (std::string text : {"HTTP/1.1", "\r\n", "\n", "?", " +OK\r\n", "_\r\n",
                           "%1\r\n", ">1\r\n", "\xff"})
    CAF_CHECK(end_of(text) == result::broken);
  CAF_CHECK(end_of(std::string(1, '\0')) == result::broken);
}

CAF_TEST(lengths that are none are no RESP) {
  for (std::string text : {"$-5\r\n",
                           "$-2\r\n",
                           "$abc\r\n",
                           "$\r\n",
                           "$1a\r\n",
                           "$ 1\r\n",
                           "$+1\r\n",
                           "$01\r\n",
                           "$-0\r\n",
                           "$-01\r\n",
                           "$-\r\n",
                           "$1\n1\r\n",
                           "$1\r1",
                           "$1\r\r\n",
                           "$99999999999999999999\r\n",
                           "$9223372036854775808\r\n",
                           "*-2\r\n",
                           "*abc\r\n",
                           "*\r\n",
                           "*1a\r\n",
                           "*1.0\r\n",
                           "*00\r\n",
                           "*99999999999999999999\r\n"})
    CAF_CHECK(end_of(text) == result::broken);
}

CAF_TEST(integers that are none are no RESP) {
  for (std::string text :
       {":\r\n", ":abc\r\n", ":1a\r\n", ":1.5\r\n", ":--1\r\n",
        ":9223372036854775808\r\n", ":-9223372036854775809\r\n", ":1\rx"})
    CAF_CHECK(end_of(text) == result::broken);
}

CAF_TEST(a number that does not end is no RESP) {
  for (auto kind : {':', '$', '*'}) {
    CAF_CHECK(end_of(kind + std::string(20, '1')) == result::need_more);
    CAF_CHECK(end_of(kind + std::string(21, '1')) == result::broken);
  }
}

CAF_TEST(a string must end where its length says) {
  for (std::string text :
       {"$3\r\nabcXY", "$3\r\nabc\rX", "$3\r\nabcX\n", "$3\r\nabc\n\r",
        "$3\r\nabcd\r\n", "$0\r\nXY", "$0\r\n\n\r"})
    CAF_CHECK(end_of(text) == result::broken);
}

CAF_TEST(an error without a text is no RESP) {
  CAF_CHECK(end_of("-\r\n") == result::broken);
}

CAF_TEST(nothing is skipped any more after a fault) {
  reply_skipper subject{limits};
  subject.start(1, 0);
  std::string_view bad{"$-5\r\n+OK\r\n"};
  CAF_CHECK(subject.skip(bad) == result::broken);
  auto first = subject.error();
  std::string_view good{"+OK\r\n"};
  CAF_CHECK(subject.skip(good) == result::broken);
  CAF_CHECK_EQUAL(good.size(), 5u);
  CAF_CHECK_EQUAL(subject.error(), first);
}

CAF_TEST(skipping and decoding agree on bytes that are spoilt) {
  auto seed = seed_of_this_run();
  CAF_MESSAGE("REDOUBT_SEED=" << seed);
  random_source random{seed};
  std::string_view likely = "\r\n*$+-:0123456789x";
  decoder_fixture decoder;
  for (int round = 0; round < 20000; ++round) {
    std::string wire;
    for (auto n = 1 + random.next() % 3; n > 0; --n)
      random_reply(random, 4, wire);
    auto& spoilt = wire[random.next() % wire.size()];
    spoilt = likely[random.next() % likely.size()];
    auto expected = decoder.decode(wire);
    size_t replies = 0;
    reply_skipper subject{limits};
    subject.start(1, 0);
    std::string_view bytes{wire};
    auto end = subject.skip(bytes);
    for (; end == result::done; end = subject.skip(bytes)) {
      ++replies;
      subject.start(1, 0);
    }
    // Who keeps nothing sees some faults earlier than who waits for all of it,
    // and calls a count beyond 31 bits too large.
    auto waits = expected.end == decoder_fixture::result::need_more;
    auto agree = replies == expected.replies.size()
                 && (waits ? end == result::need_more || end == result::broken
                           : end == result::broken || end == result::too_large);
    if (!agree)
      CAF_FAIL("round " << round << ", REDOUBT_SEED=" << seed);
  }
  CAF_CHECK(true);
}

// -- limits -------------------------------------------------------------------

CAF_TEST(a string as long as the limit is skipped and one byte more is not) {
  limits.reply_bytes = 10;
  CAF_CHECK(end_of(bulk("0123456789")) == result::done);
  CAF_CHECK(end_of("$11\r\n") == result::too_large);
  CAF_CHECK(end_of("$9223372036854775807\r\n") == result::too_large);
}

CAF_TEST(a line as long as the limit is skipped and one byte more is not) {
  limits.reply_bytes = 10;
  for (std::string kind : {"+", "-"}) {
    CAF_CHECK(end_of(kind + "0123456789\r\n") == result::done);
    CAF_CHECK(end_of(kind + "012345678\r\r\n") == result::done);
    CAF_CHECK(end_of(kind + "0123456789\r") == result::need_more);
    CAF_CHECK(end_of(kind + "0123456789a") == result::too_large);
    CAF_CHECK(end_of(kind + "0123456789\r\r") == result::too_large);
    CAF_CHECK(end_of(kind + "0123456789\ra") == result::too_large);
  }
}

CAF_TEST(elements are counted over all arrays and with those before) {
  limits.reply_elements = 6;
  std::string inner = "*2\r\n*2\r\n:1\r\n:2\r\n*2\r\n:3\r\n:4\r\n";
  CAF_CHECK(skip(inner).end == result::done);
  CAF_CHECK(skip(inner, 1, 1).end == result::too_large);
  CAF_CHECK(skip("*6\r\n").end == result::need_more);
  CAF_CHECK(skip("*7\r\n").end == result::too_large);
  CAF_CHECK(skip("*4\r\n", 2, 2).end == result::need_more);
  CAF_CHECK(skip("*5\r\n", 2, 2).end == result::too_large);
  CAF_CHECK(skip("*0\r\n", 1, 6).end == result::done);
  CAF_CHECK(skip("*1\r\n", 1, 6).end == result::too_large);
  CAF_CHECK(skip("*9223372036854775807\r\n").end == result::too_large);
}

CAF_TEST(arrays in arrays without end take no memory) {
  auto bytes = nested(1'000'000);
  auto before = resident_bytes();
  auto x = skip_pieces(bytes, SIZE_MAX, 1, 0);
  CAF_CHECK(x.end == result::done);
  CAF_CHECK_EQUAL(x.left, 0u);
  CAF_CHECK_LESS(resident_bytes(), before + (1u << 20));
  // The limit of elements ends what would go on for ever.
  CAF_CHECK(skip_pieces(nested(1'048'577), 4096, 1, 0).end
            == result::too_large);
}

CAF_TEST(wide arrays in wide arrays are counted right) {
  // 100 arrays of 100 arrays of 100 integers.
  std::string innermost = "*100\r\n";
  for (int i = 0; i < 100; ++i)
    innermost += ":1\r\n";
  std::string inner = "*100\r\n";
  for (int i = 0; i < 100; ++i)
    inner += innermost;
  std::string bytes = "*100\r\n";
  for (int i = 0; i < 100; ++i)
    bytes += inner;
  limits.reply_elements = 1'010'100;
  CAF_CHECK(skip_pieces(bytes, 65536, 1, 0).end == result::done);
  limits.reply_elements -= 1;
  CAF_CHECK(skip_pieces(bytes, 65536, 1, 0).end == result::too_large);
}

CAF_TEST_FIXTURE_SCOPE_END()
