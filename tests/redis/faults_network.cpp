#define CAF_SUITE faults_network

// What a network does to a service, through a gate before a real server. Each
// test checks by the gate's counters that its fault took place.

#include <redoubt/tests/redis/faulty.hpp>

#include <redoubt/tests/support/memory.hpp>

#include <algorithm>
#include <ctime>
#include <thread>
#include <vector>

using namespace redoubt;
using namespace redoubt::test;
using namespace std::chrono_literals;

using lab::direction;
using lab::verb;

namespace {

std::chrono::nanoseconds processor_time() {
  timespec x{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &x);
  return std::chrono::seconds{x.tv_sec} + std::chrono::nanoseconds{x.tv_nsec};
}

std::string bulk(const std::string& text) {
  return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
}

#ifdef __SANITIZE_ADDRESS__
constexpr size_t much_memory = 64u << 20; // Quarantine.
#else
constexpr size_t much_memory = 8u << 20;
#endif

} // namespace

CAF_TEST_FIXTURE_SCOPE(faults_network_tests, faulty_service)

// -- no connection --------------------------------------------------------------

CAF_TEST(a port that refuses costs hardly any processor time) {
  gate.refuse();
  launch();
  failed_as(ask(command{"INCR", "n"}, once(200ms)), errc::deadline_exceeded,
            fate::not_sent);
  CAF_CHECK(comes([](auto& x) {
    return x.breaker.state == breaker_state::open
           && x.last_error == errc::connect_failed;
  }));
  auto dials = status().dials;
  auto used = processor_time();
  last_for(1s);
  used = processor_time() - used;
  dials = status().dials - dials;
  CAF_MESSAGE(
    dials << " dials in "
          << std::chrono::duration_cast<std::chrono::microseconds>(used).count()
          << " us");
  CAF_CHECK(used < 150ms);
  CAF_CHECK(dials >= 6);
  CAF_CHECK(dials <= 26);
  CAF_CHECK_EQUAL(gate.hits(verb::refuse), 1u);
}

CAF_TEST(an address without a route fails like a port that refuses) {
  // A broadcast address, a reserved one, one of the documentation, one that lacks
  // its interface: each system has its own errors for them.
  for (auto host : {"255.255.255.255", "240.0.0.1", "2001:db8::1", "fe80::1"}) {
    options.server.host = host;
    options.pool.connect_timeout = 100ms;
    launch();
    auto error = rt->wait_ready(50ms);
    CAF_REQUIRE(error);
    failed_as(ask(command{"INCR", "n"}, once(200ms)), errc::deadline_exceeded,
              fate::not_sent);
    CAF_CHECK(comes([](auto& x) {
      return x.breaker.state == breaker_state::open && x.dials_failed >= 2
             && x.last_error == errc::connect_failed;
    }));
    CAF_MESSAGE(host << ": " << status().last_error_text);
  }
}

CAF_TEST(a port whose packets vanish fails at the connect timeout) {
  gate.stop_accepting();
  options.pool.connect_timeout = 300ms;
  auto since = stopwatch_clock::now();
  launch();
  CAF_REQUIRE(comes([](auto& x) { return x.dials_failed > 0; }));
  auto took = stopwatch_clock::now() - since;
  CAF_CHECK(took >= 300ms);
  CAF_CHECK(took < 2s);
  auto x = status();
  CAF_CHECK(x.last_error == errc::connect_failed);
  CAF_CHECK_EQUAL(x.last_error_text, "timed out");
  failed_as(ask(command{"INCR", "n"}, once(200ms)), errc::deadline_exceeded,
            fate::not_sent);
  CAF_CHECK_EQUAL(gate.hits(verb::stop_accepting), 1u);
}

// -- a connection ends ------------------------------------------------------------

CAF_TEST(a FIN before the reply leaves what was sent unknown and sends the rest) {
  options.limits.credit = 1;
  start();
  gate.hold(direction::replies);
  auto sent = send(command{"INCR", "n"});
  CAF_REQUIRE(has("n", "1"));
  auto waits = send(command{"INCR", "n"});
  CAF_REQUIRE(comes([](auto& x) { return x.requests.queued == 1; }));
  gate.close_all();
  gate.pass();
  failed_as(outcome_of(std::move(sent)), errc::disconnected, fate::unknown);
  auto second = outcome_of(std::move(waits));
  CAF_REQUIRE(second.ok());
  CAF_CHECK_EQUAL(second.value.number(), 2);
  CAF_CHECK(gate.hits(verb::close_all) >= 1);
}

CAF_TEST(an RST inside a string is no part of a value) {
  server.command({"SET", "k", "abcdefghij"});
  start();
  gate.cut_replies_after(bulk("abcdefghij").find('d'), lab::ending::reset);
  failed_as(ask(command{"GET", "k"}, once()), errc::disconnected,
            fate::unknown);
  CAF_CHECK(gate.hits(verb::cut) >= 1);
  gate.pass();
  CAF_CHECK_EQUAL(ask(command{"GET", "k"}, patient()).value.text(),
                  "abcdefghij");
}

CAF_TEST(a FIN at any byte of a reply never cuts a value short) {
  options.pool.max_restarts = 1000;
  server.command({"SET", "k", "hello"});
  start();
  auto whole = bulk("hello");
  for (size_t n = 0; n < whole.size(); ++n) {
    gate.pass();
    CAF_REQUIRE(connected());
    CAF_CHECK_EQUAL(ask(command{"GET", "k"}, patient()).value.text(), "hello");
    auto cuts = gate.hits(verb::cut);
    gate.cut_replies_after(n);
    failed_as(ask(command{"GET", "k"}, once()), errc::disconnected,
              fate::unknown);
    CAF_CHECK(gate.hits(verb::cut) > cuts);
  }
}

CAF_TEST(a half open link is noticed while nothing is asked of it) {
  options.pool.ping_interval = 200ms;
  options.pool.ping_timeout = 100ms;
  start();
  gate.hold();
  auto since = stopwatch_clock::now();
  CAF_REQUIRE(comes([](auto& x) { return x.connections_lost == 1; }));
  // It may have been silent for a while when it was cut off.
  CAF_CHECK(stopwatch_clock::now() - since < 1500ms);
  auto x = status();
  CAF_CHECK(comes([](auto& y) { return y.breaker.failures_in_window > 0; }));
  CAF_CHECK(x.last_error_text.find("100 ms") != std::string::npos
            || x.dials_failed > 0);
  CAF_CHECK(gate.hits(verb::hold) >= 1);
  gate.pass();
  CAF_CHECK(ask(command{"INCR", "n"}, patient()).ok());
}

// -- slow and strange ---------------------------------------------------------------

CAF_TEST(a reply that comes late is nobody elses) {
  options.pool.dead_link_factor = 50;
  server.command({"SET", "a", "of a"});
  server.command({"SET", "b", "of b"});
  start();
  gate.hold(direction::replies);
  failed_as(ask(command{"GET", "a"}, one_attempt(100ms)), errc::attempt_timeout,
            fate::unknown);
  auto counter = ask(command{"INCR", "n"}, one_attempt(100ms));
  failed_as(counter, errc::attempt_timeout, fate::unknown);
  CAF_CHECK(gate.hits(verb::hold) >= 1);
  gate.pass();
  CAF_CHECK_EQUAL(ask(command{"GET", "b"}, patient()).value.text(), "of b");
  CAF_CHECK(comes([](auto& x) { return x.requests.late_replies == 2; }));
  CAF_CHECK_EQUAL(status().connections_lost, 0u);
  CAF_CHECK_EQUAL(server.command({"GET", "n"}), "1");
}

CAF_TEST(a reply that drips byte by byte does not outlast the deadline) {
  server.command({"SET", "k", std::string(200, 'x')});
  start();
  gate.slice(1, direction::replies, 30ms);
  auto since = stopwatch_clock::now();
  auto x = ask(command{"GET", "k"}, once(400ms));
  auto took = stopwatch_clock::now() - since;
  CAF_REQUIRE(x.why.has_value());
  CAF_CHECK(x.why->code == errc::deadline_exceeded
            || x.why->code == errc::attempt_timeout);
  CAF_CHECK(x.why->outcome == fate::unknown);
  CAF_CHECK(took >= 400ms);
  CAF_CHECK(took < 900ms);
  // All that time bytes arrived.
  CAF_CHECK(gate.hits(verb::slice) >= 5);
  CAF_CHECK_EQUAL(status().connections_lost, 0u);
  gate.pass();
  CAF_CHECK_EQUAL(ask(command{"STRLEN", "k"}, patient()).value.number(), 200);
}

CAF_TEST(replies in pieces of one byte and in one segment keep their order) {
  start();
  pipeline counters;
  for (int i = 0; i < 100; ++i)
    counters.commands.push_back(command{"INCR", "n"});
  auto values_from = [&](int first) {
    auto [outcomes, why] = me->ask_many(client, counters);
    CAF_REQUIRE(!why);
    CAF_REQUIRE_EQUAL(outcomes.size(), 100u);
    for (int i = 0; i < 100; ++i)
      CAF_CHECK_EQUAL(std::get<reply>(outcomes[size_t(i)]).number(), first + i);
  };
  gate.slice(1);
  values_from(1);
  CAF_CHECK(gate.hits(verb::slice) >= 500);
  gate.pass();
  // `:101` to `:200`.
  gate.concat(100 * 6, direction::replies, 10s);
  values_from(101);
  CAF_CHECK_EQUAL(gate.hits(verb::concat), 1u);
}

CAF_TEST(latency and jitter below the deadline are no failure) {
  start();
  gate.delay(30ms, direction::both, 40ms);
  for (int i = 1; i <= 10; ++i) {
    auto x = ask(command{"INCR", "n"});
    CAF_REQUIRE(x.ok());
    CAF_CHECK_EQUAL(x.value.number(), i);
  }
  auto x = status();
  CAF_CHECK_EQUAL(x.breaker.failures_in_window, 0u);
  CAF_CHECK_EQUAL(x.requests.retries, 0u);
  CAF_CHECK_EQUAL(x.connections_lost, 0u);
  CAF_CHECK(gate.hits(verb::delay) >= 20);
}

CAF_TEST(a large value over a slow line ends at the deadline in bounded memory) {
  server.command({"SETRANGE", "k", std::to_string((1 << 20) - 1), "x"});
  start();
  // All buffers that are needed for such a value are there.
  CAF_REQUIRE(ask(command{"GET", "k"}).ok());
  auto before = resident_bytes();
  gate.rate(8192, direction::replies);
  for (auto key : {"k", "k", "other"}) {
    auto since = stopwatch_clock::now();
    auto x = ask(command{"GET", key}, once(400ms));
    CAF_REQUIRE(x.why.has_value());
    CAF_CHECK(stopwatch_clock::now() - since < 900ms);
  }
  CAF_CHECK(gate.hits(verb::rate) >= 10);
  auto grown = resident_bytes();
  grown -= std::min(grown, before);
  CAF_CHECK_LESS(grown, much_memory);
  gate.pass();
  CAF_CHECK_EQUAL(ask(command{"GET", "k"}, patient()).value.text().size(),
                  1u << 20);
}

CAF_TEST(a link that flaps slows the dials down until it is stable) {
  options.pool.max_restarts = 3;
  options.pool.restart_window = 2s;
  start();
  auto before = status();
  auto since = stopwatch_clock::now();
  auto degraded = false;
  for (int i = 0; i < 20; ++i) {
    gate.refuse();
    gate.reset_all();
    last_for(25ms);
    gate.pass();
    last_for(25ms);
    degraded = degraded || status().degraded;
  }
  // Whoever is slow by now has not met all of them.
  CAF_CHECK(degraded || comes([&](auto& x) {
              gate.reset_all();
              return x.degraded;
            }));
  auto seconds = std::chrono::ceil<std::chrono::seconds>(stopwatch_clock::now()
                                                         - since);
  auto x = status();
  CAF_CHECK(x.dials - before.dials
            <= 25 * static_cast<uint64_t>(seconds.count()));
  CAF_CHECK(x.connections_lost >= 4);
  CAF_CHECK(gate.resets() >= 4);
  CAF_CHECK(ask(command{"INCR", "n"}, patient()).ok());
  CAF_CHECK(comes([](auto& y) {
    return !y.degraded && y.breaker.state == breaker_state::closed;
  }));
}

CAF_TEST_FIXTURE_SCOPE_END()
