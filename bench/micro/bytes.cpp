// From arguments to bytes, and back: what a command and a reply cost before and
// after the network.

#include <redoubt/actors/connection/reply_decoder.hpp>
#include <redoubt/bench/micro/allocation_counter.hpp>
#include <redoubt/messages/command.hpp>
#include <redoubt/messages/command_class.hpp>

#include <array>
#include <string>
#include <string_view>

using namespace redoubt;
using bench::allocation_counter;

namespace {

const std::string key = "user:1234:name";
const std::string value(64, '.');

void encode_get(benchmark::State& state) {
  allocation_counter counter{state};
  for (auto _ : state)
    benchmark::DoNotOptimize(command{"GET", key});
}

void encode_set(benchmark::State& state) {
  allocation_counter counter{state};
  for (auto _ : state)
    benchmark::DoNotOptimize(command{"SET", key, value, "EX", 60});
}

void classify(benchmark::State& state,
              std::initializer_list<std::string_view> words) {
  argument_list arguments{words.begin(), words.size()};
  allocation_counter counter{state};
  for (auto _ : state) {
    benchmark::DoNotOptimize(arguments);
    benchmark::DoNotOptimize(traits_of(arguments));
  }
}

void classify_get(benchmark::State& state) {
  classify(state, {"GET", "k"});
}

void classify_set(benchmark::State& state) {
  classify(state, {"SET", "k", "v", "EX", "60"});
}

void classify_unknown(benchmark::State& state) {
  classify(state, {"MODULE.COMMAND", "k"});
}

void decode(benchmark::State& state, const std::string& bytes) {
  reply_decoder decoder{limit_options{}};
  allocation_counter counter{state};
  for (auto _ : state) {
    reply out;
    decoder.feed(bytes.data(), bytes.size());
    if (decoder.next(out) != reply_decoder::result::got)
      state.SkipWithError("not a reply");
    benchmark::DoNotOptimize(out);
  }
  state.SetBytesProcessed(
    static_cast<int64_t>(state.iterations() * bytes.size()));
}

std::string bulk_string(size_t size) {
  return "$" + std::to_string(size) + "\r\n" + std::string(size, '.') + "\r\n";
}

void decode_string(benchmark::State& state) {
  decode(state, bulk_string(static_cast<size_t>(state.range(0))));
}

void decode_integer(benchmark::State& state) {
  decode(state, ":1234567\r\n");
}

void decode_array_of_10(benchmark::State& state) {
  std::string bytes = "*10\r\n";
  for (int i = 0; i < 10; ++i)
    bytes += bulk_string(64);
  decode(state, bytes);
}

BENCHMARK(encode_get);
BENCHMARK(encode_set);
BENCHMARK(classify_get);
BENCHMARK(classify_set);
BENCHMARK(classify_unknown);
BENCHMARK(decode_string)->Arg(64)->Arg(64 * 1024);
BENCHMARK(decode_integer);
BENCHMARK(decode_array_of_10);

} // namespace
