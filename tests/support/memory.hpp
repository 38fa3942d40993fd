#pragma once

#include <unistd.h>

#include <cstddef>
#include <fstream>

namespace redoubt::test {

/// Bytes of memory that this process has in use.
inline size_t resident_bytes() {
  std::ifstream file{"/proc/self/statm"};
  size_t total = 0;
  size_t resident = 0;
  file >> total >> resident;
  return resident * static_cast<size_t>(::sysconf(_SC_PAGESIZE));
}

} // namespace redoubt::test
