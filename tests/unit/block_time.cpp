#define CAF_SUITE block_time

#include <redoubt/messages/block_time.hpp>

#include <redoubt/tests/support/check.hpp>

using namespace redoubt;
using std::chrono::hours;
using std::chrono::milliseconds;

namespace {

constexpr auto for_ever = milliseconds::max();

void check_time(const command& x, std::optional<milliseconds> expected) {
  CAF_MESSAGE(x.wire());
  CAF_CHECK(block_time(x) == expected);
}

} // namespace

CAF_TEST(pops tell their time in seconds as their last argument) {
  for (auto name : {"BLPOP", "BRPOP", "BZPOPMIN", "BZPOPMAX", "blpop"})
    check_time(command{name, "a", "b", "1.5"}, milliseconds{1500});
  check_time(command{"BLMOVE", "a", "b", "LEFT", "LEFT", 2},
             milliseconds{2000});
  check_time(command{"BRPOPLPUSH", "a", "b", 2}, milliseconds{2000});
}

CAF_TEST(pops of several kinds tell it as their first argument) {
  check_time(command{"BLMPOP", 3, 1, "k", "LEFT"}, milliseconds{3000});
  check_time(command{"BZMPOP", "0.25", 1, "k", "MIN"}, milliseconds{250});
}

CAF_TEST(waiting for replicas tells it in milliseconds) {
  check_time(command{"WAIT", 1, 700}, milliseconds{700});
  check_time(command{"WAITAOF", 1, 0, 700}, milliseconds{700});
}

CAF_TEST(reading streams tells it as an option) {
  check_time(command{"XREAD", "COUNT", 1, "block", 20, "STREAMS", "s", "$"},
             milliseconds{20});
  check_time(command{"XREADGROUP", "GROUP", "BLOCK", "BLOCK", "BLOCK", 20,
                     "STREAMS", "s", ">"},
             milliseconds{20});
  check_time(command{"XREAD", "STREAMS", "BLOCK", 20}, std::nullopt);
  check_time(command{"XREAD", "STREAMS", "s", "$"}, std::nullopt);
}

CAF_TEST(zero is for ever) {
  check_time(command{"BLPOP", "k", 0}, for_ever);
  check_time(command{"BLPOP", "k", "0.0"}, for_ever);
  check_time(command{"WAIT", 1, 0}, for_ever);
  check_time(command{"XREAD", "BLOCK", 0, "STREAMS", "s", "$"}, for_ever);
}

CAF_TEST(a time is rounded up and bounded by a day) {
  check_time(command{"BLPOP", "k", "0.0001"}, milliseconds{1});
  check_time(command{"BLPOP", "k", "1e300"}, hours{24});
}

CAF_TEST(what the server will not take blocks for no time) {
  for (auto text : {"", "x", "-1", "1x", "nan", "inf"})
    check_time(command{"BLPOP", "k", text}, std::nullopt);
  check_time(command{"BLPOP"}, std::nullopt);
  check_time(command{}, std::nullopt);
}

CAF_TEST(other commands block for no time) {
  check_time(command{"GET", "5"}, std::nullopt);
  check_time(command{"LPOP", "k", 5}, std::nullopt);
}
