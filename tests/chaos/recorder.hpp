#pragma once

#include <redoubt/messages/interfaces.hpp>
#include <redoubt/tests/chaos/history.hpp>

#include <chrono>
#include <condition_variable>
#include <fstream>
#include <limits>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace redoubt::chaos {

/// Writes down what happens as it comes, and keeps only what is not over. Any thread.
class recorder {
public:
  using clock = std::chrono::steady_clock;

  /// Writes to the file of that name. Throws `std::runtime_error` if it cannot.
  explicit recorder(const std::string& path);

  /// Since the run began.
  microseconds now() const;

  // -- callers --------------------------------------------------------------------

  /// A number for the next operation.
  uint64_t next_id();

  /// An operation is about to be sent, together with the others of its unit.
  void begin(std::vector<operation> all);

  /// It was answered.
  void end(uint64_t id, const outcome& result);

  /// A caller died: what it has not been told it never will be.
  void abandon(uint64_t caller);

  /// Last requests that were answered, or whose callers died.
  size_t rested() const;

  /// Waits for the first success from a time on; -1 if there is none until then.
  microseconds first_success(microseconds since, microseconds until);

  // -- the rest -------------------------------------------------------------------

  void add(dial_sample x);
  void add(breaker_edge x);
  void add(const strike& x);
  void add(stall x);

  /// Writes the rest: what was never answered, and how it ended.
  void finish(const run_facts& run, const final_state& final);

private:
  static constexpr microseconds
    never = std::numeric_limits<microseconds>::max();

  void settle(const operation& x);
  void write(const std::string& line);

  const clock::time_point began_ = clock::now();
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::ofstream file_;
  uint64_t last_id_ = 0;
  std::unordered_map<uint64_t, operation> pending_;
  size_t rested_ = 0;
  microseconds last_success_ = -1;
  /// Somebody waits for the first success since then.
  microseconds since_ = never;
  microseconds first_ = -1;
};

} // namespace redoubt::chaos
