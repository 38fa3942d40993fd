#define CAF_SUITE reply_decoder

#include <redoubt/actors/random.hpp>
#include <redoubt/tests/unit/reply_decoder_fixture.hpp>
#include <redoubt/tests/unit/seed.hpp>

#include <string>
#include <string_view>
#include <vector>

using namespace redoubt;
using namespace redoubt::test;
using result = reply_decoder::result;

CAF_TEST_FIXTURE_SCOPE(reply_decoder_tests, decoder_fixture)

// -- what is RESP -------------------------------------------------------------

CAF_TEST(every kind of reply is decoded) {
  CAF_CHECK(decode_one("+OK\r\n") == reply::status("OK"));
  CAF_CHECK(decode_one("+\r\n") == reply::status(""));
  CAF_CHECK(decode_one("+$99999999999999 it is\r\n")
            == reply::status("$99999999999999 it is"));
  CAF_CHECK(decode_one("-ERR no\r\n") == reply::error("ERR no"));
  CAF_CHECK(decode_one(":42\r\n") == reply::integer(42));
  CAF_CHECK(decode_one(":-1\r\n") == reply::integer(-1));
  CAF_CHECK(decode_one("$5\r\nhello\r\n") == reply::string("hello"));
  CAF_CHECK(decode_one("$0\r\n\r\n") == reply::string(""));
  CAF_CHECK(decode_one("$-1\r\n") == reply{});
  CAF_CHECK(decode_one("*-1\r\n") == reply{});
  CAF_CHECK(decode_one("*0\r\n") == reply::array({}));
}

CAF_TEST(integers have all of 64 bits) {
  CAF_CHECK(decode_one(":9223372036854775807\r\n")
            == reply::integer(INT64_MAX));
  CAF_CHECK(decode_one(":-9223372036854775808\r\n")
            == reply::integer(INT64_MIN));
}

CAF_TEST(arrays hold what is in them in order) {
  auto x = decode_one("*4\r\n:1\r\n*2\r\n+a\r\n$-1\r\n$1\r\nb\r\n*0\r\n");
  auto inner = reply::array({reply::status("a"), reply{}});
  CAF_CHECK(x
            == reply::array({reply::integer(1), inner, reply::string("b"),
                             reply::array({})}));
}

CAF_TEST(a string may hold every byte) {
  std::string all;
  for (int i = 0; i < 256; ++i)
    all += static_cast<char>(i);
  all += "\r\n$3\r\n-ERR\r\n";
  CAF_CHECK(decode_one(bulk(all)) == reply::string(all));
}

CAF_TEST(replies that arrive together come one by one) {
  std::string text;
  for (int i = 0; i < 1000; ++i)
    text += ":" + std::to_string(i) + "\r\n" + bulk("v");
  auto x = decode(text);
  CAF_REQUIRE_EQUAL(x.replies.size(), 2000u);
  for (int i = 0; i < 1000; ++i)
    CAF_CHECK_EQUAL(x.replies[static_cast<size_t>(2 * i)].number(), i);
}

CAF_TEST(a reply is not there before its last byte is) {
  std::string text = "*2\r\n$3\r\nabc\r\n*1\r\n:7\r\n";
  for (size_t n = 0; n < text.size(); ++n) {
    auto x = decode(std::string_view{text}.substr(0, n));
    CAF_CHECK_EQUAL(x.replies.size(), 0u);
    CAF_CHECK(x.end == result::need_more);
  }
  CAF_CHECK_EQUAL(decode(text).replies.size(), 1u);
}

CAF_TEST(a large string arrives whole in pieces of any size) {
  std::string large(3'000'000, 'x');
  for (size_t i = 0; i < large.size(); i += 1000)
    large[i] = static_cast<char>(i / 1000);
  for (size_t piece : {7919u, 65536u}) {
    auto x = decode(bulk(large), piece);
    CAF_REQUIRE_EQUAL(x.replies.size(), 1u);
    CAF_CHECK(x.replies[0].text() == large);
  }
}

CAF_TEST(random replies are the same whole and byte by byte) {
  auto seed = seed_of_this_run();
  CAF_MESSAGE("REDOUBT_SEED=" << seed);
  random_source random{seed};
  for (int round = 0; round < 2000; ++round) {
    std::string wire;
    std::vector<reply> expected;
    for (auto n = 1 + random.next() % 5; n > 0; --n)
      expected.push_back(random_reply(random, 7, wire));
    for (size_t piece : {size_t{1}, 1 + random.next() % 20, SIZE_MAX}) {
      auto x = decode(wire, piece);
      if (x.replies != expected || x.end != result::need_more)
        CAF_FAIL("round " << round << ", pieces of " << piece
                          << ", REDOUBT_SEED=" << seed);
    }
  }
  CAF_CHECK(true);
}

// -- what is no RESP ----------------------------------------------------------

CAF_TEST(bytes that are no RESP are told apart) {
  for (auto text : {"HTTP/1.1 400 Bad Request\r\n", "x", "\r\n", "\n", "?\r\n",
                    "OK\r\n", "\xff\xfe", " +OK\r\n"})
    CAF_CHECK(end_of(text) == result::broken);
}

CAF_TEST(pushes and other kinds of RESP3 are no RESP2) {
  for (auto text : {">2\r\n+invalidate\r\n*-1\r\n", "_\r\n", "#t\r\n",
                    ",1.5\r\n", "%1\r\n+a\r\n:1\r\n", "~1\r\n:1\r\n",
                    "(123\r\n", "=7\r\ntxt:abc\r\n", "!3\r\nERR\r\n"})
    CAF_CHECK(end_of(text) == result::broken);
}

CAF_TEST(a NUL where a reply begins is no RESP) {
  CAF_CHECK(end_of(std::string_view{"\0", 1}) == result::broken);
}

CAF_TEST(a string must end where its length says) {
  for (auto text :
       {"$3\r\nabcXY", "$3\r\nabc\rX", "$3\r\nabcX\n", "$3\r\nabc\n\r",
        "$3\r\nabcd\r\n", "$0\r\nXY", "*2\r\n$3\r\nabcXY:1\r\n"})
    CAF_CHECK(end_of(text) == result::broken);
}

CAF_TEST(an error without a text is no RESP) {
  CAF_CHECK(end_of("-\r\n") == result::broken);
  CAF_CHECK(end_of("*1\r\n-\r\n") == result::broken);
}

CAF_TEST(lengths that are none are no RESP) {
  for (auto text : {"$-2\r\n", "$abc\r\n", "$\r\n", "$1a\r\n", "$ 1\r\n",
                    "$99999999999999999999\r\n", "$9223372036854775808\r\n",
                    "*-2\r\n", "*abc\r\n", "*\r\n", "*1a\r\n",
                    "*2147483648\r\n", "*99999999999999999999\r\n"}) {
    auto end = end_of(text);
    CAF_CHECK(end == result::broken || end == result::too_large);
  }
}

CAF_TEST(integers that are none are no RESP) {
  for (auto text : {":\r\n", ":abc\r\n", ":1a\r\n", ":1.5\r\n", ":--1\r\n",
                    ":9223372036854775808\r\n"})
    CAF_CHECK(end_of(text) == result::broken);
}

CAF_TEST(replies before bytes that are no RESP are still told) {
  auto x = decode(":1\r\n$2\r\nab\r\nHTTP/1.1");
  CAF_REQUIRE_EQUAL(x.replies.size(), 2u);
  CAF_CHECK(x.replies[1] == reply::string("ab"));
  CAF_CHECK(x.end == result::broken);
}

CAF_TEST(nothing is read any more after bytes that are no RESP) {
  reply_decoder subject{limits};
  reply out;
  std::string bad = "$3\r\nabcXY";
  subject.feed(bad.data(), bad.size());
  CAF_CHECK(subject.next(out) == result::broken);
  auto first = subject.error();
  std::string good = ":1\r\n";
  subject.feed(good.data(), good.size());
  CAF_CHECK(subject.next(out) == result::broken);
  CAF_CHECK_EQUAL(subject.error(), first);
}

CAF_TEST(nothing is read any more after a reply that exceeds a limit) {
  limits.reply_elements = 1;
  reply_decoder subject{limits};
  reply out;
  std::string bad = "*2\r\n";
  subject.feed(bad.data(), bad.size());
  CAF_CHECK(subject.next(out) == result::too_large);
  std::string good = ":1\r\n:2\r\n:3\r\n";
  subject.feed(good.data(), good.size());
  CAF_CHECK(subject.next(out) == result::too_large);
}

CAF_TEST_FIXTURE_SCOPE_END()
