#include <redoubt/messages/endpoint.hpp>

#include <arpa/inet.h>
#include <sys/un.h>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

namespace redoubt {

namespace {

// No message below quotes its input: in a mistyped URL a password can stand in
// the place of any other part (`redis://user:p@ss:word` has the "port" `word`).

constexpr size_t max_host = 253;
constexpr size_t max_path = sizeof(sockaddr_un{}.sun_path) - 1;

/// SELECT takes a signed 32-bit index.
constexpr uint32_t max_db = std::numeric_limits<int32_t>::max();

constexpr std::string_view
  bad_port = "the port must be a number from 1 to 65535";
constexpr std::string_view
  bad_db = "the database must be a number from 0 to 2147483647, as in "
           "redis://host:6379/0 or unix:///path?db=0";
constexpr std::string_view
  bad_bracket = "an IPv6 address stands in brackets, as in redis://[::1]:6379";

template <class T>
bool read_number(std::string_view text, T low, T high, T& result) {
  auto last = text.data() + text.size();
  T value{};
  auto [end, code] = std::from_chars(text.data(), last, value);
  if (code != std::errc{} || end != last || value < low || value > high)
    return false;
  result = value;
  return true;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  auto lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool percent_decode(std::string_view text, std::string& result) {
  result.clear();
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      result += text[i];
      continue;
    }
    if (i + 2 >= text.size())
      return false;
    auto high = hex_digit(text[i + 1]);
    auto low = hex_digit(text[i + 2]);
    if (high < 0 || low < 0)
      return false;
    result += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return true;
}

/// Encodes what has a meaning in a URL; also an @ before a slash, at which
/// credentials would end if somebody adds them.
std::string percent_encode_path(std::string_view path) {
  std::string result;
  for (size_t i = 0; i < path.size(); ++i) {
    auto c = static_cast<unsigned char>(path[i]);
    if (c <= ' ' || c >= 0x7f || c == '%' || c == '?' || c == '#'
        || path.substr(i).starts_with("@/"))
      result += fmt::format("%{:02X}", c);
    else
      result += static_cast<char>(c);
  }
  return result;
}

bool is_host_name(std::string_view text) {
  auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  };
  return std::all_of(text.begin(), text.end(), allowed);
}

bool is_ipv6(const std::string& text) {
  in6_addr address;
  // A NUL would end the text early for inet_pton.
  return text.find('\0') == std::string::npos
         && inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

/// Takes a URL apart. Each step answers an empty text or what is wrong.
class url_reader {
public:
  std::string_view read(std::string_view url) {
    auto at = url.find("://");
    if (at == std::string_view::npos)
      return "a URL starts with redis:// or unix://";
    std::string scheme{url.substr(0, at)};
    for (auto& c : scheme)
      c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    auto rest = url.substr(at + 3);
    if (scheme == "redis")
      return read_tcp(rest);
    if (scheme == "unix")
      return read_unix(rest);
    if (scheme == "rediss")
      return "TLS is not supported yet; use redis:// over a network that is "
             "trusted or through a tunnel";
    return "unknown scheme; allowed are redis:// and unix://";
  }

  endpoint result;

private:
  std::string_view read_tcp(std::string_view rest) {
    // The last @, since people leave an @ in a password as it is.
    if (auto at = rest.rfind('@'); at != std::string_view::npos) {
      if (auto fault = read_userinfo(rest.substr(0, at)); !fault.empty())
        return fault;
      rest.remove_prefix(at + 1);
    }
    if (rest.find_first_of("?#") != std::string_view::npos)
      return "a redis:// URL has no ? and no #; in a password they are written "
             "%3F and %23";
    if (auto slash = rest.find('/'); slash != std::string_view::npos) {
      auto db = rest.substr(slash + 1);
      if (!db.empty() && !read_number(db, 0u, max_db, result.db))
        return bad_db;
      rest = rest.substr(0, slash);
    }
    return read_host_and_port(rest);
  }

  std::string_view read_host_and_port(std::string_view text) {
    if (!text.empty() && text.front() == '[') {
      auto bracket = text.find(']');
      if (bracket == std::string_view::npos)
        return bad_bracket;
      result.host = text.substr(1, bracket - 1);
      text.remove_prefix(bracket + 1);
      if (!is_ipv6(result.host) || (!text.empty() && text.front() != ':'))
        return bad_bracket;
    } else {
      auto colon = text.find(':');
      if (colon != text.rfind(':'))
        return bad_bracket;
      result.host = text.substr(0, colon);
      text.remove_prefix(std::min(colon, text.size()));
      if (result.host.empty())
        return "the host is missing; a URL looks like redis://host:6379";
      if (result.host.size() > max_host || !is_host_name(result.host))
        return "the host may have letters, digits and - . _ only, at most 253 "
               "of them";
    }
    if (!text.empty()
        && !read_number<uint16_t>(text.substr(1), 1, 65535, result.port))
      return bad_port;
    return {};
  }

  std::string_view read_unix(std::string_view rest) {
    result.kind = endpoint::transport::unix_socket;
    if (!rest.starts_with('/')) {
      auto at = rest.rfind("@/");
      if (at == std::string_view::npos)
        return "a unix:// URL has an absolute path, as in "
               "unix:///run/redis.sock";
      if (auto fault = read_userinfo(rest.substr(0, at)); !fault.empty())
        return fault;
      rest.remove_prefix(at + 1);
    }
    if (auto mark = rest.find('?'); mark != std::string_view::npos) {
      if (auto fault = read_query(rest.substr(mark + 1)); !fault.empty())
        return fault;
      rest = rest.substr(0, mark);
    }
    if (!percent_decode(rest, result.path))
      return "bad percent-encoding in the path; a % is written %25";
    if (result.path.find('\0') != std::string::npos || result.path == "/"
        || result.path.size() > max_path)
      return "the path of the socket must name a file and have at most 107 "
             "bytes, as in unix:///run/redis.sock";
    return {};
  }

  std::string_view read_query(std::string_view query) {
    if (!query.starts_with("db="))
      return "unknown query; a unix:// URL may end in ?db=N only";
    return read_number(query.substr(3), 0u, max_db, result.db) ? "" : bad_db;
  }

  std::string_view read_userinfo(std::string_view text) {
    auto colon = text.find(':');
    auto user = colon == std::string_view::npos ? std::string_view{}
                                                : text.substr(0, colon);
    std::string password;
    if (!percent_decode(user, result.user)
        || !percent_decode(text.substr(colon + 1), password))
      return "bad percent-encoding in the user or password; a % is written %25";
    result.password = secret{std::move(password)};
    return {};
  }
};

} // namespace

std::optional<endpoint> parse_endpoint(std::string_view url,
                                       std::string& error) {
  url_reader reader;
  error = reader.read(url);
  if (!error.empty())
    return std::nullopt;
  return std::move(reader.result);
}

std::string to_string(const endpoint& x) {
  if (x.kind == endpoint::transport::unix_socket) {
    auto result = "unix://" + percent_encode_path(x.path);
    return x.db == 0 ? result : fmt::format("{}?db={}", result, x.db);
  }
  auto ipv6 = x.host.find(':') != std::string::npos;
  auto result = fmt::format("redis://{}{}{}:{}", ipv6 ? "[" : "", x.host,
                            ipv6 ? "]" : "", x.port);
  return x.db == 0 ? result : fmt::format("{}/{}", result, x.db);
}

} // namespace redoubt
