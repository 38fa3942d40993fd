#pragma once

#include <redoubt/bench/core/figures.hpp>
#include <redoubt/bench/core/histogram.hpp>
#include <redoubt/messages/endpoint.hpp>

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace redoubt::bench {

using clock = std::chrono::steady_clock;

inline clock::time_point after(double seconds) {
  return clock::now()
         + std::chrono::duration_cast<clock::duration>(
           std::chrono::duration<double>(seconds));
}

inline uint64_t nanoseconds(clock::duration x) {
  return static_cast<uint64_t>(
    std::chrono::duration_cast<std::chrono::nanoseconds>(x).count());
}

/// The server that all share, on TCP and on a unix socket.
struct server_place {
  endpoint tcp;
  endpoint unix_socket;
  pid_t process = 0;
};

/// One run.
struct plan {
  server_place server;
  double seconds = 1;
  /// Allocations are counted as well, in a run of their own.
  bool count_allocations = false;
};

/// Something that keeps the server busy for about `seconds` and fills `out`. Every
/// reply is checked; a wrong one throws `std::runtime_error`.
using runner = std::function<void(double seconds, sample& out)>;

/// Something that is measured: does one run.
struct contender {
  std::string id;
  std::string name;
  std::function<figures(const plan&)> measure;
};

/// What is measured side by side.
struct row {
  /// Never changes: targets and whoever reads the JSON rely on it.
  std::string id;
  std::string title;
  std::vector<contender> contenders;
  /// The figure that the row is about.
  std::string leading = "ops_per_s";
  /// Further runs would tell nothing more.
  size_t runs_at_most = 1000;
};

/// Makes a runner, warms it up, times one run of it and takes it down again.
figures timed(const plan& x, const std::function<runner()>& make);

/// Thrown by whoever is told something else than the workload says.
[[noreturn]] inline void wrong_reply() {
  throw std::runtime_error("a reply is missing or belongs to another request");
}

} // namespace redoubt::bench
