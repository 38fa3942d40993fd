#include <redoubt/messages/options_toml.hpp>

#include <redoubt/messages/options_keys.hpp>
#include <redoubt/messages/units.hpp>

#include <fmt/format.h>

namespace redoubt {

namespace {

/// Writes a slot as a TOML value.
struct writer {
  std::string operator()(const profile* x) const {
    return quoted(*x == profile::standard ? "default" : "article");
  }

  std::string operator()(const endpoint* x) const {
    auto without_db = *x;
    without_db.db = 0;
    return quoted(to_string(without_db));
  }

  std::string operator()(hidden_text) const { return quoted(""); }
  std::string operator()(const secret*) const { return quoted(""); }
  std::string operator()(const bool* x) const { return *x ? "true" : "false"; }
  std::string operator()(const uint32_t* x) const { return fmt::to_string(*x); }

  std::string operator()(const uint64_t* x) const {
    return quoted(size_text(*x));
  }

  std::string operator()(const double* x) const {
    return fmt::format("{}", *x);
  }

  std::string operator()(const std::string* x) const { return quoted(*x); }

  std::string operator()(const std::chrono::milliseconds* x) const {
    return quoted(duration_text(*x));
  }

  std::string operator()(const std::chrono::microseconds* x) const {
    return quoted(duration_text(*x));
  }

  std::string operator()(const on_open_policy* x) const {
    return quoted(to_string(*x));
  }

  std::string operator()(const hedge_mode* x) const {
    return quoted(to_string(*x));
  }

  static std::string quoted(std::string_view text) {
    std::string result = "\"";
    for (unsigned char c : text) {
      if (c == '"' || c == '\\')
        result += '\\';
      if (c < ' ' || c == 0x7f)
        result += fmt::format("\\u{:04x}", c);
      else
        result += static_cast<char>(c);
    }
    return result + '"';
  }
};

std::string value_text(const option_key& key, option_sheet& sheet) {
  return std::visit(writer{}, key.slot(sheet));
}

/// Appends comment lines of at most 80 columns; `last` is not broken.
void append_comment(std::string& out, std::string_view text,
                    std::string_view last) {
  constexpr size_t columns = 78;
  while (text.size() > columns) {
    auto blank = text.rfind(' ', columns);
    out += fmt::format("# {}\n", text.substr(0, blank));
    text.remove_prefix(blank + 1);
  }
  auto fits = text.size() + 1 + last.size() <= columns;
  out += fmt::format("# {}{}{}\n", text, fits ? " " : "\n# ", last);
}

constexpr char
  head[] = R"(# Options of redoubt: every key with what it does and its default.
# A file needs only the keys that differ. Durations are texts with a unit (us,
# ms, s, m, h), sizes are texts with a unit (B, KiB, MiB, GiB, TiB) or numbers
# of bytes; keys that hold sizes end in _bytes.
)";

} // namespace

std::string to_toml(const runtime_options& options) {
  option_sheet sheet{.options = options};
  option_sheet defaults;
  std::string result{head};
  std::string_view section;
  for (auto& key : option_keys()) {
    if (key.section() != section) {
      section = key.section();
      result += fmt::format("\n[{}]\n", section);
    }
    auto slot = key.slot(sheet);
    auto is_hidden = std::holds_alternative<hidden_text>(slot)
                     || std::holds_alternative<secret*>(slot);
    result += '\n';
    append_comment(result, key.comment,
                   fmt::format("Default: {}.", value_text(key, defaults)));
    result += fmt::format("{}{} = {}\n", is_hidden ? "# " : "", key.leaf(),
                          value_text(key, sheet));
  }
  return result;
}

} // namespace redoubt
