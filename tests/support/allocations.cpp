#include <redoubt/tests/support/allocations.hpp>

#include <cstdlib>
#include <new>

namespace {

thread_local uint64_t count = 0;

} // namespace

namespace redoubt::test {

uint64_t allocations() noexcept {
  return count;
}

} // namespace redoubt::test

void* operator new(size_t size) {
  ++count;
  if (auto p = std::malloc(size == 0 ? 1 : size))
    return p;
  throw std::bad_alloc{};
}

void operator delete(void* p) noexcept {
  std::free(p);
}

void operator delete(void* p, size_t) noexcept {
  std::free(p);
}
