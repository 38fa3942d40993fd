#define CAF_SUITE options_toml

#include <redoubt/messages/options_keys.hpp>
#include <redoubt/messages/options_toml.hpp>
#include <redoubt/messages/retry_text.hpp>

#include <redoubt/tests/support/check.hpp>

#include <fstream>
#include <iterator>
#include <map>

using namespace redoubt;
using namespace std::chrono_literals;

namespace {

std::string read_config(const std::string& name) {
  std::ifstream file{REDOUBT_SOURCE_DIR "/config/" + name};
  CAF_REQUIRE(file.good());
  return {std::istreambuf_iterator<char>{file}, {}};
}

runtime_options parsed(std::string_view text) {
  std::vector<config_error> errors;
  auto result = parse_options(text, "x.toml", errors);
  for (auto& x : errors)
    CAF_ERROR(to_string(x));
  CAF_REQUIRE(result.has_value());
  return std::move(*result);
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

/// For every key a value other than its default, as it is printed.
const std::map<std::string_view, std::string_view> other_values{
  {"profile", R"("article")"},
  {"server.url", R"("unix:///run/redis.sock")"},
  {"server.user", R"("alice")"},
  {"server.password", R"("wonder")"},
  {"server.db", "3"},
  {"client.attempt_timeout", R"("501ms")"},
  {"client.request_timeout", R"("3s")"},
  {"client.retry", R"("article")"},
  {"client.hedge", R"("p95")"},
  {"client.hedge_delay", R"("7ms")"},
  {"client.on_open", R"("wait")"},
  {"client.use_breaker", "false"},
  {"client.strict_reply", "true"},
  {"client.lane", R"("bulk")"},
  {"breaker.enabled", "false"},
  {"breaker.metrics_only", "true"},
  {"breaker.window", R"("count")"},
  {"breaker.buckets", "20"},
  {"breaker.bucket", R"("500ms")"},
  {"breaker.window_calls", "1000"},
  {"breaker.minimum_calls", "100"},
  {"breaker.failure_rate", "0.25"},
  {"breaker.slow_call", R"("250ms")"},
  {"breaker.slow_call_rate", "0.8"},
  {"breaker.consecutive_failures", "0"},
  {"breaker.open_base", R"("200ms")"},
  {"breaker.open_max", R"("30s")"},
  {"breaker.stable_after", R"("1m")"},
  {"breaker.half_open_permits", "1"},
  {"breaker.half_open_max", R"("10s")"},
  {"breaker.lease", R"("100ms")"},
  {"breaker.probe_timeout", R"("100ms")"},
  {"breaker.ramp", "[0.1, 0.2, 1]"},
  {"breaker.ramp_step", R"("50ms")"},
  {"breaker.lump", R"("0s")"},
  {"budget.enabled", "false"},
  {"budget.ratio", "0.1"},
  {"budget.per_second", "3"},
  {"budget.window", R"("1m")"},
  {"pool.connections", "20"},
  {"pool.bulk_connections", "3"},
  {"pool.max_connections", "100"},
  {"pool.leased", "7"},
  {"pool.lease_idle", R"("2m")"},
  {"pool.lifetime", R"("30m")"},
  {"pool.connect_timeout", R"("2s")"},
  {"pool.resolve_timeout", R"("3s")"},
  {"pool.handshake_timeout", R"("4s")"},
  {"pool.dial_min", R"("50ms")"},
  {"pool.dial_max", R"("100ms")"},
  {"pool.max_dialing", "5"},
  {"pool.slow_dial_min", R"("600ms")"},
  {"pool.slow_dial_max", R"("5s")"},
  {"pool.max_restarts", "3"},
  {"pool.restart_window", R"("1m")"},
  {"pool.ping_interval", R"("30s")"},
  {"pool.ping_timeout", R"("1s")"},
  {"pool.dead_link_factor", "4"},
  {"pool.client_name", R"("a\"b\\c")"},
  {"pool.dns_servers", R"("10.0.0.53,[::1]:5353")"},
  {"limits.queue", "100"},
  {"limits.queue_bytes", R"("1GiB")"},
  {"limits.in_flight", "200"},
  {"limits.credit", "300"},
  {"limits.credit_bytes", R"("100B")"},
  {"limits.link_share", "0.5"},
  {"limits.adaptive", "true"},
  {"limits.in_flight_floor", "16"},
  {"limits.mailbox", "400"},
  {"limits.argument_bytes", R"("1KiB")"},
  {"limits.reply_bytes", R"("1MiB")"},
  {"limits.reply_elements", "500"},
  {"limits.reply_depth", "2"},
  {"limits.pipeline", "600"},
  {"limits.subscriber_events", "700"},
  {"limits.log_lines", "1"},
  {"threads.reactors", "4"},
  {"threads.run_callers", "true"},
  {"threads.spin", R"("250us")"},
  {"threads.drain", R"("0s")"},
};

} // namespace

// -- the files in config/ -----------------------------------------------------

CAF_TEST(redoubt.toml holds the defaults of the code) {
  CAF_CHECK(parsed(read_config("redoubt.toml")) == runtime_options{});
}

CAF_TEST(redoubt.toml is what to_toml prints) {
  CAF_CHECK(read_config("redoubt.toml") == to_toml(runtime_options{}));
}

CAF_TEST(redoubt.toml has every key) {
  auto text = read_config("redoubt.toml");
  for (auto& key : option_keys()) {
    CAF_MESSAGE("key: " << std::string{key.name});
    CAF_CHECK(contains(text, "\n" + std::string{key.leaf()} + " = ")
              || contains(text, "\n# " + std::string{key.leaf()} + " = "));
  }
}

CAF_TEST(what redoubt.toml has commented out is understood as well) {
  auto text = read_config("redoubt.toml");
  for (std::string leaf : {"user", "password"}) {
    auto at = text.find("\n# " + leaf + " = \"\"");
    CAF_REQUIRE(at != std::string::npos);
    text.erase(at + 1, 2);
  }
  CAF_CHECK(parsed(text) == runtime_options{});
}

CAF_TEST(the lines of redoubt.toml fit into 80 columns) {
  std::ifstream file{REDOUBT_SOURCE_DIR "/config/redoubt.toml"};
  for (std::string line; std::getline(file, line);)
    CAF_CHECK(line.size() <= 80);
}

CAF_TEST(the example for production is valid and differs from the defaults) {
  auto x = parsed(read_config("production.toml"));
  CAF_CHECK(x != runtime_options{});
  CAF_CHECK(x.client.timeouts.request == 800ms);
}

// -- reading ------------------------------------------------------------------

CAF_TEST(an empty text answers the defaults) {
  CAF_CHECK(parsed("") == runtime_options{});
  CAF_CHECK(parsed("# a comment\r\n") == runtime_options{});
  CAF_CHECK(parsed("[client]\n[pool]\n") == runtime_options{});
}

CAF_TEST(every key takes effect and no other changes) {
  CAF_CHECK_EQUAL(other_values.size(), option_keys().size());
  for (auto& key : option_keys()) {
    if (key.name == "profile" || key.name == "pool.client_name")
      continue;
    CAF_MESSAGE("key: " << std::string{key.name});
    auto i = other_values.find(key.name);
    CAF_REQUIRE(i != other_values.end());
    auto x = parsed(setting(key, i->second));
    CAF_CHECK(x != runtime_options{});
    // With this one field at its default again nothing is left.
    option_sheet sheet{.options = x};
    option_sheet defaults;
    std::visit(
      [](auto to, auto from) {
        if constexpr (
          std::is_same_v<
            decltype(to),
            hidden_text> && std::is_same_v<decltype(from), hidden_text>)
          *to.value = *from.value;
        else if constexpr (
          std::is_pointer_v<
            decltype(to)> && std::is_same_v<decltype(to), decltype(from)>)
          *to = *from;
      },
      key.slot(sheet), key.slot(defaults));
    CAF_CHECK(sheet.options == runtime_options{});
  }
}

CAF_TEST(every key is printed with its value) {
  for (auto& key : option_keys()) {
    if (key.section().empty() || key.name == "server.user"
        || key.name == "server.password" || key.name == "pool.client_name")
      continue;
    auto value = other_values.find(key.name)->second;
    auto line = "\n" + std::string{key.leaf()} + " = " + std::string{value}
                + "\n";
    CAF_MESSAGE("key: " << std::string{key.name});
    CAF_CHECK(contains(to_toml(parsed(setting(key, value))), line));
  }
}

CAF_TEST(letters may stand in texts and comments) {
  for (auto letter : {"é", "€", "\U0001f600", "\u1681"}) {
    std::string word = letter;
    auto x = parsed("# " + word + "\n[retry.x]\nwhen = \"on_nil()\" # " + word
                    + "\n[retry.y]\nwhen = \"on_reply('" + word
                    + "')\"\n[retry.z]\nwhen = \"\"\"on_reply('\\\n " + word
                    + "')\"\"\"");
    CAF_CHECK(x.policies.at("y").when() == on_reply(word));
    CAF_CHECK(x.policies.at("z").when() == on_reply(word));
  }
}

CAF_TEST(what is printed can be read) {
  auto article = runtime_options::article();
  CAF_CHECK(parsed(to_toml(article)) == article);
  runtime_options x;
  x.server.host = "::1";
  x.server.db = 7;
  x.client.retry = retry_policy::article();
  x.breaker.failure_rate = 1e-5;
  x.breaker.ramp = {};
  x.pool.client_name = R"(a"b\c)";
  x.limits.queue_bytes = 12345;
  x.threads.spin = 1ms;
  CAF_CHECK(parsed(to_toml(x)) == x);
}

CAF_TEST(the profile is the basis for the other keys wherever it stands) {
  auto article = runtime_options::article();
  CAF_CHECK(parsed("profile = \"article\"") == article);
  CAF_CHECK(parsed("profile = \"default\"") == runtime_options{});
  article.client.use_breaker = false;
  CAF_CHECK(parsed("client.use_breaker = false\nprofile = \"article\"")
            == article);
  article.client.retry = retry_policy{};
  CAF_CHECK(parsed("client.use_breaker = false\nclient.retry = \"default\"\n"
                   "profile = \"article\"")
            == article);
}

CAF_TEST(user and password and database may stand apart from the url) {
  auto x = parsed("[server]\ndb = 2\npassword = \"b\"\nuser = \"a\"\n"
                  "url = \"redis://x:y@h/1\"");
  CAF_CHECK_EQUAL(to_string(x.server), "redis://h:6379/2");
  CAF_CHECK_EQUAL(x.server.user, "a");
  CAF_CHECK_EQUAL(x.server.password.reveal(), "b");
  auto y = parsed("[server]\nurl = \"redis://x:y@h/1\"");
  CAF_CHECK_EQUAL(to_string(y.server), "redis://h:6379/1");
  CAF_CHECK_EQUAL(y.server.user, "x");
  CAF_CHECK_EQUAL(y.server.password.reveal(), "y");
}

CAF_TEST(sections may be written in any way that TOML has) {
  auto expected = parsed("[threads]\nreactors = 5\n");
  CAF_CHECK(parsed("threads.reactors = 5") == expected);
  CAF_CHECK(parsed("threads = { reactors = 5 }") == expected);
  CAF_CHECK(parsed("[\"threads\"]\n'reactors' = 0x5") == expected);
}

CAF_TEST(sizes are texts with a unit or numbers of bytes) {
  CAF_CHECK_EQUAL(parsed("limits.queue_bytes = 4096").limits.queue_bytes,
                  4096u);
  CAF_CHECK_EQUAL(parsed("limits.queue_bytes = '4KiB'").limits.queue_bytes,
                  4096u);
}

CAF_TEST(whole numbers are numbers) {
  CAF_CHECK_EQUAL(parsed("breaker.failure_rate = 1").breaker.failure_rate, 1.0);
}

CAF_TEST(no secret is printed) {
  auto url = parsed("server.url = 'redis://canary:canary@a/1'");
  CAF_CHECK_EQUAL(url.server.password.reveal(), "canary");
  CAF_CHECK(!contains(to_toml(url), "canary"));
  auto keys = parsed("server.user = 'canary'\nserver.password = 'canary'");
  CAF_CHECK_EQUAL(keys.server.password.reveal(), "canary");
  CAF_CHECK(!contains(to_toml(keys), "canary"));
}

// -- retry policies -----------------------------------------------------------

CAF_TEST(a retry policy is chosen by its name wherever its section stands) {
  auto x = parsed("[client]\nretry = \"patient\"\n"
                  "[retry.patient]\n"
                  "wait = \"exponential_jitter(10ms, 250ms) + "
                  "uniform(0ms, 20ms)\"\n"
                  "stop = \"stop_after(5) | stop_before_deadline()\"\n"
                  "when = \"on(not_sent, refused) | "
                  "on_errc(attempt_timeout) & idempotent()\"\n");
  retry_policy patient{exponential_jitter(10ms, 250ms) + uniform(0ms, 20ms),
                       stop_after(5) | stop_before_deadline(),
                       on(fate::not_sent, fate::refused)
                         | (on_errc(errc::attempt_timeout) & idempotent())};
  CAF_CHECK(x.client.retry == patient);
  CAF_CHECK(find_policy(x, "patient") == patient);
  CAF_CHECK(parsed("[retry.patient]\nstop = 'stop_never()'").client.retry
            == retry_policy{});
}

CAF_TEST(parts that a policy of a file leaves out are those of the default) {
  auto x = parsed("retry.calm.wait = 'fixed(1s)'\nclient.retry = 'calm'");
  retry_policy standard;
  CAF_CHECK(x.client.retry
            == (retry_policy{fixed(1s), standard.stop(), standard.when()}));
  CAF_CHECK(parsed("client.retry = 'same'\n[retry.same]").client.retry
            == standard);
}

CAF_TEST(policies survive a profile) {
  auto x = parsed("profile = 'article'\nclient.retry = 'calm'\n"
                  "retry.calm.wait = 'fixed(1s)'");
  CAF_CHECK(to_string(x.client.retry.wait()) == "fixed(1s)");
  CAF_CHECK(x.pool.connections == 20u);
}

CAF_TEST(policies that are printed can be read) {
  runtime_options x;
  x.policies.emplace("calm", retry_policy{fixed(1s), stop_never()});
  x.policies.emplace("long",
                     retry_policy{chain(3 * incrementing(100ms, 50ms, 1s),
                                        exponential_jitter(100ms, 30s, 1.5)),
                                  stop_after_delay(1h),
                                  message_contains("it's \"quoted\" \\")});
  CAF_CHECK(parsed(to_toml(x)) == x);
  x.client.retry = x.policies.at("calm");
  CAF_CHECK(parsed(to_toml(x)) == x);
}

CAF_TEST(a policy from code is given a name when it is printed) {
  runtime_options x;
  x.policies.emplace("custom", retry_policy{fixed(1s), stop_never()});
  x.client.retry = retry_policy{fixed(2s), stop_never()};
  auto text = to_toml(x);
  CAF_CHECK(contains(text, "\nretry = \"custom_\"\n"));
  CAF_CHECK(parsed(text).client.retry == x.client.retry);
}

CAF_TEST(a policy with functions of its own is printed as a comment) {
  runtime_options x;
  x.policies.emplace(
    "own", retry_policy{fixed(1s), stop_never(),
                        on_reply("not_yet", [](auto&) { return true; })});
  auto text = to_toml(x);
  CAF_CHECK(contains(text, "\n# [retry.own]\n"));
  CAF_CHECK(contains(text, "\n# when = \"on_reply(not_yet)\"\n"));
  CAF_CHECK(parsed(text) == runtime_options{});
}
