#include <redoubt/app/commands.hpp>

#include <redoubt/messages/options_toml.hpp>

#include <fmt/format.h>

namespace redoubt::app {

exit_code config(const option_sources& sources) {
  auto options = effective_options(sources);
  if (!options)
    return usage;
  fmt::print("{}", to_toml(*options));
  return success;
}

} // namespace redoubt::app
