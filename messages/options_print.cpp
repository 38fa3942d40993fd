#include <redoubt/messages/options_toml.hpp>

#include <redoubt/messages/options_keys.hpp>
#include <redoubt/messages/retry_text.hpp>
#include <redoubt/messages/units.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace redoubt {

namespace {

using policy_names = std::map<std::string, retry_policy, std::less<>>;

/// The name by which a file can ask for `x`.
std::string name_of(const retry_policy& x, const policy_names& names) {
  if (x == retry_policy{})
    return "default";
  if (x == retry_policy::article())
    return "article";
  for (auto& [name, policy] : names)
    if (policy == x)
      return name;
  return "?";
}

/// Gives a policy that was made in code a name of its own.
policy_names with_name_for(const retry_policy& x, policy_names names) {
  if (name_of(x, names) == "?") {
    std::string name = "custom";
    while (!names.emplace(name, x).second)
      name += '_';
  }
  return names;
}

/// Writes a slot as a TOML value.
struct writer {
  const policy_names& names;

  std::string operator()(const retry_policy* x) const {
    return quoted(name_of(*x, names));
  }

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

  std::string operator()(const link_lane* x) const {
    return quoted(to_string(*x));
  }

  std::string operator()(const window_kind* x) const {
    return quoted(to_string(*x));
  }

  std::string operator()(const std::vector<double>* x) const {
    return fmt::format("[{}]", fmt::join(*x, ", "));
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

std::string value_text(const option_key& key, option_sheet& sheet,
                       const policy_names& names) {
  return std::visit(writer{names}, key.slot(sheet));
}

/// A line for one part of a policy; in two lines if it is too long for one.
std::string part_text(std::string_view start, std::string_view key,
                      const std::string& part) {
  auto line = fmt::format("{}{} = {}\n", start, key, writer::quoted(part));
  if (line.size() <= 81)
    return line;
  auto inner = writer::quoted(part);
  return fmt::format("{0}{1} = \"\"\"\\\n{0}{2}\"\"\"\n", start, key,
                     inner.substr(1, inner.size() - 2));
}

/// A section of a policy; a comment if `start` is one.
std::string policy_text(std::string_view start, std::string_view name,
                        const retry_policy& x) {
  return fmt::format("{}[retry.{}]\n", start, name)
         + part_text(start, "wait", to_string(x.wait()))
         + part_text(start, "stop", to_string(x.stop()))
         + part_text(start, "when", to_string(x.when()));
}

constexpr char policies_head[] = R"(
# Retry policies by name, for client.retry: what to wait, when to stop and what
# to retry. A part that is absent is as in "default". docs/retry.md has all that
# can stand there. Two policies are always there:
#
)";

std::string policies_text(const policy_names& policies) {
  auto result = policies_head + policy_text("# ", "default", retry_policy{})
                + "#\n" + policy_text("# ", "article", retry_policy::article());
  for (auto& [name, policy] : policies) {
    result += '\n';
    // What has no text cannot be read from a file.
    if (has_text(policy))
      result += policy_text("", name, policy);
    else
      result += "# For code only, as it has functions or is too long:\n"
                + policy_text("# ", name, policy);
  }
  return result;
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
  auto names = with_name_for(options.client.retry, options.policies);
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
                   fmt::format("Default: {}.",
                               value_text(key, defaults, names)));
    result += fmt::format("{}{} = {}\n", is_hidden ? "# " : "", key.leaf(),
                          value_text(key, sheet, names));
  }
  return result + policies_text(names);
}

} // namespace redoubt
