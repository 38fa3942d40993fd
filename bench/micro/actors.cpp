// What an actor's turn costs: a message from one pinned actor to another, and a
// request that meets a closed gate.

#include <redoubt/actors/reactor/reactor.hpp>
#include <redoubt/actors/request/client.hpp>
#include <redoubt/bench/micro/allocation_counter.hpp>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/scoped_actor.hpp>

#include <utility>

using namespace redoubt;
using bench::allocation_counter;

namespace {

constexpr uint64_t hops_at_a_time = 1000;

/// Passed to and fro.
struct ball {
  uint64_t left = 0;
};

struct serve {
  caf::actor partner;
  uint64_t hops = 0;
};

/// Allocations on the reactor's thread meanwhile.
struct served {
  uint64_t allocations = 0;
};

} // namespace

REDOUBT_LOCAL_MESSAGE(ball)
REDOUBT_LOCAL_MESSAGE(serve)
REDOUBT_LOCAL_MESSAGE(served)

namespace {

class player : public caf::event_based_actor {
public:
  using caf::event_based_actor::event_based_actor;

  caf::behavior make_behavior() override {
    return {[this](const serve& x) {
              partner_ = x.partner;
              before_ = test::allocations();
              done_ = make_response_promise();
              send(partner_, ball{x.hops - 1});
            },
            [this](ball x) {
              if (x.left > 0)
                send(caf::actor_cast<caf::actor>(current_sender()),
                     ball{x.left - 1});
              else
                done_.deliver(served{test::allocations() - before_});
            }};
  }

private:
  caf::actor partner_;
  uint64_t before_ = 0;
  caf::response_promise done_;
};

/// Per message: one iteration is one hop.
void reactor_hop(benchmark::State& state) {
  caf::actor_system_config config;
  caf::actor_system sys{config};
  uint64_t allocations = 0;
  {
    reactor host{sys, {}};
    caf::actor a{api::spawn_on<pinned<player>>(sys, &host)};
    caf::actor b{api::spawn_on<pinned<player>>(sys, &host)};
    caf::scoped_actor self{sys};
    while (state.KeepRunningBatch(hops_at_a_time))
      self->request(a, caf::infinite, serve{b, hops_at_a_time})
        .receive([&](const served& x) { allocations += x.allocations; },
                 [&](const caf::error&) { state.SkipWithError("no answer"); });
    a = nullptr;
    b = nullptr;
    host.evict();
  }
  allocation_counter::tell(state, allocations);
}

/// From the request's arrival in a mailbox to the rejection, and no I/O. The one
/// who asks is CAF's, and part of it.
void gate_check(benchmark::State& state) {
  caf::actor_system_config config;
  config.set("scheduler.policy", caf::atom("testing"));
  caf::actor_system sys{config};
  auto& scheduler = dynamic_cast<caf::scheduler::test_coordinator&>(
    sys.scheduler());
  client_config options;
  auto to = sys.spawn<client>(std::move(options));
  gate closed;
  closed.state = breaker_state::open;
  closed.generation = 1;
  caf::anon_send(to, closed);
  scheduler.run();
  caf::scoped_actor self{sys};
  command cmd{"GET", "user:1234:name"};
  int64_t rejected = 0;
  {
    allocation_counter counter{state};
    for (auto _ : state) {
      auto asked = self->request(to, caf::infinite, cmd);
      scheduler.run();
      asked.receive([](const reply&) {},
                    [&](const caf::error&) { ++rejected; });
    }
  }
  if (rejected != state.iterations())
    state.SkipWithError("not rejected");
  caf::anon_send_exit(to, caf::exit_reason::kill);
  scheduler.run();
}

BENCHMARK(reactor_hop)->UseRealTime();
BENCHMARK(gate_check);

} // namespace
