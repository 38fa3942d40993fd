#define CAF_SUITE endpoint

#include <redoubt/messages/endpoint.hpp>

#include <redoubt/tests/support/check.hpp>

#include <initializer_list>

using namespace redoubt;

namespace {

endpoint parsed(std::string_view url) {
  std::string error;
  auto result = parse_endpoint(url, error);
  CAF_CHECK_EQUAL(error, "");
  CAF_REQUIRE(result.has_value());
  return std::move(*result);
}

std::string password(std::string_view url) {
  auto x = parsed(url);
  return std::string{x.password.reveal()};
}

std::string fault(std::string_view url) {
  std::string error;
  CAF_CHECK(!parse_endpoint(url, error));
  CAF_CHECK(!error.empty());
  return error;
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

void check_fault(std::initializer_list<std::string_view> urls,
                 std::string_view part) {
  for (auto url : urls) {
    CAF_MESSAGE("url: " << url);
    auto text = fault(url);
    CAF_MESSAGE("fault: " << text);
    CAF_CHECK(contains(text, part));
  }
}

} // namespace

CAF_TEST(a URL names host and port and database) {
  auto x = parsed("redis://cache.example:6380/3");
  CAF_CHECK(x.kind == endpoint::transport::tcp);
  CAF_CHECK_EQUAL(x.host, "cache.example");
  CAF_CHECK_EQUAL(x.port, 6380);
  CAF_CHECK_EQUAL(x.db, 3u);
  CAF_CHECK_EQUAL(x.user, "");
  CAF_CHECK(x.password.empty());
}

CAF_TEST(port and database have defaults) {
  CAF_CHECK_EQUAL(parsed("redis://a").port, 6379);
  CAF_CHECK_EQUAL(parsed("redis://a").db, 0u);
  CAF_CHECK_EQUAL(parsed("redis://a/").db, 0u);
  CAF_CHECK(parsed("redis://127.0.0.1") == endpoint{});
}

CAF_TEST(the scheme is read in any case) {
  CAF_CHECK_EQUAL(parsed("REDIS://a:1").host, "a");
}

CAF_TEST(the ends of the ranges are taken) {
  CAF_CHECK_EQUAL(parsed("redis://a:1").port, 1);
  CAF_CHECK_EQUAL(parsed("redis://a:65535").port, 65535);
  CAF_CHECK_EQUAL(parsed("redis://a/2147483647").db, 2147483647u);
}

CAF_TEST(an IPv6 address stands in brackets) {
  auto x = parsed("redis://[::1]:6380/2");
  CAF_CHECK_EQUAL(x.host, "::1");
  CAF_CHECK_EQUAL(x.port, 6380);
  CAF_CHECK_EQUAL(x.db, 2u);
  CAF_CHECK_EQUAL(parsed("redis://[fe80::1]").port, 6379);
}

CAF_TEST(user and password stand before the host) {
  auto x = parsed("redis://alice:wonder@a:1/2");
  CAF_CHECK_EQUAL(x.user, "alice");
  CAF_CHECK_EQUAL(x.password.reveal(), "wonder");
  CAF_CHECK_EQUAL(x.host, "a");
}

CAF_TEST(a password alone is that of the default user) {
  for (auto url : {"redis://:wonder@a", "redis://wonder@a"}) {
    CAF_CHECK_EQUAL(parsed(url).user, "");
    CAF_CHECK_EQUAL(password(url), "wonder");
  }
  CAF_CHECK_EQUAL(parsed("redis://alice:@a").user, "alice");
  CAF_CHECK(parsed("redis://alice:@a").password.empty());
  CAF_CHECK(parsed("redis://@a").password.empty());
}

CAF_TEST(user and password may be percent-encoded) {
  auto x = parsed("redis://al%3Aice:w%40n%2fd%25%00r@a");
  CAF_CHECK_EQUAL(x.user, "al:ice");
  using namespace std::string_view_literals;
  CAF_CHECK_EQUAL(x.password.reveal(), "w@n/d%\0r"sv);
}

CAF_TEST(the last at-sign ends the password) {
  auto x = parsed("redis://alice:p@ss/w?rd#:x@a:1");
  CAF_CHECK_EQUAL(x.password.reveal(), "p@ss/w?rd#:x");
  CAF_CHECK_EQUAL(x.host, "a");
  CAF_CHECK_EQUAL(x.port, 1);
}

CAF_TEST(a unix socket is a path) {
  auto x = parsed("unix:///run/redis.sock");
  CAF_CHECK(x.kind == endpoint::transport::unix_socket);
  CAF_CHECK_EQUAL(x.path, "/run/redis.sock");
  CAF_CHECK_EQUAL(x.db, 0u);
  CAF_CHECK_EQUAL(parsed("unix:///a?db=7").db, 7u);
  CAF_CHECK_EQUAL(parsed("unix:///a%3fb%25").path, "/a?b%");
  CAF_CHECK_EQUAL(parsed("unix:///a@/b").path, "/a@/b");
}

CAF_TEST(a unix socket may have credentials) {
  auto x = parsed("unix://alice:w@nder@/run/redis.sock?db=1");
  CAF_CHECK_EQUAL(x.user, "alice");
  CAF_CHECK_EQUAL(x.password.reveal(), "w@nder");
  CAF_CHECK_EQUAL(x.path, "/run/redis.sock");
  CAF_CHECK_EQUAL(x.db, 1u);
}

CAF_TEST(a printed endpoint can be read again) {
  for (auto url : {"redis://a:6379", "redis://a:1/2", "redis://[::1]:6379",
                   "redis://[::1]:1/9", "unix:///run/redis.sock",
                   "unix:///a%3Fb%25%20%0A?db=2"})
    CAF_CHECK_EQUAL(to_string(parsed(url)), url);
}

CAF_TEST(credentials can be added to a printed path with an at-sign) {
  auto x = parsed("unix://alice:wonder@/run/a%40/b");
  CAF_CHECK_EQUAL(x.path, "/run/a@/b");
  CAF_CHECK_EQUAL(to_string(x), "unix:///run/a%40/b");
  CAF_CHECK_EQUAL(to_string(parsed("unix:///run/redis@1/s@")),
                  "unix:///run/redis@1/s@");
}

CAF_TEST(a printed endpoint has no credentials) {
  CAF_CHECK_EQUAL(to_string(parsed("redis://alice:wonder@a/1")),
                  "redis://a:6379/1");
  CAF_CHECK_EQUAL(to_string(parsed("unix://alice:wonder@/a")), "unix:///a");
}

CAF_TEST(TLS is refused by name) {
  check_fault({"rediss://a", "REDISS://a:1"}, "TLS is not supported yet");
}

CAF_TEST(a URL without a known scheme is refused) {
  check_fault({"", "a", "a:6379", "redis:", "redis:/a", "//a"},
              "starts with redis:// or unix://");
  check_fault({"http://a", "valkey://a", "://a", " redis://a"},
              "allowed are redis:// and unix://");
}

CAF_TEST(a bad port is refused) {
  check_fault({"redis://a:0", "redis://a:65536", "redis://a:70000",
               "redis://a:99999999999999999999", "redis://a:-1", "redis://a:+1",
               "redis://a: 1", "redis://a:1 ", "redis://a:x", "redis://a:1x",
               "redis://a:", "redis://[::1]:0",
               "redis://[::1]:", "redis://a:/1"},
              "port must be a number from 1 to 65535");
}

CAF_TEST(a bad database is refused) {
  check_fault({"redis://a/x", "redis://a/-1", "redis://a/1/", "redis://a/1x",
               "redis://a/2147483648", "redis://a//", "unix:///a?db=",
               "unix:///a?db=x", "unix:///a?db=-1", "unix:///a?db=1&db=2"},
              "database must be a number from 0 to 2147483647");
}

CAF_TEST(a bad host is refused) {
  check_fault({"redis://", "redis:///1", "redis://:6379", "redis://x:y@"},
              "host is missing");
  check_fault({"redis://a b", "redis://a%41", "redis://a\nb", "redis://ä",
               "redis://a,b", "redis://a\\b", "redis://a]"},
              "letters, digits and - . _ only");
  std::string longest(253, 'a');
  CAF_CHECK_EQUAL(parsed("redis://" + longest).host, longest);
  check_fault({"redis://" + longest + "a"}, "at most 253");
}

CAF_TEST(a bad IPv6 address is refused) {
  using namespace std::string_view_literals;
  check_fault({"redis://[::1", "redis://[::1]6379", "redis://[]", "redis://[a]",
               "redis://::1", "redis://[::1\0]"sv, "redis://::1:6379",
               "redis://[::1]]"},
              "in brackets");
}

CAF_TEST(a query or fragment is refused) {
  check_fault({"redis://a?db=1", "redis://a/1?x", "redis://a#b"},
              "no ? and no #");
  check_fault({"unix:///a?x=1", "unix:///a?", "unix:///a?dbx=1"}, "?db=N only");
}

CAF_TEST(a bad path is refused) {
  check_fault({"unix://", "unix://a", "unix://?db=1"}, "absolute path");
  check_fault({"unix:///", "unix:///?db=1", "unix:///a%00b"},
              "must name a file");
  // What sockaddr_un has room for, without the NUL.
  auto longest = "/" + std::string(106, 'a');
  CAF_CHECK_EQUAL(parsed("unix://" + longest).path, longest);
  check_fault({"unix://" + longest + "a"}, "at most 107");
}

CAF_TEST(bad percent-encoding is refused) {
  check_fault({"redis://%@a", "redis://%4@a", "redis://%4g@a", "redis://%g4@a",
               "redis://x%:y@a", "redis://x:y%2@a", "unix://%@/a",
               "unix:///a%2"},
              "bad percent-encoding");
}

CAF_TEST(no fault shows a part of the credentials) {
  // The canaries stand wherever a password can end up in a mistyped URL.
  for (auto url :
       {"redis://canary1:canary2@a:70000", "redis://canary1:canary2@a:canary3",
        "redis://canary1:ca@canary2:canary3", "redis://canary1:canary2",
        "redis://canary1:canary2@a/canary3", "redis://canary1:canary2%@a",
        "redis://canary1:canary2@[::1", "redis://canary1:canary2@",
        "redis://canary1:canary2@a?canary3", "redis://a?password=canary1",
        "rediss://canary1:canary2@a", "canary1:canary2@a",
        "canary1:canary2@a://b", "http://canary1:canary2@a",
        "unix://canary1:canary2@a", "unix:///a?password=canary1",
        "unix://canary1:canary2%@/a", "redis://canary1:canary2@can ary"}) {
    CAF_MESSAGE("url: " << url);
    auto text = fault(url);
    CAF_CHECK(!contains(text, "canary"));
    CAF_CHECK(!contains(text, "can ary"));
  }
}
