#define CAF_SUITE faults_process

// What happens to the process that redoubt lives in: callers that die or flood,
// threads that hang, descriptors and memory that run out.

#include <redoubt/tests/redis/faulty.hpp>

#include <redoubt/actors/log.hpp>
#include <redoubt/tests/support/allocations.hpp>
#include <redoubt/tests/support/memory.hpp>
#include <redoubt/tests/support/scripted_peer.hpp>

#include <spdlog/sinks/base_sink.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

using namespace redoubt;
using namespace redoubt::test;
using namespace std::chrono_literals;

using lab::direction;
using lab::verb;

namespace {

/// Asks once, and is told by nobody.
caf::behavior asker(caf::event_based_actor* self, request_actor to, command x,
                    request_options o) {
  self->request(to, caf::infinite, std::move(x), std::move(o))
    .then([](const reply&) {}, [](const caf::error&) {});
  return {[](int) {}};
}

/// What became of a flood of counters.
struct flood {
  std::atomic<size_t> succeeded = 0;
  std::atomic<size_t> overloaded = 0;
  std::atomic<size_t> others = 0;
  std::atomic<bool> sent = false;
  /// Times of those that came later, each alone and the whole way there and back.
  std::vector<std::chrono::nanoseconds> later;
  std::atomic<bool> measured = false;
};

constexpr size_t later_requests = 200;

/// Asks at once for more than there is room for, and once it was told so, one by
/// one.
class flooder : public completion_sink::base {
public:
  flooder(caf::actor_config& cfg, request_actor to, size_t n, size_t room,
          std::shared_ptr<flood> out)
    : completion_sink::base(cfg),
      to_(std::move(to)),
      n_(n),
      room_(room),
      out_(std::move(out)) {}

  behavior_type make_behavior() override {
    for (size_t i = 0; i < n_; i += 1000)
      ask(1000);
    out_->sent = true;
    return {[this](const completions& x) {
      for (auto& each : x.items)
        take(each.result);
    }};
  }

private:
  void ask(size_t n) {
    submit x{completion_sink{this}, {}};
    x.commands.resize(n);
    for (auto& each : x.commands)
      each.cmd = command{"INCR", "n"};
    since_ = stopwatch_clock::now();
    send(to_, std::move(x));
  }

  void take(const outcome& x) {
    auto why = std::get_if<failure>(&x);
    auto turned_away = why != nullptr && why->code == errc::overloaded
                       && why->outcome == fate::not_sent;
    if (why == nullptr)
      ++out_->succeeded;
    else if (!turned_away)
      ++out_->others;
    else if (out_->overloaded < n_ - room_)
      ++out_->overloaded;
    else
      out_->later.push_back(stopwatch_clock::now() - since_);
    if (!turned_away || out_->overloaded < n_ - room_)
      return;
    if (out_->later.size() < later_requests)
      ask(1);
    else
      out_->measured = true;
  }

  request_actor to_;
  size_t n_;
  size_t room_;
  std::shared_ptr<flood> out_;
  stopwatch_clock::time_point since_;
};

/// From now on no descriptor is to be had; those that are open stay.
class no_descriptors {
public:
  no_descriptors() {
    ::getrlimit(RLIMIT_NOFILE, &old_);
    auto none = old_;
    none.rlim_cur = 3;
    CAF_REQUIRE_EQUAL(::setrlimit(RLIMIT_NOFILE, &none), 0);
  }

  ~no_descriptors() { ::setrlimit(RLIMIT_NOFILE, &old_); }

private:
  rlimit old_{};
};

/// Counts the lines of the supervisor instead of writing them.
class line_counter : public spdlog::sinks::base_sink<std::mutex> {
public:
  uint64_t lines() const { return lines_; }

protected:
  void sink_it_(const spdlog::details::log_msg&) override { ++lines_; }
  void flush_() override {}

private:
  std::atomic<uint64_t> lines_ = 0;
};

class log_watch {
public:
  log_watch() {
    logger_ = logger_for("supervisor");
    old_ = logger_->sinks();
    logger_->sinks() = {counter_};
  }

  ~log_watch() { logger_->sinks() = old_; }

  uint64_t lines() const { return counter_->lines(); }

private:
  std::shared_ptr<line_counter> counter_ = std::make_shared<line_counter>();
  std::shared_ptr<spdlog::logger> logger_;
  std::vector<spdlog::sink_ptr> old_;
};

struct fixture : faulty_service {
  /// How often the server ran a command.
  int calls_of(const std::string& name) {
    auto text = server.command({"INFO", "commandstats"});
    auto field = "cmdstat_" + name + ":calls=";
    auto at = text.find(field);
    return at == text.npos ? 0 : std::stoi(text.substr(at + field.size()));
  }
};

} // namespace

// -- callers ----------------------------------------------------------------------

CAF_TEST_FIXTURE_SCOPE(faults_process_tests, fixture)

CAF_TEST(the retries of a caller that dies stop and its reply goes to nobody) {
  options.pool.dead_link_factor = 1000;
  options.budget.enabled = false;
  options.client.retry = retry_policy{fixed(10ms), stop_never()};
  start();
  gate.hold(direction::replies);
  auto o = patient(60s);
  o.attempt_timeout = 50ms;
  o.use_breaker = false;
  auto it = rt->system().spawn(asker, client, command{"GET", "mine"}, o);
  CAF_REQUIRE(eventually([&] { return calls_of("get") >= 3; }));
  caf::anon_send_exit(it, caf::exit_reason::kill);
  me->self()->wait_for(it);
  auto calls = calls_of("get");
  // Eight times as long as it took from one to the next.
  last_for(500ms);
  CAF_CHECK(calls_of("get") <= calls + 1);
  CAF_CHECK(comes([](auto& x) { return x.requests.backing_off == 0; }));
  CAF_CHECK(gate.hits(verb::hold) >= 1);
  gate.pass();
  CAF_CHECK_EQUAL(ask(command{"INCR", "n"}).value.number(), 1);
  // All replies came, and one of them was for somebody.
  CAF_CHECK(comes([](auto& x) {
    return x.requests.succeeded == 1
           && x.requests.late_replies + 1 == x.requests.attempts;
  }));
  CAF_CHECK_EQUAL(status().connections_lost, 0u);
}

CAF_TEST(a request that is taken back under way is answered at once) {
  options.pool.dead_link_factor = 1000;
  start();
  gate.hold(direction::replies);
  auto o = patient();
  o.attempt_timeout = 10s;
  o.tag = 7;
  auto pending = send(command{"INCR", "n"}, o);
  CAF_REQUIRE(has("n", "1"));
  auto since = stopwatch_clock::now();
  me->self()->send(client, cancel{{7}});
  failed_as(outcome_of(std::move(pending)), errc::cancelled, fate::unknown);
  CAF_CHECK(stopwatch_clock::now() - since < 1s);
  CAF_CHECK(gate.hits(verb::hold) >= 1);
  gate.pass();
  // Its reply is not the next one's.
  CAF_CHECK_EQUAL(ask(command{"ECHO", "x"}).value.text(), "x");
  CAF_CHECK(comes([](auto& x) { return x.requests.late_replies == 1; }));
}

CAF_TEST(a flood while the server is down waits up to the queue and not beyond) {
  gate.refuse();
  options.client.on_open = on_open_policy::wait;
  options.client.timeouts.request = 60s;
  launch();
  auto before = resident_bytes();
  for (size_t n : {10000, 100000}) {
    CAF_MESSAGE(n << " requests");
    auto room = std::min<size_t>(n, options.limits.queue);
    auto out = std::make_shared<flood>();
    auto it = rt->system().spawn<flooder>(client, n, room, out);
    if (room < n) {
      CAF_REQUIRE(eventually([&] { return out->measured.load(); }, 20s));
      std::sort(out->later.begin(), out->later.end());
      CAF_CHECK(out->later[later_requests * 95 / 100] < 10ms);
    } else {
      // Who comes behind them is heard when all of them were.
      CAF_REQUIRE(eventually([&] { return out->sent.load(); }, 20s));
      failed_as(ask(command{"PING"}, once(50ms)), errc::deadline_exceeded,
                fate::not_sent);
    }
    CAF_CHECK_EQUAL(out->overloaded.load(), n - room);
    CAF_CHECK_EQUAL(out->succeeded.load(), 0u);
    auto grown = resident_bytes();
    grown -= std::min(grown, before);
    CAF_MESSAGE(grown / 1024 << " KiB more");
    CAF_CHECK_LESS(grown, 256u << 20);
    gate.pass();
    CAF_CHECK(eventually([&] { return out->succeeded == room; }, 20s));
    CAF_CHECK_EQUAL(out->others.load(), 0u);
    CAF_CHECK_EQUAL(server.command({"GET", "n"}), std::to_string(room));
    caf::anon_send_exit(it, caf::exit_reason::kill);
    server.command({"DEL", "n"});
    CAF_CHECK(gate.hits(verb::refuse) >= 1);
    gate.refuse();
    gate.reset_all();
    CAF_REQUIRE(comes([](auto& x) { return x.connections_lost > 0; }));
  }
}

// -- sizes ------------------------------------------------------------------------

CAF_TEST(the largest value makes the round trip and one byte more is refused) {
  constexpr size_t largest = 32u << 20;
  options.limits.argument_bytes = largest;
  options.limits.reply_bytes = largest;
  options.client.timeouts.attempt = 20s;
  options.client.timeouts.request = 20s;
  start();
  std::string value(largest, '\0');
  for (size_t i = 0; i < value.size(); ++i)
    value[i] = static_cast<char>(i * 31 + (i >> 8));
  CAF_REQUIRE(ask(command{"SET", "k", value}).ok());
  CAF_CHECK(ask(command{"GET", "k"}).value.text() == value);
  failed_as(ask(command{"SET", "k", value + "x"}), errc::too_large,
            fate::not_sent);
  CAF_CHECK_EQUAL(status().connections_lost, 0u);
  CAF_CHECK_EQUAL(server.command({"APPEND", "k", "x"}),
                  std::to_string(largest + 1));
  failed_as(ask(command{"GET", "k"}), errc::reply_too_deep, fate::answered);
}

// -- memory and descriptors -----------------------------------------------------------

CAF_TEST(a reply that there is no memory for costs its link and nothing else) {
  constexpr size_t much = 2u << 20;
  server.command({"SETRANGE", "text", std::to_string(much), "x"});
  server.command(
    {"EVAL", "for i = 1, 50000 do redis.call('RPUSH', 'list', i) end", "0"});
  options.pool.max_restarts = 100;
  start();
  CAF_REQUIRE(ask(command{"GET", "text"}).ok());
  uint64_t lost = 0;
  for (auto& each :
       {command{"GET", "text"}, command{"LRANGE", "list", 0, -1}}) {
    result x;
    uint64_t hits = 0;
    {
      no_memory_for there{much};
      x = ask(each, once());
      hits = there.hits();
    }
    CAF_CHECK_EQUAL(hits, 1u);
    failed_as(x, errc::disconnected, fate::unknown);
    CAF_CHECK_EQUAL(x.why->last_message, "out of memory");
    ++lost;
    CAF_CHECK(comes([&](auto& y) { return y.connections_lost == lost; }));
    CAF_CHECK(status().last_error == errc::resource_error);
    CAF_CHECK(ask(command{"INCR", "n"}, patient()).ok());
  }
  CAF_CHECK_EQUAL(ask(command{"GET", "text"}).value.text().size(), much + 1);
  CAF_CHECK_EQUAL(ask(command{"LRANGE", "list", 0, -1}).value.elements().size(),
                  50000u);
}

CAF_TEST(a request actor without memory answers its callers and is replaced) {
  start();
  pipeline many;
  for (int i = 0; i < 50000; ++i)
    many.commands.push_back(command{"GET", "k"});
  {
    no_memory_for there{1u << 20};
    auto [outcomes, why] = me->ask_many(client, std::move(many), once());
    CAF_CHECK(there.hits() > 0);
    CAF_REQUIRE(why.has_value());
    CAF_CHECK_EQUAL(to_string(why->code), to_string(errc::actor_died));
  }
  CAF_CHECK(eventually([&] { return rt->current(client) != client; }));
  CAF_CHECK(me->ask(rt->current(client), command{"INCR", "n"}, patient()).ok());
}

// A sanitizer wants descriptors for its own checks.
#ifndef __SANITIZE_ADDRESS__

CAF_TEST(a service without descriptors dials on until there are some) {
  options = options_for(server);
  options.pool.connections = 1;
  options.limits.log_lines = 2;
  start();
  server.command({"PING"});
  log_watch log;
  auto since = stopwatch_clock::now();
  auto before = status();
  {
    no_descriptors any_more;
    server.command({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
    CAF_REQUIRE(comes([](auto& x) { return x.connections_lost == 1; }));
    failed_as(ask(command{"INCR", "n"}, once(200ms)), errc::deadline_exceeded,
              fate::not_sent);
    CAF_CHECK(comes([&](auto& x) {
      return x.last_error == errc::resource_error
             && x.dials_failed >= before.dials_failed + 12;
    }));
    CAF_CHECK_EQUAL(status().last_error_text, "Too many open files");
  }
  auto x = status();
  auto seconds = std::chrono::ceil<std::chrono::seconds>(stopwatch_clock::now()
                                                         - since);
  CAF_CHECK(x.dials - before.dials
            <= 25 * static_cast<uint64_t>(seconds.count()));
  // A loss, the breaker, and failed dials by their own rate.
  CAF_CHECK(log.lines() <= 2 * 2 * static_cast<uint64_t>(seconds.count()) + 4);
  CAF_CHECK_EQUAL(ask(command{"INCR", "n"}, patient()).value.number(), 1);
}

#endif

CAF_TEST_FIXTURE_SCOPE_END()

// -- threads ----------------------------------------------------------------------

CAF_TEST(a service that blocks all threads of the scheduler stops nothing) {
  lab::private_redis server;
  caf::actor_system_config config;
  config.set("scheduler.max-threads", size_t{1});
  caf::actor_system system{config};
  cue blocked;
  cue let_go;
  auto block = [](caf::event_based_actor*, cue* begin, cue* end) {
    begin->give();
    end->wait(60s);
  };
  system.spawn(block, &blocked, &let_go);
  CAF_REQUIRE(blocked.wait(5s));
  {
    runtime rt{system, options_for(server)};
    auto client = rt.client();
    CAF_CHECK(!rt.wait_ready(5s));
    caller me{rt};
    CAF_CHECK(me.ask(client, command{"INCR", "n"}).ok());
    server.kill();
    CAF_CHECK(eventually(
      [&] { return me.status(rt).breaker.state == breaker_state::open; }));
    auto fast = me.ask(client, command{"INCR", "n"});
    failed_as(fast, errc::circuit_open, fate::not_sent);
    auto health = me.query<health_report>(rt.supervisor(), health_query{1s});
    CAF_CHECK_EQUAL(health.status, "unhealthy");
    server.start();
    CAF_CHECK(me.ask(client, command{"INCR", "n"}, patient()).ok());
    CAF_CHECK(eventually(
      [&] { return me.status(rt).breaker.state == breaker_state::closed; }));
  }
  // And the runtime has ended.
  let_go.give();
}
