// What is read from a URL can be written and read again, and neither a text nor
// an error shows credentials.
//
// Input: a URL.

#include <redoubt/tests/fuzz/target.hpp>

#include <redoubt/messages/endpoint.hpp>

#include <limits>
#include <string>

using namespace redoubt;
using fuzz::check;
using fuzz::contains;

namespace {

endpoint without_credentials(endpoint x) {
  x.user.clear();
  x.password = secret{};
  return x;
}

std::string percent_encoded(std::string_view text) {
  static constexpr char digits[] = "0123456789aBcDeF";
  std::string result;
  for (unsigned char c : text)
    result.append("%").append(1, digits[c >> 4]).append(1, digits[c & 15]);
  return result;
}

void check_fields(const endpoint& x) {
  check(x.port != 0, "a port is not 0");
  check(x.db <= std::numeric_limits<int32_t>::max(), "SELECT takes the db");
  if (x.kind == endpoint::transport::tcp)
    check(!x.host.empty() && x.host.size() <= 253, "a host has a name");
  else
    check(x.path.starts_with('/') && x.path.size() <= 107
            && !contains(x.path, std::string_view{"\0", 1}),
          "a path is absolute and fits into a socket's address");
}

void check_round_trip(const endpoint& x) {
  auto plain = without_credentials(x);
  auto text = to_string(x);
  check(to_string(plain) == text, "a text does not depend on credentials",
        text);
  std::string error;
  auto again = parse_endpoint(text, error);
  check(again.has_value(), "what is written can be read", text);
  check(*again == plain, "what is written is read as the same", text);
}

/// The same endpoint from a URL with its credentials percent-encoded.
void check_credentials(const endpoint& x) {
  auto text = to_string(x);
  auto at = text.find("://") + 3;
  text.insert(at, percent_encoded(x.user) + ":"
                    + percent_encoded(x.password.reveal()) + "@");
  std::string error;
  auto again = parse_endpoint(text, error);
  check(again.has_value(), "encoded credentials can be read", text);
  check(*again == x, "encoded credentials are read as the same", text);
}

/// A password at any place of a URL is in no error, and in a text only where it
/// was taken for another part.
void check_secrecy(std::string_view url) {
  static constexpr std::string_view canary = "cAnArY";
  std::string with{url};
  with.insert(fuzz::seed_of(url) % (url.size() + 1), canary);
  std::string error;
  auto x = parse_endpoint(with, error);
  check(!contains(error, canary), "an error shows nothing of the URL", error);
  if (x && !contains(x->host, canary) && !contains(x->path, canary))
    check(!contains(to_string(*x), canary), "a text shows no credentials");
}

} // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto url = fuzz::text_of(data, size);
  std::string error = "of an earlier call";
  auto x = parse_endpoint(url, error);
  check(x.has_value() == error.empty(), "an endpoint or an error");
  if (x) {
    check_fields(*x);
    check_round_trip(*x);
    check_credentials(*x);
  }
  check_secrecy(url);
  return 0;
}
