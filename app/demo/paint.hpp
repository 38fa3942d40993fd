#pragma once

#include <string>
#include <string_view>

namespace redoubt::demo {

enum class color { red, green, yellow, bold, dim };

/// `text` in a colour for terminals, or as it is if `on` is false.
std::string paint(std::string_view text, color what, bool on);

} // namespace redoubt::demo
