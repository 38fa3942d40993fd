#pragma once

#include <redoubt/bench/measure/contender.hpp>

#include <vector>

namespace redoubt::bench {

/// Everything that `./run bench` measures, in the order of the report.
std::vector<row> all_rows();

// Its parts, a file each.

/// {get,set,mix}-{1,64,512,4096}: so many requests outstanding at any time.
std::vector<row> closed_loop_rows();

/// pipeline-100.
row pipeline_row();

/// reply-64k, reply-1m.
std::vector<row> large_reply_rows();

/// unix-64, unix-512.
std::vector<row> unix_socket_rows();

/// resilience, reactors, scaling: the same load with other options.
std::vector<row> option_rows();

/// load-50, load-80: at a part of what our closed loop can do.
std::vector<row> open_loop_rows();

/// beside-large: small replies while large ones come in.
row beside_large_row();

/// rejected: while the breaker is open.
row rejected_row();

/// storm: 10,000 requests whose server dies.
row storm_row();

/// down: while there is no server.
row down_row();

/// memory, memory-flat.
std::vector<row> memory_rows();

/// overload: a server that is asked for more than it can do.
row overload_row();

/// hedging: a server that holds some replies back.
row hedging_row();

} // namespace redoubt::bench
