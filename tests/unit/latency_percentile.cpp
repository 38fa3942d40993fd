#define CAF_SUITE latency_percentile

#include <redoubt/actors/request/latency_percentile.hpp>

#include <redoubt/tests/support/check.hpp>

#include <algorithm>
#include <random>
#include <vector>

using namespace redoubt;
using namespace std::chrono_literals;

namespace {

using us = latency_percentile::duration;

/// At most a quarter above `exact`, and not below.
bool about(us value, us exact) {
  return value >= exact && value.count() <= exact.count() * 5 / 4 + 1;
}

} // namespace

CAF_TEST(there is no answer before enough was seen) {
  latency_percentile x{0.95};
  for (uint32_t i = 1; i < latency_percentile::enough; ++i)
    x.record(1ms);
  CAF_CHECK(x.value() == 0us);
  x.record(1ms);
  CAF_CHECK(about(x.value(), 1ms));
}

CAF_TEST(a time is found within a quarter wherever it lies) {
  for (us each :
       {0us, 1us, 3us, 4us, 5us, 7us, 8us, 1000us, 65535us, 65536us}) {
    latency_percentile x{0.5};
    for (uint32_t i = 0; i < latency_percentile::enough; ++i)
      x.record(each);
    CAF_MESSAGE(each.count() << " gives " << x.value().count());
    CAF_CHECK(about(x.value(), each));
  }
}

CAF_TEST(times beyond all measure count as very long ones) {
  latency_percentile x{0.5};
  for (uint32_t i = 0; i < latency_percentile::enough; ++i)
    x.record(us::max());
  CAF_CHECK(x.value() >= 1h);
  latency_percentile y{0.5};
  for (uint32_t i = 0; i < latency_percentile::enough; ++i)
    y.record(us::min());
  CAF_CHECK(y.value() <= 1us);
}

CAF_TEST(the rare long ones are beyond it) {
  latency_percentile x{0.95};
  for (uint32_t i = 0; i < 1000; ++i)
    x.record(i % 50 == 0 ? us{50ms} : us{200us});
  CAF_CHECK(about(x.value(), 200us));
}

CAF_TEST(it follows the exact value on random times) {
  constexpr unsigned seed = 7;
  CAF_MESSAGE("seed " << seed);
  std::mt19937 random{seed};
  std::exponential_distribution<double> time{1.0 / 3000};
  latency_percentile x{0.95};
  std::vector<us> all;
  // Few enough that none of them has faded.
  for (int i = 0; i < 3200; ++i) {
    all.emplace_back(static_cast<us::rep>(time(random)));
    x.record(all.back());
  }
  auto at = all.begin() + static_cast<ptrdiff_t>(all.size() * 95 / 100);
  std::nth_element(all.begin(), at, all.end());
  CAF_CHECK(about(x.value(), *at));
}

CAF_TEST(what was long ago fades) {
  latency_percentile x{0.95};
  for (int i = 0; i < 10'000; ++i)
    x.record(1ms);
  for (int i = 0; i < 20'000; ++i)
    x.record(10ms);
  CAF_CHECK(about(x.value(), 10ms));
  for (int i = 0; i < 40'000; ++i)
    x.record(1ms);
  CAF_CHECK(about(x.value(), 1ms));
}
