#pragma once

#include <redoubt/bench/core/workload.hpp>
#include <redoubt/bench/measure/contender.hpp>

namespace redoubt::bench {

/// One thread, one connection, `n` commands at a time appended and read back:
/// hiredis' blocking API. An operation's latency is that of its `n`.
runner hiredis_sync(const endpoint& server, const workload& load, size_t n = 1);

/// One thread, one connection, `outstanding` commands always under way: hiredis'
/// asynchronous API on a small epoll loop. The practical limit: no deadlines, no
/// retries, no reconnects.
runner hiredis_async(const endpoint& server, const workload& load,
                     size_t outstanding);

} // namespace redoubt::bench
