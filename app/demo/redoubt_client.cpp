#include <redoubt/app/demo/redoubt_client.hpp>

#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <algorithm>
#include <utility>

namespace redoubt::demo {

/// Asks the driver to send a request.
struct issue_request {
  std::shared_ptr<recorder> to;
  uint32_t index;
};

} // namespace redoubt::demo

REDOUBT_LOCAL_MESSAGE(redoubt::demo::issue_request)

namespace redoubt::demo {

namespace {

using std::chrono::milliseconds;

// A status query that the runtime does not answer must not stop the demo.
constexpr milliseconds status_limit{200};

raw_reply to_raw(const reply& x) {
  using kind = raw_reply::kind;
  switch (x.kind()) {
    case reply_kind::nil: return {kind::nil, {}, 0};
    case reply_kind::string: return {kind::text, x.text(), 0};
    case reply_kind::status: return {kind::status, x.text(), 0};
    case reply_kind::error: return {kind::error, x.text(), 0};
    case reply_kind::integer: return {kind::integer, {}, x.number()};
    case reply_kind::array: break;
  }
  return {kind::other, {}, 0};
}

result to_result(const caf::error& why) {
  auto x = failure_of(why);
  // An error that is not the runtime's tells nothing of the command.
  if (!x || x->outcome == fate::unknown)
    return result::unknown;
  return x->code == errc::circuit_open ? result::rejected : result::failed;
}

class driver : public caf::event_based_actor {
public:
  driver(caf::actor_config& cfg, request_actor client)
    : caf::event_based_actor(cfg), client_(std::move(client)) {}

  caf::behavior make_behavior() override {
    return {[this](const issue_request& x) {
      api::request(this, client_, caf::infinite,
                   command{x.to->work().words(x.index)})
        .then([x](const reply& y) { x.to->reply(x.index, to_raw(y)); },
              [x](const caf::error& why) {
                x.to->fail(x.index, to_result(why));
              });
    }};
  }

private:
  request_actor client_;
};

runtime_options options_for(uint16_t port, on_open_policy policy,
                            milliseconds deadline) {
  runtime_options x;
  x.server.port = port;
  x.client.on_open = policy;
  x.client.timeouts.request = deadline;
  // What still waits when the demo ends has nobody who waits for it.
  x.threads.drain = milliseconds{0};
  return x;
}

} // namespace

struct redoubt_client::changes {
  std::mutex mutex;
  std::vector<breaker_change> list;
};

namespace {

template <class Changes>
class watcher : public subscriber_actor::base {
public:
  watcher(caf::actor_config& cfg, std::shared_ptr<Changes> to)
    : subscriber_actor::base(cfg), to_(std::move(to)) {}

  behavior_type make_behavior() override {
    return {[this](const event& x) {
      if (x.kind != event_kind::breaker_changed)
        return;
      std::lock_guard guard{to_->mutex};
      to_->list.push_back({clock::now(), x.from, x.to, x.cause});
    }};
  }

private:
  std::shared_ptr<Changes> to_;
};

} // namespace

redoubt_client::redoubt_client(caf::actor_system& sys, uint16_t port,
                               on_open_policy policy, milliseconds deadline)
  : client(policy == on_open_policy::wait ? client_kind::wait
                                          : client_kind::fail_fast),
    deadline_(deadline),
    runtime_(sys, options_for(port, policy, deadline)),
    driver_(sys.spawn<driver>(runtime_.client())),
    changes_(std::make_shared<changes>()) {
  watcher_ = sys.spawn<watcher<changes>>(changes_);
  api::anon_send(runtime_.supervisor(), subscribe{watcher_});
}

redoubt_client::~redoubt_client() {
  api::kill(driver_);
  api::kill(watcher_);
}

void redoubt_client::issue(std::shared_ptr<recorder> to, uint32_t index) {
  api::anon_send(driver_, issue_request{std::move(to), index});
}

vitals redoubt_client::observe() {
  vitals result;
  caf::scoped_actor self{runtime_.system()};
  api::request(self.ptr(), runtime_.supervisor(), status_limit, status_query{})
    .receive(
      [&](const runtime_status& x) {
        result.breaker = x.breaker.state;
        result.retries = x.requests.retries;
        result.trips = x.breaker.trips;
        result.ready_connections = static_cast<uint32_t>(std::count_if(
          x.connections.begin(), x.connections.end(),
          [](auto& each) { return each.state == connection_state::ready; }));
      },
      [](const caf::error&) {});
  return result;
}

std::vector<breaker_change> redoubt_client::take_changes() {
  std::lock_guard guard{changes_->mutex};
  return std::exchange(changes_->list, {});
}

std::optional<milliseconds> redoubt_client::deadline() const {
  return deadline_;
}

std::string redoubt_client::wait_ready(milliseconds limit) {
  auto why = runtime_.wait_ready(limit);
  if (!why)
    return {};
  auto x = failure_of(why);
  return x ? to_string(*x) : api::render(runtime_.system(), why);
}

} // namespace redoubt::demo
