#pragma once

#include <redoubt/app/demo/summary.hpp>

#include <string>
#include <vector>

namespace redoubt::demo {

/// Whether a promise was kept.
struct verdict {
  std::string promise;
  bool kept = true;
  /// Off: it is shown and does not decide.
  bool decides = true;
  /// Where it was not kept, with the numbers.
  std::string detail;
};

/// Holds the promises of redoubt's two clients against what happened. With
/// `quick` only counts decide, no times.
std::vector<verdict> judge(const std::vector<outcome>& outcomes, bool quick);

/// True if every promise that decides was kept.
bool all_kept(const std::vector<verdict>& verdicts);

} // namespace redoubt::demo
