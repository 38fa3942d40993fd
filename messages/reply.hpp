#pragma once

#include <redoubt/messages/caf_api.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace redoubt {

enum class reply_kind : uint8_t { nil, status, error, integer, string, array };

std::string_view to_string(reply_kind kind) noexcept;

/// The server's answer to one command. Errors that are the server's definite
/// answer (WRONGTYPE, OOM …) are replies of kind `error`; whatever the runtime
/// could not get an answer for is a `caf::error` instead.
class reply {
public:
  reply() = default;

  static reply status(std::string_view text) {
    return {reply_kind::status, text};
  }
  static reply error(std::string_view text) {
    return {reply_kind::error, text};
  }
  static reply string(std::string_view text) {
    return {reply_kind::string, text};
  }
  static reply integer(int64_t value);
  static reply array(std::vector<reply> elements);

  reply_kind kind() const noexcept { return kind_; }
  bool is_nil() const noexcept { return kind_ == reply_kind::nil; }
  bool is_error() const noexcept { return kind_ == reply_kind::error; }

  /// Text of a string, status or error; empty for other kinds.
  const std::string& text() const& noexcept { return text_; }
  std::string text() && noexcept { return std::move(text_); }

  /// Value of an integer; 0 for other kinds.
  int64_t number() const noexcept { return number_; }

  /// Elements of an array; none for other kinds.
  const std::vector<reply>& elements() const& noexcept { return elements_; }
  std::vector<reply> elements() && noexcept { return std::move(elements_); }

  /// True if the command was sent more than once, so that the reply tells of a
  /// later run: a DEL that was sent again may answer 0 although it deleted.
  bool repeated = false;

  /// True if a fallback answered in the server's place.
  bool stale = false;

  /// Bytes held beyond the object itself, for limits.
  size_t memory() const noexcept;

  bool operator==(const reply&) const = default;

private:
  friend class reply_decoder;

  reply(reply_kind kind, std::string_view text) : kind_(kind), text_(text) {}

  reply_kind kind_ = reply_kind::nil;
  int64_t number_ = 0;
  std::string text_;
  std::vector<reply> elements_;
};

/// Renders `value` as redis-cli does on a terminal.
std::string to_string(const reply& value);

/// First word of a server error, e.g. `WRONGTYPE`.
std::string_view error_code(std::string_view server_message) noexcept;

} // namespace redoubt

REDOUBT_LOCAL_MESSAGE(redoubt::reply)
