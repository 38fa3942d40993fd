#define CAF_SUITE units

#include <redoubt/messages/units.hpp>

#include <redoubt/tests/support/check.hpp>

#include <limits>

using namespace redoubt;
using namespace std::chrono_literals;

namespace {

constexpr auto longest = std::chrono::microseconds::max();
constexpr auto largest = std::numeric_limits<uint64_t>::max();

} // namespace

CAF_TEST(a duration is a whole number and a unit) {
  CAF_CHECK(parse_duration("250us") == 250us);
  CAF_CHECK(parse_duration("500ms") == 500ms);
  CAF_CHECK(parse_duration("2s") == 2s);
  CAF_CHECK(parse_duration("1m") == 1min);
  CAF_CHECK(parse_duration("24h") == 24h);
  CAF_CHECK(parse_duration("0s") == 0s);
  CAF_CHECK(parse_duration("-5ms") == -5ms);
}

CAF_TEST(anything else is no duration) {
  for (auto text : {"", "5", "ms", "5 s", " 5s", "5s ", "+5s", "1.5s", "5S",
                    "5sec", "5d", "5s5", "--5s", "5ms,"}) {
    CAF_MESSAGE("text: " << text);
    CAF_CHECK(!parse_duration(text));
  }
}

CAF_TEST(a duration too long becomes the longest) {
  CAF_CHECK(parse_duration("9223372036854775807us") == longest);
  CAF_CHECK(parse_duration("9223372036854775us") == 9223372036854775us);
  CAF_CHECK(parse_duration("9223372036854775808us") == longest);
  CAF_CHECK(parse_duration("9223372036854775807h") == longest);
  CAF_CHECK(parse_duration("99999999999999999999ms") == longest);
  CAF_CHECK(parse_duration("-9223372036854775808ms") == longest);
  CAF_CHECK(!parse_duration("99999999999999999999"));
}

CAF_TEST(a duration is written in its largest whole unit) {
  CAF_CHECK_EQUAL(duration_text(0s), "0s");
  CAF_CHECK_EQUAL(duration_text(250us), "250us");
  CAF_CHECK_EQUAL(duration_text(1500us), "1500us");
  CAF_CHECK_EQUAL(duration_text(1500ms), "1500ms");
  CAF_CHECK_EQUAL(duration_text(90s), "90s");
  CAF_CHECK_EQUAL(duration_text(120s), "2m");
  CAF_CHECK_EQUAL(duration_text(24h), "24h");
  CAF_CHECK_EQUAL(duration_text(-2s), "-2s");
}

CAF_TEST(a size is a whole number and a unit) {
  CAF_CHECK(parse_size("100B") == 100u);
  CAF_CHECK(parse_size("512KiB") == 512u << 10);
  CAF_CHECK(parse_size("64MiB") == 64u << 20);
  CAF_CHECK(parse_size("3GiB") == uint64_t{3} << 30);
  CAF_CHECK(parse_size("1TiB") == uint64_t{1} << 40);
  CAF_CHECK(parse_size("0B") == 0u);
}

CAF_TEST(anything else is no size) {
  for (auto text : {"", "5", "MiB", "5 MiB", "-5B", "+5B", "1.5MiB", "5MB",
                    "5mib", "5M", "5k", "5B "}) {
    CAF_MESSAGE("text: " << text);
    CAF_CHECK(!parse_size(text));
  }
}

CAF_TEST(a size too large becomes the largest) {
  CAF_CHECK(parse_size("16777215TiB") == uint64_t{16777215} << 40);
  CAF_CHECK(parse_size("16777216TiB") == largest);
  CAF_CHECK(parse_size("99999999999999999999B") == largest);
}

CAF_TEST(a size is written in its largest whole unit) {
  CAF_CHECK_EQUAL(size_text(0), "0B");
  CAF_CHECK_EQUAL(size_text(1000), "1000B");
  CAF_CHECK_EQUAL(size_text(1024), "1KiB");
  CAF_CHECK_EQUAL(size_text(1536), "1536B");
  CAF_CHECK_EQUAL(size_text(64u << 20), "64MiB");
  CAF_CHECK_EQUAL(size_text(uint64_t{1} << 40), "1TiB");
}
