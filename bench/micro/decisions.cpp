// What the decisions on a request's way cost: time, and allocations counted.
//
//     ./run bench --micro

#include <redoubt/actors/request/deadline_wheel.hpp>
#include <redoubt/actors/request/retry_decision.hpp>
#include <redoubt/actors/supervisor/circuit_breaker.hpp>
#include <redoubt/actors/supervisor/retry_budget.hpp>
#include <redoubt/bench/micro/allocation_counter.hpp>
#include <redoubt/messages/reply.hpp>
#include <redoubt/messages/retry_text.hpp>

using namespace redoubt;
using bench::allocation_counter;
using namespace std::chrono_literals;

namespace {

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

/// What succeeded brings a token, and a retry spends it.
void pass_through_budget(benchmark::State& state) {
  retry_budget budget{budget_options{}};
  api::time_point now{};
  allocation_counter counter{state};
  for (auto _ : state) {
    now += 1ms;
    budget.deposit(64, now);
    auto leased = budget.lease(1, now);
    budget.spend(leased, now);
    benchmark::DoNotOptimize(leased);
  }
}

constexpr uint32_t deadlines = 100000;

/// All deadlines are met in time and none is due, as in good times.
void move_deadline(benchmark::State& state) {
  api::time_point now{};
  deadline_wheel wheel{now};
  for (uint32_t i = 0; i < deadlines; ++i)
    wheel.schedule(i, now + 2s);
  uint32_t next = 0;
  allocation_counter counter{state};
  for (auto _ : state) {
    now += 1us;
    wheel.schedule(next, now + 2s);
    next = (next + 1) % deadlines;
  }
}

/// All 100,000 are due, over 500 ticks. One iteration is all of them.
void sweep_100k_deadlines(benchmark::State& state) {
  api::time_point start{};
  deadline_wheel wheel{start};
  std::vector<uint32_t> due;
  due.reserve(deadlines);
  auto fill = [&] {
    for (uint32_t i = 0; i < deadlines; ++i)
      wheel.schedule(i, start + (i % 500) * 5ms);
  };
  fill();
  allocation_counter counter{state};
  for (auto _ : state) {
    auto end = start + 3s;
    for (; start < end; start += 5ms)
      wheel.advance(start, due);
    if (due.size() != deadlines)
      state.SkipWithError("not all were due");
    state.PauseTiming();
    due.clear();
    fill();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * deadlines);
}

BENCHMARK(decide_default);
BENCHMARK(decide_article);
BENCHMARK(decide_composed);
BENCHMARK(decide_on_reply);
BENCHMARK(copy_policy);
BENCHMARK(parse_policy);
BENCHMARK(record_in_breaker);
BENCHMARK(pass_through_budget);
BENCHMARK(move_deadline);
BENCHMARK(sweep_100k_deadlines);

} // namespace

BENCHMARK_MAIN();
