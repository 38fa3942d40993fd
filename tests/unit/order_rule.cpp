#define CAF_SUITE order_rule

#include <redoubt/actors/random.hpp>
#include <redoubt/actors/request/order_rule.hpp>
#include <redoubt/tests/unit/seed.hpp>

#include <redoubt/tests/support/check.hpp>

#include <string>
#include <string_view>
#include <vector>

using namespace redoubt;
using redoubt::test::seed_of_this_run;

namespace {

constexpr auto reading = command_class::read_only;
constexpr auto writing = command_class::idempotent;

struct fixture {
  std::vector<lost_request> lost;
  std::vector<key_set> keys;

  /// Adds a request that was sent and that may be sent again.
  void again(command_class cls, key_set touched, uint64_t caller = 1) {
    add({caller, cls, true, true}, std::move(touched));
  }

  /// Adds a request that was sent and is over.
  void over(command_class cls, key_set touched, uint64_t caller = 1) {
    add({caller, cls, true, false}, std::move(touched));
  }

  /// Adds a request that never left this process.
  void unsent(command_class cls, key_set touched, uint64_t caller = 1) {
    add({caller, cls, false, true}, std::move(touched));
  }

  void add(lost_request x, key_set touched) {
    lost.push_back(x);
    keys.push_back(std::move(touched));
  }

  /// Who is sent again: one character per request, in the order of sending.
  std::string verdict() {
    apply_order_rule(lost, [this](size_t i) { return keys[i]; });
    std::string result;
    for (auto& x : lost)
      result += x.again ? '+' : '-';
    return result;
  }
};

key_set key(std::string_view name) {
  return {{name}, false};
}

key_set any_key() {
  return {{}, true};
}

key_set no_key() {
  return {};
}

/// The rule word by word: each write against each later request.
void apply_naively(std::vector<lost_request>& lost,
                   const std::vector<key_set>& keys) {
  for (auto i = lost.size(); i-- > 0;) {
    auto& x = lost[i];
    if (!x.sent || !x.again || x.cls == reading)
      continue;
    for (auto j = i + 1; j < lost.size(); ++j)
      if (lost[j].caller == x.caller && lost[j].sent && !lost[j].again
          && keys[i].meets(keys[j]))
        x.again = false;
  }
}

} // namespace

CAF_TEST(key sets meet in a key that both have) {
  key_set ab{{"a", "b"}, false};
  key_set bc{{"b", "c"}, false};
  CAF_CHECK(ab.meets(bc));
  CAF_CHECK(bc.meets(ab));
  CAF_CHECK(!ab.meets(key("c")));
  CAF_CHECK(!ab.meets(no_key()));
  CAF_CHECK(!no_key().meets(no_key()));
}

CAF_TEST(what may touch any key meets all but the empty set) {
  CAF_CHECK(any_key().meets(key("a")));
  CAF_CHECK(key("a").meets(any_key()));
  CAF_CHECK(any_key().meets(any_key()));
  CAF_CHECK(!any_key().meets(no_key()));
  CAF_CHECK(!no_key().meets(any_key()));
}

CAF_TEST(keys are compared whole and byte by byte) {
  std::string zero{"k\0a", 3};
  CAF_CHECK(!key("k").meets(key(zero)));
  CAF_CHECK(!key("key").meets(key("ke")));
  CAF_CHECK(key("").meets(key("")));
}

CAF_TEST(added sets touch what either touches) {
  auto x = key("a");
  x.add(key("b"));
  CAF_CHECK(x.meets(key("a")));
  CAF_CHECK(x.meets(key("b")));
  CAF_CHECK(!x.everything);
  x.add(any_key());
  CAF_CHECK(x.meets(key("c")));
  CAF_CHECK(!x.empty());
}

CAF_TEST(an index of keys meets what any set in it meets) {
  key_index index;
  CAF_CHECK(index.empty());
  CAF_CHECK(!index.meets(any_key()));
  index.add(no_key());
  CAF_CHECK(index.empty());
  index.add(key("a"));
  index.add({{"b", "c"}, false});
  CAF_CHECK(!index.empty());
  CAF_CHECK(index.meets(key("a")));
  CAF_CHECK(index.meets({{"x", "c"}, false}));
  CAF_CHECK(!index.meets(key("x")));
  CAF_CHECK(index.meets(any_key()));
  CAF_CHECK(!index.meets(no_key()));
  index.add(any_key());
  CAF_CHECK(index.meets(key("x")));
  CAF_CHECK(!index.meets(no_key()));
}

CAF_TEST_FIXTURE_SCOPE(order_rule_tests, fixture)

CAF_TEST(nothing lost needs no rule) {
  CAF_CHECK_EQUAL(verdict(), "");
}

CAF_TEST(writes that are all sent again keep their order by themselves) {
  again(writing, key("k"));
  again(writing, key("k"));
  again(writing, key("k"));
  CAF_CHECK_EQUAL(verdict(), "+++");
}

CAF_TEST(a write is not sent again behind a later one that is over) {
  again(writing, key("k"));
  over(writing, key("k"));
  CAF_CHECK_EQUAL(verdict(), "--");
}

CAF_TEST(a write is not sent again behind a later read that is over) {
  again(writing, key("k"));
  over(reading, key("k"));
  CAF_CHECK_EQUAL(verdict(), "--");
}

CAF_TEST(a read is always sent again) {
  again(reading, key("k"));
  over(writing, key("k"));
  CAF_CHECK_EQUAL(verdict(), "+-");
}

CAF_TEST(an earlier request that is over hinders nobody) {
  over(writing, key("k"));
  again(writing, key("k"));
  CAF_CHECK_EQUAL(verdict(), "-+");
}

CAF_TEST(other keys hinder nobody) {
  again(writing, key("a"));
  over(writing, key("b"));
  CAF_CHECK_EQUAL(verdict(), "+-");
}

CAF_TEST(other callers hinder nobody) {
  again(writing, key("k"), 1);
  over(writing, key("k"), 2);
  CAF_CHECK_EQUAL(verdict(), "+-");
}

CAF_TEST(what was never sent hinders nobody and is sent in any case) {
  again(writing, key("k"));
  unsent(writing, key("k"));
  CAF_CHECK_EQUAL(verdict(), "++");
  lost.clear();
  keys.clear();
  unsent(writing, key("k"));
  over(writing, key("k"));
  CAF_CHECK_EQUAL(verdict(), "+-");
}

CAF_TEST(a write that may not be sent again holds back those before it) {
  // The last is over; so the second stays, and with it the first, although the
  // first and the last have no key in common.
  again(writing, key("a"));
  again(writing, {{"a", "b"}, false});
  over(writing, key("b"));
  CAF_CHECK_EQUAL(verdict(), "---");
}

CAF_TEST(one key of many is enough) {
  again(writing, {{"a", "b", "c"}, false});
  over(writing, {{"x", "c", "y"}, false});
  CAF_CHECK_EQUAL(verdict(), "--");
}

CAF_TEST(a write that may touch any key holds back all before it) {
  again(writing, key("a"));
  again(reading, key("b"));
  over(command_class::accumulating, any_key());
  again(writing, key("a"));
  CAF_CHECK_EQUAL(verdict(), "-+-+");
}

CAF_TEST(a write that may touch any key is held back by any later one) {
  again(writing, any_key());
  over(writing, key("a"));
  CAF_CHECK_EQUAL(verdict(), "--");
}

CAF_TEST(a request without keys neither holds back nor is held back) {
  again(writing, any_key());
  over(reading, no_key());
  CAF_CHECK_EQUAL(verdict(), "+-");
  lost.clear();
  keys.clear();
  again(writing, no_key());
  over(writing, any_key());
  CAF_CHECK_EQUAL(verdict(), "+-");
}

CAF_TEST(the class of a write makes no difference) {
  for (auto cls : {command_class::idempotent, command_class::convergent,
                   command_class::accumulating}) {
    lost.clear();
    keys.clear();
    again(cls, key("k"));
    over(reading, key("k"));
    CAF_CHECK_EQUAL(verdict(), "--");
  }
}

CAF_TEST(random losses agree with the rule taken word by word) {
  static constexpr std::string_view names[] = {"a", "b", "c", "d", "e"};
  auto seed = seed_of_this_run();
  CAF_MESSAGE("REDOUBT_SEED=" << seed);
  random_source random{seed};
  for (int round = 0; round < 20000; ++round) {
    lost.clear();
    keys.clear();
    for (auto left = random.next() % 13; left > 0; --left) {
      key_set touched;
      touched.everything = random.next() % 10 == 0;
      for (auto n = random.next() % 3; n > 0 && !touched.everything; --n)
        touched.keys.push_back(names[random.next() % 5]);
      lost_request x;
      x.caller = random.next() % 2;
      x.cls = static_cast<command_class>(random.next() % 4);
      x.sent = random.next() % 4 != 0;
      x.again = random.next() % 3 != 0;
      add(x, std::move(touched));
    }
    auto expected = lost;
    apply_naively(expected, keys);
    apply_order_rule(lost, [this](size_t i) { return keys[i]; });
    for (size_t i = 0; i < lost.size(); ++i)
      if (lost[i].again != expected[i].again)
        CAF_FAIL("request " << i << " of " << lost.size() << " in round "
                            << round << ", REDOUBT_SEED=" << seed);
  }
  CAF_CHECK(true);
}

CAF_TEST_FIXTURE_SCOPE_END()
