#define CAF_SUITE supervisor_exceptions

// Exceptions in the handlers of the supervisor: each allocation that a message makes
// it do fails once, and from whatever is half done a successor has to go on.

#include "supervisor_fixture.hpp"

#include <redoubt/tests/support/allocations.hpp>

#include <optional>

using namespace redoubt_test;
using redoubt::test::no_memory_at;

namespace {

class fixture : public supervisor_fixture {
public:
  explicit fixture(uint32_t connections) : wanted(connections) {
    options().pool.connections = wanted;
    // So many deaths would else slow the dials down.
    options().pool.max_restarts = 10000;
    config.roster = [this] { return places; };
    config.replace_client = [this](uint64_t id) -> std::optional<client_place> {
      auto told = std::make_shared<client_record>();
      told->id = id;
      clients.push_back({told, sys.spawn<recording_client>(told)});
      client_place place{clients.back().handle, id, 0};
      for (auto& each : places)
        if (each.id == id)
          each = place;
      return place;
    };
  }

  client_record& join() {
    auto& told = supervisor_fixture::join();
    places.push_back({clients.back().handle, told.id, 0});
    return told;
  }

  void connect() {
    start();
    connect_all();
    join();
    join();
  }

  /// An actor of its own that asks, and counts the answers of whatever kind.
  template <class Answer, class Question>
  void somebody_asks(Question question) {
    ++asked;
    auto asker = [](caf::event_based_actor* who, supervisor_internal to,
                    Question what, std::shared_ptr<int> count) {
      who->request(to, caf::infinite, std::move(what))
        .then([count](const Answer&) { ++*count; },
              [count](const caf::error&) { ++*count; });
    };
    sys.spawn(asker, subject, std::move(question), answers);
    sched.run_once();
  }

  template <class Message>
  void message(Message x) {
    caf::anon_send(subject, std::move(x));
  }

  link_up up(size_t i) {
    dials.at(i)->ready = true;
    return {
      dials[i]->link, dials[i].handle, owner_number, 1024, 1u << 20, 0, {}};
  }

  link_closed closed(size_t i, errc cause) {
    link_closed x;
    x.link = dials.at(i)->link;
    x.cause = cause;
    x.text = "a reason that is too long to be kept without any memory";
    x.was_ready = dials[i]->ready;
    dials[i]->gone = true;
    return x;
  }

  link_replies pongs(size_t i) {
    link_replies x;
    x.link = dials.at(i)->link;
    while (dials[i]->answered < dials[i]->units.size())
      x.items.push_back({dials[i]->units[dials[i]->answered++].id, errc::none,
                         reply::status("PONG")});
    return x;
  }

  /// Lets the supervisor handle one message while its `n`th allocation fails. False
  /// if it makes fewer.
  bool strike(uint64_t n) {
    bool hit;
    {
      no_memory_at there{n};
      sched.run_once();
      hit = there.hit();
    }
    if (hit)
      succeed();
    return hit;
  }

  /// Starts the next one if the supervisor died.
  void succeed() {
    consume_messages();
    while (left) {
      ++deaths;
      auto inherited = std::exchange(left, nullptr);
      config.inherited = inherited;
      start();
      for (auto& each : dials)
        each.observer = subject;
    }
  }

  /// All is as if nothing had been, but for who was told about it.
  void check_healed() {
    endpoint = mood::accepts;
    answers_pings = true;
    pass(1500ms);
    CAF_CHECK_EQUAL(*answers, asked);
    auto x = status();
    CAF_CHECK_EQUAL(ready_count(), wanted);
    CAF_CHECK_EQUAL(x.connections.size(), wanted);
    CAF_CHECK_EQUAL(x.clients, places.size());
    CAF_CHECK(x.breaker.state == breaker_state::closed);
    for (auto& place : places) {
      auto told = std::find_if(clients.begin(), clients.end(), [&](auto& each) {
        return each.handle == place.handle;
      });
      CAF_REQUIRE(told != clients.end() && !told->told->gates.empty());
      auto& last = told->told->gates.back();
      CAF_CHECK_EQUAL(last.generation, x.breaker.generation);
      CAF_CHECK(last.trouble == errc::none);
      for (auto& dial : dials)
        if (dial->ready && !dial->gone)
          CAF_CHECK(std::find(dial->attached.begin(), dial->attached.end(),
                              place.handle.address())
                    != dial->attached.end());
    }
    // One that is lost now is dialled again.
    auto lost = std::find_if(dials.begin(), dials.end(), [](auto& each) {
      return each->ready && !each->gone;
    });
    CAF_REQUIRE(lost != dials.end());
    end(static_cast<size_t>(lost - dials.begin()));
    pass(100ms);
    CAF_CHECK_EQUAL(ready_count(), wanted);
  }

  uint32_t wanted;
  std::vector<client_place> places;
  int asked = 0;
  std::shared_ptr<int> answers = std::make_shared<int>(0);
  int deaths = 0;
};

/// Something that the supervisor is told, the last thing a scene does.
struct scene {
  const char* what;
  std::function<void(fixture&)> play;
  std::function<void(fixture&)> check = [](fixture& x) { x.check_healed(); };
};

void go_down(fixture& x) {
  x.start();
  x.join();
  x.join();
  x.endpoint = mood::refuses;
  x.pass(800ms);
  x.endpoint = mood::silent;
  x.pass(100ms);
  CAF_REQUIRE(x.breaker().state == breaker_state::open);
}

size_t open_dial(const fixture& x) {
  return x.newest_on(0);
}

const std::vector<scene> scenes{
  {"a connection is ready",
   [](fixture& x) {
     go_down(x);
     x.message(x.up(open_dial(x)));
   }},
  {"a connection is ready after credentials were bad",
   [](fixture& x) {
     go_down(x);
     x.end(open_dial(x), errc::auth_failed, "WRONGPASS");
     x.pass(1s);
     x.message(x.up(open_dial(x)));
   }},
  {"more connections are ready than are wanted",
   [](fixture& x) {
     go_down(x);
     x.pass(400ms);
     auto last = open_dial(x);
     CAF_REQUIRE(last > 2u && !x.dials[last - 2]->gone);
     for (auto i = last - x.wanted; i < last; ++i)
       x.come_up(i);
     x.message(x.up(last));
   }},
  {"a connection is lost",
   [](fixture& x) {
     x.connect();
     x.listen();
     x.message(x.closed(0, errc::disconnected));
   }},
  {"a connection is lost by which the supervisor asked something",
   [](fixture& x) {
     x.connect();
     x.somebody_asks<health_report>(health_query{1s});
     x.sched.run_once();
     x.consume_messages();
     x.message(x.closed(0, errc::disconnected));
   }},
  {"a connection is lost to a replica",
   [](fixture& x) {
     x.connect();
     x.message(x.closed(0, errc::read_only_replica));
   }},
  {"a dial fails",
   [](fixture& x) {
     x.start();
     x.join();
     x.join();
     x.message(x.closed(0, errc::connect_failed));
   }},
  {"a dial fails for bad credentials",
   [](fixture& x) {
     x.start();
     x.join();
     x.join();
     x.message(x.closed(0, errc::auth_failed));
   }},
  {"requests fail",
   [](fixture& x) {
     x.connect();
     x.listen();
     auto r = x.report_of(*x.clients[0].told);
     r.failures = 5;
     r.run = 5;
     r.tokens.asked = 5;
     x.message(r);
   }},
  {"a probe is answered",
   [](fixture& x) {
     x.connect();
     x.fail_requests(*x.clients[0].told, 5);
     x.pass(150ms);
     CAF_REQUIRE(!x.dials[0]->units.empty());
     x.message(x.pongs(0));
   }},
  {"a request actor registers",
   [](fixture& x) {
     x.connect();
     auto told = std::make_shared<client_record>();
     told->id = 7;
     x.clients.push_back({told, x.sys.spawn<recording_client>(told)});
     x.consume_messages();
     x.places.push_back({x.clients.back().handle, 7, 0});
     x.message(register_client{x.clients.back().handle, 7, 0});
   }},
  {"a request actor dies",
   [](fixture& x) {
     x.connect();
     x.kill(x.clients[0].handle);
     x.sched.run_once();
   }},
  {"a connection actor dies without a word",
   [](fixture& x) {
     x.connect();
     // Only a successor watches those that it took over.
     x.kill(x.subject);
     x.succeed();
     x.dials[0]->gone = true;
     x.kill(x.dials[0].handle);
     x.sched.run_once();
   }},
  {"a subscriber comes",
   [](fixture& x) {
     x.connect();
     auto heard = std::make_shared<std::vector<event>>();
     auto handle = x.sys.spawn<listener>(heard, true);
     x.consume_messages();
     x.listeners.push_back({heard, caf::actor{handle}});
     x.message(subscribe{x.listeners.back().typed()});
   }},
  {"a dial is due",
   [](fixture& x) {
     x.start();
     x.join();
     x.join();
     x.sched.clock().current_time = x.dials[0]->at + 80ms;
     x.sched.clock().trigger_timeouts();
   }},
  {"the open wait is over",
   [](fixture& x) {
     x.connect();
     x.fail_requests(*x.clients[0].told, 5);
     x.sched.clock().current_time += 120ms;
     x.sched.clock().trigger_timeouts();
   }},
  {"health is asked for",
   [](fixture& x) {
     x.connect();
     x.somebody_asks<health_report>(health_query{1s});
   }},
  {"health is asked for while there is no connection",
   [](fixture& x) {
     go_down(x);
     x.somebody_asks<health_report>(health_query{1s});
   }},
  {"health is told",
   [](fixture& x) {
     x.connect();
     x.somebody_asks<health_report>(health_query{1s});
     x.sched.run_once();
     x.consume_messages();
     CAF_REQUIRE(!x.dials[0]->units.empty());
     x.message(x.pongs(0));
   }},
  {"somebody waits for a connection",
   [](fixture& x) {
     go_down(x);
     x.somebody_asks<ready>(ready_query{1s});
   }},
  {"somebody who waits is told",
   [](fixture& x) {
     go_down(x);
     x.somebody_asks<ready>(ready_query{1s});
     x.sched.run_once();
     x.consume_messages();
     x.message(x.up(open_dial(x)));
   }},
  {"an operator forces the breaker",
   [](fixture& x) {
     x.connect();
     x.listen();
     x.fail_requests(*x.clients[0].told, 5);
     x.somebody_asks<breaker_status>(
       force_breaker{force_breaker::action::reset});
   }},
  {"an operator asks for the status",
   [](fixture& x) {
     x.connect();
     x.somebody_asks<runtime_status>(status_query{});
   }},
  {"options change",
   [](fixture& x) {
     x.connect();
     x.somebody_asks<runtime_status>(reconfigure{});
   }},
  {"it is killed",
   [](fixture& x) {
     x.connect();
     x.somebody_asks<health_report>(health_query{1s});
     x.somebody_asks<health_report>(health_query{1s});
     x.sched.run();
     x.kill(x.subject);
   }},
  {"the runtime ends",
   [](fixture& x) {
     x.connect();
     x.somebody_asks<drained>(drain{100ms});
   },
   [](fixture& x) {
     x.pass(1s);
     CAF_CHECK_EQUAL(*x.answers, x.asked);
     if (!x.status().draining)
       return;
     for (auto& each : x.dials)
       CAF_CHECK(each->gone);
     CAF_CHECK(x.status().connections.empty());
     for (auto& each : x.clients)
       CAF_CHECK(!each.told->drains.empty());
   }},
};

} // namespace

/// Plays a scene as often as its last message makes the supervisor allocate. Each
/// time another one of these allocations fails.
void run(const scene& it, uint32_t connections) {
  CAF_MESSAGE(connections << " connections, while " << it.what);
  auto deaths = 0;
  for (uint64_t n = 0;; ++n) {
    fixture x{connections};
    it.play(x);
    CAF_REQUIRE(x.sched.has_job());
    auto before = x.deaths;
    if (!x.strike(n))
      break;
    CAF_MESSAGE("without allocation " << n);
    deaths += x.deaths - before;
    it.check(x);
  }
  CAF_CHECK(deaths > 0);
}

CAF_TEST(whatever allocation of the supervisor fails it is followed and all heals) {
  for (auto& each : scenes)
    for (uint32_t connections : {1, 2})
      run(each, connections);
}
