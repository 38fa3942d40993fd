#define CAF_SUITE command

#include <redoubt/messages/command.hpp>

#include <redoubt/tests/support/check.hpp>

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

using namespace redoubt;
using namespace std::string_view_literals;

namespace {

using words = std::vector<std::string_view>;

std::string wire_of(const command& cmd) {
  return std::string{cmd.wire()};
}

} // namespace

// -- encoding -----------------------------------------------------------------

CAF_TEST(a command is an array of bulk strings on the wire) {
  CAF_CHECK_EQUAL(wire_of(command{"GET", "key"}),
                  "*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n");
  CAF_CHECK_EQUAL(wire_of(command{"PING"}), "*1\r\n$4\r\nPING\r\n");
}

CAF_TEST(integers are written in decimal) {
  CAF_CHECK_EQUAL(wire_of(command{"SET", "k", 60}),
                  "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\n60\r\n");
  using limits = std::numeric_limits<int64_t>;
  command cmd{"X",
              0,
              -1,
              limits::min(),
              limits::max(),
              std::numeric_limits<uint64_t>::max(),
              uint8_t{200},
              int8_t{-7}};
  words expected{"X",
                 "0",
                 "-1",
                 "-9223372036854775808",
                 "9223372036854775807",
                 "18446744073709551615",
                 "200",
                 "-7"};
  CAF_CHECK(cmd.arguments() == expected);
}

CAF_TEST(arguments are binary safe) {
  auto value = "a\0b\r\n$3\r\n*1\r\n\xff"sv;
  command cmd{"SET", "k", value};
  CAF_CHECK_EQUAL(wire_of(cmd), "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$14\r\n"
                                  + std::string{value} + "\r\n");
  CAF_CHECK(cmd.arguments() == (words{"SET", "k", value}));
}

CAF_TEST(an empty argument is kept) {
  command cmd{"SET", "k", ""};
  CAF_CHECK_EQUAL(wire_of(cmd), "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n");
  CAF_CHECK(cmd.arguments() == (words{"SET", "k", ""}));
}

CAF_TEST(the number of arguments is not limited) {
  CAF_CHECK_EQUAL(
    (command{"X", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
       .argument_count()),
    16u);
  command more{"X", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
  CAF_REQUIRE_EQUAL(more.argument_count(), 17u);
  CAF_CHECK(more.wire().starts_with("*17\r\n$1\r\nX\r\n$1\r\n1\r\n"));
  CAF_CHECK(more.wire().ends_with("\r\n$2\r\n16\r\n"));
  CAF_CHECK(more.arguments().back() == "16");
  std::vector<std::string> many(100'000, "x");
  command most{many};
  CAF_CHECK_EQUAL(most.argument_count(), many.size());
  CAF_CHECK_EQUAL(most.arguments().size(), many.size());
}

CAF_TEST(every way to make a command writes the same) {
  command from_list{"SET", "key", "value"};
  command from_strings{std::vector<std::string>{"SET", "key", "value"}};
  words views{"SET", "key", "value"};
  command from_views{argument_list{views}};
  CAF_CHECK_EQUAL(wire_of(from_strings), wire_of(from_list));
  CAF_CHECK_EQUAL(wire_of(from_views), wire_of(from_list));
}

CAF_TEST(a command owns its bytes) {
  auto value = std::string(100, 'x');
  command cmd{"SET", "k", value};
  value.assign(100, 'y');
  CAF_CHECK(cmd.arguments().back() == std::string(100, 'x'));
}

CAF_TEST(arguments come back as they went in) {
  words arguments{"MSET", "", "\r\n", "10", "$5", "key with spaces", "a\0b"sv};
  command cmd{argument_list{arguments}};
  CAF_CHECK(cmd.arguments() == arguments);
  CAF_CHECK_EQUAL(cmd.argument_count(), arguments.size());
}

CAF_TEST(large arguments come back whole) {
  // Around the places where the length takes one more digit.
  for (size_t size : {9, 10, 99, 100, 999, 1000, 1 << 20}) {
    std::string value(size, '\n');
    command cmd{"SET", "k", value};
    CAF_CHECK(cmd.arguments().back() == value);
    CAF_CHECK_EQUAL(cmd.largest_argument(), std::max<size_t>(size, 3));
  }
}

// -- the empty command --------------------------------------------------------

CAF_TEST(a command without a name is empty and refused) {
  for (auto& cmd :
       {command{}, command{""}, command{"", "k"},
        command{std::vector<std::string>{}}, command{argument_list{}}}) {
    CAF_CHECK(cmd.empty());
    CAF_CHECK(cmd.wire().empty());
    CAF_CHECK(cmd.name().empty());
    CAF_CHECK(cmd.arguments().empty());
    CAF_CHECK(cmd.keys().empty());
    CAF_CHECK_EQUAL(cmd.argument_count(), 0u);
    CAF_CHECK_EQUAL(cmd.largest_argument(), 0u);
    CAF_CHECK(cmd.cls() == command_class::accumulating);
    CAF_CHECK_EQUAL(cmd.refusal(), "the command is empty");
  }
}

// -- what is known of a command -----------------------------------------------

CAF_TEST(the name is in upper case and the wire as written) {
  command cmd{"get", "Key"};
  CAF_CHECK_EQUAL(cmd.name(), "GET");
  CAF_CHECK_EQUAL(wire_of(cmd), "*2\r\n$3\r\nget\r\n$3\r\nKey\r\n");
  command letters{"az@[`{\xe4"};
  CAF_CHECK_EQUAL(letters.name(), "AZ@[`{\xe4");
  command container{"Config", "get", "x"};
  CAF_CHECK_EQUAL(container.name(), "CONFIG");
}

CAF_TEST(class and refusal and keys are those of the arguments) {
  CAF_CHECK((command{"get", "k"}.cls() == command_class::read_only));
  CAF_CHECK((command{"SET", "k", 1}.cls() == command_class::idempotent));
  CAF_CHECK(
    (command{"SET", "k", 1, "NX"}.cls() == command_class::accumulating));
  CAF_CHECK((command{"GET", "k"}.refusal().empty()));
  CAF_CHECK((!command{"BLPOP", "k", 0}.refusal().empty()));
  command mset{"MSET", "a", 1, "b", 2};
  CAF_CHECK((mset.keys() == words{"a", "b"}));
}

CAF_TEST(the largest argument may be the name) {
  CAF_CHECK_EQUAL((command{"EXISTS", "k"}.largest_argument()), 6u);
  CAF_CHECK_EQUAL((command{"GET", "a key"}.largest_argument()), 5u);
}

CAF_TEST(copies share one buffer) {
  command cmd{"SET", "k", std::string(1000, 'x')};
  auto copy = cmd;
  command assigned;
  assigned = copy;
  CAF_CHECK(copy.wire().data() == cmd.wire().data());
  CAF_CHECK(assigned.wire().data() == cmd.wire().data());
  auto view = cmd.arguments().back();
  cmd = command{};
  copy = command{};
  CAF_CHECK(view.data() == assigned.arguments().back().data());
  CAF_CHECK(view == std::string(1000, 'x'));
}

CAF_TEST(keys and arguments are views into the wire) {
  command cmd{"GET", std::string(1000, 'k')};
  auto wire = cmd.wire();
  auto views = cmd.keys();
  views.push_back(cmd.arguments().front());
  for (auto x : views)
    CAF_CHECK(x.data() > wire.data()
              && x.data() + x.size() < wire.data() + wire.size());
}
