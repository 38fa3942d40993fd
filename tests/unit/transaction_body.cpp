#define CAF_SUITE transaction_body

#include <redoubt/actors/request/transaction_body.hpp>

#include <redoubt/tests/support/check.hpp>

#include <string>
#include <string_view>
#include <vector>

using namespace redoubt;

namespace {

const auto ok = reply::status("OK");
const auto queued = reply::status("QUEUED");

constexpr auto aborted = "EXECABORT Transaction discarded because of previous "
                         "errors.";

reply error(std::string_view text) {
  return reply::error(text);
}

std::string wire_of(const std::vector<command>& members) {
  return std::string{*encode_transaction(members)};
}

/// Judges and checks all but the values.
transaction_result expect(std::vector<reply> all, errc code, fate outcome,
                          std::string_view message) {
  auto x = judge_transaction(std::move(all));
  CAF_CHECK_EQUAL(to_string(x.code), to_string(code));
  CAF_CHECK_EQUAL(to_string(x.outcome), to_string(outcome));
  CAF_CHECK_EQUAL(x.message, message);
  return x;
}

} // namespace

// -- bytes and class ----------------------------------------------------------

CAF_TEST(a transaction is its members between MULTI and EXEC) {
  CAF_CHECK_EQUAL(wire_of({command{"SET", "k", "v"}, command{"GET", "k"}}),
                  "*1\r\n$5\r\nMULTI\r\n"
                  "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n"
                  "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"
                  "*1\r\n$4\r\nEXEC\r\n");
}

CAF_TEST(a transaction without members is still one) {
  CAF_CHECK_EQUAL(wire_of({}), "*1\r\n$5\r\nMULTI\r\n*1\r\n$4\r\nEXEC\r\n");
}

CAF_TEST(a transaction has the strictest class of its members) {
  command get{"GET", "k"};
  command set{"SET", "k", "v"};
  command del{"DEL", "k"};
  command incr{"INCR", "k"};
  CAF_CHECK(class_of_transaction({}) == command_class::read_only);
  CAF_CHECK(class_of_transaction({get, get}) == command_class::read_only);
  CAF_CHECK(class_of_transaction({set, get}) == command_class::idempotent);
  CAF_CHECK(class_of_transaction({get, del, set}) == command_class::convergent);
  CAF_CHECK(class_of_transaction({incr, get, del, set})
            == command_class::accumulating);
}

// -- it ran -------------------------------------------------------------------

CAF_TEST(the replies of EXEC are the replies of the members) {
  auto x = expect({ok, queued, queued, reply::array({ok, reply::string("v")})},
                  errc::none, fate::answered, "");
  CAF_REQUIRE_EQUAL(x.values.outcomes.size(), 2u);
  CAF_CHECK(std::get<reply>(x.values.outcomes[0]) == ok);
  CAF_CHECK(std::get<reply>(x.values.outcomes[1]) == reply::string("v"));
}

CAF_TEST(a transaction without members has no replies) {
  auto x = expect({ok, reply::array({})}, errc::none, fate::answered, "");
  CAF_CHECK_EQUAL(x.values.outcomes.size(), 0u);
}

CAF_TEST(a member that failed in a transaction that ran is a reply) {
  auto wrong = error("WRONGTYPE Operation against a key");
  auto x = expect({ok, queued, queued, reply::array({wrong, ok})}, errc::none,
                  fate::answered, "");
  CAF_REQUIRE_EQUAL(x.values.outcomes.size(), 2u);
  CAF_CHECK(std::get<reply>(x.values.outcomes[0]) == wrong);
}

CAF_TEST(a passing error of a member that ran is a reply all the same) {
  // The transaction ran: nothing of it may be sent again.
  auto x = expect({ok, queued, reply::array({error("READONLY no writes")})},
                  errc::none, fate::answered, "");
  CAF_CHECK_EQUAL(x.values.outcomes.size(), 1u);
}

// -- it did not run -----------------------------------------------------------

CAF_TEST(a watched key that changed is a definite answer) {
  expect({ok, queued, reply{}}, errc::transaction_aborted, fate::answered,
         "a watched key changed");
}

CAF_TEST(a member with a wrong syntax aborts for good with its own words) {
  expect({ok, queued, error("ERR wrong number of arguments for 'get' command"),
          error(aborted)},
         errc::transaction_aborted, fate::answered,
         "ERR wrong number of arguments for 'get' command");
}

CAF_TEST(a member turned away for a passing reason makes it refused) {
  expect({ok, error("LOADING Redis is loading the dataset in memory"),
          error(aborted)},
         errc::loading, fate::refused, aborted);
  expect({ok, queued, error("READONLY You can't write against a replica."),
          queued, error(aborted)},
         errc::read_only_replica, fate::refused, aborted);
  expect({ok, error("MASTERDOWN Link with MASTER is down"), error(aborted)},
         errc::master_down, fate::refused, aborted);
}

CAF_TEST(a member turned away by memory or rights is a definite answer) {
  expect({ok, error("OOM command not allowed when used memory > 'maxmemory'."),
          error(aborted)},
         errc::transaction_aborted, fate::answered,
         "OOM command not allowed when used memory > 'maxmemory'.");
  expect({ok, error("NOPERM this user has no permissions"), error(aborted)},
         errc::transaction_aborted, fate::answered,
         "NOPERM this user has no permissions");
}

CAF_TEST(the first error at queueing is the cause) {
  expect(
    {ok, error("ERR unknown command 'FOO'"),
     error("LOADING Redis is loading the dataset in memory"), error(aborted)},
    errc::transaction_aborted, fate::answered, "ERR unknown command 'FOO'");
}

CAF_TEST(a cause that EXEC names itself goes before errors at queueing) {
  auto text = "EXECABORT Transaction discarded because of: READONLY You can't "
              "write against a read only replica.";
  expect({ok, queued, error(text)}, errc::read_only_replica, fate::refused,
         text);
  expect({ok, error("ERR unknown command 'FOO'"), error(text)},
         errc::read_only_replica, fate::refused, text);
}

CAF_TEST(a definite cause that EXEC names is a definite answer) {
  auto text = "EXECABORT Transaction discarded because of: OOM command not "
              "allowed when used memory > 'maxmemory'.";
  expect({ok, queued, error(text)}, errc::transaction_aborted, fate::answered,
         text);
}

CAF_TEST(an EXEC turned away on its own is judged by its words) {
  expect({ok, queued, error("LOADING Redis is loading the dataset in memory")},
         errc::loading, fate::refused,
         "LOADING Redis is loading the dataset in memory");
  expect({ok, queued, error("BUSY Redis is busy running a script.")},
         errc::busy, fate::refused, "BUSY Redis is busy running a script.");
  expect({ok, queued, error("ERR no such thing")}, errc::transaction_aborted,
         fate::answered, "ERR no such thing");
}

// -- MULTI was not taken ------------------------------------------------------

CAF_TEST(a refused MULTI of which nothing ran is refused) {
  auto loading = error("LOADING Redis is loading the dataset in memory");
  expect({loading, loading, loading, loading}, errc::loading, fate::refused,
         "LOADING Redis is loading the dataset in memory");
  auto wanted = error("NOAUTH Authentication required.");
  expect({wanted, wanted, wanted}, errc::auth_failed, fate::refused,
         "NOAUTH Authentication required.");
}

CAF_TEST(a MULTI that is not allowed is a definite answer) {
  auto denied = error("NOPERM this user has no permissions to run 'multi'");
  expect({denied, denied, error("ERR EXEC without MULTI")},
         errc::transaction_aborted, fate::answered,
         "NOPERM this user has no permissions to run 'multi'");
}

CAF_TEST(members that ran without MULTI are never said not to have run) {
  // The data set was loaded between MULTI and the second member.
  auto loading = error("LOADING Redis is loading the dataset in memory");
  expect({loading, loading, reply::integer(1), error("ERR EXEC without MULTI")},
         errc::transaction_aborted, fate::unknown,
         "LOADING Redis is loading the dataset in memory");
  auto denied = error("NOPERM this user has no permissions to run 'multi'");
  expect({denied, ok, error("ERR EXEC without MULTI")},
         errc::transaction_aborted, fate::unknown,
         "NOPERM this user has no permissions to run 'multi'");
}
