#include <redoubt/messages/retry_lexer.hpp>

#include <redoubt/messages/units.hpp>

#include <fmt/format.h>

#include <charconv>
#include <cstdlib>
#include <limits>

namespace redoubt {

namespace {

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

bool is_letter(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool is_blank(char c) noexcept {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

template <class T>
bool read_whole(std::string_view text, T& to) {
  auto last = text.data() + text.size();
  auto [end, code] = std::from_chars(text.data(), last, to);
  return code == std::errc{} && end == last;
}

} // namespace

retry_lexer::retry_lexer(std::string_view text, retry_text_error& error)
  : text_(text), error_(error) {
  error_ = {};
  if (text_.size() > longest_retry_text) {
    fail(longest_retry_text,
         fmt::format("the text has more than {} bytes", longest_retry_text));
    text_ = {};
  }
  advance();
}

void retry_lexer::advance() {
  while (at_ < text_.size() && is_blank(text_[at_]))
    ++at_;
  current_ = {};
  current_.position = at_;
  if (at_ == text_.size())
    return;
  auto c = text_[at_];
  if (c == '\'' || c == '"') {
    read_quoted(c);
    return;
  }
  auto is_name = is_letter(c);
  auto from = at_++;
  if (is_name || is_digit(c) || c == '-') {
    current_.what = is_name ? retry_token::kind::name
                            : retry_token::kind::value;
    while (at_ < text_.size()
           && (is_letter(text_[at_]) || is_digit(text_[at_])
               || (!is_name && text_[at_] == '.')))
      ++at_;
  } else {
    current_.what = retry_token::kind::sign;
  }
  current_.text = text_.substr(from, at_ - from);
}

void retry_lexer::read_quoted(char quote) {
  for (++at_; at_ < text_.size(); ++at_) {
    auto c = text_[at_];
    if (c == quote) {
      ++at_;
      current_.what = retry_token::kind::text;
      return;
    }
    if (c == '\\' && at_ + 1 < text_.size())
      c = text_[++at_];
    current_.text += c;
  }
  current_.what = retry_token::kind::bad;
  fail("the text in quotes is not closed");
}

bool retry_lexer::accept(char c) {
  if (!is_sign(c))
    return false;
  advance();
  return true;
}

bool retry_lexer::expect(char c) {
  return accept(c) || fail(fmt::format("expected '{}'", c));
}

bool retry_lexer::read(std::string& name, std::string_view expected) {
  if (current_.what != retry_token::kind::name)
    return fail(fmt::format("expected {}", expected));
  name = current_.text;
  advance();
  return true;
}

bool retry_lexer::read(std::chrono::milliseconds& duration) {
  using std::chrono::milliseconds;
  auto value = current_.what == retry_token::kind::value
                 ? parse_duration(current_.text)
                 : std::nullopt;
  if (!value)
    return fail(fmt::format("expected {}", duration_syntax));
  duration = std::chrono::floor<milliseconds>(*value);
  // Beyond a day the range is what is wrong.
  if (duration != *value && *value < std::chrono::hours{24})
    return fail("expected a whole number of milliseconds");
  advance();
  return true;
}

bool retry_lexer::read(uint32_t& count) {
  int64_t number = 0;
  auto position = current_.position;
  if (!read(number))
    return false;
  if (number < 0 || number > std::numeric_limits<uint32_t>::max())
    return fail(position, "the number is out of range");
  count = static_cast<uint32_t>(number);
  return true;
}

bool retry_lexer::read(int64_t& number) {
  if (current_.what != retry_token::kind::value
      || !read_whole(current_.text, number))
    return fail("expected a whole number");
  advance();
  return true;
}

bool retry_lexer::read(double& number) {
  if (current_.what != retry_token::kind::value
      || !read_whole(current_.text, number))
    return fail("expected a number");
  advance();
  return true;
}

bool retry_lexer::read_text(std::string& text) {
  if (current_.what != retry_token::kind::text)
    return fail("expected a text in quotes");
  text = current_.text;
  advance();
  return true;
}

bool retry_lexer::fail(size_t position, std::string_view what) {
  if (!failed_) {
    failed_ = true;
    error_ = {position + 1, std::string{what}};
  }
  return false;
}

} // namespace redoubt
