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

} // namespace redoubt::bench
