#include <redoubt/actors/request/transaction_body.hpp>

#include <algorithm>
#include <utility>

namespace redoubt {

namespace {

transaction_result failed(errc code, fate outcome, std::string_view message) {
  transaction_result result;
  result.code = code;
  result.outcome = outcome;
  result.message = message;
  return result;
}

std::string_view first_error(const std::vector<reply>& all) noexcept {
  auto i = std::find_if(all.begin(), all.end() - 1,
                        [](const reply& x) { return x.is_error(); });
  return i == all.end() - 1 ? std::string_view{} : std::string_view{i->text()};
}

} // namespace

shared_bytes encode_transaction(const std::vector<command>& members) {
  static const command multi{"MULTI"};
  static const command exec{"EXEC"};
  auto result = std::make_shared<std::string>(multi.wire());
  for (auto& each : members) {
    // A script that is unknown would fail when the others have run.
    auto whole = each.with_script_text();
    *result += whole.empty() ? each.wire() : whole.wire();
  }
  *result += exec.wire();
  return shared_bytes{std::move(result)};
}

command_class
class_of_transaction(const std::vector<command>& members) noexcept {
  auto result = command_class::read_only;
  for (auto& each : members)
    result = std::max(result, each.cls());
  return result;
}

transaction_result judge_transaction(std::vector<reply> all) {
  auto& exec = all.back();
  if (all.front().is_error()) {
    // The server did not take MULTI. Members that it took all the same ran on
    // their own; nobody wants that, so nobody is told that it did not happen.
    auto ran = std::any_of(all.begin() + 1, all.end() - 1,
                           [](const reply& x) { return !x.is_error(); });
    if (ran)
      return failed(errc::transaction_aborted, fate::unknown,
                    all.front().text());
    auto verdict = judge(all.front().text(), false);
    if (verdict.code != errc::none)
      return failed(verdict.code, verdict.outcome, all.front().text());
    return failed(errc::transaction_aborted, fate::answered,
                  all.front().text());
  }
  if (exec.kind() == reply_kind::array) {
    transaction_result result;
    for (auto& each : std::move(exec).elements())
      result.values.outcomes.emplace_back(std::move(each));
    return result;
  }
  if (exec.is_error()) {
    auto cause = first_error(all);
    auto verdict = error_code(exec.text()) == "EXECABORT"
                     ? judge_exec_abort(exec.text(), cause)
                     : judge(exec.text(), false);
    auto& text = exec.text();
    if (verdict.code != errc::none)
      return failed(verdict.code, verdict.outcome, text);
    return failed(errc::transaction_aborted, fate::answered,
                  cause.empty() ? text : cause);
  }
  return failed(errc::transaction_aborted, fate::answered,
                "a watched key changed");
}

} // namespace redoubt
