#pragma once

#include <redoubt/messages/retry_text.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace redoubt {

/// One word of a retry policy's text.
struct retry_token {
  enum class kind : uint8_t {
    end,
    /// Of a function, fate, code or class.
    name,
    /// A number or a duration.
    value,
    /// Between quotes.
    text,
    /// One character.
    sign,
    /// No word at all.
    bad,
  };

  kind what = kind::end;
  /// As it stands; of a text what is between the quotes, without backslashes.
  std::string text = {};
  /// Byte in the whole, from 0.
  size_t position = 0;
};

/// Reads a retry policy's text word by word. The first fault stays; what is read
/// after it is of no use.
class retry_lexer {
public:
  retry_lexer(std::string_view text, retry_text_error& error);

  const retry_token& current() const noexcept { return current_; }

  bool is_sign(char c) const noexcept {
    return current_.what == retry_token::kind::sign && current_.text[0] == c;
  }

  /// Goes on to the next word.
  void advance();

  /// Goes on if the word is `c`.
  bool accept(char c);

  // Each goes on behind the word that it reads, or fails and answers false.

  bool expect(char c);
  bool read(std::string& name, std::string_view expected);
  bool read(std::chrono::milliseconds& duration);
  bool read(uint32_t& count);
  bool read(int64_t& number);
  bool read(double& number);
  /// A text in quotes.
  bool read_text(std::string& text);

  /// Reports a fault at the current word, unless there was one; answers false.
  bool fail(std::string_view what) { return fail(current_.position, what); }
  bool fail(size_t position, std::string_view what);

private:
  void read_quoted(char quote);

  std::string_view text_;
  retry_text_error& error_;
  bool failed_ = false;
  size_t at_ = 0;
  retry_token current_;
};

} // namespace redoubt
