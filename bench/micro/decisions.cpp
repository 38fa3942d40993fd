// What the decisions on a request's way cost: time, and allocations counted.
//
//     ./run bench --micro

#include <redoubt/actors/request/retry_decision.hpp>
#include <redoubt/actors/supervisor/circuit_breaker.hpp>
#include <redoubt/messages/reply.hpp>
#include <redoubt/messages/retry_text.hpp>
#include <redoubt/tests/support/allocations.hpp>

#include <benchmark/benchmark.h>

using namespace redoubt;
using namespace std::chrono_literals;

namespace {

/// Counts the allocations of a benchmark's loop.
class allocation_counter {
public:
  explicit allocation_counter(benchmark::State& state)
    : state_(state), before_(test::allocations()) {}

  ~allocation_counter() {
    state_.counters["allocations"] = benchmark::Counter(
      static_cast<double>(test::allocations() - before_),
      benchmark::Counter::kAvgIterations);
  }

private:
  benchmark::State& state_;
  uint64_t before_;
};

attempt_result lost_read() {
  attempt_result x;
  x.code = errc::disconnected;
  x.outcome = fate::unknown;
  x.cls = command_class::read_only;
  x.attempts = 1;
  x.left = 2s;
  x.message = "Connection reset by peer";
  return x;
}

retry_policy composed_policy() {
  return {exponential_jitter(10ms, 250ms) + uniform(0ms, 20ms),
          stop_after(5) | stop_before_deadline(),
          on(fate::not_sent, fate::refused)
            | (on_errc(errc::attempt_timeout, errc::disconnected)
               & idempotent())};
}

/// One whole decision: the bound, the condition, the wait, the stop.
void decide(benchmark::State& state, const retry_policy& policy) {
  random_source random{42};
  auto failed = lost_read();
  allocation_counter counter{state};
  for (auto _ : state) {
    benchmark::DoNotOptimize(failed);
    benchmark::DoNotOptimize(decide_retry(policy, failed, {}, 0, random));
  }
}

void decide_default(benchmark::State& state) {
  decide(state, retry_policy{});
}

void decide_article(benchmark::State& state) {
  decide(state, retry_policy::article());
}

void decide_composed(benchmark::State& state) {
  decide(state, composed_policy());
}

void decide_on_reply(benchmark::State& state) {
  retry_policy policy{fixed(10ms), stop_after(5), by_default() | on_nil()};
  random_source random{42};
  reply value = reply::string("v");
  auto replied = lost_read();
  replied.code = errc::none;
  replied.outcome = fate::answered;
  replied.value = &value;
  allocation_counter counter{state};
  for (auto _ : state) {
    benchmark::DoNotOptimize(replied);
    benchmark::DoNotOptimize(decide_retry(policy, replied, {}, 0, random));
  }
}

void copy_policy(benchmark::State& state) {
  auto policy = composed_policy();
  allocation_counter counter{state};
  for (auto _ : state) {
    auto copy = policy;
    benchmark::DoNotOptimize(copy);
  }
}

void parse_policy(benchmark::State& state) {
  auto text = to_string(composed_policy().when());
  allocation_counter counter{state};
  for (auto _ : state) {
    retry_text_error error;
    benchmark::DoNotOptimize(parse_condition(text, error));
  }
}

void record_in_breaker(benchmark::State& state) {
  circuit_breaker breaker{breaker_options{}, 42};
  circuit_breaker::tally calls;
  calls.successes = 64;
  calls.failures = 1;
  api::time_point now{};
  allocation_counter counter{state};
  for (auto _ : state) {
    now += 1ms;
    calls.generation = breaker.generation();
    benchmark::DoNotOptimize(breaker.record(calls, now));
  }
}

BENCHMARK(decide_default);
BENCHMARK(decide_article);
BENCHMARK(decide_composed);
BENCHMARK(decide_on_reply);
BENCHMARK(copy_policy);
BENCHMARK(parse_policy);
BENCHMARK(record_in_breaker);

} // namespace

BENCHMARK_MAIN();
