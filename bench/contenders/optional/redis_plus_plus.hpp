#pragma once

#include <redoubt/messages/endpoint.hpp>

#include <sw/redis++/redis++.h>

namespace redoubt::bench {

inline sw::redis::ConnectionOptions
redis_plus_plus_options(const endpoint& server) {
  sw::redis::ConnectionOptions x;
  x.host = server.host;
  x.port = server.port;
  return x;
}

} // namespace redoubt::bench
