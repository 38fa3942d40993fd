#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace redoubt {

/// The key or section that somebody who wrote `name` may have meant.
class suggestion {
public:
  explicit suggestion(std::string_view name);

  void offer_keys();
  void offer_sections();

  std::string text() const;

private:
  void offer(std::string_view candidate, size_t steps);

  std::string_view section_;
  std::string_view leaf_;
  size_t allowed_;
  std::string_view best_;
};

/// A name from a file, fit for one line of a terminal.
std::string shown(std::string_view name);

} // namespace redoubt
