// Whatever a server answers to MULTI, the members and EXEC: nobody is told that a
// transaction did not happen if it may have, and nobody that it did if it did not.
//
// Input: the replies as RESP.

#include <redoubt/tests/fuzz/resp.hpp>
#include <redoubt/tests/fuzz/target.hpp>

#include <redoubt/actors/request/transaction_body.hpp>

#include <algorithm>
#include <variant>

using namespace redoubt;
using fuzz::check;

namespace {

/// True if one of the replies says so, also as the cause of an EXECABORT.
bool is_said_by_one(const std::vector<reply>& all, errc code) {
  return std::any_of(all.begin(), all.end(), [=](auto& x) {
    return x.is_error()
           && (judge(x.text(), false).code == code
               || judge(cause_of(x.text()), false).code == code);
  });
}

void check_that_it_ran(const transaction_result& x, const reply& exec) {
  check(x.outcome == fate::answered, "what ran is answered");
  check(x.message.empty(), "what ran has no message");
  auto& elements = exec.elements();
  auto same = [](const reply& a, const outcome& b) {
    auto y = std::get_if<reply>(&b);
    return y != nullptr && *y == a;
  };
  check(std::equal(elements.begin(), elements.end(), x.values.outcomes.begin(),
                   x.values.outcomes.end(), same),
        "the outcomes are what EXEC answered");
}

void check_message(const transaction_result& x, const std::vector<reply>& all) {
  auto said = [&](auto& y) { return y.is_error() && y.text() == x.message; };
  check(x.message == "a watched key changed"
          || std::any_of(all.begin(), all.end(), said),
        "a failure has the server's words", x.message);
  check(x.values.outcomes.empty(), "a failure has no values");
}

void check_fate(const transaction_result& x, const std::vector<reply>& all) {
  auto refused = all.front().is_error();
  auto ran_alone = refused
                   && std::any_of(all.begin() + 1, all.end() - 1,
                                  [](auto& y) { return !y.is_error(); });
  check(ran_alone == (x.outcome == fate::unknown),
        "members that ran on their own have an unknown fate");
  if (x.outcome != fate::refused)
    check(x.code == errc::transaction_aborted,
          "what was not refused was aborted");
  else
    check(x.code != errc::transaction_aborted && is_said_by_one(all, x.code),
          "only the server refuses");
  check(x.outcome != fate::not_sent, "what was answered was sent");
}

} // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto all = fuzz::replies_of(fuzz::text_of(data, size));
  // MULTI and EXEC are always answered.
  if (all.size() < 2)
    return 0;
  auto x = judge_transaction(all);
  auto ran = !all.front().is_error() && all.back().kind() == reply_kind::array;
  check(ran == (x.code == errc::none), "an array of EXEC says that it ran");
  if (ran) {
    check_that_it_ran(x, all.back());
    return 0;
  }
  check_message(x, all);
  check_fate(x, all);
  return 0;
}
