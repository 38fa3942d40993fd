#pragma once

#include <redoubt/tests/chaos/run.hpp>

#include <chrono>

namespace redoubt::chaos {

struct soak_options {
  /// Of each run; `seed` is the first one's.
  run_options run;
  std::chrono::minutes length{10};
  /// Runs under valgrind have a memory of their own.
  bool judge_memory = true;
};

/// Plays one seed after the other until the time is over, has each history judged
/// by a process of its own, and watches the memory of this one. Answers what the
/// program is to exit with.
int soak(const soak_options& options);

} // namespace redoubt::chaos
