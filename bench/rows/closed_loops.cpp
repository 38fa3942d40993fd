#include <redoubt/bench/contenders/hiredis.hpp>
#include <redoubt/bench/contenders/peers.hpp>
#include <redoubt/bench/contenders/redoubt.hpp>
#include <redoubt/bench/rows/closed.hpp>
#include <redoubt/bench/rows/rows.hpp>

#include <fmt/format.h>

namespace redoubt::bench {

namespace {

/// All who keep `n` requests outstanding.
std::vector<contender>
contenders_of(const workload& load, size_t n,
              endpoint server_place::*where = &server_place::tcp) {
  using enum callers_on;
  std::vector<contender> all;
  auto add = [&](const char* id, const char* name, auto make) {
    all.push_back(closed(id, name, make, where));
  };
  add("hiredis-async", "hiredis async",
      [=](auto& at) { return hiredis_async(at, load, n); });
  if (n == 1)
    add("hiredis-sync", "hiredis sync",
        [=](auto& at) { return hiredis_sync(at, load); });
  add("reactor", "redoubt, callers on the reactor", [=](auto& at) {
    return redoubt_callers(options_for(at, reactor), load, n);
  });
  add("scheduler", "redoubt, callers on the scheduler", [=](auto& at) {
    return redoubt_callers(options_for(at, scheduler), load, n);
  });
  add("bulk-reactor", "redoubt, bulk driver on the reactor", [=](auto& at) {
    return redoubt_bulk(options_for(at, reactor), load, n, reactor);
  });
  add("bulk-thread", "redoubt, bulk driver on another thread", [=](auto& at) {
    return redoubt_bulk(options_for(at, scheduler), load, n, scheduler);
  });
  if (n <= 64)
    add("blocking", "redoubt, blocking threads", [=](auto& at) {
      return redoubt_blocking(options_for(at, scheduler), load, n);
    });
  for (auto& each : peers())
    if (n <= each.outstanding_at_most && where == &server_place::tcp)
      all.push_back(closed(each.id, each.name, [=, make = each.make](auto& at) {
        return make(at, load, n);
      }));
  return all;
}

} // namespace

std::vector<row> closed_loop_rows() {
  struct kind {
    operation what;
    const char* id;
    const char* title;
  };
  constexpr kind kinds[] = {{operation::get, "get", "GET"},
                            {operation::set, "set", "SET"},
                            {operation::mix, "mix", "80 % GET, 20 % SET"}};
  std::vector<row> all;
  for (auto& each : kinds)
    for (size_t n : {1, 64, 512, 4096}) {
      workload load;
      load.what = each.what;
      all.push_back({fmt::format("{}-{}", each.id, n),
                     fmt::format("{}, {} outstanding", each.title, n),
                     contenders_of(load, n)});
    }
  return all;
}

row pipeline_row() {
  using enum callers_on;
  constexpr size_t n = 100;
  workload load;
  auto sync = [=](auto& at) { return hiredis_sync(at, load, n); };
  auto on_reactor = [=](auto& at) {
    return redoubt_pipeline(options_for(at, reactor), load, n);
  };
  auto on_scheduler = [=](auto& at) {
    return redoubt_pipeline(options_for(at, scheduler), load, n);
  };
  auto on_thread = [=](auto& at) {
    return redoubt_blocking(options_for(at, scheduler), load, 1, n);
  };
  row x{"pipeline-100",
        "GET, pipelines of 100",
        {closed("hiredis-sync", "hiredis sync", sync),
         closed("reactor", "redoubt, caller on the reactor", on_reactor),
         closed("scheduler", "redoubt, caller on the scheduler", on_scheduler),
         closed("blocking", "redoubt, blocking thread", on_thread)}};
  if (auto make = boost_redis_pipeline())
    x.contenders.push_back(closed("boost-redis", "Boost.Redis, one coroutine",
                                  [=](auto& at) { return make(at, load, n); }));
  return x;
}

std::vector<row> large_reply_rows() {
  workload medium, large;
  medium.value_size = 64 * 1024;
  medium.key_count = 128;
  large.value_size = 1024 * 1024;
  large.key_count = 16;
  return {
    {"reply-64k", "GET of 64 KiB, 64 outstanding", contenders_of(medium, 64)},
    {"reply-1m", "GET of 1 MiB, 16 outstanding", contenders_of(large, 16)}};
}

std::vector<row> unix_socket_rows() {
  std::vector<row> all;
  for (size_t n : {64, 512})
    all.push_back({fmt::format("unix-{}", n),
                   fmt::format("GET over a unix socket, {} outstanding", n),
                   contenders_of({}, n, &server_place::unix_socket)});
  return all;
}

} // namespace redoubt::bench
