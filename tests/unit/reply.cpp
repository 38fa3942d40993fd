#define CAF_SUITE reply

#include <redoubt/messages/reply.hpp>

#include <redoubt/tests/support/check.hpp>

#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <string_view>

using namespace redoubt;
using namespace std::string_view_literals;

namespace {

reply list(std::vector<reply> elements) {
  return reply::array(std::move(elements));
}

reply numbers(int64_t first, int64_t last) {
  std::vector<reply> result;
  for (auto i = first; i <= last; ++i)
    result.push_back(reply::integer(i));
  return list(std::move(result));
}

} // namespace

// -- values -------------------------------------------------------------------

CAF_TEST(a reply is nil until it is made otherwise) {
  reply x;
  CAF_CHECK(x.is_nil());
  CAF_CHECK(!x.is_error());
  CAF_CHECK(!x.repeated);
  CAF_CHECK(x == reply{});
}

CAF_TEST(each kind has its own value and none of the others) {
  auto status = reply::status("OK");
  CAF_CHECK(status.kind() == reply_kind::status);
  CAF_CHECK_EQUAL(status.text(), "OK");
  CAF_CHECK_EQUAL(status.number(), 0);
  auto error = reply::error("ERR no");
  CAF_CHECK(error.kind() == reply_kind::error);
  CAF_CHECK(error.is_error());
  CAF_CHECK_EQUAL(error.text(), "ERR no");
  auto string = reply::string("a\0b"sv);
  CAF_CHECK(string.kind() == reply_kind::string);
  CAF_CHECK(string.text() == "a\0b"sv);
  auto integer = reply::integer(-5);
  CAF_CHECK(integer.kind() == reply_kind::integer);
  CAF_CHECK_EQUAL(integer.number(), -5);
  CAF_CHECK(integer.text().empty());
  auto array = list({status, integer});
  CAF_CHECK(array.kind() == reply_kind::array);
  CAF_REQUIRE_EQUAL(array.elements().size(), 2u);
  CAF_CHECK(array.elements()[0] == status);
  CAF_CHECK(array.elements()[1] == integer);
  CAF_CHECK(integer.elements().empty());
}

CAF_TEST(replies are equal if kind and value and repetition are) {
  CAF_CHECK(reply::string("1") != reply::status("1"));
  CAF_CHECK(reply::string("") != reply{});
  CAF_CHECK(reply::integer(0) != reply{});
  CAF_CHECK(list({}) != reply{});
  CAF_CHECK(numbers(1, 3) == numbers(1, 3));
  CAF_CHECK(numbers(1, 3) != numbers(1, 4));
  auto again = reply::integer(1);
  again.repeated = true;
  CAF_CHECK(again != reply::integer(1));
}

CAF_TEST(text and elements move out of a reply that is given away) {
  auto string = reply::string(std::string(100, 'x'));
  auto text = string.text().data();
  CAF_CHECK(std::move(string).text().data() == text);
  auto array = numbers(1, 3);
  auto elements = array.elements().data();
  CAF_CHECK(std::move(array).elements().data() == elements);
}

CAF_TEST(every kind has a name of its own) {
  std::set<std::string_view> names;
  for (auto kind : {reply_kind::nil, reply_kind::status, reply_kind::error,
                    reply_kind::integer, reply_kind::string, reply_kind::array})
    names.insert(to_string(kind));
  CAF_CHECK_EQUAL(names.size(), 6u);
  CAF_CHECK(!names.contains("?"));
}

CAF_TEST(memory counts text and elements at every depth) {
  CAF_CHECK_EQUAL(reply{}.memory(), 0u);
  CAF_CHECK_EQUAL(reply::integer(1).memory(), 0u);
  CAF_CHECK(reply::string(std::string(1000, 'x')).memory() >= 1000);
  auto inner = list({reply::string(std::string(1000, 'x')), reply{}});
  CAF_CHECK(inner.memory() >= 1000 + 2 * sizeof(reply));
  CAF_CHECK(list({inner, inner}).memory()
            >= 2 * inner.memory() + 2 * sizeof(reply));
}

CAF_TEST(the code of a server error is its first word) {
  CAF_CHECK_EQUAL(error_code("WRONGTYPE Operation against a key"), "WRONGTYPE");
  CAF_CHECK_EQUAL(error_code("BUSYGROUP Consumer Group name"), "BUSYGROUP");
  CAF_CHECK_EQUAL(error_code("ERR"), "ERR");
  CAF_CHECK_EQUAL(error_code(""), "");
  CAF_CHECK_EQUAL(error_code(" x"), "");
}

// -- as redis-cli 7.0 prints it on a terminal ---------------------------------

CAF_TEST(single values are printed as redis-cli does) {
  CAF_CHECK_EQUAL(to_string(reply{}), "(nil)");
  CAF_CHECK_EQUAL(to_string(reply::status("OK")), "OK");
  CAF_CHECK_EQUAL(to_string(reply::status("A b")), "A b");
  CAF_CHECK_EQUAL(to_string(reply::status("")), "");
  CAF_CHECK_EQUAL(to_string(reply::error("ERR x y")), "(error) ERR x y");
  CAF_CHECK_EQUAL(to_string(reply::integer(0)), "(integer) 0");
  CAF_CHECK_EQUAL(to_string(reply::integer(-5)), "(integer) -5");
  CAF_CHECK_EQUAL(
    to_string(reply::integer(std::numeric_limits<int64_t>::min())),
    "(integer) -9223372036854775808");
  CAF_CHECK_EQUAL(to_string(reply::string("x")), "\"x\"");
  CAF_CHECK_EQUAL(to_string(reply::string("")), "\"\"");
  CAF_CHECK_EQUAL(to_string(list({})), "(empty array)");
}

CAF_TEST(strings are escaped as redis-cli does) {
  CAF_CHECK_EQUAL(
    to_string(reply::string("a\"b\\c\n\r\t\a\b\xc3\xa9\0\x7f~ "sv)),
    R"("a\"b\\c\n\r\t\a\b\xc3\xa9\x00\x7f~ ")");
  CAF_CHECK_EQUAL(to_string(reply::string("\v\f\x1b")), R"("\x0b\x0c\x1b")");
  CAF_CHECK_EQUAL(to_string(reply::string("it's")), "\"it's\"");
}

CAF_TEST(elements are numbered from one) {
  CAF_CHECK_EQUAL(
    to_string(list({reply::status("OK"), reply::error("ERR in it"), reply{}})),
    "1) OK\n"
    "2) (error) ERR in it\n"
    "3) (nil)");
}

CAF_TEST(numbers of elements are aligned to the right) {
  auto elements = numbers(1, 9).elements();
  elements.push_back(numbers(10, 11));
  CAF_CHECK_EQUAL(to_string(list(std::move(elements))), " 1) (integer) 1\n"
                                                        " 2) (integer) 2\n"
                                                        " 3) (integer) 3\n"
                                                        " 4) (integer) 4\n"
                                                        " 5) (integer) 5\n"
                                                        " 6) (integer) 6\n"
                                                        " 7) (integer) 7\n"
                                                        " 8) (integer) 8\n"
                                                        " 9) (integer) 9\n"
                                                        "10) 1) (integer) 10\n"
                                                        "    2) (integer) 11");
}

CAF_TEST(nested arrays are indented below their first element) {
  auto inner = list(
    {reply::string("a"), reply::string("b"), list({reply::string("c")})});
  CAF_CHECK_EQUAL(to_string(list({reply::integer(1), inner, list({}), reply{},
                                  reply::string("x")})),
                  "1) (integer) 1\n"
                  "2) 1) \"a\"\n"
                  "   2) \"b\"\n"
                  "   3) 1) \"c\"\n"
                  "3) (empty array)\n"
                  "4) (nil)\n"
                  "5) \"x\"");
  CAF_CHECK_EQUAL(to_string(list({list({list({list({})})})})),
                  "1) 1) 1) (empty array)");
  CAF_CHECK_EQUAL(to_string(list({numbers(1, 2), numbers(3, 3)})),
                  "1) 1) (integer) 1\n"
                  "   2) (integer) 2\n"
                  "2) 1) (integer) 3");
}
