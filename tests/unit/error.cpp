#define CAF_SUITE error

#include <redoubt/messages/error.hpp>

#include <redoubt/tests/support/check.hpp>

#include <caf/exit_reason.hpp>
#include <caf/sec.hpp>

#include <initializer_list>
#include <set>

using namespace redoubt;
using namespace std::chrono_literals;

namespace {

constexpr auto last_code = errc::invalid_options;

template <class F>
void for_each_code(F f) {
  for (int i = 0; i <= static_cast<int>(last_code); ++i)
    f(static_cast<errc>(i));
}

/// Names of all codes whose rule has the given property, in order.
template <class F>
std::string codes_with(F property) {
  std::string result;
  for_each_code([&](errc x) {
    if (property(rule_of(x))) {
      result += result.empty() ? "" : " ";
      result += to_string(x);
    }
  });
  return result;
}

void check_verdict(server_verdict verdict, errc code, fate outcome) {
  CAF_CHECK_EQUAL(to_string(verdict.code), to_string(code));
  CAF_CHECK_EQUAL(to_string(verdict.outcome), to_string(outcome));
}

void check_answered(std::string_view message) {
  CAF_MESSAGE("message: " << message);
  check_verdict(judge(message, false), errc::none, fate::answered);
}

failure with(errc code, fate outcome) {
  failure x;
  x.code = code;
  x.outcome = outcome;
  return x;
}

failure sample() {
  failure x;
  x.code = errc::attempt_timeout;
  x.outcome = fate::unknown;
  x.attempts = 3;
  x.elapsed = 1500ms;
  x.last_message = "Connection reset by peer";
  x.operation = "load_cart";
  return x;
}

} // namespace

// -- the table ----------------------------------------------------------------

CAF_TEST(every code has a name and a sentence of its own) {
  std::set<std::string_view> names;
  std::set<std::string_view> sentences;
  for_each_code([&](errc x) {
    CAF_CHECK(!to_string(x).empty());
    CAF_CHECK(!describe(x).empty());
    names.insert(to_string(x));
    sentences.insert(describe(x));
  });
  CAF_CHECK_EQUAL(names.size(), static_cast<size_t>(last_code) + 1);
  CAF_CHECK_EQUAL(sentences.size(), names.size());
}

CAF_TEST(a value that is no code is shown as none) {
  CAF_CHECK_EQUAL(to_string(static_cast<errc>(200)), "none");
  CAF_CHECK(!rule_of(static_cast<errc>(200)).retry);
}

CAF_TEST(the codes that may be sent again) {
  CAF_CHECK_EQUAL(codes_with([](error_rule x) { return x.retry; }),
                  "resolve_failed connect_failed handshake_failed "
                  "disconnected protocol_error attempt_timeout loading busy "
                  "read_only_replica master_down cluster_down try_again "
                  "too_many_clients");
}

CAF_TEST(the codes that a request reports to the breaker) {
  CAF_CHECK_EQUAL(codes_with([](error_rule x) { return x.counts_for_breaker; }),
                  "attempt_timeout loading busy master_down cluster_down "
                  "too_many_clients");
}

CAF_TEST(the codes that wait longer before the next attempt) {
  CAF_CHECK_EQUAL(codes_with([](error_rule x) { return x.slow_backoff; }),
                  "loading busy too_many_clients");
}

CAF_TEST(fates have names) {
  CAF_CHECK_EQUAL(to_string(fate::not_sent), "not_sent");
  CAF_CHECK_EQUAL(to_string(fate::refused), "refused");
  CAF_CHECK_EQUAL(to_string(fate::unknown), "unknown");
  CAF_CHECK_EQUAL(to_string(fate::answered), "answered");
}

// -- failures as errors -------------------------------------------------------

CAF_TEST(a failure survives the way through an error) {
  auto x = failure_of(to_error(sample()));
  CAF_REQUIRE(x.has_value());
  CAF_CHECK(*x == sample());
}

CAF_TEST(every code survives the way through an error) {
  for_each_code([](errc code) {
    if (code == errc::none)
      return;
    auto x = with(code, fate::unknown);
    auto e = to_error(x);
    CAF_CHECK(static_cast<bool>(e));
    CAF_CHECK(failure_of(e) == x);
  });
}

CAF_TEST(a failure is one line in a log) {
  CAF_CHECK_EQUAL(to_string(sample()),
                  "attempt_timeout (unknown), attempts 3, elapsed 1500.0 ms, "
                  "operation load_cart: Connection reset by peer");
  auto exhausted = sample();
  exhausted.budget_exhausted = true;
  CAF_CHECK_EQUAL(to_string(exhausted),
                  "attempt_timeout (unknown), attempts 3, elapsed 1500.0 ms, "
                  "operation load_cart, retry budget exhausted: Connection "
                  "reset by peer");
  CAF_CHECK_EQUAL(to_string(with(errc::circuit_open, fate::not_sent)),
                  "circuit_open (not_sent), attempts 0, elapsed 0.0 ms");
}

CAF_TEST(no error and foreign errors are no failures) {
  CAF_CHECK(!failure_of(caf::error{}));
  CAF_CHECK(!failure_of(caf::make_error(caf::sec::bad_function_call)));
  CAF_CHECK(!is_not_sent(caf::error{}));
  CAF_CHECK(!is_not_sent(caf::make_error(caf::sec::bad_function_call)));
}

CAF_TEST(only not_sent and refused promise that a command did not run) {
  auto lost = [](fate x) { return to_error(with(errc::disconnected, x)); };
  CAF_CHECK(is_not_sent(lost(fate::not_sent)));
  CAF_CHECK(is_not_sent(lost(fate::refused)));
  CAF_CHECK(!is_not_sent(lost(fate::unknown)));
  CAF_CHECK(!is_not_sent(lost(fate::answered)));
}

CAF_TEST(a dead request actor never took the request) {
  for (auto& e : {caf::make_error(caf::sec::request_receiver_down),
                  caf::make_error(caf::exit_reason::kill),
                  caf::make_error(caf::exit_reason::user_shutdown)}) {
    auto x = failure_of(e);
    CAF_REQUIRE(x.has_value());
    CAF_CHECK_EQUAL(to_string(x->code), "actor_died");
    CAF_CHECK_EQUAL(to_string(x->outcome), "not_sent");
    CAF_CHECK_EQUAL(x->attempts, 0u);
    CAF_CHECK(is_not_sent(e));
  }
}

CAF_TEST(a timeout of CAF promises nothing) {
  CAF_CHECK(!is_not_sent(caf::make_error(caf::sec::request_timeout)));
}

// -- errors of the server -----------------------------------------------------

CAF_TEST(errors that pass are refusals) {
  struct row {
    std::string_view message;
    errc code;
  };
  for (auto& [message, code] :
       {row{"LOADING Redis is loading the dataset in memory", errc::loading},
        row{"BUSY Redis is busy running a script.", errc::busy},
        row{"READONLY You can't write against a read only replica.",
            errc::read_only_replica},
        row{"MASTERDOWN Link with MASTER is down", errc::master_down},
        row{"CLUSTERDOWN The cluster is down", errc::cluster_down},
        row{"TRYAGAIN Multiple keys request during rehashing of slot",
            errc::try_again},
        row{"NOAUTH Authentication required.", errc::auth_failed},
        row{"WRONGPASS invalid username-password pair", errc::auth_failed},
        row{"NOSCRIPT No matching script.", errc::no_script},
        row{"LOADING", errc::loading}}) {
    CAF_MESSAGE("message: " << message);
    check_verdict(judge(message, false), code, fate::refused);
  }
}

CAF_TEST(errors that are definite answers are replies) {
  check_answered("WRONGTYPE Operation against a key holding the wrong kind");
  check_answered("ERR unknown command 'FOO'");
  check_answered("OOM command not allowed when used memory > 'maxmemory'.");
  check_answered("MISCONF Redis is configured to save RDB snapshots");
  check_answered("NOREPLICAS Not enough good replicas to write.");
  check_answered("NOPERM this user has no permissions");
  check_answered("CROSSSLOT Keys in request don't hash to the same slot");
  check_answered("MOVED 1111 127.0.0.1:6380");
  check_answered("ASK 1111 127.0.0.1:6380");
  check_answered("");
}

CAF_TEST(codes are compared as whole first words) {
  check_answered("BUSYGROUP Consumer Group name already exists");
  check_answered("BUSYKEY Target key name already exists.");
  check_answered("LOADINGX no such code");
  check_answered("ERR BUSY");
  check_answered(" LOADING");
  check_answered("loading in lower case");
  check_answered("READONLY\tYou");
}

CAF_TEST(an error from within a script leaves its effects unknown) {
  auto from_script = "READONLY You can't write against a read only replica. "
                     "script: 6b1bf486, on @user_script:1.";
  check_verdict(judge(from_script, true), errc::none, fate::unknown);
  check_verdict(judge("ERR Error running script: x script: 6b1bf486", true),
                errc::none, fate::unknown);
}

CAF_TEST(an error that a script ends with by itself is its answer) {
  check_verdict(judge("BUSY the stock is being counted", true), errc::none,
                fate::answered);
  check_verdict(judge("NOSCRIPT here", true), errc::none, fate::answered);
  check_verdict(judge("LOADING the truck", true), errc::none, fate::answered);
}

CAF_TEST(an error before a script ran is judged like any other) {
  check_verdict(judge("BUSY Redis is busy running a script. You can only call "
                      "SCRIPT KILL or SHUTDOWN NOSAVE.",
                      true),
                errc::busy, fate::refused);
  check_verdict(judge("NOAUTH Authentication required.", true),
                errc::auth_failed, fate::refused);
  check_verdict(judge("CLUSTERDOWN Hash slot not served", true),
                errc::cluster_down, fate::refused);
  check_verdict(judge("LOADING Redis is loading the dataset", true),
                errc::loading, fate::refused);
  check_verdict(judge("NOSCRIPT No matching script.", true), errc::no_script,
                fate::refused);
  check_verdict(judge("ERR value is not an integer", true), errc::none,
                fate::answered);
}

CAF_TEST(the words of a script error mean nothing to other commands) {
  check_verdict(judge("BUSY running a script: x", false), errc::busy,
                fate::refused);
}

CAF_TEST(an aborted transaction is judged by the cause that EXEC names) {
  check_verdict(judge_exec_abort("EXECABORT Transaction discarded because of: "
                                 "READONLY You can't write",
                                 ""),
                errc::read_only_replica, fate::refused);
  check_verdict(judge_exec_abort("EXECABORT Transaction discarded because of: "
                                 "LOADING Redis is loading",
                                 "ERR unknown command"),
                errc::loading, fate::refused);
  check_verdict(judge_exec_abort("EXECABORT Transaction discarded because of: "
                                 "WRONGTYPE x",
                                 "LOADING x"),
                errc::none, fate::answered);
}

CAF_TEST(an aborted transaction is else judged by its first queueing error) {
  auto plain = "EXECABORT Transaction discarded because of previous errors.";
  check_verdict(judge_exec_abort(plain, "READONLY You can't write"),
                errc::read_only_replica, fate::refused);
  check_verdict(judge_exec_abort(plain, "ERR wrong number of arguments"),
                errc::none, fate::answered);
  check_verdict(judge_exec_abort(plain, ""), errc::none, fate::answered);
}

CAF_TEST(names of codes and fates are read as they are written) {
  for_each_code([](errc x) { CAF_CHECK(errc_from(to_string(x)) == x); });
  CAF_CHECK(!errc_from("timeout"));
  for (auto x : {fate::not_sent, fate::refused, fate::unknown, fate::answered})
    CAF_CHECK(fate_from(to_string(x)) == x);
  CAF_CHECK(!fate_from("sent"));
}

CAF_TEST(three definite errors are raised before anything runs) {
  for (auto text : {"OOM command not allowed when used memory > 'maxmemory'.",
                    "MISCONF Redis is configured to save RDB snapshots",
                    "NOREPLICAS Not enough good replicas to write.",
                    "EXECABORT Transaction discarded because of: OOM command "
                    "not allowed"}) {
    CAF_CHECK(raised_before_running(text, false));
    CAF_CHECK(!raised_before_running(text, true));
  }
  for (auto text :
       {"WRONGTYPE Operation", "ERR OOM", "OOMPH", "",
        "EXECABORT Transaction discarded because of previous errors.",
        "EXECABORT Transaction discarded because of: ERR no"})
    CAF_CHECK(!raised_before_running(text, false));
}

CAF_TEST(the cause of an aborted transaction is the error behind it) {
  CAF_CHECK_EQUAL(cause_of("EXECABORT Transaction discarded because of: OOM x"),
                  "OOM x");
  CAF_CHECK_EQUAL(cause_of("EXECABORT because of previous errors."),
                  "EXECABORT because of previous errors.");
  CAF_CHECK_EQUAL(cause_of("ERR because of: OOM x"), "ERR because of: OOM x");
}
