#pragma once

#include <redoubt/messages/options.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace redoubt {

/// Finds the end of a reply that nobody can use without keeping any of it: it
/// reads headers and counts down. As skipping only asks how many elements are
/// still to come, and not whose they are, one counter does for any depth.
class reply_skipper {
public:
  explicit reply_skipper(const limit_options& limits) noexcept;

  enum class result : uint8_t {
    /// The reply has ended; what is left of the bytes is not its own.
    done,
    /// All bytes were taken and the reply goes on.
    need_more,
    /// The bytes are no RESP; the end cannot be found any more.
    broken,
    /// More elements, or a longer string, than the limits allow.
    too_large,
  };

  /// Begins with a reply of which `to_come` elements have not been read and
  /// `elements` were announced so far, over all its arrays.
  void start(uint32_t to_come, uint32_t elements) noexcept;

  /// Takes from the front of `bytes` what belongs to the reply.
  result skip(std::string_view& bytes);

  /// What is wrong, after `broken` or `too_large`.
  const std::string& error() const noexcept { return error_; }

private:
  /// What comes next.
  enum class at : uint8_t {
    type,
    text,
    /// The line feed that ends a text, or more of the text.
    text_end,
    /// The number behind `:`, `$` or `*`.
    number,
    number_end,
    bulk,
    bulk_return,
    bulk_end,
  };

  void on_type(char type);
  void on_text(std::string_view& bytes);
  void on_text_end(char x);
  void add_text(uint64_t n);
  void on_number(char x);
  void on_bulk(std::string_view& bytes);
  void on_end(char x);
  void on_header();
  void on_array(uint64_t count);
  void on_string(uint64_t size);
  void end_element() noexcept;
  void fail(result how, std::string what);

  uint64_t bulk_limit_;
  uint32_t element_limit_;
  uint32_t elements_ = 0;
  uint32_t to_come_ = 0;
  at at_ = at::type;
  char type_ = 0;
  /// Bytes that a text or number has so far, or that a string still has.
  uint64_t size_ = 0;
  /// Room for any number of 64 bits and its sign.
  std::array<char, 20> digits_{};
  result failed_ = result::need_more;
  std::string error_;
};

} // namespace redoubt
