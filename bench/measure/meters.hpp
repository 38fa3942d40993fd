#pragma once

#include <sys/types.h>

#include <cstdint>

namespace redoubt::bench {

/// CPU time of this process so far, in microseconds.
double cpu_time_us();

/// CPU time of another process' main thread so far, in microseconds; 0 if the
/// kernel does not tell.
double cpu_time_us(pid_t process);

/// Resident memory of this process, in MB (10^6 bytes).
double resident_mb();

/// Gives free memory back to the kernel, so that `resident_mb` is what is in use.
void trim_memory();

/// Bytes that this process got from the heap and did not give back.
double heap_bytes();

/// The server on the last core, this thread and those it starts on the first:
/// neither takes time from the other. False on a machine with one core.
bool pin_apart(pid_t server);

/// While it lives, this thread and those it starts run on all cores but the last.
class more_cores {
public:
  more_cores();
  more_cores(const more_cores&) = delete;
  more_cores& operator=(const more_cores&) = delete;
  ~more_cores();
};

} // namespace redoubt::bench
