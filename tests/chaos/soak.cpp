#include <redoubt/tests/chaos/soak.hpp>

#include <redoubt/tests/chaos/watchers.hpp>
#include <redoubt/tests/support/memory.hpp>

#include <fmt/format.h>
#include <malloc.h>
#include <spawn.h>
#include <sys/wait.h>

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <vector>

extern char** environ;

namespace redoubt::chaos {

using namespace std::chrono_literals;

namespace {

using clock = std::chrono::steady_clock;

/// A run is no longer than this, so that its history can be held and judged.
constexpr std::chrono::seconds longest_run{300};

/// Until then buffers and tables grow to the size that they keep.
constexpr double warm_up_share = 0.25;

// Memory grows if a line through all samples says so, by more per hour and by more
// in all than what samples differ for other reasons (buffers of requests under way,
// what malloc keeps of them): some 4 MiB.
constexpr double hourly_bound_mib = 8;
constexpr double total_bound_mib = 8;

struct sample {
  double hours = 0;
  double mib = 0;
};

/// Slope of the line that fits best.
double slope_of(const std::vector<sample>& all) {
  double n = static_cast<double>(all.size());
  double x = 0;
  double y = 0;
  for (auto& each : all) {
    x += each.hours / n;
    y += each.mib / n;
  }
  double above = 0;
  double below = 0;
  for (auto& each : all) {
    above += (each.hours - x) * (each.mib - y);
    below += (each.hours - x) * (each.hours - x);
  }
  return below > 0 ? above / below : 0;
}

/// Samples the memory of this process once a second.
class memory_watch {
public:
  explicit memory_watch(clock::time_point began)
    : began_(began), pulse_(1s, [this] {
        ::malloc_trim(0);
        std::chrono::duration<double, std::ratio<3600>> hours = clock::now()
                                                                - began_;
        std::lock_guard guard{mutex_};
        all_.push_back(
          {hours.count(),
           static_cast<double>(test::resident_bytes()) / (1 << 20)});
      }) {}

  std::vector<sample> all() const {
    std::lock_guard guard{mutex_};
    return all_;
  }

private:
  const clock::time_point began_;
  mutable std::mutex mutex_;
  std::vector<sample> all_;
  pulse pulse_;
};

/// Has a history judged; its memory is not ours.
bool is_well(const std::string& path) {
  std::string program = std::filesystem::read_symlink("/proc/self/exe");
  std::string check = "--check";
  std::string file = path;
  char* words[] = {program.data(), check.data(), file.data(), nullptr};
  pid_t child = 0;
  if (::posix_spawn(&child, program.c_str(), nullptr, nullptr, words, environ)
      != 0)
    throw std::runtime_error("cannot judge " + path);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {}
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool judge(std::vector<sample> all) {
  auto first = static_cast<ptrdiff_t>(static_cast<double>(all.size())
                                      * warm_up_share);
  all.erase(all.begin(), all.begin() + first);
  if (all.size() < 2)
    return true;
  auto slope = slope_of(all);
  auto hours = all.back().hours - all.front().hours;
  auto [low, high] = std::minmax_element(
    all.begin(), all.end(), [](auto& a, auto& b) { return a.mib < b.mib; });
  fmt::print("memory: {:.1f} to {:.1f} MiB; slope after the warm-up {:+.2f} "
             "MiB/h, {:+.2f} MiB in {:.0f} min\n",
             low->mib, high->mib, slope, slope * hours, hours * 60);
  if (slope <= hourly_bound_mib || slope * hours <= total_bound_mib)
    return true;
  fmt::print("not ok - memory grows: more than {} MiB/h and {} MiB in all\n",
             hourly_bound_mib, total_bound_mib);
  return false;
}

} // namespace

int soak(const soak_options& options) {
  auto began = clock::now();
  auto left = [&] {
    return std::chrono::ceil<std::chrono::seconds>(began + options.length
                                                   - clock::now());
  };
  std::optional<memory_watch> memory;
  if (options.judge_memory)
    memory.emplace(began);
  auto run = options.run;
  auto folder = std::filesystem::path{run.path};
  uint64_t runs = 0;
  for (; left() > 0s; ++run.seed) {
    run.path = folder / fmt::format("history-{}.jsonl", run.seed);
    run.length = std::min(left(), longest_run);
    fmt::print("seed {}, {} s\n", run.seed, run.length.count());
    std::fflush(stdout);
    play(run);
    if (!is_well(run.path)) {
      fmt::print("not ok - seed {}; history: {}\n", run.seed, run.path);
      return 1;
    }
    std::filesystem::remove(run.path);
    ++runs;
  }
  if (memory && !judge(memory->all()))
    return 1;
  fmt::print("ok - {} runs\n", runs);
  return 0;
}

} // namespace redoubt::chaos
