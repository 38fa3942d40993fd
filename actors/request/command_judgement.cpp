#include <redoubt/actors/request/command_judgement.hpp>

#include <fmt/format.h>

namespace redoubt {

errc judge_command(const command& cmd, std::string_view refusal,
                   const limit_options& limits, std::string& message) {
  if (cmd.empty()) {
    message = "the command is empty";
    return errc::invalid_command;
  }
  if (!refusal.empty()) {
    message = fmt::format("{}: {}", cmd.name(), refusal);
    return errc::invalid_command;
  }
  if (cmd.largest_argument() > limits.argument_bytes) {
    message = fmt::format("{}: an argument of {} bytes exceeds the limit of {}",
                          cmd.name(), cmd.largest_argument(),
                          limits.argument_bytes);
    return errc::too_large;
  }
  return errc::none;
}

std::string fault_of(const request_options& x) {
  for (auto& each : validate(x))
    if (each.key != "deadline" && each.key != "attempt_timeout")
      return each.key + ": " + each.what;
  return {};
}

bool is_script(std::string_view name) noexcept {
  return name.starts_with("EVAL") || name.starts_with("FCALL");
}

} // namespace redoubt
