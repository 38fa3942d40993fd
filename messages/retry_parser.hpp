#pragma once

#include <redoubt/messages/retry_lexer.hpp>

#include <fmt/format.h>

#include <optional>
#include <stdexcept>

namespace redoubt {

/// What the parsers of all three parts of a retry policy have in common.
template <class Part>
class part_parser {
public:
  part_parser(std::string_view text, retry_text_error& error)
    : words_(text, error) {}

protected:
  using result = std::optional<Part>;

  /// Calls what makes a part; its objections become a fault at `position`.
  template <class Make>
  result make(size_t position, Make make_part) {
    try {
      return make_part();
    } catch (const std::invalid_argument& e) {
      words_.fail(position, e.what());
      return std::nullopt;
    }
  }

  template <class Make>
  result closed(size_t position, Make make_part) {
    if (!words_.expect(')'))
      return std::nullopt;
    return make(position, make_part);
  }

  bool enter() {
    return ++depth_ <= deepest_nesting || words_.fail("is nested too deep");
  }

  void leave() noexcept { --depth_; }

  result nothing(bool) const { return std::nullopt; }

  /// The whole must end behind `x`. It is written with blanks and parentheses
  /// that it may have been read without, and must fit then, too.
  result whole(result x) {
    if (x && words_.current().what != retry_token::kind::end)
      return nothing(words_.fail("expected an operator or the end"));
    if (x && to_string(*x).size() > longest_retry_text)
      return nothing(words_.fail(
        0, fmt::format("what it says takes more than {} bytes to write",
                       longest_retry_text)));
    return x;
  }

  retry_lexer words_;
  int depth_ = 0;

private:
  /// Parentheses and calls within each other.
  static constexpr int deepest_nesting = 32;
};

} // namespace redoubt
