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

/// Commands at a fixed rate, whatever comes back, over one connection. Latencies
/// are from when each was due.
runner hiredis_open_loop(const endpoint& server, const workload& load,
                         double per_second);

/// As `hiredis_async`, with further commands beside it, on the same connection or on
/// one of their own, that are not counted.
runner hiredis_beside(const endpoint& server, const workload& load,
                      size_t outstanding, const workload& other,
                      size_t others_outstanding, bool own_connection);

} // namespace redoubt::bench
