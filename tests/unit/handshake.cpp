#define CAF_SUITE handshake

#include <redoubt/actors/connection/handshake.hpp>

#include <redoubt/tests/support/check.hpp>

#include <string>
#include <vector>

using namespace redoubt;
using verdict = handshake::verdict;

namespace {

const auto ok = reply::status("OK");

std::string wire_of(const std::vector<std::vector<std::string>>& commands) {
  std::string result;
  for (auto& words : commands) {
    result += "*" + std::to_string(words.size()) + "\r\n";
    for (auto& word : words)
      result += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
  }
  return result;
}

struct fixture {
  endpoint server;

  handshake started() const { return handshake{server, "redoubt"}; }

  void sign_in(std::string user, std::string password) {
    server.user = std::move(user);
    server.password = secret{std::move(password)};
  }

  /// Feeds all answers; the last verdict.
  static verdict after(handshake& x, const std::vector<reply>& answers) {
    auto result = verdict::more;
    for (auto& each : answers) {
      CAF_REQUIRE(result == verdict::more);
      result = x.on_reply(each);
    }
    return result;
  }

  /// What a handshake fails with when its first answer is this error.
  errc refused(std::string_view text) const {
    auto x = started();
    if (x.on_reply(reply::error(text)) != verdict::failed)
      return errc::none;
    CAF_CHECK(!x.error_text().empty());
    return x.error();
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(handshake_tests, fixture)

CAF_TEST(without credentials and database it says its name and asks its id) {
  auto x = started();
  CAF_CHECK_EQUAL(
    x.wire(), wire_of({{"CLIENT", "SETNAME", "redoubt"}, {"CLIENT", "ID"}}));
  CAF_CHECK(after(x, {ok, reply::integer(7)}) == verdict::done);
  CAF_CHECK_EQUAL(x.client_id(), 7);
  CAF_CHECK(x.error() == errc::none);
}

CAF_TEST(credentials come first and then the database) {
  sign_in("", "pw");
  server.db = 3;
  auto x = started();
  CAF_CHECK_EQUAL(x.wire(), wire_of({{"AUTH", "pw"},
                                     {"SELECT", "3"},
                                     {"CLIENT", "SETNAME", "redoubt"},
                                     {"CLIENT", "ID"}}));
  CAF_CHECK(after(x, {ok, ok, ok, reply::integer(7)}) == verdict::done);
  CAF_CHECK_EQUAL(x.client_id(), 7);
}

CAF_TEST(a user signs in by name) {
  sign_in("app", "pw");
  auto x = started();
  CAF_CHECK_EQUAL(x.wire(), wire_of({{"AUTH", "app", "pw"},
                                     {"CLIENT", "SETNAME", "redoubt"},
                                     {"CLIENT", "ID"}}));
}

CAF_TEST(credentials may hold any byte) {
  std::string odd{"p\0\r\n$5\r\n", 9};
  sign_in("us er", odd);
  auto x = started();
  CAF_CHECK_EQUAL(x.wire(), wire_of({{"AUTH", "us er", odd},
                                     {"CLIENT", "SETNAME", "redoubt"},
                                     {"CLIENT", "ID"}}));
}

CAF_TEST(a refused AUTH is an authentication failure whatever it says) {
  sign_in("app", "pw");
  for (auto text : {"WRONGPASS invalid username-password pair or user is "
                    "disabled.",
                    "ERR AUTH <password> called without any password "
                    "configured for the default user. Are you sure your "
                    "configuration is correct?",
                    "NOPERM this user has no permissions to run AUTH"})
    CAF_CHECK(refused(text) == errc::auth_failed);
}

CAF_TEST(a server that wants credentials we have not got refuses us) {
  CAF_CHECK(refused("NOAUTH Authentication required.") == errc::auth_failed);
}

CAF_TEST(credentials wanted at a later step are an authentication failure) {
  sign_in("app", "pw");
  server.db = 1;
  auto x = started();
  auto late = reply::error("NOAUTH Authentication required.");
  CAF_CHECK(after(x, {ok, ok, ok, late}) == verdict::failed);
  CAF_CHECK(x.error() == errc::auth_failed);
}

CAF_TEST(a greeting that turns us away is no answer to the first command) {
  for (auto text : {"ERR max number of clients reached",
                    "ERR max number of clients + cluster connections reached",
                    "DENIED Redis is running in protected mode because "
                    "protected mode is enabled"}) {
    CAF_CHECK(refused(text) == errc::too_many_clients);
    sign_in("app", "pw");
    CAF_CHECK(refused(text) == errc::too_many_clients);
    server = {};
    server.db = 2;
    CAF_CHECK(refused(text) == errc::too_many_clients);
    server = {};
  }
}

CAF_TEST(a refused SELECT fails the handshake) {
  server.db = 99;
  CAF_CHECK(refused("ERR DB index is out of range") == errc::handshake_failed);
  CAF_CHECK(refused("NOPERM no permissions") == errc::handshake_failed);
}

CAF_TEST(a user who may not run CLIENT is served without an id) {
  sign_in("app", "pw");
  auto x = started();
  auto denied = reply::error("NOPERM this user has no permissions to run "
                             "the 'client|setname' command");
  CAF_CHECK(after(x, {ok, denied, denied}) == verdict::done);
  CAF_CHECK_EQUAL(x.client_id(), 0);
  CAF_CHECK(x.error() == errc::none);
}

CAF_TEST(a server that does not know CLIENT ID is served without an id) {
  auto x = started();
  auto unknown = reply::error("ERR Unknown subcommand or wrong number of "
                              "arguments for 'ID'");
  CAF_CHECK(after(x, {ok, unknown}) == verdict::done);
  CAF_CHECK_EQUAL(x.client_id(), 0);
}

CAF_TEST(codes are compared as whole words) {
  auto x = started();
  auto other = reply::error("DENIEDX whatever");
  CAF_CHECK(after(x, {other, reply::integer(1)}) == verdict::done);
  x = started();
  other = reply::error("NOAUTHX whatever");
  CAF_CHECK(after(x, {other, reply::integer(1)}) == verdict::done);
}

CAF_TEST(a failure is told in the words of the server) {
  sign_in("app", "pw");
  server.db = 1;
  for (auto text : {"WRONGPASS invalid username-password pair or user is "
                    "disabled.",
                    "NOAUTH Authentication required.",
                    "ERR max number of clients reached"}) {
    auto x = started();
    CAF_CHECK(x.on_reply(reply::error(text)) == verdict::failed);
    CAF_CHECK_EQUAL(x.error_text(), text);
  }
  auto x = started();
  auto out_of_range = reply::error("ERR DB index is out of range");
  CAF_CHECK(after(x, {ok, out_of_range}) == verdict::failed);
  CAF_CHECK_EQUAL(x.error_text(), "ERR DB index is out of range");
}

CAF_TEST(a server that repeats our password does not make us repeat it) {
  sign_in("app", "s3cr3t-canary");
  for (auto text : {"ERR unknown command 'AUTH', with args beginning with: "
                    "'app' 's3cr3t-canary' ",
                    "ERR unknown command `AUTH`, with args beginning with: "
                    "`app`, `s3cr3t-canary`, "}) {
    auto x = started();
    CAF_CHECK(x.on_reply(reply::error(text)) == verdict::failed);
    CAF_CHECK(x.error() == errc::auth_failed);
    CAF_CHECK(!x.error_text().empty());
    CAF_CHECK(x.error_text().find("canary") == std::string::npos);
  }
}

CAF_TEST(answers that no Redis gives fail the handshake) {
  for (auto& odd :
       {reply{}, reply::string("OK"), reply::array({}), reply::integer(1)}) {
    auto x = started();
    CAF_CHECK(x.on_reply(odd) == verdict::failed);
    CAF_CHECK(x.error() == errc::handshake_failed);
  }
  for (auto& odd : {reply{}, reply::string("7"), reply::array({}), ok}) {
    auto x = started();
    CAF_CHECK(after(x, {ok, odd}) == verdict::failed);
    CAF_CHECK(x.error() == errc::handshake_failed);
  }
}

CAF_TEST_FIXTURE_SCOPE_END()
