#include <redoubt/messages/reply.hpp>

#include <fmt/format.h>

namespace redoubt {

std::string_view to_string(reply_kind kind) noexcept {
  switch (kind) {
    case reply_kind::nil: return "nil";
    case reply_kind::status: return "status";
    case reply_kind::error: return "error";
    case reply_kind::integer: return "integer";
    case reply_kind::string: return "string";
    case reply_kind::array: return "array";
  }
  return "?";
}

reply reply::integer(int64_t value) {
  reply result;
  result.kind_ = reply_kind::integer;
  result.number_ = value;
  return result;
}

reply reply::array(std::vector<reply> elements) {
  reply result;
  result.kind_ = reply_kind::array;
  result.elements_ = std::move(elements);
  return result;
}

size_t reply::memory() const noexcept {
  size_t result = text_.size() + elements_.capacity() * sizeof(reply);
  for (auto& x : elements_)
    result += x.memory();
  return result;
}

namespace {

/// Quotes text as redis-cli does: printable ASCII as it is, the rest escaped.
void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (unsigned char c : text) {
    switch (c) {
      case '\\': out += "\\\\"; break;
      case '"': out += "\\\""; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      case '\a': out += "\\a"; break;
      case '\b': out += "\\b"; break;
      default:
        if (c >= 0x20 && c < 0x7f)
          out += static_cast<char>(c);
        else
          out += fmt::format("\\x{:02x}", c);
    }
  }
  out += '"';
}

void append(std::string& out, const reply& x, const std::string& indent) {
  switch (x.kind()) {
    case reply_kind::nil: out += "(nil)"; break;
    case reply_kind::status: out += x.text(); break;
    case reply_kind::error: out += "(error) " + x.text(); break;
    case reply_kind::integer:
      out += fmt::format("(integer) {}", x.number());
      break;
    case reply_kind::string: append_quoted(out, x.text()); break;
    case reply_kind::array: {
      auto& xs = x.elements();
      if (xs.empty()) {
        out += "(empty array)";
        break;
      }
      auto width = fmt::formatted_size("{}", xs.size());
      for (size_t i = 0; i < xs.size(); ++i) {
        if (i > 0)
          out += '\n' + indent;
        out += fmt::format("{:>{}}) ", i + 1, width);
        append(out, xs[i], indent + std::string(width + 2, ' '));
      }
    }
  }
}

} // namespace

std::string to_string(const reply& value) {
  std::string result;
  append(result, value, "");
  return result;
}

std::string_view error_code(std::string_view server_message) noexcept {
  return server_message.substr(0, server_message.find(' '));
}

} // namespace redoubt
