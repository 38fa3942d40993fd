#pragma once

#include <redoubt/messages/options.hpp>

#include <span>
#include <variant>

namespace redoubt {

/// The values that options start from.
enum class profile : uint8_t { standard, article };

/// What a configuration file describes.
struct option_sheet {
  profile basis = profile::standard;
  runtime_options options;
};

/// A text that is read but never printed.
struct hidden_text {
  std::string* value;
};

/// Where the value of a key is kept. The type says how the value is written:
/// `uint64_t` are sizes.
using option_slot = std::variant<
  profile*, endpoint*, hidden_text, secret*, bool*, uint32_t*, uint64_t*,
  double*, std::string*, std::chrono::milliseconds*, std::chrono::microseconds*,
  on_open_policy*, link_lane*, window_kind*, hedge_mode*, std::vector<double>*,
  retry_policy*>;

/// One key of the configuration file.
struct option_key {
  /// `section.key`, or `key` at the top level.
  std::string_view name;
  /// What it does, for people.
  std::string_view comment;
  option_slot (*slot)(option_sheet&);

  std::string_view section() const noexcept {
    auto dot = name.find('.');
    return dot == std::string_view::npos ? "" : name.substr(0, dot);
  }

  /// The name within its section.
  std::string_view leaf() const noexcept {
    return name.substr(name.find('.') + 1);
  }
};

/// All keys, in the order in which they are printed and read: the profile
/// first, and the parts of an endpoint after its URL. Reading, printing and the
/// check for unknown keys all go by this table. Sections `[retry.<name>]` are not in
/// it: their names are the file's own.
std::span<const option_key> option_keys() noexcept;

} // namespace redoubt
