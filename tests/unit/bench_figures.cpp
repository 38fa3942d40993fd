#define CAF_SUITE bench_figures

#include <redoubt/bench/core/figures.hpp>
#include <redoubt/bench/core/histogram.hpp>
#include <redoubt/bench/core/workload.hpp>

#include <redoubt/tests/support/check.hpp>

using namespace redoubt::bench;

CAF_TEST(a median is the value in the middle whatever the order) {
  CAF_CHECK_EQUAL(median({3, 1, 2}), 2.0);
  CAF_CHECK_EQUAL(median({9, 1, 1, 9}), 9.0);
  CAF_CHECK_EQUAL(median({}), 0.0);
}

CAF_TEST(each figure has a median of its own) {
  auto x = median_of({{{"ops_per_s", 10}, {"p50_us", 7}, {"allocations", 4}},
                      {{"ops_per_s", 30}, {"p50_us", 5}},
                      {{"ops_per_s", 20}, {"p50_us", 6}}});
  CAF_CHECK_EQUAL(x["ops_per_s"], 20.0);
  CAF_CHECK_EQUAL(x["p50_us"], 6.0);
  // Counted in one of the runs alone.
  CAF_CHECK_EQUAL(x["allocations"], 4.0);
}

CAF_TEST(the spread is that between the best run and the worst) {
  std::vector<figures> runs{
    {{"ops_per_s", 90}}, {{"ops_per_s", 100}}, {{"ops_per_s", 120}}};
  CAF_CHECK(std::abs(spread_of(runs, "ops_per_s") - 0.3) < 1e-9);
  CAF_CHECK_EQUAL(spread_of(runs, "p50_us"), 0.0);
}

CAF_TEST(figures are printed in thousands and with their decimals) {
  CAF_CHECK_EQUAL(format_figure("ops_per_s", 1234567.4), "1,234,567");
  CAF_CHECK_EQUAL(format_figure("ops_per_s", 999), "999");
  CAF_CHECK_EQUAL(format_figure("client_cpu_us", 1234.5), "1,234.50");
  CAF_CHECK_EQUAL(format_figure("extra_percent", -123.4), "-123.4");
  CAF_CHECK_EQUAL(format_figure("extra_percent", -1234.5), "-1,234.5");
}

CAF_TEST(quantiles are true to a thirtieth) {
  histogram x;
  for (uint64_t us = 1; us <= 1000; ++us)
    x.add(us * 1000);
  CAF_CHECK(std::abs(x.quantile_us(0.5) / 500 - 1) < 1.0 / 30);
  CAF_CHECK(std::abs(x.quantile_us(0.99) / 990 - 1) < 1.0 / 30);
  CAF_CHECK_EQUAL(histogram{}.quantile_us(0.5), 0.0);
}

CAF_TEST(a value names its key so that a crossed reply shows) {
  workload load;
  CAF_CHECK_EQUAL(load.value(7).size(), 64u);
  CAF_CHECK(load.is_value(load.value(7), 7));
  CAF_CHECK(load.is_value(load.value(7), 7 + load.key_count));
  CAF_CHECK(!load.is_value(load.value(7), 71));
  CAF_CHECK(!load.is_value(load.value(71), 7));
  CAF_CHECK(!load.is_value(load.value(7).substr(0, 63), 7));
  CAF_CHECK(!load.is_value("", 7));
}

CAF_TEST(a mix writes each fifth time) {
  workload load;
  load.what = operation::mix;
  auto writes = 0;
  for (size_t i = 0; i < 100; ++i)
    writes += load.writes(i) ? 1 : 0;
  CAF_CHECK_EQUAL(writes, 20);
  load.what = operation::get;
  CAF_CHECK(!load.writes(4));
  load.what = operation::set;
  CAF_CHECK(load.writes(0));
}
