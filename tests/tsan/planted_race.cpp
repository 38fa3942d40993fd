// Shows that ThreadSanitizer sees what CAF's scheduler does, and no more: two
// actors pass a ball and count each catch in one plain int. Who counts before
// passing the ball on (`clean`) is alone with the int, because a message orders
// what was done before it was sent and what is done after it was received. Who
// counts after passing it on (`race`) is not.
#include <caf/all.hpp>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string_view>
#include <thread>

namespace {

using ball_atom = caf::atom_constant<caf::atom("ball")>;

constexpr int passes = 100;

struct court {
  bool race = false;
  /// What the actors race on.
  int count = 0;
  /// The last ball caught. Relaxed, so that it orders nothing else.
  std::atomic<int> caught{0};
};

class player : public caf::event_based_actor {
public:
  player(caf::actor_config& cfg, std::shared_ptr<court> where)
    : caf::event_based_actor(cfg), court_(std::move(where)) {}

  caf::behavior make_behavior() override {
    return {
      [this](ball_atom, int ball, const caf::actor& other) {
        court_->caught.store(ball, std::memory_order_relaxed);
        if (!court_->race)
          ++court_->count;
        if (ball < passes) {
          send(other, ball_atom::value, ball + 1, caf::actor{this});
          await_catch_of(ball + 1);
        } else {
          send_exit(other, caf::exit_reason::user_shutdown);
          quit();
        }
        if (court_->race)
          ++court_->count;
      },
    };
  }

private:
  /// Until then the other one would run on this thread, after this handler: it
  /// is the wait that makes the scheduler take a second one.
  void await_catch_of(int ball) {
    auto limit = std::chrono::steady_clock::now() + std::chrono::seconds{5};
    while (court_->caught.load(std::memory_order_relaxed) < ball
           && std::chrono::steady_clock::now() < limit)
      std::this_thread::yield();
  }

  std::shared_ptr<court> court_;
};

} // namespace

int main(int argc, char** argv) {
  auto where = std::make_shared<court>();
  where->race = argc > 1 && std::string_view{argv[1]} == "race";
  {
    caf::actor_system_config cfg;
    cfg.set("scheduler.max-threads", 2);
    caf::actor_system sys{cfg};
    auto one = sys.spawn<player>(where);
    auto other = sys.spawn<player>(where);
    caf::anon_send(one, ball_atom::value, 1, other);
  } // waits for both
  std::printf("%d passes, %d counted\n", where->caught.load(), where->count);
  return where->caught == passes ? 0 : 1;
}
