#include <redoubt/actors/connection/reply_skipper.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>

namespace redoubt {

namespace {

/// Reads a number as strictly as hiredis does: no sign but a minus, no zero in
/// front. False if it is none.
bool read_number(std::string_view text, int64_t& value) noexcept {
  auto digits = text.substr(!text.empty() && text[0] == '-' ? 1 : 0);
  if (digits.empty() || (digits[0] == '0' && text.size() > 1))
    return false;
  auto end = text.data() + text.size();
  auto x = std::from_chars(text.data(), end, value);
  return x.ec == std::errc{} && x.ptr == end;
}

} // namespace

reply_skipper::reply_skipper(const limit_options& limits) noexcept
  : bulk_limit_(limits.reply_bytes), element_limit_(limits.reply_elements) {
}

void reply_skipper::start(uint32_t to_come, uint32_t elements) noexcept {
  to_come_ = to_come;
  elements_ = elements;
  at_ = at::type;
}

reply_skipper::result reply_skipper::skip(std::string_view& bytes) {
  while (failed_ == result::need_more && to_come_ > 0 && !bytes.empty()) {
    switch (at_) {
      case at::text: on_text(bytes); continue;
      case at::bulk: on_bulk(bytes); continue;
      default: break;
    }
    auto x = bytes.front();
    bytes.remove_prefix(1);
    switch (at_) {
      case at::type: on_type(x); break;
      case at::text_end: on_text_end(x); break;
      case at::number: on_number(x); break;
      default: on_end(x);
    }
  }
  if (failed_ != result::need_more)
    return failed_;
  return to_come_ == 0 ? result::done : result::need_more;
}

void reply_skipper::on_type(char type) {
  type_ = type;
  size_ = 0;
  switch (type) {
    case '+':
    case '-': at_ = at::text; break;
    case ':':
    case '$':
    case '*': at_ = at::number; break;
    default: fail(result::broken, "no reply begins with this byte");
  }
}

void reply_skipper::on_text(std::string_view& bytes) {
  auto n = std::min(bytes.find('\r'), bytes.size());
  bytes.remove_prefix(n);
  add_text(n);
  if (bytes.empty())
    return;
  bytes.remove_prefix(1);
  at_ = at::text_end;
}

void reply_skipper::on_text_end(char x) {
  if (x == '\n') {
    if (type_ == '-' && size_ == 0)
      fail(result::broken, "an error without a text");
    end_element();
    return;
  }
  // The carriage return was part of the text.
  add_text(1);
  if (x == '\r')
    return;
  add_text(1);
  at_ = at::text;
}

void reply_skipper::add_text(uint64_t n) {
  size_ += n;
  if (size_ > bulk_limit_)
    fail(result::too_large,
         fmt::format("a line exceeds the limit of {} bytes", bulk_limit_));
}

void reply_skipper::on_number(char x) {
  if (x == '\r')
    at_ = at::number_end;
  else if (size_ < digits_.size())
    digits_[size_++] = x;
  else
    fail(result::broken, "a number that does not end");
}

void reply_skipper::on_bulk(std::string_view& bytes) {
  auto n = std::min<uint64_t>(size_, bytes.size());
  bytes.remove_prefix(n);
  size_ -= n;
  if (size_ == 0)
    at_ = at::bulk_return;
}

void reply_skipper::on_end(char x) {
  if (x != (at_ == at::bulk_return ? '\r' : '\n')) {
    fail(result::broken, at_ == at::number_end
                           ? "a number that is none"
                           : "a string does not end where its length says");
    return;
  }
  switch (at_) {
    case at::bulk_return: at_ = at::bulk_end; break;
    case at::number_end: on_header(); break;
    default: end_element();
  }
}

void reply_skipper::on_header() {
  int64_t x = 0;
  if (!read_number({digits_.data(), static_cast<size_t>(size_)}, x))
    fail(result::broken, "a number that is none");
  else if (type_ == ':' || x == -1)
    end_element();
  else if (x < 0)
    fail(result::broken, "a length below zero");
  else if (type_ == '*')
    on_array(static_cast<uint64_t>(x));
  else
    on_string(static_cast<uint64_t>(x));
}

void reply_skipper::on_array(uint64_t count) {
  if (count > element_limit_ - elements_) {
    fail(result::too_large,
         fmt::format("a reply of more than {} elements exceeds the limit",
                     element_limit_));
    return;
  }
  elements_ += static_cast<uint32_t>(count);
  to_come_ += static_cast<uint32_t>(count);
  end_element();
}

void reply_skipper::on_string(uint64_t size) {
  if (size > bulk_limit_) {
    fail(result::too_large,
         fmt::format("a string of {} bytes exceeds the limit of {}", size,
                     bulk_limit_));
    return;
  }
  size_ = size;
  at_ = at::bulk;
}

void reply_skipper::end_element() noexcept {
  --to_come_;
  at_ = at::type;
}

void reply_skipper::fail(result how, std::string what) {
  failed_ = how;
  error_ = std::move(what);
}

} // namespace redoubt
