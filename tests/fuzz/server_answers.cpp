// What a server says beside replies to commands is read without harm: INFO, error
// texts, and the answers to a handshake and a fence.
//
// Input: what the server says; as text, and as RESP if it is.

#include <redoubt/tests/fuzz/resp.hpp>
#include <redoubt/tests/fuzz/target.hpp>

#include <redoubt/actors/connection/handshake.hpp>
#include <redoubt/actors/request/fence.hpp>
#include <redoubt/actors/supervisor/server_info.hpp>
#include <redoubt/messages/error.hpp>

#include <string>
#include <tuple>

using namespace redoubt;
using fuzz::check;
using fuzz::contains;

namespace {

constexpr std::string_view canary = "cAnArY";
constexpr std::string_view our_name = "redoubt-1";

// -- INFO -----------------------------------------------------------------------

auto fields_of(const health_report& x) {
  return std::tie(x.connected_clients, x.used_memory, x.used_memory_human,
                  x.redis_version);
}

void check_info(std::string_view info) {
  health_report whole;
  read_info(info, whole);
  check(contains(info, whole.redis_version)
          && contains(info, whole.used_memory_human),
        "what is read of INFO stands in it");
  health_report twice = whole;
  read_info(info, twice);
  check(fields_of(twice) == fields_of(whole), "reading twice changes nothing");
  health_report by_line;
  while (!info.empty()) {
    auto line = info.substr(0, info.find('\n'));
    info.remove_prefix(std::min(info.size(), line.size() + 1));
    read_info(line, by_line);
  }
  check(fields_of(by_line) == fields_of(whole), "each line stands by itself");
}

// -- errors ---------------------------------------------------------------------

bool same(const server_verdict& a, const server_verdict& b) {
  return a.code == b.code && a.outcome == b.outcome;
}

void check_error(std::string_view message) {
  auto plain = judge(message, false);
  auto script = judge(message, true);
  check(plain.outcome
          == (plain.code == errc::none ? fate::answered : fate::refused),
        "an error is a definite answer or a refusal");
  check(same(plain, judge(error_code(message), false)),
        "an error is judged by its first word");
  check(script.code == errc::none || same(script, plain),
        "a script's error is a refusal only if it is one of the server");
  check((script.outcome == fate::refused) == (script.code != errc::none),
        "whatever has no code was not refused");
  check(errc_from(to_string(plain.code)) == plain.code, "a code has a name");
}

void check_cause(std::string_view message) {
  auto cause = cause_of(message);
  check(message.ends_with(cause), "the cause is the end of the message");
  check(!raised_before_running(message, true), "a script may have done work");
  if (raised_before_running(message, false))
    check(judge(cause, false).code == errc::none,
          "what was raised before running is a definite answer");
  auto first = judge_exec_abort(message, "LOADING");
  check(same(first, cause.size() < message.size()
                      ? judge(cause, false)
                      : server_verdict{errc::loading, fate::refused}),
        "a cause that EXEC names goes before others");
}

// -- handshake ------------------------------------------------------------------

void check_failed(const handshake& x, const reply& answer, size_t step) {
  check(x.error() != errc::none && !x.error_text().empty(),
        "a handshake that fails says why");
  if (step != 0 || !answer.is_error())
    return;
  // The first word is the server's own, and of some it says all.
  auto word = error_code(answer.text());
  for (auto known : {"WRONGPASS", "NOAUTH", "NOPERM", "DENIED"})
    if (word == known)
      return;
  if (!contains(word, canary) && !answer.text().starts_with("ERR max number"))
    check(!contains(x.error_text(), canary), "a failure shows no password");
}

void check_handshake(const std::vector<reply>& answers) {
  endpoint server;
  server.password = secret{std::string{canary}};
  server.db = 3;
  handshake x{server, our_name};
  constexpr size_t steps = 4;
  for (size_t i = 0; i < answers.size(); ++i) {
    auto verdict = x.on_reply(answers[i]);
    check((verdict == handshake::verdict::more) == (i + 1 < steps)
            || verdict == handshake::verdict::failed,
          "a handshake has as many answers as steps");
    if (verdict == handshake::verdict::failed)
      check_failed(x, answers[i], i);
    if (verdict == handshake::verdict::done)
      check(x.error() == errc::none, "a handshake is done or failed");
    if (verdict != handshake::verdict::more)
      break;
  }
  check(x.client_name().empty() || x.client_name() == our_name,
        "a connection has its own name or none");
}

// -- fence ----------------------------------------------------------------------

bool names_us(const reply& answer) {
  auto text = answer.text() + ' ';
  auto named = " name=" + std::string{our_name};
  return answer.kind() == reply_kind::string
         && (contains(text, named + ' ') || contains(text, named + '\n'));
}

void check_fence(const std::vector<reply>& answers) {
  using verdict = fence::verdict;
  fence x{7, std::string{our_name}};
  auto kills = false;
  for (auto& each : answers) {
    check((x.next().arguments()[1] == "KILL") == kills,
          "a fence kills what it has found");
    auto y = x.on_reply(each);
    if (each.is_error())
      check(y == verdict::again || y == verdict::denied,
            "an error ends nothing of a lost connection");
    if (y == verdict::more)
      check(!kills && names_us(each), "nobody else is killed", each.text());
    kills = kills || y == verdict::more;
    if (y != verdict::more && y != verdict::again)
      break;
  }
}

} // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto text = fuzz::text_of(data, size);
  check_info(text);
  check_error(text);
  check_cause(text);
  auto answers = fuzz::replies_of(text);
  for (auto& each : answers)
    if (each.is_error()) {
      check_error(each.text());
      check_cause(each.text());
    }
  check_handshake(answers);
  check_fence(answers);
  return 0;
}
