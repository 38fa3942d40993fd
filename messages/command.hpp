#pragma once

#include <redoubt/messages/caf_api.hpp>
#include <redoubt/messages/command_class.hpp>
#include <redoubt/messages/shared_bytes.hpp>

#include <array>
#include <charconv>
#include <concepts>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace redoubt {

namespace detail {

/// One argument of a command: text as it is, integers in decimal.
class argument {
public:
  argument(std::string_view text) : view_(text) {}
  argument(const std::string& text) : view_(text) {}
  argument(const char* text) : view_(text) {}

  template <std::integral T>
    requires(!std::same_as<T, bool> && !std::same_as<T, char>)
  argument(T value) {
    auto end = std::to_chars(digits_.data(), digits_.data() + digits_.size(),
                             value);
    length_ = static_cast<size_t>(end.ptr - digits_.data());
  }

  std::string_view view() const noexcept {
    return length_ == 0 ? view_ : std::string_view{digits_.data(), length_};
  }

private:
  std::string_view view_;
  size_t length_ = 0;
  std::array<char, 24> digits_;
};

} // namespace detail

/// A Redis command, encoded once and never changed: copies and retries share
/// one buffer. Arguments are binary-safe.
///
///     command{"SET", key, value, "EX", 60}
///
/// May be made and copied on any thread.
class command {
public:
  /// An empty command; it is refused with `errc::invalid_command`.
  command() = default;

  command(std::initializer_list<detail::argument> arguments);

  /// A command from arguments made at run time, the name first.
  explicit command(const std::vector<std::string>& arguments);
  explicit command(argument_list arguments);

  /// A call of a script by its hash (EVALSHA). See `script`.
  command(argument_list arguments, command_class cls,
          std::shared_ptr<const std::string> script_text);

  bool empty() const noexcept { return data_ == nullptr; }

  /// The command as it goes over the wire (RESP2).
  std::string_view wire() const noexcept;

  /// The same bytes as a buffer that a connection can share. Null if empty.
  shared_bytes buffer() const noexcept;

  /// The command's name in upper case, without its arguments.
  std::string_view name() const noexcept;

  size_t argument_count() const noexcept;

  /// The arguments, the name first. Views live as long as this command.
  std::vector<std::string_view> arguments() const;

  /// Class by name and arguments; a request may raise or lower it.
  command_class cls() const noexcept;

  /// Empty, or why the command may not go over a shared connection.
  std::string_view refusal() const noexcept;

  /// Empty, or why the command may not go over a leased connection either.
  std::string_view leased_refusal() const noexcept;

  /// The keys it names, for the order rule. Views live as long as this command.
  std::vector<std::string_view> keys() const;

  /// Size in bytes of the largest argument.
  size_t largest_argument() const noexcept;

  /// Text of the `script` that it calls by its hash; else null.
  const std::shared_ptr<const std::string>& script_text() const noexcept;

  /// The same call with the script's text in place of its hash (EVAL); empty if
  /// it calls none by its hash.
  command with_script_text() const;

private:
  struct data;
  static std::shared_ptr<data> encode(argument_list arguments);

  std::shared_ptr<const data> data_;
};

} // namespace redoubt

REDOUBT_LOCAL_MESSAGE(redoubt::command)
