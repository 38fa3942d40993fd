#include <redoubt/tests/support/allocations.hpp>

#include <atomic>
#include <cstdlib>
#include <limits>
#include <new>

namespace {

constexpr auto never = std::numeric_limits<uint64_t>::max();

thread_local uint64_t count = 0;
thread_local uint64_t fails_at = never;

std::atomic<size_t> too_much = std::numeric_limits<size_t>::max();
std::atomic<uint64_t> refused = 0;

bool is_refused(size_t size) noexcept {
  if (count++ == fails_at)
    return true;
  if (size < too_much)
    return false;
  ++refused;
  return true;
}

} // namespace

namespace redoubt::test {

uint64_t allocations() noexcept {
  return count;
}

no_memory_for::no_memory_for(size_t bytes) noexcept {
  refused = 0;
  too_much = bytes;
}

no_memory_for::~no_memory_for() {
  too_much = std::numeric_limits<size_t>::max();
}

uint64_t no_memory_for::hits() const noexcept {
  return refused;
}

no_memory_at::no_memory_at(uint64_t n) noexcept {
  fails_at = count + n;
}

no_memory_at::~no_memory_at() {
  fails_at = never;
}

bool no_memory_at::hit() const noexcept {
  return count > fails_at;
}

} // namespace redoubt::test

// All forms that pair with the `operator delete` below. A sanitizer brings its own
// of the others, and checks that none is freed by another's.

void* operator new(size_t size, const std::nothrow_t&) noexcept {
  if (is_refused(size))
    return nullptr;
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
