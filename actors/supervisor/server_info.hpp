#pragma once

#include <redoubt/messages/status.hpp>

#include <string_view>

namespace redoubt {

/// Fills the fields of a health report from the text that INFO answers. Fields
/// that the server does not tell keep their values.
void read_info(std::string_view info, health_report& out);

} // namespace redoubt
