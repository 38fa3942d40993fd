#define CAF_SUITE reactor_residents

#include "reactor_fixture.hpp"

#include <redoubt/tests/support/service.hpp>

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <deque>
#include <thread>

using namespace reactor_test;
using redoubt::test::living_threads;
using redoubt::test::open_descriptors;

namespace {

/// Does not end for an exit, a message of somebody it knows, or its own queue.
class stubborn : public worker {
public:
  stubborn(caf::actor_config& cfg, std::function<void()> at_exit)
    : worker(cfg, std::move(at_exit)) {
    set_exit_handler([](caf::exit_msg&) {});
    set_down_handler([](caf::down_msg&) {});
  }
};

/// Spawns a successor when it ends, a few times.
class hydra : public caf::event_based_actor {
public:
  hydra(caf::actor_config& cfg, executor* on, int lives,
        std::vector<caf::actor>& all)
    : caf::event_based_actor(cfg), on_(on), lives_(lives), all_(all) {}

  caf::behavior make_behavior() override {
    return {[](ready_query) { return ready{}; }};
  }

  void on_exit() override {
    if (lives_ > 1)
      all_.emplace_back(api::spawn_on<pinned<hydra>>(home_system(), on_, on_,
                                                     lives_ - 1, all_));
  }

private:
  executor* on_;
  int lives_;
  std::vector<caf::actor>& all_;
};

bool is_over(const caf::actor& x) {
  return caf::actor_cast<caf::abstract_actor*>(x)->getf(
    caf::abstract_actor::is_terminated_flag);
}

/// A descriptor that is always readable. Counts what the reactor tells it.
class ready_handler : public io_handler {
public:
  ready_handler() : fd_(eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC)) {}
  ready_handler(const ready_handler&) = delete;
  ready_handler& operator=(const ready_handler&) = delete;
  ~ready_handler() override { ::close(fd_); }

  int fd() const { return fd_; }

  void on_ready(uint32_t events) noexcept override {
    ++events_;
    last_ = events;
    if (then_)
      then_();
  }

  void flush() noexcept override { ++flushes_; }

  void then(std::function<void()> what) { then_ = std::move(what); }

  int events() const { return events_; }
  int flushes() const { return flushes_; }
  uint32_t last() const { return last_; }

private:
  int fd_;
  std::atomic<int> events_ = 0;
  std::atomic<int> flushes_ = 0;
  std::atomic<uint32_t> last_ = 0;
  std::function<void()> then_;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(reactor_residents_tests, reactor_fixture)

// -- descriptors --------------------------------------------------------------

CAF_TEST(a handler hears of readiness until it is no longer watched) {
  start();
  auto who = spawn_pinned();
  ready_handler x;
  run_on(who, [&](auto) { host->watch(x.fd(), EPOLLIN, &x); });
  CAF_CHECK(eventually([&] { return x.events() > 10; }));
  CAF_CHECK_EQUAL(x.last(), static_cast<uint32_t>(EPOLLIN));
  run_on(who, [&](auto) { host->rewatch(x.fd(), EPOLLOUT, &x); });
  CAF_CHECK(
    eventually([&] { return x.last() == static_cast<uint32_t>(EPOLLOUT); }));
  run_on(who, [&](auto) { host->unwatch(x.fd(), &x); });
  auto before = x.events();
  for (int i = 0; i < 10; ++i)
    CAF_CHECK(answers(who));
  CAF_CHECK_EQUAL(x.events(), before);
}

CAF_TEST(a handler hears nothing of readiness that was fetched before it left) {
  start();
  auto who = spawn_pinned();
  for (int round = 0; round < 20; ++round) {
    ready_handler x;
    ready_handler y;
    ready_handler z;
    auto leave = [&] {
      for (auto each : {&x, &y, &z})
        host->unwatch(each->fd(), each);
    };
    for (auto each : {&x, &y, &z})
      each->then(leave);
    // All three are ready in the same turn; the first one ends them all.
    run_on(who, [&](auto) {
      for (auto each : {&x, &y, &z})
        host->watch(each->fd(), EPOLLIN, each);
    });
    auto events = [&] { return x.events() + y.events() + z.events(); };
    CAF_CHECK(eventually([&] { return events() > 0; }));
    CAF_CHECK(answers(who));
    CAF_CHECK(answers(who));
    CAF_CHECK_EQUAL(events(), 1);
  }
}

CAF_TEST(a dirty handler is flushed once a turn) {
  start();
  auto who = spawn_pinned();
  ready_handler x;
  for (int turn = 1; turn <= 3; ++turn) {
    run_on(who, [&](auto) {
      for (int i = 0; i < 5; ++i)
        host->mark_dirty(&x);
    });
    CAF_CHECK(eventually([&] { return x.flushes() >= turn; }));
    CAF_CHECK(answers(who));
    CAF_CHECK_EQUAL(x.flushes(), turn);
  }
}

CAF_TEST(a dirty handler that leaves is not flushed) {
  start();
  auto who = spawn_pinned();
  ready_handler leaves;
  ready_handler stays;
  run_on(who, [&](auto) {
    host->watch(leaves.fd(), 0, &leaves);
    host->mark_dirty(&leaves);
    host->mark_dirty(&stays);
    host->unwatch(leaves.fd(), &leaves);
  });
  CAF_CHECK(eventually([&] { return stays.flushes() == 1; }));
  CAF_CHECK(answers(who));
  CAF_CHECK_EQUAL(leaves.flushes(), 0);
}

CAF_TEST(a descriptor that cannot be watched is an error) {
  start();
  auto who = spawn_pinned();
  ready_handler x;
  std::atomic<int> errors = 0;
  run_on(who, [&](auto) {
    try {
      host->watch(-1, EPOLLIN, &x);
    } catch (const std::system_error&) {
      ++errors;
    }
    try {
      host->rewatch(x.fd(), EPOLLIN, &x);
    } catch (const std::system_error&) {
      ++errors;
    }
  });
  CAF_CHECK_EQUAL(errors.load(), 2);
}

// -- the end ------------------------------------------------------------------

CAF_TEST(an eviction ends everybody) {
  start();
  std::atomic<int> ended = 0;
  auto count = [&] { ++ended; };
  std::vector<caf::actor> idle;
  for (int i = 0; i < 100; ++i)
    idle.push_back(spawn_pinned(count));
  auto trapping = spawn_pinned<stubborn>(count);
  caf::anon_send_exit(trapping, caf::exit_reason::user_shutdown);
  CAF_CHECK(answers(trapping));
  // Never gets to the end of its queue.
  auto busy = spawn_pinned(count);
  std::function<void(caf::event_based_actor*)> go_on = [&](auto me) {
    me->send(me, task{go_on});
  };
  CAF_CHECK(run_on(busy, go_on));
  CAF_CHECK_EQUAL(host->residents(), 102u);
  host->evict();
  CAF_CHECK_EQUAL(host->residents(), 0u);
  CAF_CHECK(eventually([&] { return ended == 102; }));
}

CAF_TEST(an eviction ends those that are born of it) {
  start();
  std::vector<caf::actor> all;
  auto first = spawn_pinned<hydra>(host.get(), 7, std::ref(all));
  CAF_CHECK_EQUAL(host->residents(), 1u);
  host->evict();
  CAF_CHECK_EQUAL(host->residents(), 0u);
  CAF_CHECK_EQUAL(all.size(), 6u);
  for (auto& each : all)
    CAF_CHECK(eventually([&] { return is_over(each); }));
}

CAF_TEST(an eviction of nobody is over at once) {
  start();
  host->evict();
  auto who = spawn_pinned();
  host->evict();
  host->evict();
  CAF_CHECK_EQUAL(host->residents(), 0u);
}

CAF_TEST(handles outlive the reactor and say that nothing was sent) {
  start();
  auto who = spawn_pinned();
  CAF_CHECK(answers(who));
  stop();
  auto code = errc::none;
  self->request(who, limit, ready_query{})
    .receive([](ready) {},
             [&](caf::error& e) {
               CAF_CHECK(is_not_sent(e));
               code = failure_of(e)->code;
             });
  CAF_CHECK(code == errc::actor_died);
}

CAF_TEST(two hundred reactors leave no thread and no descriptor behind) {
  start();
  CAF_CHECK(answers(spawn_pinned()));
  stop();
  auto threads = living_threads();
  auto descriptors = open_descriptors();
  for (int i = 0; i < 200; ++i) {
    start({.run_callers = i % 2 == 0,
           .spin = std::chrono::microseconds{i % 3 == 0 ? 50 : 0}});
    auto who = spawn_pinned();
    if (i % 4 != 0)
      CAF_REQUIRE(answers(who));
    stop();
  }
  CAF_CHECK(eventually([&] { return living_threads() <= threads; }));
  CAF_CHECK_EQUAL(open_descriptors(), descriptors);
}

// -- mailboxes under fire -----------------------------------------------------

CAF_TEST(every request is answered once while a mailbox overflows) {
  constexpr int senders = 3;
  constexpr int rounds = 400;
  constexpr int burst = 20;
  start({.mailbox_limit = 4});
  auto who = spawn_pinned();
  std::atomic<int> taken = 0;
  std::atomic<int> bounced = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < senders; ++i)
    threads.emplace_back([&] {
      caf::scoped_actor me{sys};
      for (int round = 0; round < rounds; ++round) {
        auto ask = [&] {
          return me->request(who, caf::infinite, ready_query{});
        };
        std::deque<decltype(ask())> asked;
        for (int j = 0; j < burst; ++j)
          asked.push_back(ask());
        for (auto& each : asked)
          each.receive([&](ready) { ++taken; },
                       [&](caf::error& e) {
                         if (failure_of(e)->code == errc::overloaded)
                           ++bounced;
                       });
      }
    });
  for (auto& each : threads)
    each.join();
  CAF_CHECK_EQUAL(taken + bounced, senders * rounds * burst);
  CAF_CHECK(taken > 0);
  CAF_CHECK(bounced > 0);
  // However they raced, the mailbox is empty now and soon knows it.
  CAF_CHECK(eventually([&] { return answers(who); }, 1s));
}

CAF_TEST_FIXTURE_SCOPE_END()
