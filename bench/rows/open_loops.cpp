#include <redoubt/bench/contenders/hiredis.hpp>
#include <redoubt/bench/contenders/redoubt.hpp>
#include <redoubt/bench/contenders/redoubt_open_loop.hpp>
#include <redoubt/bench/rows/closed.hpp>
#include <redoubt/bench/rows/rows.hpp>

#include <fmt/format.h>

#include <memory>

namespace redoubt::bench {

namespace {

using enum callers_on;

/// What 64 callers on the reactor get per second in a closed loop; measured when
/// it is first asked for.
class own_maximum {
public:
  double get(const plan& x) {
    if (value_ == 0) {
      auto once = x;
      once.count_allocations = false;
      value_ = timed(once, [&] {
        return redoubt_callers(options_for(x.server.tcp, reactor), {}, 64);
      })["ops_per_s"];
    }
    return value_;
  }

private:
  double value_ = 0;
};

row at_share(double share, const std::shared_ptr<own_maximum>& maximum) {
  row x{
    fmt::format("load-{:.0f}", 100 * share),
    fmt::format("GETs at {:.0f} % of the rate of 64 callers, whatever comes "
                "back",
                100 * share),
    {}};
  x.leading = "p999_us";
  x.contenders.push_back({"hiredis-async", "hiredis async", [=](const plan& p) {
                            auto rate = share * maximum->get(p);
                            return timed(p, [&] {
                              return hiredis_open_loop(p.server.tcp, {}, rate);
                            });
                          }});
  x.contenders.push_back(
    {"reactor", "redoubt, caller on the reactor", [=](const plan& p) {
       auto rate = share * maximum->get(p);
       return timed(p, [&] {
         return redoubt_open_loop(options_for(p.server.tcp, reactor), {}, rate);
       });
     }});
  return x;
}

} // namespace

std::vector<row> open_loop_rows() {
  auto maximum = std::make_shared<own_maximum>();
  return {at_share(0.5, maximum), at_share(0.8, maximum)};
}

row beside_large_row() {
  constexpr size_t small_ones = 8, large_ones = 4;
  workload small, large;
  large.value_size = 1024 * 1024;
  large.key_count = 16;
  auto beside = [=](larges_by by) {
    return [=](auto& at) {
      return redoubt_beside(options_for(at, reactor), small, small_ones, large,
                            large_ones, by);
    };
  };
  auto alone = [=](auto& at) {
    return redoubt_callers(options_for(at, reactor), small, small_ones);
  };
  auto raw_alone = [=](auto& at) {
    return hiredis_async(at, small, small_ones);
  };
  auto raw_beside = [=](bool own_connection) {
    return [=](auto& at) {
      return hiredis_beside(at, small, small_ones, large, large_ones,
                            own_connection);
    };
  };
  return {"beside-large",
          "GET, 8 outstanding, alone and beside 4 of 1 MiB",
          {closed("hiredis-alone", "hiredis async, alone", raw_alone),
           closed("hiredis-beside", "hiredis async, beside, one connection",
                  raw_beside(false)),
           closed("hiredis-two-connections",
                  "hiredis async, beside, a connection for each",
                  raw_beside(true)),
           closed("reactor-alone", "redoubt, alone", alone),
           closed("reactor-beside", "redoubt, beside, one client handle",
                  beside(larges_by::same_handle)),
           closed("reactor-two-handles", "redoubt, beside, a handle for each",
                  beside(larges_by::own_handle)),
           closed("reactor-bulk-lane", "redoubt, beside, on the bulk lane",
                  beside(larges_by::bulk_lane))},
          "p99_us"};
}

row rejected_row() {
  auto callers = [](callers_on where) {
    return [where](auto& at) {
      return redoubt_rejected(options_for(at, where), 64);
    };
  };
  auto at_rate = [](auto& at) {
    return redoubt_rejected_open_loop(options_for(at, reactor), 100000);
  };
  return {
    "rejected",
    "rejections while the breaker is open",
    {closed("reactor", "64 callers on the reactor", callers(reactor)),
     closed("scheduler", "64 callers on the scheduler", callers(scheduler)),
     closed("open-loop", "100,000/s from an actor on the reactor", at_rate)},
    "client_cpu_us"};
}

} // namespace redoubt::bench
