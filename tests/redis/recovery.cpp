#define CAF_SUITE recovery

// How soon requests pass after the server's return, judged by a prober that knows
// nothing of this runtime. Tests share two cores, so that one outage may be judged by
// a machine that has other things to do: the promise has to be kept in one of three.
// What is too slow by itself keeps it in none, and a pace of dials that is too slow
// shows in their number, whatever a dial of before the return made of it. The part
// that no machine can slow down is proved in virtual time by
// actor.supervisor_recovery.

#include <redoubt/app/lab/fault_gate.hpp>
#include <redoubt/app/lab/prober.hpp>
#include <redoubt/tests/support/service.hpp>
#include <redoubt/tests/support/wait.hpp>

#include <redoubt/tests/support/check.hpp>

#include <functional>
#include <thread>

using namespace redoubt;
using namespace redoubt::test;
using namespace std::chrono_literals;

namespace {

using clock_type = std::chrono::steady_clock;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int slowness = 3;
#else
constexpr int slowness = 1;
#endif

/// The promises.
constexpr auto where_ports_refuse = 100ms * slowness;
constexpr auto where_packets_vanish = 300ms * slowness;

constexpr int most_rounds = 3;

/// Long enough for the breaker to open, for dials to pile up to their bound, and
/// for the kernel to slow down the repetition of what it sends.
constexpr auto outage = 2500ms;

/// At the slowest one starts every 80 ms; the rest is for a machine that wakes us
/// late.
constexpr uint64_t fewest_dials = outage / 100ms;

struct fixture {
  fixture() : rt(options_for(gate.port())), client(rt.client()) {
    CAF_REQUIRE(!rt.wait_ready(5s));
  }

  /// Checks that after some outage requests pass as soon as promised.
  void check_recovery(std::chrono::milliseconds promise,
                      const std::function<void()>& fail,
                      const std::function<void()>& heal) {
    for (int round = 0; round < most_rounds; ++round) {
      fail();
      suffer();
      if (recover(heal) <= promise)
        return;
      CAF_REQUIRE(!rt.wait_ready(5s));
    }
    CAF_ERROR("never within " << promise.count() << " ms");
  }

  /// Lets `outage` pass, in which dials go on at their pace.
  void suffer() {
    caller me{rt};
    auto since = clock_type::now();
    auto before = me.status(rt).dials;
    CAF_CHECK(eventually(
      [&] { return me.status(rt).breaker.state == breaker_state::open; }));
    CAF_CHECK(eventually([&] { return clock_type::now() >= since + outage; }));
    auto dials = me.status(rt).dials - before;
    auto seconds = std::chrono::ceil<std::chrono::seconds>(clock_type::now()
                                                           - since);
    CAF_MESSAGE(dials << " dials");
    CAF_CHECK(dials >= fewest_dials);
    CAF_CHECK(dials <= 25 * static_cast<uint64_t>(seconds.count()));
  }

  /// Time from the first answer that the prober gets to the first answer that a
  /// waiting request gets.
  clock_type::duration recover(const std::function<void()>& heal) {
    lab::prober independent{gate.port()};
    clock_type::time_point served;
    auto ok = false;
    std::thread waiting{[&] {
      caller me{rt};
      request_options o;
      o.deadline = 30s;
      o.on_open = on_open_policy::wait;
      ok = me.ask(client, command{"INCR", "n"}, o).ok();
      served = clock_type::now();
    }};
    independent.arm();
    heal();
    waiting.join();
    auto back = independent.wait(10s);
    CAF_CHECK(ok);
    CAF_REQUIRE(back.has_value());
    auto late = served - *back;
    CAF_MESSAGE(
      "served "
      << std::chrono::duration_cast<std::chrono::milliseconds>(late).count()
      << " ms after the prober");
    return late;
  }

  lab::private_redis server;
  lab::fault_gate gate{lab::address::tcp(server.port())};
  runtime rt;
  request_actor client;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(recovery_tests, fixture)

CAF_TEST(requests pass soon after a port that refused is back) {
  check_recovery(
    where_ports_refuse,
    [&] {
      gate.refuse();
      gate.reset_all();
    },
    [&] { gate.pass(); });
}

CAF_TEST(requests pass soon after packets to a port vanished) {
  check_recovery(
    where_packets_vanish,
    [&] {
      gate.stop_accepting();
      gate.reset_all();
    },
    [&] { gate.pass(); });
}

CAF_TEST(requests pass soon after a network that kept all bytes back) {
  check_recovery(
    where_packets_vanish,
    [&] {
      gate.hold();
      gate.reset_all();
    },
    [&] { gate.pass(); });
}

CAF_TEST(requests pass soon after a server was killed and started) {
  check_recovery(
    where_ports_refuse, [&] { server.kill(); }, [&] { server.start(); });
}

CAF_TEST_FIXTURE_SCOPE_END()
