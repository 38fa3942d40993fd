#define CAF_SUITE command_keys

#include "command_class_fixture.hpp"

using namespace redoubt;
using namespace redoubt::test;

namespace {

struct keys_row {
  std::string_view line;
  std::string_view keys;
};

void check_keys(std::initializer_list<keys_row> rows) {
  for (auto& [line, expected] : rows) {
    std::string keys;
    for (auto x : keys_of(split(line)))
      keys += (keys.empty() ? "" : " ")
              + (x.empty() ? std::string{"''"} : std::string{x});
    check_line(line, keys, expected);
  }
}

} // namespace

CAF_TEST(keys stand where the table says) {
  check_keys({
    {"GET k", "k"},
    {"get k", "k"},
    {"MGET a b c", "a b c"},
    {"MSET a 1 b 2", "a b"},
    {"MSET a 1 b", "a b"},
    {"SET k v EX 60", "k"},
    {"SMOVE a b m", "a b"},
    {"BITOP AND d a b", "d a b"},
    {"BLPOP a b 0", "a b"},
    {"XGROUP CREATE k g 0", "k"},
    {"OBJECT ENCODING k", "k"},
    {"MEMORY USAGE k SAMPLES 1", "k"},
    {"DEL a '' b", "a '' b"},
    {"SORT_RO k BY w* GET x", "k"},
    {"PING", ""},
    {"ECHO x", ""},
    {"INFO server", ""},
    {"CONFIG GET x", ""},
    {"SCAN 0", ""},
  });
}

CAF_TEST(keys that are counted stand behind their count) {
  check_keys({
    {"EVAL body 2 a b x", "a b"},
    {"EVALSHA digest 1 a x", "a"},
    {"EVAL_RO body 0 x", ""},
    {"EVALSHA_RO digest 1 a", "a"},
    {"FCALL f 1 a x", "a"},
    {"FCALL_RO f 2 a b", "a b"},
    {"ZUNION 2 a b WITHSCORES", "a b"},
    {"ZINTER 1 a", "a"},
    {"ZDIFF 2 a b", "a b"},
    {"ZINTERCARD 2 a b LIMIT 1", "a b"},
    {"SINTERCARD 1 a", "a"},
    {"LMPOP 2 a b LEFT", "a b"},
    {"ZMPOP 1 a MIN", "a"},
    {"BLMPOP 0 2 a b LEFT", "a b"},
    {"BZMPOP 0 1 a MIN", "a"},
    {"ZUNIONSTORE d 2 a b WEIGHTS 1 2", "d a b"},
    {"ZINTERSTORE d 1 a", "d a"},
    {"ZDIFFSTORE d 2 a b", "d a b"},
  });
}

CAF_TEST(a count that makes no sense answers all arguments) {
  check_keys({
    {"EVAL body 3 a b", "body 3 a b"},
    {"EVAL body -1 a b", "body -1 a b"},
    {"EVAL body x a", "body x a"},
    {"EVAL body 99999999999999999999 a", "body 99999999999999999999 a"},
    {"EVAL body 9223372036854775807 a", "body 9223372036854775807 a"},
    {"EVAL body 1x a", "body 1x a"},
    {"EVAL body", "body"},
    {"EVAL", ""},
    {"ZUNION ''", "''"},
    {"ZUNIONSTORE d 2 a", "d 2 a"},
    {"ZUNIONSTORE d", "d"},
  });
}

CAF_TEST(keys of streams are the first half behind STREAMS) {
  check_keys({
    {"XREAD STREAMS a b 0 0", "a b"},
    {"XREAD COUNT 1 STREAMS streams 0", "streams"},
    {"XREADGROUP GROUP STREAMS c COUNT 1 streams a b > >", "a b"},
    {"XREADGROUP GROUP g c BLOCK 0 NOACK STREAMS a >", "a"},
    {"XREAD STREAMS a b 0", "STREAMS a b 0"},
    {"XREAD STREAMS", "STREAMS"},
    {"XREAD COUNT 1", "COUNT 1"},
  });
}

CAF_TEST(destinations of STORE are keys) {
  check_keys({
    {"SORT k", "k"},
    {"SORT k BY store LIMIT 0 1 STORE d", "k d"},
    {"SORT k STORE a store b", "k b"},
    {"SORT k GET STORE", "k"},
    {"SORT k STORE", "k STORE"},
    {"GEORADIUS k 1 1 1 m", "k"},
    {"GEORADIUS k 1 1 1 m COUNT 1 STORE d ASC", "k d"},
    {"GEORADIUS k 1 1 1 m STORE a STOREDIST b", "k b"},
    {"GEORADIUSBYMEMBER k STORE 1 m storedist d", "k d"},
    {"GEORADIUSBYMEMBER k m 1 m NOSUCH d", "k m 1 m NOSUCH d"},
    {"GEOSEARCHSTORE d k FROMMEMBER m", "d k"},
    {"SORT", ""},
  });
}

CAF_TEST(keys of MIGRATE are one or a list) {
  check_keys({
    {"MIGRATE h 1 k 0 9", "k"},
    {"MIGRATE h 1 k 0 9 COPY", "k"},
    {"MIGRATE h 1 '' 0 9 KEYS a b", "a b"},
    {"MIGRATE h 1 '' 0 9 COPY AUTH keys KEYS a b", "a b"},
    {"MIGRATE h 1 '' 0 9 AUTH2 u KEYS REPLACE keys a", "a"},
    {"MIGRATE h 1 '' 0 9", "''"},
    {"MIGRATE h 1 '' 0 9 KEYS", "''"},
    {"MIGRATE h 1", "h 1"},
  });
}

CAF_TEST(commands whose keys nobody knows answer all arguments) {
  check_keys({
    {"NOSUCH a b", "a b"},
    {"NOSUCH", ""},
    {"CONFIG NOSUCH x", "NOSUCH x"},
    {"DEBUG OBJECT k", "OBJECT k"},
    {"CONFIG SET a b", "SET a b"},
    {"PUBLISH c m", "c m"},
    {"ACL LOG RESET", "LOG RESET"},
    {"ACL LOG", ""},
  });
}

CAF_TEST(too few arguments never read out of range) {
  for (auto& row : table) {
    auto all = split(row.name);
    for (auto extra : words{"", "0", "1", "STORE", "STREAMS", "KEYS"}) {
      auto args = all;
      for (size_t i = 0; i < 5; ++i) {
        auto keys = keys_of(args);
        CAF_CHECK(keys.size() < args.size());
        static_cast<void>(traits_of(args));
        args.push_back(extra);
      }
    }
  }
}

CAF_TEST(keys are views into the arguments) {
  std::string key = "a key that is too long to be stored inside";
  words args{"ZUNIONSTORE", key, "1", key};
  auto keys = keys_of(args);
  CAF_REQUIRE_EQUAL(keys.size(), 2u);
  for (auto x : keys)
    CAF_CHECK(x.data() == key.data());
}
