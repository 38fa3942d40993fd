#include <redoubt/messages/toml_guard.hpp>

#include <algorithm>

namespace redoubt {

namespace {

constexpr auto npos = std::string_view::npos;

/// Position behind the comment that starts at `at`.
size_t skip_comment(std::string_view text, size_t at) {
  return std::min(text.find('\n', at), text.size());
}

/// Position behind the string whose first quote is at `at`. A string that is
/// not closed ends where the parser gives it up.
size_t skip_string(std::string_view text, size_t at) {
  auto quote = text[at];
  auto escapes = quote == '"';
  std::string fence(3, quote);
  auto is_long = text.substr(at).starts_with(fence);
  auto i = at + (is_long ? 3 : 1);
  while (i < text.size()) {
    if (text[i] == '\\' && escapes)
      i += 2;
    else if (text[i] == '\n' && !is_long)
      return i;
    else if (text[i] == quote && !is_long)
      return i + 1;
    else if (is_long && text.substr(i).starts_with(fence)) {
      // Up to two more quotes belong to the string's end.
      auto end = text.find_first_not_of(quote, i);
      return std::min({end == npos ? text.size() : end, i + 5});
    } else
      ++i;
  }
  return text.size();
}

} // namespace

std::string without_stray_bytes(std::string_view toml) {
  constexpr char stray = 1;
  std::string result{toml};
  // The mark at the start of a file is the parser's.
  size_t i = toml.starts_with("\xef\xbb\xbf") ? 3 : 0;
  while (i < toml.size()) {
    auto c = toml[i];
    if (c == '#')
      i = skip_comment(toml, i);
    else if (c == '"' || c == '\'')
      i = skip_string(toml, i);
    else {
      if (static_cast<unsigned char>(c) > 127)
        result[i] = stray;
      ++i;
    }
  }
  return result;
}

} // namespace redoubt
