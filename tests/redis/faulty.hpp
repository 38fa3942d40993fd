#pragma once

#include <redoubt/app/lab/fault_gate.hpp>
#include <redoubt/tests/support/service.hpp>
#include <redoubt/tests/support/wait.hpp>

#include <redoubt/tests/support/check.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <utility>

namespace redoubt::test {

using stopwatch_clock = std::chrono::steady_clock;

/// One attempt, and no word of the breaker.
inline request_options
once(std::chrono::milliseconds deadline = std::chrono::seconds{2}) {
  request_options o;
  o.deadline = deadline;
  o.attempts = 1;
  o.use_breaker = false;
  if (deadline < std::chrono::milliseconds{500})
    o.attempt_timeout = deadline;
  return o;
}

/// One attempt of this length, within a deadline that does not matter.
inline request_options one_attempt(std::chrono::milliseconds timeout) {
  auto o = once(std::chrono::seconds{10});
  o.attempt_timeout = timeout;
  return o;
}

/// Waits for the endpoint, however it does.
inline request_options
patient(std::chrono::milliseconds deadline = std::chrono::seconds{20}) {
  request_options o;
  o.deadline = deadline;
  o.attempts = 1000;
  o.on_open = on_open_policy::wait;
  return o;
}

/// Lets time pass; only for a fault that lasts so long.
inline void last_for(std::chrono::milliseconds time) {
  auto until = stopwatch_clock::now() + time;
  eventually([&] { return stopwatch_clock::now() >= until; }, time);
}

/// A redis-server, a gate before it, and a service of one connection that goes
/// through the gate once it was started.
class faulty_service {
public:
  explicit faulty_service(lab::redis_options settings = {})
    : server(std::move(settings)), gate(lab::address::tcp(server.port())) {
    options = options_for(gate.port());
    options.pool.connections = 1;
  }

  void start() {
    launch();
    CAF_REQUIRE(!rt->wait_ready(std::chrono::seconds{5}));
  }

  /// Starts and does not wait for a connection.
  void launch() {
    me.reset();
    rt.emplace(options);
    client = rt->client();
    me.emplace(*rt);
  }

  template <class... Ts>
  result ask(Ts&&... xs) {
    return me->ask(client, std::forward<Ts>(xs)...);
  }

  /// Sends without waiting; the result is to be `receive`d.
  template <class... Ts>
  auto send(Ts&&... xs) {
    return me->self()->request(client, caf::infinite, std::forward<Ts>(xs)...);
  }

  template <class Pending>
  static result outcome_of(Pending pending) {
    result out;
    pending.receive([&](reply& x) { out.value = std::move(x); },
                    [&](caf::error& e) { out.why = caller::translate(e); });
    return out;
  }

  runtime_status status() { return me->status(*rt); }

  /// Waits until something holds of the status.
  template <class Predicate>
  bool comes(Predicate holds,
             std::chrono::milliseconds limit = std::chrono::seconds{10}) {
    return eventually(
      [&] {
        auto x = status();
        return holds(x);
      },
      limit);
  }

  /// Waits for a living connection.
  bool connected() { return !rt->wait_ready(std::chrono::seconds{10}); }

  /// Waits until the server has this under a key.
  bool has(const std::string& key, const std::string& value) {
    return eventually([&] { return server.command({"GET", key}) == value; });
  }

  lab::private_redis server;
  lab::fault_gate gate;
  runtime_options options;
  std::optional<runtime> rt;
  request_actor client;
  std::optional<caller> me;
};

/// Checks that a request failed like this.
inline void failed_as(const result& x, errc code, fate became) {
  CAF_REQUIRE(x.why.has_value());
  CAF_CHECK_EQUAL(to_string(x.why->code), to_string(code));
  CAF_CHECK_EQUAL(to_string(x.why->outcome), to_string(became));
}

} // namespace redoubt::test
