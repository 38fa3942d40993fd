#pragma once

// The front of the one place that spells what differs between CAF 0.17 and CAF
// 1.x. Everything else includes this header and uses the names of `redoubt::api`;
// program.caf_spelling holds it to that. All of it is inline and costs nothing.

#include <caf/config.hpp>

#if defined(CAF_MAJOR_VERSION) && CAF_MAJOR_VERSION != 0
#  error "redoubt builds against CAF 0.17; see docs/dependencies.md"
#endif

#include <redoubt/messages/caf_api/errors.hpp>
#include <redoubt/messages/caf_api/messages.hpp>
#include <redoubt/messages/caf_api/running.hpp>
#include <redoubt/messages/caf_api/sending.hpp>
