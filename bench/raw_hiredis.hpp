#pragma once

#include <redoubt/bench/figures.hpp>

#include <cstdint>
#include <functional>

namespace redoubt::bench {

/// One thread, one connection, one command at a time: hiredis' blocking API.
std::function<void(double, sample&)> hiredis_sync(uint16_t port);

/// One thread, one connection, `n` commands at a time appended and read back.
std::function<void(double, sample&)> hiredis_sync_pipeline(uint16_t port,
                                                           size_t n);

/// One thread, one connection, `outstanding` commands always under way: hiredis'
/// asynchronous API on a small epoll loop. The practical limit: no deadlines, no
/// retries, no reconnects.
std::function<void(double, sample&)> hiredis_async(uint16_t port,
                                                   size_t outstanding);

} // namespace redoubt::bench
