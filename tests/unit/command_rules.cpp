#define CAF_SUITE command_rules

#include "command_class_fixture.hpp"

using namespace redoubt;
using namespace redoubt::test;

CAF_TEST(SET is idempotent as long as nothing depends on what was there) {
  check_class(idempotent,
              {"SET k v EX 60", "SET k v px 60", "SET k v KEEPTTL",
               "SET k v EXAT 1", "SET k v PXAT 1", "SET k NX", "SET k GET"});
  check_class(accumulating,
              {"SET k v NX", "SET k v XX", "SET k v GET", "SET k v nx EX 60",
               "SET k v EX 60 NX", "SET k v KEEPTTL get", "SET k v IFEQ x",
               "SET k v EX", "SET k v ''"});
}

CAF_TEST(GETEX is what its option makes of it) {
  check_class(read_only, {"GETEX k"});
  check_class(idempotent,
              {"GETEX k EX 60", "GETEX k px 60", "GETEX k PERSIST"});
  check_class(convergent, {"GETEX k EXAT 60", "GETEX k PXAT 60"});
  check_class(accumulating, {"GETEX k NOSUCH"});
}

CAF_TEST(EXPIRE may answer otherwise under a condition or when it deletes) {
  for (std::string name : {"EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT"}) {
    check_class(idempotent, {name + " k 60"});
    check_class(convergent, {name + " k 60 NX", name + " k 60 xx",
                             name + " k 60 GT", name + " k 60 LT",
                             name + " k 0", name + " k -1", name + " k x"});
    check_class(accumulating, {name + " k 60 NOSUCH"});
  }
}

CAF_TEST(ZADD adds up with INCR only) {
  check_class(convergent,
              {"ZADD k NX 1 m", "ZADD k XX 1 m", "ZADD k gt CH 1 m",
               "ZADD k LT 1 m", "ZADD k 1 INCR", "ZADD k CH 1 m 2 incr"});
  check_class(accumulating, {"ZADD k INCR 1 m", "ZADD k XX incr 1 m"});
}

CAF_TEST(BITFIELD with GET alone is read only) {
  check_class(read_only, {"BITFIELD k", "BITFIELD k GET u8 0",
                          "BITFIELD k get u8 0 OVERFLOW SAT GET u8 8",
                          "BITFIELD_RO k GET u8 0"});
  check_class(accumulating,
              {"BITFIELD k SET u8 0 1", "BITFIELD k INCRBY u8 0 1",
               "BITFIELD k GET u8 0 INCRBY u8 0 1",
               "BITFIELD k OVERFLOW FAIL set u8 0 1", "BITFIELD k NOSUCH"});
}

CAF_TEST(commands with STORE repeat unless they read what they wrote) {
  check_class(read_only,
              {"SORT k", "SORT k BY store", "SORT k LIMIT 0 1 GET # DESC ALPHA",
               "GEORADIUS k 1 1 1 m ASC COUNT 2 ANY",
               "GEORADIUSBYMEMBER k STORE 1 m WITHDIST",
               "GEORADIUS_RO k 1 1 1 m"});
  check_class(idempotent,
              {"SORT k STORE d", "SORT k BY w* GET # store d",
               "SORT k BY nosort STORE nosort", "GEORADIUS k 1 1 1 m STORE d",
               "GEORADIUSBYMEMBER k m 1 m STOREDIST d",
               "ZUNIONSTORE d 2 a b WEIGHTS 1 2", "ZINTERSTORE d 1 a",
               "ZDIFFSTORE d 2 a b", "SDIFFSTORE d a b", "BITOP AND d a b",
               "ZRANGESTORE d a 0 1", "GEOSEARCHSTORE d a FROMMEMBER m"});
  check_class(accumulating,
              {"SORT k STORE k", "SORT k BY w* STORE w1",
               "SORT k GET * STORE d", "SORT k STORE d NOSUCH", "SORT k STORE",
               "GEORADIUS k 1 1 1 m STORE k", "GEORADIUS k 1 1 1 m NOSUCH",
               "GEORADIUSBYMEMBER k m 1 m STORE d STOREDIST k",
               "ZUNIONSTORE d 2 a d", "ZINTERSTORE d 1 d", "ZDIFFSTORE d 2 d b",
               "SDIFFSTORE d a d", "BITOP NOT d d", "ZRANGESTORE d d 1 -1",
               "GEOSEARCHSTORE d d FROMMEMBER m"});
}

CAF_TEST(trimming to a length repeats and trimming by a length does not) {
  check_class(idempotent, {"LTRIM k 0 99", "LTRIM k 0 -1", "LTRIM k -100 -1"});
  check_class(accumulating, {"LTRIM k 1 -1", "LTRIM k 0 -2", "LTRIM k -5 3",
                             "LTRIM k x -1", "LTRIM k 0", "LTRIM k 1 5"});
  check_class(convergent,
              {"ZREMRANGEBYRANK k 0 -101", "ZREMRANGEBYRANK k 9 -1"});
  check_class(accumulating, {"ZREMRANGEBYRANK k 0 9", "ZREMRANGEBYRANK k -9 -1",
                             "ZREMRANGEBYRANK k 0 x", "ZREMRANGEBYRANK k"});
  check_class(convergent, {"XTRIM k MAXLEN 9", "XTRIM k MAXLEN = 9"});
  check_class(accumulating, {"XTRIM k MAXLEN ~ 9"});
  check_class(convergent, {"LREM k 0 v"});
  check_class(accumulating, {"LREM k 1 v", "LREM k -1 v", "LREM k x v"});
}

CAF_TEST(COPY and RESTORE repeat with REPLACE) {
  check_class(idempotent, {"COPY a b REPLACE", "COPY a b DB 1 replace",
                           "RESTORE k 0 dump REPLACE",
                           "RESTORE k 0 dump ABSTTL REPLACE FREQ 1"});
  check_class(accumulating, {"COPY a REPLACE", "COPY a b DB REPLACE",
                             "COPY a b REPLACE NOSUCH", "RESTORE k 0 REPLACE"});
}

CAF_TEST(ACL LOG reads but for RESET) {
  check_class(read_only, {"ACL LOG", "ACL LOG 10"});
  check_class(accumulating, {"ACL LOG RESET", "acl log reset"});
}
