#pragma once

namespace redoubt::bench {

/// Prints the latencies of reads from a server that holds 2 of 100 replies back
/// for 50 ms, with and without hedges, and how many commands the server saw. A
/// line takes 10 times `seconds`.
void run_hedging(double seconds);

} // namespace redoubt::bench
