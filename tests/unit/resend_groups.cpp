#define CAF_SUITE resend_groups

#include <redoubt/actors/request/resend_groups.hpp>

#include <redoubt/tests/support/check.hpp>

#include <string>

using namespace redoubt;

namespace {

struct write {
  std::vector<std::string_view> keys;
  bool due = true;
  bool everything = false;
};

/// For each: `+` if it may leave, with how many behind it.
std::string judge(const std::vector<write>& all) {
  resend_groups groups;
  for (auto& each : all)
    groups.add({each.keys, each.everything}, each.due);
  groups.close();
  std::string result;
  for (size_t i = 0; i < all.size(); ++i)
    result += (groups.may_leave(i) ? "+" : "-")
              + std::to_string(groups.behind(i)) + " ";
  return result;
}

} // namespace

CAF_TEST(writes on different keys leave one by one) {
  CAF_CHECK_EQUAL(judge({{{"a"}}, {{"b"}, false}, {{"c"}}}), "+0 -0 +0 ");
}

CAF_TEST(a write waits for later ones on its keys) {
  CAF_CHECK_EQUAL(judge({{{"a"}}, {{"a"}, false}}), "-1 -0 ");
  CAF_CHECK_EQUAL(judge({{{"a"}, false}, {{"a"}}}), "-1 +0 ");
  CAF_CHECK_EQUAL(judge({{{"a"}}, {{"b"}}, {{"a"}}}), "+2 +0 +0 ");
}

CAF_TEST(writes that are tied by a third one leave together) {
  CAF_CHECK_EQUAL(judge({{{"a"}}, {{"a", "b"}}, {{"b"}, false}}), "-2 -1 -0 ");
}

CAF_TEST(what stands between writes on one key has to leave with them) {
  CAF_CHECK_EQUAL(judge({{{"a"}}, {{"b"}, false}, {{"a"}}}), "-2 -0 +0 ");
  CAF_CHECK_EQUAL(judge({{{"a"}}, {{}, false}, {{"a"}}}), "-2 -0 +0 ");
  CAF_CHECK_EQUAL(judge({{{"a"}}, {{"b"}}, {{"a"}}, {{"b"}, false}}),
                  "-3 -2 +0 -0 ");
}

CAF_TEST(a write of all keys is tied to every other) {
  CAF_CHECK_EQUAL(judge({{{"a"}}, {{}, true, true}, {{"b"}, false}}),
                  "-2 -1 -0 ");
  CAF_CHECK_EQUAL(judge({{{}, true, true}, {{"a"}}, {{"b"}}}), "+2 +0 +0 ");
}
