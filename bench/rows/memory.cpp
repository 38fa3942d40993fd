#include <redoubt/actors/bulk_client.hpp>
#include <redoubt/app/lab/private_redis.hpp>
#include <redoubt/bench/contenders/redoubt_stage.hpp>
#include <redoubt/bench/measure/meters.hpp>
#include <redoubt/bench/rows/rows.hpp>

#include <caf/scoped_actor.hpp>
#include <fmt/format.h>

#include <memory>
#include <thread>

namespace redoubt::bench {

namespace {

using std::chrono::seconds;

/// How many to ask for.
struct hold {
  size_t requests = 0;
};

} // namespace

} // namespace redoubt::bench

REDOUBT_LOCAL_MESSAGE(redoubt::bench::hold)

namespace redoubt::bench {

namespace {

/// Asks for many things at once; answers the bytes of their commands.
class request_holder : public caf::event_based_actor {
public:
  request_holder(caf::actor_config& cfg, request_actor to)
    : caf::event_based_actor(cfg), to_(std::move(to)) {}

  caf::behavior make_behavior() override {
    return {[this](hold x) {
      size_t bytes = 0;
      for (size_t i = 0; i < x.requests; ++i) {
        auto cmd = command_of({}, i);
        bytes += cmd.wire().size();
        request(to_, caf::infinite, std::move(cmd))
          .then([](const reply&) {}, [](const caf::error&) {});
      }
      return bytes;
    }};
  }

private:
  request_actor to_;
};

class bulk_holder : public caf::event_based_actor {
public:
  bulk_holder(caf::actor_config& cfg, request_actor to)
    : caf::event_based_actor(cfg),
      redis_(this, std::move(to), [](uint64_t, outcome&) {}) {}

  caf::behavior make_behavior() override {
    return {[this](hold x) {
              size_t bytes = 0;
              for (size_t i = 0; i < x.requests; ++i) {
                auto cmd = command_of({}, i);
                bytes += cmd.wire().size();
                redis_.add(std::move(cmd), i);
              }
              redis_.flush();
              return bytes;
            },
            [this](completions& x) { redis_.take(x); }};
  }

private:
  bulk_client redis_;
};

uint64_t under_way(runtime& rt) {
  caf::scoped_actor self{rt.system()};
  uint64_t n = 0;
  self->request(rt.supervisor(), caf::infinite, status_query{})
    .receive(
      [&](const runtime_status& x) {
        n = x.requests.in_flight + x.requests.queued;
      },
      [](const caf::error& e) { throw std::runtime_error(describe(e)); });
  return n;
}

/// What the heap holds for each of `n` requests, beyond the bytes of its command.
template <class Holder>
figures run_memory(size_t n) {
  lab::private_redis server;
  pin_apart(server.pid());
  endpoint at;
  at.port = server.port();
  auto options = roomy_options_for(at, callers_on::reactor);
  options.client.timeouts = {seconds{60}, seconds{60}};
  options.threads.drain = std::chrono::milliseconds{0};
  runtime rt{options};
  wait_until_ready(rt);
  caf::actor holder{rt.spawn_pinned<Holder>(rt.client())};
  server.stop();
  trim_memory();
  auto before = heap_bytes();
  size_t command_bytes = 0;
  caf::scoped_actor self{rt.system()};
  self->request(holder, caf::infinite, hold{n})
    .receive([&](size_t bytes) { command_bytes = bytes; },
             [](const caf::error&) {});
  while (under_way(rt) < n)
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  figures out;
  out["bytes_per_request"] = (heap_bytes() - before
                              - static_cast<double>(command_bytes))
                             / static_cast<double>(n);
  return out;
}

/// How much the process grows over ten million requests, the first million aside.
figures run_flat(const plan& x) {
  auto run = redoubt_bulk(options_for(x.server.tcp, callers_on::reactor), {},
                          512, callers_on::reactor);
  sample taken;
  auto until = [&](uint64_t operations) {
    while (taken.operations < operations)
      run(0.5, taken);
  };
  until(1'000'000);
  auto before = resident_mb();
  until(10'000'000);
  figures out;
  out["rss_growth_mb"] = resident_mb() - before;
  return out;
}

} // namespace

std::vector<row> memory_rows() {
  row held{
    "memory",
    "heap per request in flight at a server that does not answer, beyond "
    "its command",
    {},
    "bytes_per_request",
    1};
  for (size_t n : {10000, 100000}) {
    held.contenders.push_back(
      {fmt::format("requests-{}", n), fmt::format("{} requests of an actor", n),
       [n](const plan&) { return run_memory<request_holder>(n); }});
    held.contenders.push_back(
      {fmt::format("bulk-{}", n), fmt::format("{} in bulk", n),
       [n](const plan&) { return run_memory<bulk_holder>(n); }});
  }
  row flat{"memory-flat",
           "growth of the process over ten million requests",
           {{"bulk-reactor", "bulk driver on the reactor", run_flat}},
           "rss_growth_mb",
           1};
  return {held, flat};
}

} // namespace redoubt::bench
