#define CAF_SUITE supervisor_recovery

// How soon after the server's return a request may pass: the part that is the
// supervisor's, in virtual time. The demo measures the whole.

#include "supervisor_fixture.hpp"

using namespace redoubt_test;

namespace {

class fixture : public supervisor_fixture {
public:
  fixture() {
    options().pool.connections = 1;
    answers_pings = true;
  }

  /// Ends dials that have hung for as long as a dial may.
  void time_out() {
    for (; next_due_ < dials.size()
           && now() - dials[next_due_]->at >= options().pool.connect_timeout;
         ++next_due_)
      if (!dials[next_due_]->ready)
        end(next_due_, errc::connect_failed, "timed out");
  }

  /// Lets the time of an outage pass in which packets vanish.
  void vanish_for(std::chrono::milliseconds outage) {
    endpoint = mood::silent;
    for (; outage > 0ms; outage -= clock_step) {
      pass(clock_step);
      time_out();
    }
  }

  /// Time until a request may pass, from now on, where the server takes dials
  /// that start from now on. Those that hang go on hanging: their packets are
  /// sent again only after a second.
  api::duration time_to_recover(const client_record& who) {
    auto returned = now();
    auto first = dials.size();
    for (; now() - returned < 10s; pass(clock_step), time_out()) {
      for (auto i = first; i < dials.size(); ++i)
        if (!dials[i]->ready && !dials[i]->gone)
          come_up(i);
      settle();
      if (ready_count() > 0 && admits(who.gates.back()))
        return now() - returned;
    }
    return 10s;
  }

private:
  static bool admits(const gate& x) {
    return x.state == breaker_state::closed
           || (x.state == breaker_state::half_open && x.permits > 0);
  }

  size_t next_due_ = 0;
};

/// The longest time between two dials.
constexpr auto longest_gap = 80ms + supervisor_fixture::clock_step;

constexpr std::array outages{37ms, 100ms, 1000ms, 7001ms, 60000ms};

void check_recovery(fixture& x, const client_record& who) {
  auto took = x.time_to_recover(who);
  CAF_MESSAGE(
    "recovered in "
    << std::chrono::duration_cast<std::chrono::milliseconds>(took).count()
    << " ms");
  CAF_CHECK(took <= longest_gap);
}

} // namespace

CAF_TEST(requests pass within 81 ms of the return of a port that refused) {
  for (auto outage : outages) {
    fixture x;
    CAF_MESSAGE("outage: " << outage.count() << " ms");
    x.start();
    auto& who = x.join();
    x.endpoint = mood::refuses;
    x.pass(outage);
    x.endpoint = mood::silent;
    check_recovery(x, who);
  }
}

CAF_TEST(requests pass within 81 ms of the return of a port whose packets vanished) {
  for (auto outage : outages) {
    fixture x;
    CAF_MESSAGE("outage: " << outage.count() << " ms");
    x.start();
    auto& who = x.join();
    x.vanish_for(outage);
    check_recovery(x, who);
  }
}

CAF_TEST(requests pass within 81 ms after a connection was lost to an outage) {
  for (auto outage : outages) {
    fixture x;
    CAF_MESSAGE("outage: " << outage.count() << " ms");
    x.start_connected();
    auto& who = x.join();
    x.pass(1s);
    x.end(0);
    x.vanish_for(outage);
    check_recovery(x, who);
  }
}
