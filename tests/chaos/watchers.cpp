#include <redoubt/tests/chaos/watchers.hpp>

#include <caf/all.hpp>

#include <utility>

namespace redoubt::chaos {

using namespace std::chrono_literals;

namespace {

constexpr auto stall_period = 5ms;

/// A thread that is woken later than this was kept waiting.
constexpr microseconds stall_limit = 15'000;

class listener : public subscriber_actor::base {
public:
  listener(caf::actor_config& cfg, recorder& out)
    : subscriber_actor::base(cfg), out_(out) {}

  behavior_type make_behavior() override {
    return {[this](const event& x) {
      if (x.kind == event_kind::breaker_changed)
        out_.add(breaker_edge{x.generation, x.from, x.to});
    }};
  }

private:
  recorder& out_;
};

} // namespace

pulse::pulse(std::chrono::milliseconds period, std::function<void()> work)
  : period_(period), work_(std::move(work)) {
  thread_ = std::thread{[this] { run(); }};
}

pulse::~pulse() {
  {
    std::lock_guard guard{mutex_};
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void pulse::run() {
  std::unique_lock guard{mutex_};
  while (!stopping_) {
    if (changed_.wait_for(guard, period_, [this] { return stopping_; }))
      return;
    guard.unlock();
    work_();
    guard.lock();
  }
}

stall_watch::stall_watch(recorder& out)
  : out_(out), last_(out.now()), pulse_(stall_period, [this] {
      auto now = out_.now();
      if (now - last_ > stall_limit)
        out_.add(stall{last_, now});
      last_ = now;
    }) {
}

dial_watch::dial_watch(runtime& rt, recorder& out)
  : rt_(rt), out_(out), pulse_(50ms, [this] { look(); }) {
}

void dial_watch::look() {
  caf::scoped_actor self{rt_.system()};
  dial_sample x;
  x.asked = out_.now();
  self->request(rt_.supervisor(), 2s, status_query{})
    .receive(
      [&](const runtime_status& y) {
        x.told = out_.now();
        x.dials = y.dials;
        out_.add(x);
      },
      // It was killed; its successor is asked next.
      [](const caf::error&) {});
}

caf::actor spawn_listener(runtime& rt, recorder& out) {
  auto x = rt.system().spawn<listener>(out);
  caf::anon_send(rt.supervisor(), subscribe{x});
  return caf::actor_cast<caf::actor>(x);
}

} // namespace redoubt::chaos
