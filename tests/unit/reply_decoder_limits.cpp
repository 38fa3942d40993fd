#define CAF_SUITE reply_decoder_limits

#include <redoubt/tests/support/memory.hpp>
#include <redoubt/tests/unit/reply_decoder_fixture.hpp>

#include <string>
#include <vector>

using namespace redoubt;
using namespace redoubt::test;

CAF_TEST_FIXTURE_SCOPE(reply_decoder_limits_tests, decoder_fixture)

CAF_TEST(a string as long as the limit passes and one byte more does not) {
  limits.reply_bytes = 10;
  CAF_CHECK(decode_one(bulk("0123456789")) == reply::string("0123456789"));
  CAF_CHECK(end_of(bulk("0123456789a")) == result::too_large);
  CAF_CHECK(end_of("*2\r\n:1\r\n" + bulk("0123456789a")) == result::too_large);
}

CAF_TEST(a line as long as the limit passes and one byte more does not) {
  limits.reply_bytes = 10;
  CAF_CHECK(decode_one("+0123456789\r\n") == reply::status("0123456789"));
  CAF_CHECK(decode_one("-0123456789\r\n") == reply::error("0123456789"));
  CAF_CHECK(end_of("+0123456789a\r\n") == result::too_large);
  CAF_CHECK(end_of("-0123456789a\r\n") == result::too_large);
}

CAF_TEST(a string too long is turned away at its header) {
  limits.reply_bytes = 10;
  CAF_CHECK(end_of("$10\r\n") == result::need_more);
  CAF_CHECK(end_of("$11\r\n") == result::too_large);
  CAF_CHECK(end_of("*2\r\n:1\r\n$11\r\n") == result::too_large);
  CAF_CHECK(end_of("$11\r\n01234") == result::too_large);
}

CAF_TEST(a header is judged when all its digits are there) {
  limits.reply_bytes = 10;
  // Eleven could still become a hundred, and one could become ten.
  CAF_CHECK(end_of("$1") == result::need_more);
  CAF_CHECK(end_of("$10") == result::need_more);
  CAF_CHECK(end_of("$") == result::need_more);
}

CAF_TEST(a length that is none is judged when it has ended) {
  limits.reply_bytes = 10;
  CAF_CHECK(end_of("$999x\r\nabc") == result::broken);
  CAF_CHECK(end_of("$99\r9\r\nabc") == result::broken);
  CAF_CHECK(end_of("$11\r") == result::need_more);
}

CAF_TEST(a number may have more digits than a string may have bytes) {
  limits.reply_bytes = 1;
  limits.reply_elements = 100;
  CAF_CHECK(decode_one(":-9223372036854775808\r\n")
            == reply::integer(INT64_MIN));
  std::string hundred = "*100\r\n";
  for (int i = 0; i < 100; ++i)
    hundred += ":1000\r\n";
  CAF_CHECK_EQUAL(decode_one(hundred).elements().size(), 100u);
  CAF_CHECK(end_of(":" + std::string(40, '1')) == result::broken);
  CAF_CHECK(end_of(":" + std::string(40, '1') + "\r\n") == result::broken);
  CAF_CHECK(end_of("*" + std::string(40, '1')) == result::broken);
}

CAF_TEST(as many elements as the limit pass and one more does not) {
  limits.reply_elements = 3;
  CAF_CHECK_EQUAL(decode_one("*3\r\n:1\r\n:2\r\n:3\r\n").elements().size(), 3u);
  CAF_CHECK(end_of("*4\r\n") == result::too_large);
  CAF_CHECK(end_of("*1\r\n*4\r\n") == result::too_large);
}

CAF_TEST(elements are counted over all arrays of a reply) {
  limits.reply_elements = 6;
  decode_one("*2\r\n*2\r\n:1\r\n:2\r\n*2\r\n:3\r\n:4\r\n");
  CAF_CHECK(end_of("*2\r\n*2\r\n:1\r\n:2\r\n*3\r\n") == result::too_large);
  CAF_CHECK(end_of("*3\r\n*4\r\n") == result::too_large);
  // Each reply starts afresh.
  auto six = "*6\r\n:1\r\n:2\r\n:3\r\n:4\r\n:5\r\n:6\r\n";
  auto x = decode(std::string{six} + six);
  CAF_CHECK_EQUAL(x.replies.size(), 2u);
  CAF_CHECK(x.end == result::need_more);
}

CAF_TEST(large arrays in large arrays allocate no more than one of them) {
  std::string text;
  for (int i = 0; i < 7; ++i)
    text += "*1048576\r\n";
  auto before = resident_bytes();
  CAF_CHECK(end_of(text) == result::too_large);
  CAF_CHECK_LESS(resident_bytes(), before + 4 * 1048576 * sizeof(reply));
}

CAF_TEST(the largest lengths are turned away before anything is allocated) {
  // Whatever the first use of a decoder costs is spent before.
  end_of("*1\r\n$1\r\nx");
  auto before = resident_bytes();
  CAF_CHECK(end_of("$9223372036854775807\r\n") == result::too_large);
  CAF_CHECK(end_of("*2147483647\r\n") == result::too_large);
  CAF_CHECK(end_of("*1\r\n*2147483647\r\n") == result::too_large);
  CAF_CHECK(end_of("*1\r\n$9223372036854775807\r\n") == result::too_large);
  CAF_CHECK_LESS(resident_bytes(), before + (1u << 20));
}

CAF_TEST(a line without an end does not grow beyond the limit) {
  limits.reply_bytes = 1u << 20;
  for (auto kind : {"+", "-", ":", "$", "*"}) {
    auto x = decode(kind + std::string((1u << 20) + 100000, '1'), 65536);
    CAF_CHECK_EQUAL(x.replies.size(), 0u);
    CAF_CHECK(x.end == result::too_large || x.end == result::broken);
  }
}

CAF_TEST(replies before one that exceeds a limit are still told) {
  limits.reply_elements = 3;
  auto x = decode(":1\r\n+OK\r\n*4\r\n:2\r\n");
  CAF_CHECK_EQUAL(x.replies.size(), 2u);
  CAF_CHECK(x.end == result::too_large);
  CAF_CHECK(!x.error.empty());
}

CAF_TEST_FIXTURE_SCOPE_END()
