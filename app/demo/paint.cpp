#include <redoubt/app/demo/paint.hpp>

#include <fmt/format.h>

namespace redoubt::demo {

std::string paint(std::string_view text, color what, bool on) {
  if (!on)
    return std::string{text};
  switch (what) {
    case color::red: return fmt::format("\x1b[31m{}\x1b[0m", text);
    case color::green: return fmt::format("\x1b[32m{}\x1b[0m", text);
    case color::yellow: return fmt::format("\x1b[33m{}\x1b[0m", text);
    case color::bold: return fmt::format("\x1b[1m{}\x1b[0m", text);
    case color::dim: return fmt::format("\x1b[2m{}\x1b[0m", text);
  }
  return std::string{text};
}

} // namespace redoubt::demo
