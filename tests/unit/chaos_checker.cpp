// The checker of the chaos runs, on trial: each promise is broken by hand, in a
// history that is well otherwise, and must be seen.
#define CAF_SUITE chaos_checker

#include <redoubt/tests/chaos/checker.hpp>
#include <redoubt/tests/support/check.hpp>

#include <algorithm>
#include <set>
#include <sstream>

using namespace redoubt;
using namespace redoubt::chaos;

namespace {

/// A history that breaks nothing, to be broken.
struct fixture {
  fixture() {
    x.run.faults = {"reset"};
    x.strikes.push_back({"reset", true, true, 1000, 2000, 3000});
  }

  /// An operation that took a millisecond, acknowledged, and begun after all others.
  operation& add(op_kind op, const std::string& key, uint64_t caller = 1) {
    operation y;
    y.id = ++last_;
    y.caller = caller;
    y.lane = 10;
    y.op = op;
    y.key = key;
    y.invoked = static_cast<microseconds>(last_) * 10'000;
    y.done = y.invoked + 1000;
    y.deadline = 2'000'000;
    y.became = ending::ok;
    y.answers = 1;
    if (op != op_kind::get && op != op_kind::incr)
      y.token = token_of(key, caller, y.id);
    switch (op) {
      case op_kind::push:
        y.kind = "integer";
        y.value = "1";
        break;
      case op_kind::incr: y.kind = "integer"; break;
      case op_kind::set:
        y.kind = "status";
        y.value = "OK";
        break;
      case op_kind::get: y.kind = "nil"; break;
      case op_kind::echo:
        y.kind = "string";
        y.value = y.token;
        break;
    }
    x.operations.reserve(100);
    return x.operations.emplace_back(std::move(y));
  }

  /// A push that is there.
  operation& push(uint64_t caller = 1) {
    auto& y = add(op_kind::push, "l", caller);
    x.final.lists["l"].push_back(y.token);
    return y;
  }

  /// An INCR that returned this, which is now the end.
  operation& count(const std::string& value) {
    auto& y = add(op_kind::incr, "n");
    y.value = value;
    x.final.strings["n"] = value;
    return y;
  }

  /// A SET whose value is now the end.
  operation& set() {
    auto& y = add(op_kind::set, "r");
    x.final.strings["r"] = y.token;
    return y;
  }

  operation& get(const std::string& value) {
    auto& y = add(op_kind::get, "r", 2);
    y.kind = value.empty() ? "nil" : "string";
    y.value = value;
    return y;
  }

  static void fail(operation& y, fate outcome) {
    y.became = outcome == fate::unknown ? ending::unknown : ending::failed;
    y.outcome = outcome;
    y.kind.clear();
    y.value.clear();
  }

  /// The names of the checks that found something, each once.
  std::string found() const {
    std::set<std::string> names;
    for (auto& each : check(x).violations)
      names.insert(each.check);
    std::string result;
    for (auto& each : names)
      result += (result.empty() ? "" : " ") + each;
    return result;
  }

  std::vector<std::string>& list() { return x.final.lists["l"]; }

  history x;

private:
  uint64_t last_ = 0;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(chaos_checker_tests, fixture)

CAF_TEST(a history of all kinds that breaks nothing is found well) {
  push();
  fail(push(), fate::unknown);
  fail(add(op_kind::push, "l"), fate::unknown);
  fail(add(op_kind::push, "l"), fate::not_sent);
  count("1");
  fail(add(op_kind::incr, "n"), fate::unknown);
  count("3");
  get("");
  auto& first = set();
  get(first.token);
  auto& second = set();
  get(second.token);
  add(op_kind::echo, "-").last = true;
  x.dials = {{0, 1000, 5}, {100'000, 101'000, 7}};
  x.edges = {{1, breaker_state::closed, breaker_state::open},
             {2, breaker_state::open, breaker_state::half_open},
             {3, breaker_state::half_open, breaker_state::open},
             {4, breaker_state::open, breaker_state::half_open},
             {5, breaker_state::half_open, breaker_state::closed}};
  auto all = check(x);
  CAF_CHECK_EQUAL(found(), "");
  CAF_CHECK_EQUAL(all.operations, x.operations.size());
  CAF_CHECK_EQUAL(all.acknowledged, 9u);
  CAF_CHECK_EQUAL(all.unknown, 3u);
  CAF_CHECK_EQUAL(all.failed, 1u);
}

// -- lists --------------------------------------------------------------------------

CAF_TEST(an acknowledged push that is not there is lost) {
  push();
  push();
  list().pop_back();
  CAF_CHECK_EQUAL(found(), "lost");
  CAF_CHECK_EQUAL(check(x).lost, 1u);
}

CAF_TEST(a push that was not sent and is there was refuted) {
  for (auto outcome : {fate::not_sent, fate::refused, fate::answered}) {
    x.operations.clear();
    x.final = {};
    fail(push(), outcome);
    CAF_CHECK_EQUAL(found(), "refuted");
  }
}

CAF_TEST(a push that nobody sent is invented) {
  push();
  list().push_back("l|1|77");
  CAF_CHECK_EQUAL(found(), "invented");
  list().back() = "damaged";
  CAF_CHECK_EQUAL(found(), "invented");
  // Of another key.
  auto other = add(op_kind::push, "other").token;
  x.final.lists["other"].push_back(other);
  list().back() = other;
  CAF_CHECK_EQUAL(found(), "invented");
}

CAF_TEST(a push that is there twice is doubled unless its caller opted in) {
  auto& it = push();
  list().push_back(it.token);
  CAF_CHECK_EQUAL(found(), "doubled");
  CAF_CHECK_EQUAL(check(x).duplicated, 1u);
  it.opt_in = true;
  CAF_CHECK_EQUAL(found(), "");
  // Also if nobody was told.
  it.opt_in = false;
  fail(it, fate::unknown);
  CAF_CHECK_EQUAL(found(), "doubled");
}

CAF_TEST(what was acknowledged before another was sent stands before it) {
  push(1);
  push(2);
  std::swap(list()[0], list()[1]);
  CAF_CHECK_EQUAL(found(), "order");
  // Which of two ran first that were under way together nobody knows.
  x.operations[0].done = x.operations[1].done;
  CAF_CHECK_EQUAL(found(), "");
}

CAF_TEST(what one caller sent first stands first) {
  push();
  push();
  x.operations[0].done = x.operations[1].done;
  std::swap(list()[0], list()[1]);
  CAF_CHECK_EQUAL(found(), "order");
  // Another request actor; a request that passes the breaker; one that may repeat.
  x.operations[0].lane = 11;
  CAF_CHECK_EQUAL(found(), "");
  x.operations[0].lane = 10;
  x.operations[0].free = true;
  CAF_CHECK_EQUAL(found(), "");
  x.operations[0].free = false;
  x.operations[0].opt_in = true;
  CAF_CHECK_EQUAL(found(), "");
}

CAF_TEST(a transaction that ran in part or with others in between is torn) {
  for (int i = 0; i < 3; ++i) {
    auto& member = push();
    member.unit = 1;
    member.atomic = true;
  }
  CAF_CHECK_EQUAL(found(), "");
  // They are written when they end, in any order.
  std::reverse(x.operations.begin(), x.operations.end());
  CAF_CHECK_EQUAL(found(), "");
  std::reverse(x.operations.begin(), x.operations.end());
  push(2);
  for (auto& each : x.operations)
    each.done = x.operations.back().done;
  std::swap(list()[2], list()[3]);
  CAF_CHECK_EQUAL(found(), "torn");
  std::swap(list()[2], list()[3]);
  for (int i = 0; i < 3; ++i)
    fail(x.operations[static_cast<size_t>(i)], fate::unknown);
  list().erase(list().begin());
  CAF_CHECK_EQUAL(found(), "torn");
  list().erase(list().begin(), list().begin() + 2);
  CAF_CHECK_EQUAL(found(), "");
}

// -- counters -----------------------------------------------------------------------

CAF_TEST(a counter below what was acknowledged lost something) {
  count("1");
  count("2");
  x.final.strings["n"] = "1";
  CAF_CHECK_EQUAL(found(), "counter number");
  CAF_CHECK_EQUAL(check(x).lost, 1u);
}

CAF_TEST(a counter above acknowledged and unknown together counted twice) {
  count("1");
  fail(count("2"), fate::unknown);
  CAF_CHECK_EQUAL(found(), "");
  x.final.strings["n"] = "3";
  CAF_CHECK_EQUAL(found(), "counter");
  CAF_CHECK_EQUAL(check(x).duplicated, 1u);
  x.operations[1].opt_in = true;
  CAF_CHECK_EQUAL(found(), "");
}

CAF_TEST(a counter that was not sent does not count) {
  count("1");
  fail(count("2"), fate::not_sent);
  CAF_CHECK_EQUAL(found(), "counter");
}

CAF_TEST(a number that was returned twice is seen) {
  count("1");
  count("1");
  x.final.strings["n"] = "2";
  CAF_CHECK_EQUAL(found(), "number");
}

CAF_TEST(numbers that go down from one request to the next are seen) {
  count("2");
  count("1");
  x.final.strings["n"] = "2";
  CAF_CHECK_EQUAL(found(), "order");
}

// -- registers ----------------------------------------------------------------------

CAF_TEST(a read of what nobody wrote there is crossed) {
  set();
  get("s|1|1");
  CAF_CHECK_EQUAL(found(), "crossed");
  x.operations.back().value = "r|1|7";
  CAF_CHECK_EQUAL(found(), "crossed");
  // Of a key that nobody ever wrote.
  x.operations.back().key = "s";
  CAF_CHECK_EQUAL(found(), "crossed");
  CAF_CHECK_EQUAL(check(x).crossed, 1u);
}

CAF_TEST(a read of what is written later is crossed) {
  set();
  auto& reader = get("");
  reader.kind = "string";
  reader.value = set().token;
  CAF_CHECK_EQUAL(found(), "crossed");
}

CAF_TEST(a reply of another kind or text is crossed) {
  push().kind = "string";
  CAF_CHECK_EQUAL(found(), "crossed");
  x.operations.back().kind = "integer";
  count("1").kind = "status";
  CAF_CHECK_EQUAL(found(), "crossed");
  x.operations.back().kind = "integer";
  set().value = "PONG";
  CAF_CHECK_EQUAL(found(), "crossed");
  x.operations.back().value = "OK";
  add(op_kind::echo, "-").value = "-|1|1";
  CAF_CHECK_EQUAL(found(), "crossed");
  x.operations.back().value = x.operations.back().token;
  CAF_CHECK_EQUAL(found(), "");
}

CAF_TEST(a read of what a newer acknowledged write replaced is stale) {
  auto old = set().token;
  set();
  get(old);
  CAF_CHECK_EQUAL(found(), "stale");
  // Which may run at any time if nobody knows.
  fail(x.operations[0], fate::unknown);
  CAF_CHECK_EQUAL(found(), "");
}

CAF_TEST(a key that ends with what a newer acknowledged write replaced is stale) {
  auto old = set().token;
  set();
  x.final.strings["r"] = old;
  CAF_CHECK_EQUAL(found(), "stale");
  x.final.strings.erase("r");
  CAF_CHECK_EQUAL(found(), "stale");
  // Sent together, in this order.
  x.final.strings["r"] = old;
  x.operations[0].done = x.operations[1].done;
  CAF_CHECK_EQUAL(found(), "stale");
  x.operations[0].lane = 11;
  CAF_CHECK_EQUAL(found(), "");
}

CAF_TEST(a read of what was not sent was refuted) {
  auto& it = set();
  get(it.token);
  fail(it, fate::refused);
  CAF_CHECK_EQUAL(found(), "refuted");
}

// -- answers ------------------------------------------------------------------------

CAF_TEST(a request without an answer or with two is seen) {
  auto& it = push();
  it.answers = 2;
  CAF_CHECK_EQUAL(found(), "answered");
  it.answers = 0;
  it.became = ending::pending;
  CAF_CHECK_EQUAL(found(), "answered");
  it.became = ending::unknown;
  it.abandoned = true;
  CAF_CHECK_EQUAL(found(), "");
}

CAF_TEST(an answer after deadline and tick is late unless the machine stalled) {
  auto& it = push();
  it.done = it.invoked + it.deadline + 5000 + x.run.slack;
  CAF_CHECK_EQUAL(found(), "");
  ++it.done;
  CAF_CHECK_EQUAL(found(), "late");
  x.stalls.push_back({it.invoked, it.invoked + 1});
  CAF_CHECK_EQUAL(found(), "");
}

CAF_TEST(what fails when all faults are over is seen) {
  auto& it = add(op_kind::echo, "-");
  it.last = true;
  fail(it, fate::not_sent);
  CAF_CHECK_EQUAL(found(), "healed");
}

CAF_TEST(a fault after which nothing succeeded is seen) {
  x.strikes.back().recovered = -1;
  CAF_CHECK_EQUAL(found(), "healed");
}

// -- the whole ----------------------------------------------------------------------

CAF_TEST(a fault that never struck is seen) {
  x.run.faults.push_back("close");
  CAF_CHECK_EQUAL(found(), "fired");
  x.strikes.push_back({"close", false, true, 1000, 2000, 3000});
  CAF_CHECK_EQUAL(found(), "fired");
}

CAF_TEST(dials that follow each other too closely are seen) {
  x.dials = {{0, 0, 10}, {80'000, 80'000, 13}};
  CAF_CHECK_EQUAL(found(), "");
  x.dials.back().dials = 14;
  CAF_CHECK_EQUAL(found(), "dials");
  // A few at a time, but too many of them: 26 a second.
  x.dials.clear();
  for (int i = 0; i <= 40; ++i)
    x.dials.push_back(
      {i * 50'000, i * 50'000, static_cast<uint64_t>(i * 13 / 10)});
  CAF_CHECK_EQUAL(found(), "dials");
}

CAF_TEST(a way of the breaker that is none is seen) {
  using enum breaker_state;
  x.edges = {{1, closed, half_open}};
  CAF_CHECK_EQUAL(found(), "breaker");
  x.edges = {{1, closed, open}, {1, open, half_open}};
  CAF_CHECK_EQUAL(found(), "breaker");
  x.edges = {{1, closed, open}, {2, half_open, closed}};
  CAF_CHECK_EQUAL(found(), "breaker");
  // What came in between was not told.
  x.edges = {{1, closed, open}, {3, half_open, closed}};
  CAF_CHECK_EQUAL(found(), "");
}

CAF_TEST(what the process holds in the end and not before is leaked) {
  for (auto what :
       {&footprint::descriptors, &footprint::actors, &footprint::threads}) {
    ++(x.run.after.*what);
    CAF_CHECK_EQUAL(found(), "leaked");
    --(x.run.after.*what);
  }
  CAF_CHECK_EQUAL(found(), "");
}

CAF_TEST(an end that takes too long is seen) {
  x.run.shutdown = x.run.shutdown_limit + 1;
  CAF_CHECK_EQUAL(found(), "shutdown");
}

// -- lines --------------------------------------------------------------------------

CAF_TEST(a history that is written and read again is the same) {
  push().unit = 1;
  auto& second = push();
  second.atomic = second.free = second.opt_in = second.repeated = true;
  fail(push(), fate::refused);
  x.operations.back().errc = "loading";
  fail(push(), fate::unknown);
  x.operations.back().abandoned = x.operations.back().last = true;
  x.operations.back().answers = 0;
  get("any\n\"bytes\"");
  x.dials = {{1, 2, 3}};
  x.edges = {{7, breaker_state::half_open, breaker_state::open}};
  x.stalls = {{4, 5}};
  x.run.seed = 99;
  x.run.after.threads = 6;
  x.final.strings["n"] = "12";
  std::stringstream lines;
  for (auto& each : x.operations)
    lines << line_of(each) << '\n';
  lines << line_of(x.dials[0]) << '\n'
        << line_of(x.edges[0]) << '\n'
        << line_of(x.stalls[0]) << '\n'
        << line_of(x.strikes[0]) << '\n'
        << line_of(x.run) << '\n'
        << lines_of(x.final);
  auto text = lines.str();
  auto y = read_history(lines);
  CAF_CHECK(y.operations == x.operations);
  std::stringstream again;
  for (auto& each : y.operations)
    again << line_of(each) << '\n';
  again << line_of(y.dials.at(0)) << '\n'
        << line_of(y.edges.at(0)) << '\n'
        << line_of(y.stalls.at(0)) << '\n'
        << line_of(y.strikes.at(0)) << '\n'
        << line_of(y.run) << '\n'
        << lines_of(y.final);
  CAF_CHECK_EQUAL(again.str(), text);
}

CAF_TEST(an operation with another answer was answered twice) {
  push();
  std::istringstream in{line_of(x.operations[0]) + "\n"
                        + line_of_another_answer(1) + "\n"};
  auto y = read_history(in);
  CAF_CHECK_EQUAL(y.operations.at(0).answers, 2u);
}

CAF_TEST(a line that is none is named) {
  std::istringstream in{line_of(push()) + "\n{\"id\": \n"};
  std::string what;
  try {
    read_history(in);
  } catch (const std::runtime_error& e) {
    what = e.what();
  }
  CAF_CHECK(what.starts_with("line 2: "));
}

CAF_TEST(values name their writer and damaged ones do not) {
  for (uint64_t id : {1, 15, 16, 32, 1000}) {
    auto token = token_of("r2.1", 2, id);
    auto value = value_of(token);
    CAF_CHECK_EQUAL(id_in(token), id);
    CAF_CHECK_EQUAL(token_in(value), token);
    for (auto at : {size_t{0}, value.size() / 2, value.size() - 1}) {
      auto damaged = value;
      damaged[at] = '?';
      CAF_CHECK(token_in(damaged) != token);
    }
    CAF_CHECK(token_in(value.substr(0, value.size() - 1)) != token);
  }
}

CAF_TEST_FIXTURE_SCOPE_END()
