#define CAF_SUITE client_refusals

#include "client_fixture.hpp"

#include <redoubt/tests/support/server_errors.hpp>

using namespace redoubt_test;
using redoubt::test::server_error;
using redoubt::test::server_errors;

namespace {

/// A request actor of its own that meets one error of the server.
class trial : public client_fixture {
public:
  explicit trial(const server_error& x) : row(x) {
    CAF_MESSAGE("the server says: " << row.text);
    start_connected();
  }

  /// Answers what is under way by `x`. The connection may end with it.
  void turn_away(reply x) {
    answer_next(std::move(x));
    if (row.link == errc::none)
      return;
    lose_link(told->units.size(), false, row.link);
    link_up_now();
  }

  void turn_away() { turn_away(error()); }

  reply error() const { return reply::error(std::string{row.text}); }

  /// What the server says to MULTI, INCR and EXEC: the error to INCR, and what
  /// follows from that.
  reply at_queueing() const {
    return reply::array(
      {reply::status("OK"), error(),
       reply::error("EXECABORT Transaction discarded because of previous "
                    "errors.")});
  }

  /// The error met EXEC itself.
  reply at_exec() const {
    return reply::array(
      {reply::status("OK"), reply::status("QUEUED"),
       reply::error("EXECABORT Transaction discarded because of: "
                    + std::string{row.text})});
  }

  /// Commands that nobody answered so far.
  size_t outstanding() const { return told->units.size() - answered; }

  /// Longer than any wait before a second attempt, shorter than the attempt.
  void back_off() { pass(305ms); }

  template <class Handle>
  failure expect_failed_transaction(Handle&& handle) {
    failure result;
    CAF_REQUIRE(!self->mailbox().empty());
    handle.receive([&](replies&) { CAF_FAIL("replied"); },
                   [&](caf::error& e) { result = failure_of(e).value(); });
    return result;
  }

  void check(const failure& why, errc code, fate became) {
    CAF_CHECK_EQUAL(to_string(why.code), to_string(code));
    CAF_CHECK_EQUAL(to_string(why.outcome), to_string(became));
    CAF_CHECK_EQUAL(why.attempts, 1u);
    CAF_CHECK_EQUAL(is_not_sent(to_error(why)), became == fate::refused);
  }

  /// Checks what the supervisor was told of one attempt.
  void check_reports() {
    pass(105ms);
    report sum;
    for (auto& x : told->reports) {
      sum.successes += x.successes;
      sum.failures += x.failures;
      sum.run += x.run;
      sum.returned += x.returned;
    }
    auto is_answer = row.code == errc::none;
    CAF_CHECK_EQUAL(sum.successes, is_answer ? 1u : 0u);
    CAF_CHECK_EQUAL(sum.failures, row.counts ? 1u : 0u);
    CAF_CHECK_EQUAL(sum.run, row.counts ? 1u : 0u);
    CAF_CHECK_EQUAL(sum.returned, !is_answer && !row.counts ? 1u : 0u);
  }

  const server_error& row;
};

request_options once() {
  request_options o;
  o.attempts = 1;
  return o;
}

} // namespace

CAF_TEST(each error of the server has its code and fate and its weight for the breaker) {
  for (auto& row : server_errors) {
    trial x{row};
    auto answer = x.ask(command{"INCR", "n"}, once());
    x.turn_away();
    if (row.code == errc::none) {
      CAF_CHECK_EQUAL(x.expect_reply(answer).text(), std::string{row.text});
    } else {
      auto why = x.expect_failure(answer);
      x.check(why, row.code, row.became());
      CAF_CHECK_EQUAL(why.last_message, std::string{row.text});
    }
    x.check_reports();
    CAF_CHECK_EQUAL(x.outstanding(), 0u);
  }
}

CAF_TEST(a counter that the server turned away is sent again if that may pass) {
  for (auto& row : server_errors) {
    trial x{row};
    auto answer = x.ask(command{"INCR", "n"});
    x.turn_away();
    x.back_off();
    CAF_CHECK_EQUAL(x.outstanding(), row.again ? 1u : 0u);
    if (row.again && x.outstanding() == 1) {
      CAF_CHECK_EQUAL(x.sent(x.answered), x.wire({"INCR", "n"}));
      x.answer_next(reply::integer(1));
      auto got = x.expect_reply(answer);
      CAF_CHECK_EQUAL(got.number(), 1);
      // It was turned away before it ran, so that it ran once.
      CAF_CHECK(!got.repeated);
    } else {
      CAF_CHECK(!x.self->mailbox().empty());
    }
    x.pass(1s);
    CAF_CHECK_EQUAL(x.outstanding(), 0u);
  }
}

CAF_TEST(a transaction is judged by the first error among its members) {
  for (auto& row : server_errors) {
    trial x{row};
    auto answer = x.ask(transaction{{command{"INCR", "n"}}}, once());
    x.turn_away(x.at_queueing());
    auto why = x.expect_failed_transaction(answer);
    x.check(why, row.code == errc::none ? errc::transaction_aborted : row.code,
            row.became());
    x.check_reports();
  }
}

CAF_TEST(a transaction is judged by the cause that its end names) {
  for (auto& row : server_errors) {
    trial x{row};
    auto answer = x.ask(transaction{{command{"INCR", "n"}}}, once());
    x.turn_away(x.at_exec());
    auto why = x.expect_failed_transaction(answer);
    x.check(why, row.code == errc::none ? errc::transaction_aborted : row.code,
            row.became());
    x.check_reports();
  }
}

CAF_TEST(a transaction that the server turned away is sent again if that may pass) {
  for (auto& row : server_errors) {
    trial x{row};
    auto answer = x.ask(transaction{{command{"INCR", "n"}}});
    auto whole = x.sent(0);
    x.turn_away(x.at_exec());
    x.back_off();
    CAF_CHECK_EQUAL(x.outstanding(), row.again ? 1u : 0u);
    if (row.again && x.outstanding() == 1) {
      CAF_CHECK_EQUAL(x.sent(x.answered), whole);
      x.answer_next(reply::array({reply::status("OK"), reply::status("QUEUED"),
                                  reply::array({reply::integer(1)})}));
      auto all = x.expect_outcomes(answer);
      CAF_REQUIRE_EQUAL(all.size(), 1u);
      CAF_CHECK(!std::get<reply>(all[0]).repeated);
    }
    x.pass(1s);
    CAF_CHECK_EQUAL(x.outstanding(), 0u);
  }
}

CAF_TEST(a refusal ends with the attempts that a request has) {
  for (auto& row : server_errors) {
    if (!row.again)
      continue;
    trial x{row};
    request_options o;
    o.attempts = 3;
    o.deadline = 60s;
    auto answer = x.ask(command{"INCR", "n"}, o);
    for (int i = 0; i < 3; ++i) {
      CAF_REQUIRE(x.self->mailbox().empty());
      for (int j = 0; j < 300 && x.outstanding() == 0; ++j)
        x.pass(5ms);
      CAF_REQUIRE_EQUAL(x.outstanding(), 1u);
      x.turn_away();
    }
    auto why = x.expect_failure(answer);
    CAF_CHECK_EQUAL(to_string(why.code), to_string(row.code));
    CAF_CHECK_EQUAL(to_string(why.outcome), "refused");
    CAF_CHECK_EQUAL(why.attempts, 3u);
    x.pass(2s);
    CAF_CHECK_EQUAL(x.outstanding(), 0u);
  }
}
