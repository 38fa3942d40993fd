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

// All forms that pair with the `operator delete` below. A sanitizer brings its own
// of the others, and checks that none is freed by another's.

void* operator new(size_t size, const std::nothrow_t&) noexcept {
  ++count;
  return std::malloc(size == 0 ? 1 : size);
}

void* operator new(size_t size) {
  if (auto p = operator new(size, std::nothrow))
    return p;
  throw std::bad_alloc{};
}

void operator delete(void* p) noexcept {
  std::free(p);
}

void operator delete(void* p, const std::nothrow_t&) noexcept {
  std::free(p);
}

void operator delete(void* p, size_t) noexcept {
  std::free(p);
}
