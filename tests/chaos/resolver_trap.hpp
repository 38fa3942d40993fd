#pragma once

#include <cstdint>

namespace redoubt::chaos {

/// Lets the next lookup of a name throw, in the middle of its handler: nobody
/// outside the runtime has a handle of its resolver.
void trap_resolver();

/// Takes that back.
void release_resolver();

/// Lookups that threw so far.
uint64_t trapped_resolvers();

} // namespace redoubt::chaos
