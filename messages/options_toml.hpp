#pragma once

#include <redoubt/messages/options.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace redoubt {

/// What is wrong in a configuration text.
struct config_error {
  std::string file;
  /// Line in the text, from 1; 0 if the fault has none.
  uint32_t line = 0;
  /// Dotted key, empty for syntax errors.
  std::string key;
  std::string what;
};

/// `file:line: key: what`.
std::string to_string(const config_error& x);

/// Reads options from the text of a TOML file; keys that are absent keep their
/// defaults. `file` names the text in errors. On any fault (syntax, an unknown
/// key, a wrong type, a value out of range) answers nothing and fills `errors`
/// with all of them. Values of secret keys are never part of an error.
std::optional<runtime_options> parse_options(std::string_view text,
                                             std::string_view file,
                                             std::vector<config_error>& errors);

/// The options as a TOML text with a comment per key (default and unit), as in
/// config/redoubt.toml. Passwords are left out.
std::string to_toml(const runtime_options& options);

} // namespace redoubt
