#define CAF_SUITE reactor

#include "reactor_fixture.hpp"

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <thread>

using namespace reactor_test;

namespace {

/// Never answers.
class silent_worker : public caf::event_based_actor {
public:
  using caf::event_based_actor::event_based_actor;

  caf::behavior make_behavior() override {
    return {[this](ready_query) {
      promise_ = make_response_promise();
      return promise_;
    }};
  }

  /// A promise holds its actor: left open it would keep it forever.
  void on_exit() override { promise_ = {}; }

private:
  caf::response_promise promise_;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(reactor_tests, reactor_fixture)

// -- where actors run ---------------------------------------------------------

CAF_TEST(requests and messages of any thread run on the thread of the reactor) {
  start();
  CAF_CHECK(!host->on_thread());
  auto pinned_one = spawn_pinned();
  auto free_one = spawn_free();
  auto note = [&](std::string what) {
    return task{[this, what](auto) { seen->see(what); }};
  };
  run_on(pinned_one, note("request").run);
  caf::anon_send(pinned_one, note("anonymous"));
  self->send(pinned_one, note("message"));
  std::thread other{[&] { caf::anon_send(pinned_one, note("other thread")); }};
  other.join();
  run_on(free_one, [&](auto me) {
    seen->see("free");
    me->send(pinned_one, note("scheduled"));
  });
  for (auto what :
       {"request", "anonymous", "message", "other thread", "scheduled"})
    CAF_CHECK(seen->on_thread(what));
  CAF_CHECK(seen->elsewhere("free"));
}

CAF_TEST(responses and their timeouts run on the thread of the reactor) {
  start();
  auto who = spawn_pinned();
  auto answering = spawn_free();
  auto silent = spawn_free<silent_worker>();
  auto dead = spawn_free();
  kill(dead);
  run_on(who, [&](auto me) {
    me->request(answering, limit, ready_query{}).then([this](ready) {
      seen->see("response");
    });
    auto failed = [this](const char* what) {
      return [this, what](caf::error&) { seen->see(what); };
    };
    me->request(silent, 10ms, ready_query{})
      .then([](ready) {}, failed("timeout"));
    me->request(dead, limit, ready_query{})
      .then([](ready) {}, failed("bounce"));
  });
  for (auto what : {"response", "timeout", "bounce"})
    CAF_CHECK(seen->on_thread(what));
}

CAF_TEST(delayed messages run on the thread of the reactor) {
  start();
  auto who = spawn_pinned();
  run_on(who, [&](auto me) {
    me->delayed_send(me, 10ms, task{[this](auto) { seen->see("delayed"); }});
    me->scheduled_send(me, api::now(me) + 10ms,
                       task{[this](auto) { seen->see("scheduled"); }});
  });
  CAF_CHECK(seen->on_thread("delayed"));
  CAF_CHECK(seen->on_thread("scheduled"));
}

CAF_TEST(the deaths of others are heard of on the thread of the reactor) {
  start();
  auto who = spawn_pinned();
  auto watched = spawn_free();
  auto linked = spawn_free();
  run_on(who, [&](auto me) {
    me->set_down_handler([this](caf::down_msg&) { seen->see("down"); });
    me->set_exit_handler([this](caf::exit_msg&) { seen->see("exit"); });
    me->monitor(watched);
    me->link_to(linked);
  });
  kill(watched);
  caf::anon_send_exit(linked, caf::exit_reason::user_shutdown);
  CAF_CHECK(seen->on_thread("down"));
  CAF_CHECK(seen->on_thread("exit"));
}

CAF_TEST(actors are born and end on the thread of the reactor) {
  start();
  auto ending = [this](std::string how) {
    return [this, how] { seen->see(how); };
  };
  auto quits = spawn_pinned(ending("quit"));
  auto killed = spawn_pinned(ending("killed"));
  auto throws = spawn_pinned(ending("after exception"));
  caf::anon_send(quits, task{[](auto me) { me->quit(); }});
  kill(killed);
  caf::anon_send(throws, task{[this](auto me) {
                   me->set_exception_handler(
                     [this](std::exception_ptr&) -> caf::error {
                       seen->see("exception");
                       return caf::sec::runtime_error;
                     });
                   throw std::runtime_error("as planned");
                 }});
  for (auto what : {"quit", "killed", "exception", "after exception"})
    CAF_CHECK(seen->on_thread(what));
  CAF_CHECK(eventually([&] { return host->residents() == 0; }));
}

CAF_TEST(actors that a reactor wakes stay with the scheduler) {
  start();
  auto who = spawn_pinned();
  auto caller = spawn_free();
  for (int i = 0; i < 200; ++i)
    wake_from(who, caller);
  CAF_CHECK(seen->elsewhere("woken"));
}

CAF_TEST(actors that a reactor wakes run on it if they shall) {
  start({.run_callers = true});
  auto who = spawn_pinned();
  auto caller = spawn_free();
  // Unless the scheduler has not yet put it to sleep.
  CAF_CHECK(eventually([&] {
    wake_from(who, caller);
    return seen->here("woken") > 0;
  }));
  // What others wake stays where it was.
  run_on(caller, [&](auto) { seen->see("called"); });
  CAF_CHECK(seen->elsewhere("called"));
}

CAF_TEST(callers that run on a reactor go on elsewhere when it ends) {
  start({.run_callers = true});
  auto who = spawn_pinned();
  auto caller = spawn_free();
  std::atomic<uint64_t> rounds = 0;
  std::atomic<bool> enough = false;
  std::atomic<bool> started = false;
  // Wakes itself up again and again, once it got here.
  std::function<void(caf::event_based_actor*)> go_on = [&](auto me) {
    ++rounds;
    if (!enough)
      me->send(me, task{go_on});
  };
  auto begin = task{[&](auto me) {
    // The reactor is there until it has started.
    if (started || !host->on_thread())
      return;
    started = true;
    go_on(me);
  }};
  CAF_REQUIRE(eventually([&] {
    run_on(who, [&](auto me) { me->send(caller, begin); });
    return started.load();
  }));
  CAF_CHECK(eventually([&] { return rounds > 100; }));
  stop();
  auto before = rounds.load();
  CAF_CHECK(eventually([&] { return rounds > before + 100; }));
  enough = true;
  CAF_CHECK(answers(caller));
  kill(caller);
  self->wait_for(caller);
}

CAF_TEST(an actor that keeps itself busy does not keep others from their turn) {
  start();
  auto busy = spawn_pinned();
  auto other = spawn_pinned();
  std::function<void(caf::event_based_actor*)> go_on = [&](auto me) {
    me->send(me, task{go_on});
  };
  CAF_CHECK(run_on(busy, go_on));
  CAF_CHECK(answers(other));
  CAF_CHECK(answers(busy));
  stop();
}

CAF_TEST(a reactor that spins answers while it spins and while it sleeps) {
  start({.spin = 2ms});
  auto who = spawn_pinned();
  for (int i = 0; i < 200; ++i)
    CAF_REQUIRE(answers(who));
  // Long after it fell asleep, by a timer and by another thread.
  for (int i = 0; i < 5; ++i) {
    std::atomic<bool> woken = false;
    CAF_CHECK(run_on(who, [&](auto me) {
      me->delayed_send(me, 20ms, task{[&](auto) { woken = true; }});
    }));
    CAF_CHECK(eventually([&] { return woken.load(); }));
    CAF_CHECK(answers(who));
  }
}

CAF_TEST(messages of one sender arrive in their order) {
  start();
  auto who = spawn_pinned();
  std::vector<int> heard;
  for (int i = 0; i < 10000; ++i)
    self->send(who, task{[&heard, i](auto) { heard.push_back(i); }});
  CAF_REQUIRE(answers(who));
  CAF_CHECK_EQUAL(heard.size(), 10000u);
  CAF_CHECK(std::is_sorted(heard.begin(), heard.end()));
}

CAF_TEST_FIXTURE_SCOPE_END()
