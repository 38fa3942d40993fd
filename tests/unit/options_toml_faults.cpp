#define CAF_SUITE options_toml_faults

#include <redoubt/messages/options_keys.hpp>
#include <redoubt/messages/options_toml.hpp>

#include <redoubt/tests/support/check.hpp>

using namespace redoubt;

namespace {

/// All faults of a text, one line each.
std::string faults(std::string_view text) {
  std::vector<config_error> errors;
  CAF_CHECK(!parse_options(text, "x.toml", errors).has_value());
  CAF_CHECK(!errors.empty());
  std::string result;
  for (auto& x : errors)
    result += (result.empty() ? "" : "\n") + to_string(x);
  return result;
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

/// A text that sets one key; the key stands in line 2 if it has a section.
std::string setting(const option_key& key, std::string_view value) {
  std::string result;
  if (!key.section().empty())
    result.append("[").append(key.section()).append("]\n");
  return result.append(key.leaf()).append(" = ").append(value).append("\n");
}

} // namespace

CAF_TEST(a wrong type names file and line and key and what is allowed) {
  for (auto& key : option_keys()) {
    auto line = key.section().empty() ? 1 : 2;
    auto start = "x.toml:" + std::to_string(line) + ": " + std::string{key.name}
                 + ": must be ";
    for (auto value : {"[[]]", "1979-05-27", "{ a = 1 }"}) {
      auto text = faults(setting(key, value));
      CAF_MESSAGE(text);
      CAF_CHECK(text.starts_with(start));
      CAF_CHECK(!contains(text, "\n"));
    }
  }
}

CAF_TEST(types are not converted) {
  CAF_CHECK_EQUAL(faults("threads.reactors = \"3\""),
                  "x.toml:1: threads.reactors: must be a whole number");
  CAF_CHECK_EQUAL(faults("threads.reactors = 3.0"),
                  "x.toml:1: threads.reactors: must be a whole number");
  CAF_CHECK_EQUAL(faults("client.use_breaker = 1"),
                  "x.toml:1: client.use_breaker: must be true or false");
  CAF_CHECK_EQUAL(faults("breaker.failure_rate = \"2\""),
                  "x.toml:1: breaker.failure_rate: must be a number");
  CAF_CHECK_EQUAL(faults("breaker.failure_rate = true"),
                  "x.toml:1: breaker.failure_rate: must be a number");
  CAF_CHECK_EQUAL(faults("pool.client_name = 5"),
                  "x.toml:1: pool.client_name: must be a text in quotes");
}

CAF_TEST(a ramp is a list of numbers) {
  auto
    fault = "x.toml:1: breaker.ramp: must be a list of numbers, as in [0.25, "
            "0.5]";
  CAF_CHECK_EQUAL(faults("breaker.ramp = 0.5"), fault);
  CAF_CHECK_EQUAL(faults("breaker.ramp = [0.5, \"1\"]"), fault);
  CAF_CHECK_EQUAL(faults("breaker.ramp = [0.5, true]"), fault);
  CAF_CHECK_EQUAL(faults("breaker.ramp = [0.5, 0.25]"),
                  "x.toml:1: breaker.ramp: must be at most 16 shares, "
                  "ascending, above 0 and at most 1");
  CAF_CHECK_EQUAL(faults("breaker.window = \"calls\""),
                  "x.toml:1: breaker.window: must be \"time\" or \"count\"");
}

CAF_TEST(durations need a unit and sizes a known one) {
  auto duration = "x.toml:1: client.attempt_timeout: must be a duration such "
                  "as \"500ms\" or \"2s\"; units are us, ms, s, m and h";
  CAF_CHECK_EQUAL(faults("client.attempt_timeout = 500"), duration);
  CAF_CHECK_EQUAL(faults("client.attempt_timeout = \"500\""), duration);
  CAF_CHECK_EQUAL(faults("client.attempt_timeout = \"5 s\""), duration);
  CAF_CHECK_EQUAL(faults("client.attempt_timeout = \"1500us\""),
                  "x.toml:1: client.attempt_timeout: must be a whole number "
                  "of milliseconds");
  CAF_CHECK_EQUAL(faults("limits.queue_bytes = \"5MB\""),
                  "x.toml:1: limits.queue_bytes: must be a size such as "
                  "\"64MiB\" or a number of bytes; units are B, KiB, MiB, GiB "
                  "and TiB");
}

CAF_TEST(names of choices are told) {
  CAF_CHECK_EQUAL(faults("profile = \"articel\""),
                  "x.toml:1: profile: must be \"default\" or \"article\"");
  CAF_CHECK_EQUAL(faults("client.on_open = \"Wait\""),
                  "x.toml:1: client.on_open: must be \"fail_fast\" or "
                  "\"wait\"");
}

CAF_TEST(a value out of range names its range whatever its size) {
  for (auto value : {"0", "-1", "65", "4294967295", "4294967296", "4294967297",
                     "-9223372036854775808", "9223372036854775807"})
    CAF_CHECK_EQUAL(faults("threads.reactors = " + std::string{value}),
                    "x.toml:1: threads.reactors: must be a number from 1 to "
                    "64");
  for (auto value : {"'0s'", "'-5ms'", "'25h'", "'9223372036854775807us'",
                     "'99999999999999999999h'", "'-99999999999999999999h'"})
    CAF_CHECK_EQUAL(faults("pool.ping_interval = " + std::string{value}),
                    "x.toml:1: pool.ping_interval: must be a duration from "
                    "1ms to 24h");
  for (auto value : {"0", "-1", "'0B'", "'2TiB'", "'99999999999999999999B'",
                     "9223372036854775807"})
    CAF_CHECK_EQUAL(faults("limits.queue_bytes = " + std::string{value}),
                    "x.toml:1: limits.queue_bytes: must be a size from 1B to "
                    "1TiB");
  for (auto value : {"nan", "inf", "-inf", "0.0", "1e300"})
    CAF_CHECK_EQUAL(faults("breaker.slow_call_rate = " + std::string{value}),
                    "x.toml:1: breaker.slow_call_rate: must be a share "
                    "above 0 and at most 1");
}

CAF_TEST(a whole number is a number whatever its size) {
  CAF_CHECK_EQUAL(faults("breaker.failure_rate = 9223372036854775807"),
                  "x.toml:1: breaker.failure_rate: must be a share from 0 to "
                  "1");
  CAF_CHECK_EQUAL(faults("breaker.ramp = [0.5, 9223372036854775807]"),
                  "x.toml:1: breaker.ramp: must be at most 16 shares, "
                  "ascending, above 0 and at most 1");
}

CAF_TEST(a bad url names its line) {
  CAF_CHECK_EQUAL(faults("[server]\n\nurl = \"redis://a:70000\""),
                  "x.toml:3: server.url: the port must be a number from 1 to "
                  "65535");
  CAF_CHECK(contains(faults("server.url = \"http://a\""),
                     "allowed are redis:// and unix://"));
}

CAF_TEST(a bad database names its own line) {
  CAF_CHECK_EQUAL(faults("[server]\nurl = \"redis://a\"\ndb = 2147483648"),
                  "x.toml:3: server.db: must be a number from 0 to 2147483647");
  CAF_CHECK_EQUAL(faults("server.db = -1"),
                  "x.toml:1: server.db: must be a number from 0 to 2147483647");
}

CAF_TEST(an unknown key is told with the nearest known one) {
  CAF_CHECK_EQUAL(faults("[client]\nretri = 'article'"),
                  "x.toml:2: client.retri: is no known key; did you mean "
                  "client.retry?");
  CAF_CHECK_EQUAL(faults("reactors = 3"),
                  "x.toml:1: reactors: is no known key; did you mean "
                  "threads.reactors?");
  CAF_CHECK_EQUAL(faults("[client]\nconnections = 3"),
                  "x.toml:2: client.connections: is no known key; did you "
                  "mean pool.connections?");
  CAF_CHECK_EQUAL(faults("profil = 'article'"),
                  "x.toml:1: profil: is no known key; did you mean profile?");
  CAF_CHECK_EQUAL(faults("[pool]\nfoo_bar_baz = 1"),
                  "x.toml:2: pool.foo_bar_baz: is no known key; `redoubt "
                  "config` prints all there are");
}

CAF_TEST(an unknown section is told once) {
  CAF_CHECK_EQUAL(faults("[clinet]\nstrict_reply = true\nuse_breaker = true"),
                  "x.toml:1: clinet: is no known section; did you mean "
                  "client?");
  CAF_CHECK_EQUAL(faults("[client.retries]\nattempts = 3"),
                  "x.toml:1: client.retries: is no known section; `redoubt "
                  "config` prints all there are");
}

CAF_TEST(a section must be a section) {
  CAF_CHECK_EQUAL(faults("client = 3"),
                  "x.toml:1: client: must be a section, as in [client]");
  CAF_CHECK_EQUAL(faults("[[client]]\nstrict_reply = true"),
                  "x.toml:1: client: must be a section, as in [client]");
}

CAF_TEST(the name of an unknown key cannot break the line) {
  auto text = faults("\"a\\nb\\u001b[2J\" = 1");
  CAF_CHECK(text.starts_with("x.toml:1: a?b?[2J: is no known key"));
  auto longest = faults(std::string(5000, 'a') + " = 1");
  CAF_CHECK_LESS(longest.size(), 200u);
}

CAF_TEST(all faults are told in the order of the lines) {
  auto text = faults("profile = 1\n"
                     "[threads]\n"
                     "reactors = 0\n"
                     "reactor = 0\n"
                     "[client]\n"
                     "strict_reply = \"3\"\n"
                     "use_breaker = 1\n");
  std::vector<int> lines;
  for (size_t at = 0; (at = text.find("x.toml:", at)) != std::string::npos;)
    lines.push_back(std::stoi(text.substr(at += 7)));
  CAF_CHECK_EQUAL(lines, std::vector<int>({1, 3, 4, 6, 7}));
}

CAF_TEST(a fault between two keys stands at the one that was set) {
  auto what = ": client.attempt_timeout: must not be longer than "
              "client.request_timeout";
  CAF_CHECK_EQUAL(faults("[client]\nrequest_timeout = '100ms'"),
                  std::string{"x.toml:2"} + what);
  CAF_CHECK_EQUAL(faults("[client]\n\nattempt_timeout = '10s'"),
                  std::string{"x.toml:3"} + what);
  CAF_CHECK_EQUAL(faults("[client]\nrequest_timeout = '100ms'\n"
                         "attempt_timeout = '10s'"),
                  std::string{"x.toml:3"} + what);
}

CAF_TEST(a faulty value causes no second fault) {
  // With the default of 2 s in its place, 10 s would be too long.
  CAF_CHECK_EQUAL(faults("[client]\nrequest_timeout = 20\n"
                         "attempt_timeout = '10s'"),
                  "x.toml:2: client.request_timeout: must be a duration such "
                  "as \"500ms\" or \"2s\"; units are us, ms, s, m and h");
}

CAF_TEST(a fault without a line has none in its text) {
  CAF_CHECK_EQUAL(to_string(config_error{"f", 0, "a.b", "is bad"}),
                  "f: a.b: is bad");
  CAF_CHECK_EQUAL(to_string(config_error{"f", 3, "", "is bad"}), "f:3: is bad");
}

CAF_TEST(bad syntax names its line) {
  CAF_CHECK(
    faults("[client]\nretry = \n").starts_with("x.toml:2: is not valid TOML"));
  CAF_CHECK(faults("a = 1\na = 2\n").starts_with("x.toml:2: is not valid"));
  CAF_CHECK(faults("\xff\xfe").starts_with("x.toml:1: is not valid TOML"));
  CAF_CHECK(contains(faults("a = \"open"), "while reading string"));
  CAF_CHECK(faults("[[[1]]]").starts_with("x.toml:1: is not valid TOML"));
  // Deep enough to overflow a stack without a bound.
  CAF_CHECK(
    contains(faults("a = " + std::string(100000, '[')), "is not valid TOML"));
}

CAF_TEST(a letter where none may stand is bad syntax) {
  for (auto text :
       {"é", "é = 1", "aé = 1", "[é]", "a = é", "a = 1é", "a = 1 é", "a = [é]",
        "a = 0{\"é", "a = trueé", "a = 1979-05-27é", "a = {é = 1}",
        "a = \"\"\"\\é\"\"\"", "a = \"\"\"\\ é\"\"\"", "a = '''b'''é"})
    CAF_CHECK(faults(text).starts_with("x.toml:1: is not valid TOML"));
}

CAF_TEST(earlier errors do not stay) {
  std::vector<config_error> errors{{"f", 1, "k", "w"}};
  CAF_CHECK(parse_options("", "x.toml", errors).has_value());
  CAF_CHECK(errors.empty());
}

CAF_TEST(no fault shows a secret) {
  for (auto text : {"[server]\npassword = canary",
                    "[server]\npassword = true-canary",
                    "[server]\npassword = 1979-canary",
                    "[server]\npassword = 0xcanary",
                    "[server]\npassword = \"canary",
                    "[server]\npassword = \"\\canary\"",
                    "[server]\npassword = 'canary' canary",
                    "[server]\npassword = 'canary'\npassword = 'canary'",
                    "[server]\npassword = { canary = 1 }",
                    "[server]\npassword.canary = 'canary'",
                    "[server]\npassword = ['canary']",
                    "[server]\npasswort = 'canary'",
                    "password = 'canary'",
                    "[server]\nuser = ['canary']",
                    "[server]\nurl = 'redis://canary:canary@a:70000'",
                    "[server]\nurl = 'redis://canary:canary@a:canary'",
                    "[server]\nurl = 'rediss://canary:canary@a'",
                    "[server]\nurl = ['redis://canary:canary@a']",
                    "[server]\nurl = redis://canary:canary@a",
                    "[server]\nurll = 'redis://canary:canary@a'",
                    "[server]\nuser = 'canary'\npassword = 'canary'\ndb = -1",
                    "[server]\npassword = 'canary'\n[clinet]",
                    "[client]\non_open = 'canary'\n",
                    "profile = 'canary'"}) {
    CAF_MESSAGE(text);
    CAF_CHECK(!contains(faults(text), "canary"));
  }
}

// -- retry policies -------------------------------------------------------------

CAF_TEST(a policy of no known name is told with those there are) {
  CAF_CHECK_EQUAL(faults("[client]\nretry = 'hasty'\n[retry.calm]"),
                  "x.toml:2: client.retry: must be the name of a retry policy; "
                  "there are: \"default\", \"article\", \"calm\"");
}

CAF_TEST(a bad part of a policy names its line and its place in the text) {
  CAF_CHECK_EQUAL(faults("[retry.calm]\nwait = 'fixed(1s'"),
                  "x.toml:2: retry.calm.wait: at 9: expected ')'");
  CAF_CHECK_EQUAL(faults("[retry.calm]\n\nstop = 'stop_after(0)'"),
                  "x.toml:3: retry.calm.stop: at 1: stop_after: attempts must "
                  "be a number from 1 to 1000");
  CAF_CHECK_EQUAL(faults("[retry.calm]\nwhen = 3"),
                  "x.toml:2: retry.calm.when: must be a text in quotes");
}

CAF_TEST(a policy with a fault causes no second one where it is named) {
  CAF_CHECK_EQUAL(faults("client.retry = 'calm'\nretry.calm.wait = 'fixed()'"),
                  "x.toml:2: retry.calm.wait: at 7: expected a duration such "
                  "as \"500ms\" or \"2s\"; units are us, ms, s, m and h");
}

CAF_TEST(a section of a policy has three keys and a name of its own) {
  CAF_CHECK_EQUAL(faults("[retry.calm]\nattempts = 3"),
                  "x.toml:2: retry.calm.attempts: is no known key; there are: "
                  "wait, stop and when");
  CAF_CHECK_EQUAL(faults("retry = 3"),
                  "x.toml:1: retry: must be sections of policies, as in "
                  "[retry.patient]");
  CAF_CHECK_EQUAL(faults("retry.calm = 3"),
                  "x.toml:1: retry.calm: must be a section, as in "
                  "[retry.calm]");
  CAF_CHECK_EQUAL(faults("[retry.default]"),
                  "x.toml:1: retry.default: is the name of a policy that is "
                  "always there");
  CAF_CHECK_EQUAL(faults("[retry.\"a\\nb\"]"),
                  "x.toml:1: retry.a?b: the name of a policy must have 1 to 64 "
                  "letters, digits, underscores and dashes");
}
