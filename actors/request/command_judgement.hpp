#pragma once

#include <redoubt/messages/command.hpp>
#include <redoubt/messages/error.hpp>
#include <redoubt/messages/options.hpp>

#include <string>
#include <string_view>

namespace redoubt {

/// Whether a command may be sent, over a connection that refuses it with `refusal`
/// if at all. `none`, or why not with a text in `message`.
errc judge_command(const command& cmd, std::string_view refusal,
                   const limit_options& limits, std::string& message);

/// What is wrong with the options of a request, or nothing. Times are what they
/// are: who counts down a deadline may arrive at none.
std::string fault_of(const request_options& x);

/// True of commands whose errors may come from within a script.
bool is_script(std::string_view name) noexcept;

} // namespace redoubt
