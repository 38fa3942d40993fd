#define CAF_SUITE bench_targets

#include <redoubt/bench/core/targets.hpp>

#include <redoubt/tests/support/check.hpp>

#include <filesystem>

using namespace redoubt;
using namespace redoubt::bench;

namespace {

constexpr auto good = R"(
[[target]]
name = "callers"
row = "get-64"
contender = "reactor"
figure = "ops_per_s"
against = "hiredis-async"
at_least = 0.5

[[target]]
name = "allocations"
row = "get-64"
contender = "reactor"
figure = "allocations"
at_most = 8
)";

/// What is wrong with a text that has one fault.
std::string fault_of(const std::string& text) {
  std::vector<config_error> errors;
  auto all = parse_targets(text, "t.toml", errors);
  CAF_CHECK(all.empty());
  CAF_CHECK_EQUAL(errors.size(), 1u);
  return errors.empty() ? "" : to_string(errors.front());
}

std::string entry(const std::string& lines) {
  return "[[target]]\nname = \"n\"\nrow = \"r\"\ncontender = \"c\"\n" + lines;
}

row_result row_of(std::string id, std::vector<contender_result> contenders) {
  row_result x;
  x.id = std::move(id);
  x.contenders = std::move(contenders);
  return x;
}

results measured(double ours, double theirs) {
  results x;
  x.rows = {row_of(
    "get-64", {{"hiredis-async", "", {{"ops_per_s", theirs}}, 0},
               {"reactor", "", {{"ops_per_s", ours}, {"allocations", 8}}, 0}})};
  return x;
}

verdict verdict_of(const target& x, const results& found) {
  return judge({x}, found).front().result;
}

} // namespace

CAF_TEST(targets are read in their order) {
  std::vector<config_error> errors;
  auto all = parse_targets(good, "t.toml", errors);
  CAF_CHECK(errors.empty());
  CAF_REQUIRE_EQUAL(all.size(), 2u);
  CAF_CHECK_EQUAL(all[0].name, "callers");
  CAF_CHECK_EQUAL(all[0].against, "hiredis-async");
  CAF_CHECK(all[0].is_ratio());
  CAF_CHECK(all[0].at_least == 0.5);
  CAF_CHECK(!all[0].at_most);
  CAF_CHECK(!all[1].is_ratio());
  CAF_CHECK(all[1].at_most == 8.0);
}

CAF_TEST(a fault names file and line and key) {
  CAF_CHECK_EQUAL(fault_of(entry("figure = \"speed\"\nat_least = 1\n")),
                  "t.toml:5: figure: no figure 'speed'");
  CAF_CHECK_EQUAL(fault_of(entry("figure = \"p50_us\"\nat_leats = 1\n"
                                 "at_most = 1\n")),
                  "t.toml:6: at_leats: no such key");
  CAF_CHECK_EQUAL(fault_of(entry("figure = \"p50_us\"\nat_most = \"1\"\n")),
                  "t.toml:6: at_most: must be a number, not below 0");
  CAF_CHECK_EQUAL(fault_of(entry("figure = \"p50_us\"\nat_most = -1\n")),
                  "t.toml:6: at_most: must be a number, not below 0");
  CAF_CHECK_EQUAL(fault_of(entry("figure = \"p50_us\"\nat_most = nan\n")),
                  "t.toml:6: at_most: must be a number, not below 0");
  CAF_CHECK_EQUAL(fault_of(entry("figure = 7\nat_most = 1\n")),
                  "t.toml:5: figure: must be a text in quotes");
  CAF_CHECK_EQUAL(fault_of(entry("at_most = 1\n")),
                  "t.toml:1: figure: is missing");
}

CAF_TEST(a target has one mark) {
  auto wanted = "t.toml:1: at_least: one of at_least and at_most is needed";
  CAF_CHECK_EQUAL(fault_of(entry("figure = \"p50_us\"\n")), wanted);
  CAF_CHECK_EQUAL(fault_of(entry("figure = \"p50_us\"\nat_least = 1\n"
                                 "at_most = 2\n")),
                  wanted);
}

CAF_TEST(a file that is no list of targets is refused) {
  CAF_CHECK(fault_of("[[target]\n").starts_with("t.toml:1: "));
  CAF_CHECK_EQUAL(fault_of("[target]\nname = \"n\"\n"),
                  "t.toml:1: target: only [[target]] entries may stand here");
  CAF_CHECK_EQUAL(fault_of("\nlimit = 1\n"),
                  "t.toml:2: limit: only [[target]] entries may stand here");
  CAF_CHECK_EQUAL(fault_of(""), "t.toml: target: there is none");
}

CAF_TEST(a file that cannot be read is a fault) {
  std::vector<config_error> errors;
  auto all = load_targets("/nonexistent/t.toml", errors);
  CAF_CHECK(all.empty());
  CAF_REQUIRE_EQUAL(errors.size(), 1u);
  CAF_CHECK_EQUAL(to_string(errors[0]),
                  "/nonexistent/t.toml: cannot be read: No such file or "
                  "directory");
}

CAF_TEST(the targets of the benchmarks are good) {
  std::vector<config_error> errors;
  auto all = load_targets(REDOUBT_SOURCE_DIR "/bench/targets.toml", errors);
  CAF_CHECK(errors.empty());
  CAF_CHECK(!all.empty());
}

CAF_TEST(a mark is reached when it is met exactly) {
  std::vector<config_error> errors;
  auto all = parse_targets(good, "t.toml", errors);
  CAF_REQUIRE_EQUAL(all.size(), 2u);
  auto judged = judge(all, measured(50, 100));
  CAF_REQUIRE_EQUAL(judged.size(), 2u);
  CAF_CHECK(judged[0].result == verdict::reached);
  CAF_CHECK_EQUAL(judged[0].value, 0.5);
  CAF_CHECK(judged[1].result == verdict::reached);
  CAF_CHECK_EQUAL(judged[1].value, 8.0);
  CAF_CHECK(verdict_of(all[0], measured(49, 100)) == verdict::missed);
  all[1].at_most = 7.9;
  CAF_CHECK(verdict_of(all[1], measured(50, 100)) == verdict::missed);
}

CAF_TEST(what was not measured is neither reached nor missed) {
  std::vector<config_error> errors;
  auto all = parse_targets(good, "t.toml", errors);
  CAF_REQUIRE_EQUAL(all.size(), 2u);
  CAF_CHECK(verdict_of(all[0], {}) == verdict::not_measured);
  // Nothing has a ratio to nothing.
  CAF_CHECK(verdict_of(all[0], measured(50, 0)) == verdict::not_measured);
  auto other = all[1];
  other.figure = "rss_mb";
  CAF_CHECK(verdict_of(other, measured(50, 100)) == verdict::not_measured);
}

CAF_TEST(a contender can be held against itself in another row) {
  auto found = measured(50, 100);
  found.rows.push_back(
    row_of("get-1", {{"reactor", "", {{"ops_per_s", 10}}, 0}}));
  target x{"", "get-64", "reactor", "ops_per_s", "", "get-1", 4, {}, 0};
  auto judged = judge({x}, found);
  CAF_CHECK_EQUAL(judged.front().value, 5.0);
  CAF_CHECK(judged.front().result == verdict::reached);
}
