#include <redoubt/tests/support/service.hpp>

#include <filesystem>

namespace redoubt::test {

namespace {

size_t entries_of(const char* folder) {
  size_t n = 0;
  for ([[maybe_unused]] auto& each :
       std::filesystem::directory_iterator{folder})
    ++n;
  return n;
}

} // namespace

size_t open_descriptors() {
  // The iterator's own descriptor is not one of ours.
  return entries_of("/proc/self/fd") - 1;
}

size_t living_threads() {
  return entries_of("/proc/self/task");
}

} // namespace redoubt::test
