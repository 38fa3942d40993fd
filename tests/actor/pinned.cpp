#define CAF_SUITE pinned

#include "client_fixture.hpp"

#include <redoubt/actors/pinned.hpp>

#include <stdexcept>

using namespace redoubt_test;

namespace {

/// Runs what lives on it when the test says so, and nothing by itself.
class manual_executor : public api::runs_later<manual_executor, executor> {
public:
  manual_executor(caf::actor_system& sys, uint32_t limit)
    : runs_later(&sys), limit_(limit) {}

  void run_later(api::runnable* who) {
    if (api::is_hosted(*who))
      queued.push_back(who);
    else
      api::schedule(system(), who);
  }

  uint32_t mailbox_limit() const noexcept override { return limit_; }

  void add_resident(caf::actor_addr who) override {
    residents.push_back(std::move(who));
  }

  void remove_resident(const caf::actor_addr& who) override {
    std::erase(residents, who);
    ++removals;
  }

  /// One mailbox turn of whoever waits first. False if nobody does.
  bool run_one() {
    if (queued.empty())
      return false;
    auto who = queued.front();
    queued.pop_front();
    if (api::run(who, this, 64))
      queued.push_back(who);
    return true;
  }

  void run_all() {
    while (run_one())
      continue;
  }

  std::deque<api::runnable*> queued;
  std::vector<caf::actor_addr> residents;
  int removals = 0;

private:
  uint32_t limit_;
};

/// Answers, and counts what is no request.
class answerer : public caf::event_based_actor {
public:
  answerer(caf::actor_config& cfg, std::shared_ptr<int> ticks)
    : caf::event_based_actor(cfg), ticks_(std::move(ticks)) {}

  caf::behavior make_behavior() override {
    return {
      [](ready_query) { return ready{}; },
      [this](tick) { ++*ticks_; },
      // Makes work for itself, to be done in the same turn.
      [this](drained x) {
        for (uint64_t i = 0; i < x.abandoned; ++i)
          send(this, tick{});
      },
    };
  }

private:
  std::shared_ptr<int> ticks_;
};

/// Counts its turns, and fails in the one that it is told to.
class turn_counter : public caf::event_based_actor {
public:
  turn_counter(caf::actor_config& cfg, std::shared_ptr<int> turns, int last)
    : caf::event_based_actor(cfg), turns_(std::move(turns)), last_(last) {}

  caf::behavior make_behavior() override {
    return {[](tick) {}};
  }

  void coalesce() noexcept {}

  void end_of_turn() {
    if (++*turns_ == last_)
      throw std::runtime_error("out of memory");
  }

private:
  std::shared_ptr<int> turns_;
  int last_;
};

class fixture : public client_fixture {
public:
  ~fixture() override {
    // Who lives on an executor goes before it.
    for (auto each : {&host, &narrow, &wide}) {
      for (auto& who : each->residents)
        caf::anon_send_exit(who, caf::exit_reason::kill);
      each->run_all();
    }
    subject = nullptr;
  }

  void run() {
    do
      host.run_all();
    while (consume_messages() > 0 || !host.queued.empty());
  }

  /// A pinned request actor with a connection that has heard of no command.
  void start_pinned() {
    boss = sys.spawn<fake_supervisor>(told);
    config.supervisor = boss;
    subject = api::spawn_on<pinned<client>>(sys, &host, config);
    links.push_back(sys.spawn<fake_link>(told));
    link_up x;
    x.link = ++last_link;
    x.connection = links.back();
    x.credit = 1024;
    x.credit_bytes = 1u << 20;
    caf::anon_send(subject, x);
    run();
  }

  template <class Class, class... Ts>
  caf::actor spawn_pinned(Ts&&... xs) {
    return caf::actor{
      api::spawn_on<pinned<Class>>(sys, &host, std::forward<Ts>(xs)...)};
  }

  /// On an executor whose mailboxes are small.
  caf::actor spawn_answerer(manual_executor& on) {
    auto result = caf::actor{api::spawn_on<pinned<answerer>>(sys, &on, count)};
    on.run_all();
    return result;
  }

  void send_ticks(const caf::actor& to, int n) {
    for (int i = 0; i < n; ++i)
      caf::anon_send(to, tick{});
  }

  auto request_ready(const caf::actor& to) {
    return self->request(to, caf::infinite, ready_query{});
  }

  /// What a request ended with; `none` if it was answered.
  template <class Handle>
  errc code_of(Handle&& handle) {
    auto result = errc::none;
    CAF_REQUIRE(!self->mailbox().empty());
    handle.receive([](ready) {},
                   [&](caf::error& e) { result = failure_of(e)->code; });
    return result;
  }

  static constexpr int limit = 4;

  manual_executor host{sys, 65536};
  manual_executor narrow{sys, limit};
  manual_executor wide{sys, 200};
  std::shared_ptr<int> count = std::make_shared<int>(0);
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(pinned_tests, fixture)

// -- turns --------------------------------------------------------------------

CAF_TEST(the commands of one turn leave in one message) {
  start_pinned();
  for (int i = 0; i < 10; ++i)
    self->request(subject, caf::infinite, command{"GET", i});
  CAF_REQUIRE_EQUAL(host.queued.size(), 1u);
  CAF_CHECK(told->units.empty());
  host.run_one();
  consume_messages();
  CAF_CHECK_EQUAL(told->messages, 1u);
  CAF_REQUIRE_EQUAL(told->units.size(), 10u);
  for (int i = 0; i < 10; ++i)
    CAF_CHECK_EQUAL(sent(i), wire({"GET", i}));
}

CAF_TEST(the failures of one turn leave in one report) {
  start_pinned();
  for (int i = 0; i < 10; ++i)
    self->request(subject, caf::infinite, command{"GET", i});
  run();
  told->reports.clear();
  for (auto& unit : told->units) {
    link_replies x;
    x.link = last_link;
    x.items.push_back({unit.id, errc::none, reply::error("LOADING")});
    caf::anon_send(subject, std::move(x));
  }
  host.run_one();
  consume_messages();
  CAF_REQUIRE_EQUAL(told->reports.size(), 1u);
  CAF_CHECK_EQUAL(told->reports[0].failures, 10u);
}

CAF_TEST(more than one turn takes more than one message) {
  start_pinned();
  for (int i = 0; i < 100; ++i)
    self->request(subject, caf::infinite, command{"GET", i});
  host.run_one();
  consume_messages();
  CAF_CHECK_EQUAL(told->messages, 1u);
  CAF_CHECK_EQUAL(told->units.size(), 64u);
  CAF_REQUIRE_EQUAL(host.queued.size(), 1u);
  host.run_one();
  consume_messages();
  CAF_CHECK_EQUAL(told->messages, 2u);
  CAF_CHECK_EQUAL(told->units.size(), 100u);
}

CAF_TEST(a turn ends once for all its messages and with none too) {
  auto who = spawn_pinned<turn_counter>(count, 0);
  run();
  CAF_CHECK_EQUAL(*count, 1);
  send_ticks(who, 5);
  run();
  CAF_CHECK_EQUAL(*count, 2);
}

CAF_TEST(an actor that fails at the end of a turn ends) {
  auto who = spawn_pinned<turn_counter>(count, 2);
  run();
  CAF_CHECK_EQUAL(host.residents.size(), 1u);
  caf::anon_send(who, tick{});
  run();
  CAF_CHECK_EQUAL(*count, 2);
  CAF_CHECK(host.residents.empty());
}

// -- whoever sends ------------------------------------------------------------

CAF_TEST(an actor resumes on its executor only) {
  auto who = spawn_pinned<answerer>(count);
  caf::anon_send(who, tick{});
  // Of a scheduled actor, of the clock, of nobody.
  self->delayed_send(who, 5ms, tick{});
  CAF_CHECK_EQUAL(consume_messages(), 0u);
  advance_time(5ms);
  CAF_CHECK_EQUAL(consume_messages(), 0u);
  CAF_CHECK_EQUAL(*count, 0);
  host.run_all();
  CAF_CHECK_EQUAL(*count, 2);
}

// -- the mailbox --------------------------------------------------------------

CAF_TEST(a mailbox takes as many requests as it may and not one more) {
  auto who = spawn_answerer(narrow);
  auto a = request_ready(who);
  auto b = request_ready(who);
  auto c = request_ready(who);
  auto d = request_ready(who);
  CAF_CHECK(self->mailbox().empty());
  // More are told before anybody ran.
  auto e = request_ready(who);
  CAF_REQUIRE(!self->mailbox().empty());
  failure why;
  e.receive([](ready) { CAF_FAIL("answered"); },
            [&](caf::error& x) { why = failure_of(x).value(); });
  CAF_CHECK(why.code == errc::overloaded);
  CAF_CHECK(why.outcome == fate::not_sent);
  CAF_CHECK(self->mailbox().empty());
  narrow.run_all();
  CAF_CHECK(code_of(a) == errc::none);
  CAF_CHECK(code_of(b) == errc::none);
  CAF_CHECK(code_of(c) == errc::none);
  CAF_CHECK(code_of(d) == errc::none);
}

CAF_TEST(a full mailbox has room again after a turn) {
  auto who = spawn_answerer(narrow);
  for (int round = 0; round < 100; ++round) {
    std::deque<decltype(request_ready(who))> taken;
    for (int i = 0; i < limit; ++i)
      taken.push_back(request_ready(who));
    CAF_CHECK(self->mailbox().empty());
    CAF_CHECK(code_of(request_ready(who)) == errc::overloaded);
    narrow.run_all();
    for (auto& each : taken)
      CAF_CHECK(code_of(each) == errc::none);
  }
}

CAF_TEST(a full mailbox takes messages that are no requests) {
  auto who = spawn_answerer(narrow);
  for (int i = 0; i < limit; ++i)
    request_ready(who);
  send_ticks(who, 10);
  narrow.run_all();
  CAF_CHECK_EQUAL(*count, 10);
}

CAF_TEST(messages that are no requests fill a mailbox too) {
  auto who = spawn_answerer(narrow);
  send_ticks(who, limit);
  CAF_CHECK(code_of(request_ready(who)) == errc::overloaded);
  narrow.run_all();
  auto after = request_ready(who);
  narrow.run_all();
  CAF_CHECK(code_of(after) == errc::none);
}

CAF_TEST(requests that bounce leave no trace in the count) {
  auto who = spawn_answerer(narrow);
  send_ticks(who, limit);
  for (int i = 0; i < 1000; ++i)
    CAF_CHECK(code_of(request_ready(who)) == errc::overloaded);
  narrow.run_all();
  for (int i = 0; i < limit; ++i)
    request_ready(who);
  CAF_CHECK(self->mailbox().empty());
  CAF_CHECK(code_of(request_ready(who)) == errc::overloaded);
}

CAF_TEST(a mailbox that is longer than a turn is counted right) {
  auto who = spawn_answerer(wide);
  send_ticks(who, 200);
  CAF_CHECK(code_of(request_ready(who)) == errc::overloaded);
  // One turn makes room for as many as it took.
  wide.run_one();
  CAF_CHECK_EQUAL(*count, 64);
  for (int i = 0; i < 64; ++i)
    request_ready(who);
  CAF_CHECK(self->mailbox().empty());
  CAF_CHECK(code_of(request_ready(who)) == errc::overloaded);
}

CAF_TEST(what came and went within one turn takes no room) {
  auto who = spawn_answerer(narrow);
  caf::anon_send(who, drained{3 * limit});
  narrow.run_all();
  CAF_CHECK_EQUAL(*count, 3 * limit);
  auto after = request_ready(who);
  narrow.run_all();
  CAF_CHECK(code_of(after) == errc::none);
}

CAF_TEST(a dead actor says that it is dead however often it is asked) {
  auto who = spawn_answerer(narrow);
  caf::anon_send_exit(who, caf::exit_reason::kill);
  narrow.run_all();
  for (int i = 0; i < 3 * limit; ++i)
    CAF_CHECK(code_of(request_ready(who)) == errc::actor_died);
}

// -- residents ----------------------------------------------------------------

CAF_TEST(an actor is a resident from its birth to its end) {
  auto who = spawn_pinned<answerer>(count);
  CAF_CHECK_EQUAL(host.residents, std::vector{who.address()});
  run();
  CAF_CHECK_EQUAL(host.residents.size(), 1u);
  CAF_CHECK_EQUAL(host.removals, 0);
  caf::anon_send_exit(who, caf::exit_reason::kill);
  caf::anon_send_exit(who, caf::exit_reason::kill);
  run();
  CAF_CHECK(host.residents.empty());
  CAF_CHECK_EQUAL(host.removals, 1);
  caf::anon_send_exit(who, caf::exit_reason::kill);
  run();
  CAF_CHECK_EQUAL(host.removals, 1);
}

CAF_TEST_FIXTURE_SCOPE_END()
