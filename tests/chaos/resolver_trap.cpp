#include <redoubt/tests/chaos/resolver_trap.hpp>

#include <ares.h>
#include <dlfcn.h>

#include <atomic>
#include <stdexcept>

namespace redoubt::chaos {

namespace {

std::atomic<bool> armed = false;
std::atomic<uint64_t> sprung = 0;

} // namespace

void trap_resolver() {
  armed = true;
}

void release_resolver() {
  armed = false;
}

uint64_t trapped_resolvers() {
  return sprung;
}

} // namespace redoubt::chaos

// Stands before that of c-ares.
extern "C" void ares_getaddrinfo(ares_channel channel, const char* node,
                                 const char* service,
                                 const ares_addrinfo_hints* hints,
                                 ares_addrinfo_callback callback, void* arg) {
  using redoubt::chaos::armed;
  using redoubt::chaos::sprung;
  if (armed.exchange(false)) {
    ++sprung;
    throw std::runtime_error("the resolver was trapped");
  }
  static auto next = reinterpret_cast<decltype(&ares_getaddrinfo)>(
    ::dlsym(RTLD_NEXT, "ares_getaddrinfo"));
  next(channel, node, service, hints, callback, arg);
}
