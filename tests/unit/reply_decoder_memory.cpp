#define CAF_SUITE reply_decoder_memory

#include <redoubt/tests/support/allocations.hpp>
#include <redoubt/tests/unit/reply_decoder_fixture.hpp>

#include <string>
#include <string_view>

using namespace redoubt;
using namespace redoubt::test;

namespace {

struct memory_fixture : decoder_fixture {
  /// Reads one reply, with the `n`th allocation failing. Answers whether there
  /// were so many.
  bool survives(std::string_view bytes, uint64_t n) const {
    reply_decoder whole{limits};
    reply expected;
    whole.feed(bytes.data(), bytes.size());
    auto end = whole.next(expected);
    reply_decoder subject{limits};
    reply got;
    auto threw = false;
    auto hit = false;
    auto state = result::need_more;
    {
      no_memory_at there{n};
      try {
        subject.feed(bytes.data(), bytes.size());
        state = subject.next(got);
      } catch (const std::bad_alloc&) {
        threw = true;
      }
      hit = there.hit();
    }
    CAF_CHECK(!threw);
    if (!hit) {
      CAF_CHECK(state == end);
      CAF_CHECK(!subject.out_of_memory());
      CAF_CHECK(got == expected);
      return false;
    }
    CAF_CHECK(state == result::broken);
    CAF_CHECK(subject.out_of_memory());
    CAF_CHECK_EQUAL(subject.error(), "out of memory");
    // There is no way back.
    subject.feed("+OK\r\n", 5);
    CAF_CHECK(subject.next(got) == result::broken);
    return true;
  }

  uint64_t allocations_of(std::string_view bytes) const {
    uint64_t n = 0;
    while (survives(bytes, n))
      ++n;
    return n;
  }
};

const std::string long_text(100, 'x');

} // namespace

CAF_TEST_FIXTURE_SCOPE(reply_decoder_memory_tests, memory_fixture)

CAF_TEST(a decoder without memory for a reply says so) {
  CAF_CHECK_EQUAL(allocations_of(bulk(long_text)), 1u);
  CAF_CHECK_EQUAL(allocations_of("+" + long_text + "\r\n"), 1u);
  CAF_CHECK_EQUAL(
    allocations_of("*2\r\n" + bulk(long_text) + "*1\r\n" + bulk(long_text)),
    4u);
  CAF_CHECK_EQUAL(allocations_of(":1\r\n"), 0u);
}

CAF_TEST(a decoder without memory to tell of a limit says so) {
  limits.reply_bytes = 10;
  limits.reply_elements = 10;
  limits.reply_depth = 1;
  for (auto bytes : {bulk(long_text), "+" + long_text + "\r\n",
                     std::string{"*11\r\n"}, std::string{"$11\r\n"}}) {
    CAF_CHECK(end_of(bytes) == result::too_large);
    CAF_CHECK(allocations_of(bytes) > 0);
  }
  CAF_CHECK(allocations_of("*1\r\n*1\r\n:1\r\n") > 0);
  CAF_CHECK(allocations_of("$" + long_text + "\r\n") > 0);
}

CAF_TEST_FIXTURE_SCOPE_END()
