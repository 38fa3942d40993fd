#pragma once

#include <redoubt/app/demo/workload.hpp>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

namespace redoubt::demo {

using clock = std::chrono::steady_clock;
using time_point = clock::time_point;

/// What became of a request.
enum class result : uint8_t {
  pending,
  ok,
  /// Turned away by an open breaker.
  rejected,
  /// Failed otherwise.
  failed,
  /// An INCR that may or may not have run.
  unknown,
  /// Got a reply that cannot be its own.
  crossed,
};

/// One request. It counts as issued when it is due, also where its client took
/// it up later: a client that blocks does not hide the wait.
struct record {
  op kind = op::get;
  time_point due{};
  time_point done{};
  result what = result::pending;
  /// What an INCR returned.
  int64_t number = 0;
};

/// What happened between two looks at a recorder.
struct interval {
  uint32_t ok = 0;
  uint32_t rejected = 0;
  uint32_t failed = 0;
  uint32_t unknown = 0;
  /// Requests that wait for their answer now.
  uint32_t waiting = 0;
  /// From due to done, of those that went well; 0 if none did.
  double p50_ms = 0;
  double p99_ms = 0;
};

/// All requests of one client in one scenario. Any thread.
class recorder {
public:
  explicit recorder(std::string prefix) : workload_(std::move(prefix)) {}

  /// Adds a request and answers its index.
  uint32_t add(time_point due);

  const workload& work() const noexcept { return workload_; }

  /// The request got a reply.
  void reply(uint32_t index, const raw_reply& x);

  /// The request ended without one. `what` of anything but an INCR is never
  /// `unknown`: what runs twice without harm is just a failure.
  void fail(uint32_t index, result what);

  interval take_interval();

  /// Waits until every request was answered.
  bool wait_answered(time_point until) const;

  std::vector<record> records() const;

  /// Requests that were answered more than once.
  uint32_t answered_twice() const;

private:
  void settle(uint32_t index, result what, int64_t number);

  const workload workload_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<record> records_;
  uint32_t pending_ = 0;
  uint32_t twice_ = 0;
  interval current_;
  std::vector<double> latencies_ms_;
};

/// The value below which the share `q` of `values` lies; 0 if there are none.
double quantile(std::vector<double> values, double q);

} // namespace redoubt::demo
