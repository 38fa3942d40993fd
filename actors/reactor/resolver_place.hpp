#pragma once

#include <redoubt/actors/reactor/reactor.hpp>
#include <redoubt/messages/wiring.hpp>

#include <string>

namespace redoubt {

/// A reactor's place for a resolver: when the one in it dies, the next who asks
/// finds another one. Not synchronized.
class resolver_place {
public:
  /// `servers` as `address[:port],…`; empty takes the system's.
  resolver_place(caf::actor_system& sys, reactor& host, std::string servers);

  /// The living resolver.
  const resolver_actor& current();

private:
  void fill();

  caf::actor_system* system_;
  reactor* host_;
  std::string servers_;
  resolver_actor resolver_;
};

} // namespace redoubt
