// Requests for the bulk lane. Another request actor takes them, which has
// connections of that lane and the same defaults.

#include <redoubt/actors/request/client.hpp>

#include <utility>

namespace redoubt {

/// It is answered there, to whoever sent it.
template <class... Ts>
void client::hand_over_to(const client_actor& other, Ts&&... xs) {
  if (current_sender())
    api::delegate(this, other, std::forward<Ts>(xs)...);
  else
    api::anon_send(other, std::forward<Ts>(xs)...);
}

/// Hands a request on that names the bulk lane. False if it belongs here, or must
/// be refused here.
template <class Request>
bool client::take_other_lane(Request& x, const request_options& options) {
  if (!leaves_lane(options) || *options.lane != link_lane::bulk || draining_
      || !config_.bulk_lane)
    return false;
  auto other = config_.bulk_lane(true);
  if (!other)
    return false;
  auto there = options;
  there.lane.reset();
  hand_over_to(other, std::move(x), std::move(there));
  return true;
}

template bool client::take_other_lane(command&, const request_options&);
template bool client::take_other_lane(pipeline&, const request_options&);
template bool client::take_other_lane(transaction&, const request_options&);

bool client::leaves_lane(const request_options& x) const noexcept {
  return x.lane && *x.lane != config_.defaults.lane;
}

void client::cancel_in_other_lane(const cancel& x) {
  if (x.sink || !config_.bulk_lane)
    return;
  if (auto other = config_.bulk_lane(false))
    hand_over_to(other, x);
}

void client::reconfigure_other_lane() {
  if (!config_.bulk_lane)
    return;
  auto other = config_.bulk_lane(false);
  if (!other)
    return;
  auto there = config_.defaults;
  there.lane = link_lane::bulk;
  api::anon_send(other, reconfigure_client{std::move(there)});
}

} // namespace redoubt
