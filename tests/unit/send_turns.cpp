#define CAF_SUITE send_turns

#include <redoubt/actors/connection/send_turns.hpp>

#include <redoubt/tests/support/check.hpp>

#include <string>

using namespace redoubt;

namespace {

struct fixture {
  void push(uint32_t owner, uint64_t first_id, uint64_t n) {
    for (auto id = first_id; id < first_id + n; ++id) {
      send_turns::unit x;
      x.owner = owner;
      x.what.id = id;
      turns.push(std::move(x));
    }
  }

  /// `owner:id …` of the next `n` units.
  std::string next(int n) {
    std::string result;
    for (; n > 0; --n) {
      auto x = turns.pop();
      result += (result.empty() ? "" : " ") + std::to_string(x.owner) + ":"
                + std::to_string(x.what.id);
    }
    return result;
  }

  send_turns turns;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(send_turns_tests, fixture)

CAF_TEST(each owner has one unit per round and keeps its order) {
  push(0, 1, 4);
  push(2, 1, 2);
  push(5, 1, 1);
  CAF_CHECK_EQUAL(next(7), "0:1 2:1 5:1 0:2 2:2 0:3 0:4");
  CAF_CHECK(turns.empty());
}

CAF_TEST(who comes late waits for one unit of each other) {
  push(0, 1, 3);
  push(1, 1, 3);
  CAF_CHECK_EQUAL(next(1), "0:1");
  push(2, 1, 1);
  CAF_CHECK_EQUAL(next(3), "1:1 0:2 2:1");
  CAF_CHECK_EQUAL(turns.count(0), 1u);
  CAF_CHECK_EQUAL(turns.count(1), 2u);
  CAF_CHECK_EQUAL(turns.count(2), 0u);
  CAF_CHECK_EQUAL(turns.count(9), 0u);
  CAF_CHECK_EQUAL(next(3), "1:2 0:3 1:3");
}

CAF_TEST_FIXTURE_SCOPE_END()
