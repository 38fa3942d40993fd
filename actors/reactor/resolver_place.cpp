#include <redoubt/actors/reactor/resolver_place.hpp>

#include <redoubt/actors/pinned.hpp>
#include <redoubt/actors/reactor/resolver.hpp>

#include <utility>

namespace redoubt {

resolver_place::resolver_place(caf::actor_system& sys, reactor& host,
                               std::string servers)
  : system_(&sys), host_(&host), servers_(std::move(servers)) {
  fill();
}

const resolver_actor& resolver_place::current() {
  if (api::is_terminated(*caf::actor_cast<caf::abstract_actor*>(resolver_)))
    fill();
  return resolver_;
}

void resolver_place::fill() {
  resolver_ = api::spawn_on<pinned<resolver>>(*system_, host_, *host_,
                                              servers_);
}

} // namespace redoubt
