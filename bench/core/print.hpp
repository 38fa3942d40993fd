#pragma once

#include <redoubt/bench/core/results.hpp>
#include <redoubt/bench/core/targets.hpp>

#include <string>
#include <vector>

namespace redoubt::bench {

/// How and where it was measured, and what could not be.
std::string setting_text(const results& x);

/// A row for a terminal.
std::string table_text(const row_result& x);

/// The targets for a terminal: those that were measured, each with its mark, its
/// value and its verdict, and how many there are of which.
std::string verdict_text(const std::vector<judgement>& all);

/// All of it for programs.
std::string json_text(const results& x, const std::vector<judgement>& judged);

/// A row, and the targets, as tables of Markdown.
std::string markdown_text(const row_result& x);
std::string markdown_text(const std::vector<judgement>& all);

/// Writes `index.md` and its charts to `folder`, which is made if it is not there.
/// Throws `std::runtime_error` or `std::filesystem::filesystem_error` if it cannot.
void write_page(const results& x, const std::vector<judgement>& judged,
                const std::string& folder);

} // namespace redoubt::bench
