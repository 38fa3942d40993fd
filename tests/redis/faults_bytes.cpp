#define CAF_SUITE faults_bytes

// Bytes that are damaged on their way from a real server.

#include <redoubt/tests/redis/faulty.hpp>

#include <redoubt/tests/support/memory.hpp>

#include <algorithm>
#include <string>
#include <vector>

using namespace redoubt;
using namespace redoubt::test;
using namespace std::chrono_literals;

using lab::direction;
using lab::verb;

namespace {

const std::string whole = "$5\r\nhello\r\n";

#ifdef __SANITIZE_ADDRESS__
constexpr size_t hardly_any_memory = 16u << 20; // Quarantine.
#else
constexpr size_t hardly_any_memory = 1u << 20;
#endif

struct fixture : faulty_service {
  fixture() {
    options.pool.max_restarts = 1000;
    server.command({"SET", "k", "hello"});
    start();
  }

  /// A read whose reply becomes `instead`, and what became of the two counters
  /// behind it.
  std::vector<outcome> damaged(const std::string& instead) {
    CAF_REQUIRE(connected());
    CAF_REQUIRE_EQUAL(ask(command{"GET", "k"}, patient()).value.text(),
                      "hello");
    gate.corrupt_first(whole, instead, direction::replies);
    pipeline all{
      {command{"GET", "k"}, command{"INCR", "n"}, command{"INCR", "n"}}};
    auto [outcomes, why] = me->ask_many(client, all, once());
    CAF_REQUIRE(!why);
    CAF_REQUIRE_EQUAL(outcomes.size(), 3u);
    gate.pass();
    return outcomes;
  }

  static void is_lost(const outcome& x) {
    auto why = std::get_if<failure>(&x);
    CAF_REQUIRE(why != nullptr);
    CAF_CHECK_EQUAL(to_string(why->code), to_string(errc::protocol_error));
    CAF_CHECK_EQUAL(to_string(why->outcome), to_string(fate::unknown));
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(faults_bytes_tests, fixture)

CAF_TEST(bytes that are no RESP cost all that is in flight and the link) {
  const std::vector<std::string> rubbish{
    "HTTP/1.1 400 Bad Request\r\n\r\n",
    "$5\r\nhelloXY",
    "$3\r\nabcXY",
    "$x\r\n",
    "$-2\r\n",
    "$99999999999999999999\r\n",
    "*-2\r\n",
    "*x\r\n",
    ":12a\r\n",
    "-\r\n",
    ">2\r\n+a\r\n+b\r\n",
    "%1\r\n+a\r\n+b\r\n",
    std::string(1, '\0') + whole,
  };
  uint64_t hits = 0;
  for (auto& each : rubbish) {
    CAF_MESSAGE("instead: " << each);
    for (auto& x : damaged(each))
      is_lost(x);
    CAF_CHECK_EQUAL(gate.hits(verb::corrupt), ++hits);
  }
  CAF_CHECK(comes([&](auto& x) { return x.connections_lost == hits; }));
  CAF_CHECK(comes([](auto& x) { return x.breaker.failures_in_window > 0; }));
  CAF_CHECK(ask(command{"GET", "k"}, patient()).ok());
}

CAF_TEST(a reply more than was asked for costs the link) {
  CAF_REQUIRE(connected());
  gate.corrupt_first(whole, whole + "+more\r\n", direction::replies);
  CAF_CHECK_EQUAL(ask(command{"GET", "k"}).value.text(), "hello");
  CAF_CHECK(comes([](auto& x) {
    return x.connections_lost == 1 && x.last_error == errc::protocol_error;
  }));
  CAF_CHECK_EQUAL(gate.hits(verb::corrupt), 1u);
  gate.pass();
  // Nobody takes it for the answer to something else.
  CAF_CHECK_EQUAL(ask(command{"INCR", "n"}, patient()).value.number(), 1);
}

CAF_TEST(the largest lengths are turned away before anything is allocated) {
  uint64_t hits = 0;
  for (auto header : {"$9223372036854775807\r\n", "*2147483647\r\n",
                      "*1\r\n*1\r\n$9223372036854775807\r\n"}) {
    damaged("+warm\r\n");
    ++hits;
    auto before = resident_bytes();
    auto outcomes = damaged(header);
    CAF_CHECK_EQUAL(gate.hits(verb::corrupt), ++hits);
    auto grown = resident_bytes();
    CAF_CHECK_LESS(grown - std::min(grown, before), hardly_any_memory);
    // It is an answer, of no use to anybody.
    auto why = std::get_if<failure>(&outcomes[0]);
    CAF_REQUIRE(why != nullptr);
    CAF_CHECK_EQUAL(to_string(why->code), to_string(errc::reply_too_deep));
    is_lost(outcomes[1]);
    is_lost(outcomes[2]);
  }
  CAF_CHECK(comes([](auto& x) { return x.connections_lost == 3; }));
}

CAF_TEST(damage at every byte never reaches another request) {
  CAF_REQUIRE(connected());
  for (size_t i = 0; i < whole.size(); ++i) {
    auto broken = whole;
    broken[i] = '?';
    auto outcomes = damaged(broken);
    // Within the text nobody can see it; else all are lost.
    auto text = i >= 4 && i < 9;
    if (text)
      CAF_CHECK_EQUAL(std::get<reply>(outcomes[0]).text(), broken.substr(4, 5));
    else
      is_lost(outcomes[0]);
    for (size_t k = 1; k < 3; ++k)
      if (auto x = std::get_if<reply>(&outcomes[k]))
        CAF_CHECK(text && x->kind() == reply_kind::integer);
      else
        is_lost(outcomes[k]);
  }
  CAF_CHECK_EQUAL(gate.hits(verb::corrupt), whole.size());
  CAF_CHECK(ask(command{"GET", "k"}, patient()).ok());
}

CAF_TEST_FIXTURE_SCOPE_END()
