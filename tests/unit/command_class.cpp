#define CAF_SUITE command_class

#include "command_class_fixture.hpp"

#include <set>

using namespace redoubt;
using namespace redoubt::test;

namespace {

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != text.npos;
}

/// Checks that the lines are refused, with `hint` in the reason.
void check_refused(std::string_view hint, const words& lines) {
  for (auto line : lines) {
    auto reason = refusal_of_line(line);
    check_line(line, has(reason, hint) ? hint : reason, hint);
  }
}

void check_admitted(const words& lines) {
  for (auto line : lines)
    check_line(line, refusal_of_line(line), "");
}

} // namespace

// -- names --------------------------------------------------------------------

CAF_TEST(every class has a name that reads back) {
  std::set<std::string_view> names;
  for (auto x : {read_only, idempotent, convergent, accumulating}) {
    names.insert(to_string(x));
    CAF_CHECK(command_class_from(to_string(x)) == x);
  }
  CAF_CHECK_EQUAL(names.size(), 4u);
}

CAF_TEST(a word that names no class reads as nothing) {
  for (auto x : {"", "read", "READ_ONLY", "read_only ", "?"})
    CAF_CHECK(!command_class_from(x));
}

// -- the table ----------------------------------------------------------------

CAF_TEST(every row of the table is found by its name in any case) {
  for (auto& row : table) {
    if (row.by != detail::class_rule::none)
      continue;
    auto lower = std::string{row.name};
    for (auto& c : lower)
      if (c >= 'A' && c <= 'Z')
        c = static_cast<char>(c - 'A' + 'a');
    for (auto line : {row.name, std::string_view{lower}}) {
      CAF_CHECK_EQUAL(to_string(class_of_line(line)), to_string(row.cls));
      CAF_CHECK_EQUAL(refusal_of_line(line).empty(),
                      row.refusal == detail::refusal_hint::none);
    }
  }
}

CAF_TEST(commands that the server flags as readonly are read only) {
  size_t count = 0;
  for (auto& row : table)
    if (has(row.flags, "readonly")) {
      ++count;
      CAF_CHECK_EQUAL(to_string(row.cls), to_string(read_only));
    }
  CAF_CHECK(count > 80);
}

CAF_TEST(commands that the server flags as writes are not read only) {
  size_t count = 0;
  for (auto& row : table)
    if (has(row.flags, "write") && row.by == detail::class_rule::none) {
      ++count;
      CAF_CHECK(row.cls != read_only);
    }
  CAF_CHECK(count > 70);
}

CAF_TEST(commands that the server flags as blocking are refused) {
  for (auto& row : table)
    if (has(row.flags, "blocking"))
      CAF_CHECK(row.refusal != detail::refusal_hint::none
                || row.by == detail::class_rule::xread);
}

CAF_TEST(writes that name no keys are never repeated but for two) {
  for (auto& row : table)
    if (row.first_key == 0 && !has(row.flags, "movablekeys")
        && row.name != "CONFIG SET" && row.name != "SCRIPT LOAD")
      CAF_CHECK(row.cls == read_only || row.cls == accumulating);
}

// -- classes ------------------------------------------------------------------

CAF_TEST(commands that change nothing are read only) {
  check_class(read_only, {"GET k",
                          "MGET a b",
                          "EXISTS k",
                          "TTL k",
                          "ZRANGE k 0 1",
                          "PING",
                          "ECHO x",
                          "TIME",
                          "DBSIZE",
                          "INFO",
                          "RANDOMKEY",
                          "SCAN 0",
                          "HSCAN k 0",
                          "SRANDMEMBER k",
                          "OBJECT ENCODING k",
                          "MEMORY USAGE k",
                          "XINFO STREAM k",
                          "CONFIG GET *",
                          "COMMAND",
                          "EVAL_RO body 0",
                          "EVALSHA_RO digest 0",
                          "FCALL_RO f 0",
                          "SORT_RO k BY w*",
                          "CLIENT LIST",
                          "CLUSTER SLOTS",
                          "PFCOUNT k",
                          "TOUCH k",
                          "XREAD STREAMS a 0"});
}

CAF_TEST(plain overwrites are idempotent) {
  check_class(idempotent,
              {"SET k v", "MSET a 1 b 2", "SETEX k 60 v", "PSETEX k 60 v",
               "HMSET k f v", "LSET k 0 v", "SETRANGE k 0 v", "PFMERGE k a",
               "SUNIONSTORE k k a", "SINTERSTORE k k a", "CONFIG SET a b",
               "SCRIPT LOAD body", "EXPIRE k 60", "PEXPIREAT k 60"});
}

CAF_TEST(changes whose reply tells of the first run are convergent) {
  check_class(convergent,
              {"DEL k", "UNLINK k", "SADD k m", "SREM k m", "HSET k f v",
               "HDEL k f", "ZADD k 1 m", "ZREM k m", "PERSIST k",
               "SETBIT k 0 1", "GEOADD k 1 1 m", "XACK k g 1-1", "XDEL k 1-1",
               "SMOVE a b m", "MOVE k 1", "XGROUP DESTROY k g",
               "ZREMRANGEBYSCORE k 0 1"});
}

CAF_TEST(changes that add up are accumulating) {
  check_class(accumulating,
              {"INCR k", "APPEND k v", "LPUSH k v", "RPOP k", "SPOP k",
               "XADD k * f v", "HINCRBY k f 1", "ZINCRBY k 1 m",
               "LMOVE a b LEFT RIGHT", "EVAL body 0", "EVALSHA digest 0",
               "FCALL f 0", "PUBLISH c m", "SPUBLISH c m",
               "XREADGROUP GROUP g c STREAMS a >"});
}

CAF_TEST(a reply that would be lost or would mislead makes accumulating) {
  check_class(accumulating,
              {"GETSET k v", "GETDEL k", "SETNX k v", "HSETNX k f v",
               "MSETNX k v", "RENAME a b", "RENAMENX a b", "COPY a b",
               "XGROUP CREATE k g 0", "RESTORE k 0 dump"});
}

CAF_TEST(what acts on the whole server is accumulating) {
  check_class(accumulating, {"FLUSHALL", "FLUSHDB", "SWAPDB 0 1",
                             "SCRIPT FLUSH", "FUNCTION FLUSH", "DEBUG SLEEP 0",
                             "CONFIG RESETSTAT", "FAILOVER"});
}

CAF_TEST(what nobody knows is accumulating and admitted) {
  words lines{"NOSUCH k",      "HEXPIRE k 1 FIELDS 1 f",
              "CONFIG NOSUCH", "CONFIG ''",
              "OBJECT",        "GETT k",
              "GE k",          "a.name.longer.than.any.command.of.redis"};
  check_class(accumulating, lines);
  check_admitted(lines);
}

CAF_TEST(no arguments and an empty name are nothing anybody knows) {
  CAF_CHECK(traits_of({}).cls == accumulating);
  CAF_CHECK(traits_of({}).refusal.empty());
  CAF_CHECK(keys_of({}).empty());
  check_class(accumulating, {"''", "'' k"});
}

CAF_TEST(a subcommand in the name itself is not taken for one) {
  for (auto& row : table) {
    words one{row.name};
    if (row.name.find(' ') != row.name.npos) {
      CAF_CHECK(traits_of(one).cls == accumulating);
      CAF_CHECK(traits_of(one).refusal.empty());
    }
  }
}

CAF_TEST(names match whole and byte by byte) {
  using namespace std::string_view_literals;
  words nul{"GET\0"sv, "k"};
  CAF_CHECK(traits_of(nul).cls == accumulating);
  words bit{"CLIENT", "NO\rEVICT", "on"};
  CAF_CHECK(traits_of(bit).refusal.empty());
}

// -- refusals -----------------------------------------------------------------

CAF_TEST(commands that block are refused) {
  check_refused("blocking is not supported over a shared connection; lease a "
                "connection",
                {"BLPOP k 0", "BRPOP k 0", "BLMOVE a b LEFT LEFT 0",
                 "BRPOPLPUSH a b 0", "BZPOPMIN k 0", "BZPOPMAX k 0",
                 "BLMPOP 0 1 k LEFT", "BZMPOP 0 1 k MIN", "WAIT 1 0",
                 "WAITAOF 1 0 0", "blpop k 0", "BlPop"});
}

CAF_TEST(reading streams is refused with BLOCK only) {
  check_refused("leave it out",
                {"XREAD BLOCK 0 STREAMS a 0",
                 "xread count 1 block 0 streams a 0",
                 "XREADGROUP GROUP g c BLOCK 0 STREAMS a >",
                 "XREADGROUP BLOCK 0 GROUP g c STREAMS a >",
                 "XREADGROUP GROUP g c NOACK BLOCK 0 STREAMS a >",
                 "XREAD NOSUCH BLOCK 0 STREAMS a 0"});
  check_admitted({"XREAD STREAMS BLOCK 0", "XREAD COUNT 1 STREAMS a block 0 0",
                  "XREADGROUP GROUP BLOCK c STREAMS a >",
                  "XREADGROUP GROUP g BLOCK STREAMS a >",
                  "XREADGROUP GROUP STREAMS c COUNT 1 STREAMS a >"});
}

CAF_TEST(commands that answer other than once are refused) {
  check_refused("subscribing is not supported",
                {"SUBSCRIBE c", "PSUBSCRIBE c", "SSUBSCRIBE c", "UNSUBSCRIBE",
                 "PUNSUBSCRIBE", "SUNSUBSCRIBE"});
  check_refused("streaming is not supported",
                {"MONITOR", "SYNC", "PSYNC ? -1", "REPLCONF ACK 0",
                 "SCRIPT DEBUG YES"});
  check_refused("ends the server", {"SHUTDOWN", "SHUTDOWN NOSAVE"});
  check_refused("HTTP", {"POST / HTTP/1.1", "Host: x"});
}

CAF_TEST(transactions are refused with the message to send instead) {
  check_refused("send a `transaction`", {"MULTI", "EXEC", "DISCARD", "multi"});
  check_refused("watching is not supported", {"WATCH k", "UNWATCH"});
}

CAF_TEST(commands that change the connection are refused) {
  check_refused("endpoint's db", {"SELECT 1"});
  check_refused("endpoint's user and password",
                {"AUTH p", "AUTH u p", "HELLO 3"});
  check_refused("`drain`", {"QUIT"});
  check_refused("client_name",
                {"CLIENT SETNAME x", "CLIENT SETINFO LIB-NAME x"});
  check_refused("connection's state",
                {"READONLY", "READWRITE", "ASKING", "CLIENT TRACKING ON",
                 "CLIENT CACHING YES", "CLIENT NO-EVICT ON",
                 "CLIENT NO-TOUCH ON", "CLIENT CAPA redirect",
                 "CLIENT IMPORT-SOURCE ON"});
  check_refused("undoes the login", {"RESET"});
  check_refused("the reply of every command",
                {"CLIENT REPLY OFF", "client reply skip"});
}

CAF_TEST(a leased connection carries what needs no more than one of its own) {
  words own{"BLPOP k 0", "XREAD BLOCK 0 STREAMS a 0",
            "WATCH k",   "UNWATCH",
            "SELECT 1",  "READONLY",
            "WAIT 1 0",  "CLIENT NO-EVICT ON",
            "GET k",     "NOSUCH k"};
  for (auto line : own)
    check_line(line, traits_of(split(line)).leased_refusal, "");
  words neither{"RESET",
                "SUBSCRIBE c",
                "MONITOR",
                "MULTI",
                "EXEC",
                "HELLO 3",
                "AUTH p",
                "SHUTDOWN",
                "QUIT",
                "POST /",
                "CLIENT REPLY OFF",
                "CLIENT SETNAME x",
                "SCRIPT DEBUG YES"};
  for (auto line : neither) {
    auto traits = traits_of(split(line));
    CAF_CHECK(!traits.leased_refusal.empty());
    check_line(line, traits.leased_refusal, traits.refusal);
  }
}

CAF_TEST(administration that answers once is admitted) {
  check_admitted({"CLIENT PAUSE 1",   "CLIENT UNPAUSE",
                  "CLIENT KILL ID 1", "CLIENT LIST",
                  "CLIENT ID",        "CLIENT INFO",
                  "CLIENT GETNAME",   "CLIENT TRACKINGINFO",
                  "CLIENT",           "DEBUG SLEEP 1",
                  "FAILOVER",         "REPLICAOF NO ONE",
                  "SCRIPT KILL",      "SCRIPT LOAD x",
                  "CONFIG SET a b",   "FLUSHALL",
                  "PUBSUB CHANNELS",  "PUBLISH c m",
                  "SWAPDB 0 1",       "READONLYX"});
}
