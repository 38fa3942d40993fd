#define CAF_SUITE bench_report

#include <redoubt/bench/core/chart.hpp>
#include <redoubt/bench/core/print.hpp>

#include <redoubt/tests/support/check.hpp>

#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <unistd.h>

using namespace redoubt;
using namespace redoubt::bench;

namespace {

results sample_results() {
  results x;
  x.setting = {{"cores", "2"}};
  x.notes = {"Boost.Redis: not installed"};
  row_result row;
  row.id = "get-64";
  row.title = "GET, 64 outstanding";
  row.runs = 5;
  row.contenders = {
    {"hiredis-async", "hiredis", {{"ops_per_s", 200000}}, 0.02},
    {"reactor", "redoubt <&>", {{"ops_per_s", 150000}, {"p50_us", 300}}, 0.05}};
  x.rows = {row};
  return x;
}

std::vector<judgement> sample_judgements() {
  target x{"64 callers", "get-64", "reactor", "ops_per_s", "hiredis-async", "",
           0.81,         {},       0};
  return judge({x}, sample_results());
}

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file{path};
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

size_t count_of(const std::string& text, const std::string& part) {
  size_t n = 0;
  for (auto at = text.find(part); at != std::string::npos;
       at = text.find(part, at + 1))
    ++n;
  return n;
}

} // namespace

CAF_TEST(the JSON has every figure under the ids of row and contender) {
  auto x = nlohmann::json::parse(
    json_text(sample_results(), sample_judgements()));
  CAF_CHECK_EQUAL(x["setting"]["cores"].get<std::string>(), "2");
  CAF_CHECK_EQUAL(x["notes"].size(), 1u);
  auto row = x["rows"][0];
  CAF_CHECK_EQUAL(row["id"].get<std::string>(), "get-64");
  CAF_CHECK_EQUAL(row["runs"].get<int>(), 5);
  auto ours = row["contenders"][1];
  CAF_CHECK_EQUAL(ours["id"].get<std::string>(), "reactor");
  CAF_CHECK_EQUAL(ours["noise"].get<double>(), 0.05);
  CAF_CHECK_EQUAL(ours["figures"]["p50_us"].get<double>(), 300.0);
  CAF_CHECK(!row["contenders"][0]["figures"].contains("p50_us"));
  auto target = x["targets"][0];
  CAF_CHECK_EQUAL(target["result"].get<std::string>(), "missed");
  CAF_CHECK_EQUAL(target["value"].get<double>(), 0.75);
  CAF_CHECK_EQUAL(target["at_least"].get<double>(), 0.81);
  CAF_CHECK(!target.contains("at_most"));
}

CAF_TEST(a table aligns its columns and leaves out what nobody has) {
  auto text = table_text(sample_results().rows.front());
  CAF_CHECK_EQUAL(text, "[get-64]\n"
                        "GET, 64 outstanding    ops/s  p50 µs  noise  ratio\n"
                        "hiredis              200,000            2 %   1.00\n"
                        "redoubt <&>          150,000     300    5 %   0.75\n");
}

CAF_TEST(the verdict tells mark and value and how many were missed) {
  auto text = verdict_text(sample_judgements());
  CAF_CHECK(text.find("≥ 0.81") != std::string::npos);
  CAF_CHECK(text.find("0.75") != std::string::npos);
  CAF_CHECK(text.ends_with("0 reached, 1 missed, 0 not measured\n"));
}

CAF_TEST(the page shows each row as a table and as a chart) {
  auto folder = std::filesystem::temp_directory_path()
                / ("redoubt-page-" + std::to_string(::getpid()));
  write_page(sample_results(), sample_judgements(), folder.string());
  auto page = text_of(folder / "index.md");
  auto chart = text_of(folder / "get-64.svg");
  std::filesystem::remove_all(folder);
  CAF_CHECK(page.find("![GET, 64 outstanding](get-64.svg)")
            != std::string::npos);
  CAF_CHECK(page.find("| redoubt <&> | 150,000 | 300 | 5 % | 0.75 |")
            != std::string::npos);
  CAF_CHECK(page.find("Boost.Redis: not installed") != std::string::npos);
  CAF_CHECK(page.find("| 64 callers |") != std::string::npos);
  CAF_CHECK(chart.starts_with("<svg "));
  CAF_CHECK(chart.ends_with("</svg>\n"));
  CAF_CHECK_EQUAL(count_of(chart, "<rect "), 2u);
}

CAF_TEST(a chart shows any name and any values) {
  auto bars = bar_chart("<&>", {{"a", 0, "0", true}, {"b", 0, "0", false}});
  CAF_CHECK(bars.find("&lt;&amp;&gt;") != std::string::npos);
  CAF_CHECK_EQUAL(count_of(bars, "nan"), 0u);
  auto lines = line_chart("t", {{1, 5, "5"}, {64, 2, "2"}});
  CAF_CHECK_EQUAL(count_of(lines, "<circle "), 2u);
  CAF_CHECK_EQUAL(
    count_of(line_chart("t", {}) + line_chart("t", {{1, 0, "0"}}), "nan"), 0u);
}
