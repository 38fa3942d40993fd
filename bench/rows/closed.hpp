#pragma once

#include <redoubt/bench/measure/contender.hpp>

#include <string>
#include <utility>

namespace redoubt::bench {

/// A contender that is timed: `make(endpoint)` makes its runner.
template <class Make>
contender closed(std::string id, std::string name, Make make,
                 endpoint server_place::*where = &server_place::tcp) {
  return {std::move(id), std::move(name), [where, make](const plan& x) {
            return timed(x, [&] { return make(x.server.*where); });
          }};
}

} // namespace redoubt::bench
