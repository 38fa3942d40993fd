#pragma once

#include <redoubt/app/commands.hpp>

namespace redoubt::app {

/// Reads the command line and runs what it asks for. Answers the exit status.
int run(int argc, const char* const* argv);

} // namespace redoubt::app
