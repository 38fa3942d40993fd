#include <redoubt/bench/measure/meters.hpp>

#include <fmt/format.h>

#include <malloc.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <thread>

namespace redoubt::bench {

namespace {

double microseconds(const timeval& x) {
  return static_cast<double>(x.tv_sec) * 1e6 + static_cast<double>(x.tv_usec);
}

unsigned core_count() {
  return std::thread::hardware_concurrency();
}

/// From core 0 on.
bool run_on_first(unsigned cores) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (unsigned i = 0; i < cores; ++i)
    CPU_SET(i, &set);
  return sched_setaffinity(0, sizeof set, &set) == 0;
}

} // namespace

double cpu_time_us() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return microseconds(usage.ru_utime) + microseconds(usage.ru_stime);
}

double cpu_time_us(pid_t process) {
  // Nanoseconds on a processor come first; `stat` counts in ticks of 10 ms.
  std::ifstream file{fmt::format("/proc/{0}/task/{0}/schedstat", process)};
  double nanoseconds = 0;
  file >> nanoseconds;
  return nanoseconds / 1000;
}

double resident_mb() {
  std::ifstream file{"/proc/self/statm"};
  double all = 0, resident = 0;
  file >> all >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE)) / 1e6;
}

void trim_memory() {
#ifdef __GLIBC__
  ::malloc_trim(0);
#endif
}

double heap_bytes() {
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
  auto x = ::mallinfo2();
  return static_cast<double>(x.uordblks) + static_cast<double>(x.hblkhd);
#else
  return 0;
#endif
}

bool pin_apart(pid_t server) {
  auto cores = core_count();
  if (cores < 2)
    return false;
  cpu_set_t last;
  CPU_ZERO(&last);
  CPU_SET(cores - 1, &last);
  return sched_setaffinity(server, sizeof last, &last) == 0 && run_on_first(1);
}

more_cores::more_cores() {
  if (core_count() > 2)
    run_on_first(core_count() - 1);
}

more_cores::~more_cores() {
  if (core_count() > 2)
    run_on_first(1);
}

} // namespace redoubt::bench
