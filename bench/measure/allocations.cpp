// Takes the heap's functions over for the whole process, libraries included, and
// hands on to glibc's own.

#include <redoubt/bench/measure/allocations.hpp>

#include <atomic>
#include <cerrno>
#include <cstddef>

namespace {

std::atomic<bool> counting{false};
std::atomic<uint64_t> allocations{0};
std::atomic<uint64_t> bytes{0};

} // namespace

namespace redoubt::bench {

bool allocations_are_counted() noexcept {
#ifdef REDOUBT_COUNT_ALLOCATIONS
  return true;
#else
  return false;
#endif
}

void start_counting() noexcept {
  allocations = 0;
  bytes = 0;
  counting = true;
}

allocation_count stop_counting() noexcept {
  counting = false;
  return {allocations, bytes};
}

} // namespace redoubt::bench

#ifdef REDOUBT_COUNT_ALLOCATIONS

namespace {

void count(size_t size) noexcept {
  if (!counting.load(std::memory_order_relaxed)) [[likely]]
    return;
  allocations.fetch_add(1, std::memory_order_relaxed);
  bytes.fetch_add(size, std::memory_order_relaxed);
}

} // namespace

extern "C" {

void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);

void* malloc(size_t size) noexcept {
  count(size);
  return __libc_malloc(size);
}

void* calloc(size_t n, size_t size) noexcept {
  count(n * size);
  return __libc_calloc(n, size);
}

void* realloc(void* old, size_t size) noexcept {
  count(size);
  return __libc_realloc(old, size);
}

void* memalign(size_t alignment, size_t size) noexcept {
  count(size);
  return __libc_memalign(alignment, size);
}

void* aligned_alloc(size_t alignment, size_t size) noexcept {
  return memalign(alignment, size);
}

int posix_memalign(void** out, size_t alignment, size_t size) noexcept {
  if (alignment < sizeof(void*) || (alignment & (alignment - 1)) != 0)
    return EINVAL;
  auto got = memalign(alignment, size);
  if (!got)
    return ENOMEM;
  *out = got;
  return 0;
}

} // extern "C"

#endif
