#pragma once

#include <redoubt/app/demo/verdict.hpp>

#include <vector>

namespace redoubt::demo {

/// Prints one table per scenario: a row per client.
void print_tables(const std::vector<outcome>& outcomes, bool color);

/// Prints one line per promise.
void print_verdicts(const std::vector<verdict>& verdicts, bool color);

} // namespace redoubt::demo
