#pragma once

namespace redoubt::bench {

/// Prints what a server that does 1000 commands per second answers in time, by
/// how much more it is asked for: with the default options, with the adaptive
/// limit alone, and with nothing that holds requests back. A line takes twice
/// `seconds`, those that wait for longer deadlines six times as much.
void run_overload(double seconds);

} // namespace redoubt::bench
