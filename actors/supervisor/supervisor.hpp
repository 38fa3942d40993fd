#pragma once

#include <redoubt/actors/connection/connection.hpp>
#include <redoubt/actors/log.hpp>
#include <redoubt/actors/supervisor/circuit_breaker.hpp>
#include <redoubt/actors/supervisor/dial_schedule.hpp>
#include <redoubt/actors/supervisor/restart_intensity.hpp>
#include <redoubt/messages/wiring.hpp>

#include <caf/typed_event_based_actor.hpp>
#include <spdlog/logger.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace redoubt {

struct supervisor_config {
  runtime_options options;
  /// Starts a connection actor on a reactor.
  std::function<connection_actor(uint32_t reactor, uint64_t link,
                                 link_observer observer)>
    dial;
  /// For jitter.
  uint64_t seed = 0;
};

/// Holds the circuit breaker, dials and restarts connections, leases permits to
/// request actors, probes the server in half-open, and answers operators. It is
/// not on the way of any request.
class supervisor : public supervisor_internal::base {
public:
  supervisor(caf::actor_config& cfg, supervisor_config config);

  behavior_type make_behavior() override;

  const char* name() const override { return "redoubt.supervisor"; }

  void on_exit() override;

private:
  struct link_entry {
    connection_actor connection;
    uint32_t reactor = 0;
    connection_state state = connection_state::connecting;
    /// The supervisor's number on the connection.
    uint32_t owner = 0;
    int64_t client_id = 0;
    api::time_point since{};
    /// Being closed on purpose.
    bool leaving = false;
  };

  struct client_entry {
    client_actor handle;
    uint32_t reactor = 0;
    uint64_t id = 0;
    request_counters counters;
    uint64_t waiting = 0;
    bool drained = false;
  };

  struct subscription {
    subscriber_actor who;
    /// Tells it from an earlier one of the same subscriber.
    uint64_t number = 0;
    uint64_t outstanding = 0;
  };

  /// A health query under way.
  struct health_check {
    caf::typed_response_promise<health_report> promise;
    health_report report;
    api::time_point started;
  };

  /// A command of the supervisor's own.
  struct own_request {
    enum class kind : uint8_t { probe, ping, info };
    kind what;
    uint64_t link;
    api::time_point deadline;
    /// Breaker's generation, of a probe; number of the check, of the others.
    uint64_t number;
  };

  struct ready_waiter {
    caf::typed_response_promise<ready> promise;
    api::time_point deadline;
  };

  // -- supervisor_links.cpp -----------------------------------------------------------
  void start_dials(api::time_point now);
  void dial_one(api::time_point now);
  uint32_t reactor_to_dial() const;
  uint32_t ready_links() const;
  link_entry* any_ready_link(uint64_t& id);
  void on_link_up(link_up& x);
  void on_link_closed(link_closed& x);
  void on_ready_link_lost(const link_closed& x, api::time_point now);
  void on_dial_failed(const link_closed& x, api::time_point started,
                      api::time_point now);
  void on_register(register_client& x);
  void on_client_down(const caf::actor_addr& who);

  // -- supervisor_breaker.cpp -----------------------------------------------------------
  void on_report(const report& x);
  void apply(const std::optional<circuit_breaker::transition>& x);
  void tend_breaker(api::time_point now);
  void send_probe(api::time_point now);
  void lease_permits(api::time_point now);
  void push_gate();
  gate current_gate() const;
  void submit(uint64_t link, std::vector<submission> units);
  void on_link_replies(link_replies& x);
  void finish(uint64_t id, const reply* answer, errc code,
              std::string_view why);
  breaker_status on_force(const force_breaker& x);

  // -- supervisor_operators.cpp -----------------------------------------------------------
  runtime_status status();
  void on_health(const health_query& x);
  void answer_health(uint64_t number, std::string_view error,
                     std::string_view error_type);
  void on_subscribe(subscribe& x);
  void on_unsubscribe(unsubscribe& x);
  void publish(event x);
  void on_ready_query(const ready_query& x);
  void answer_ready(api::time_point now);
  void on_drain(const drain& x);
  void check_drained(api::time_point now);

  // -- supervisor.cpp ---------------------------------------------------------------------
  void on_tick(uint64_t token);
  void tend();
  void arm(api::time_point now);

  /// Writes a line, unless there were too many of its cause in this second.
  template <class... Ts>
  void log_limited(spdlog::level::level_enum level, errc cause,
                   spdlog::format_string_t<Ts...> text, Ts&&... xs) {
    uint64_t suppressed = 0;
    if (!log_limit_.admit(static_cast<uint32_t>(cause), api::now(this),
                          suppressed))
      return;
    log_->log(level, text, std::forward<Ts>(xs)...);
    if (suppressed > 0)
      log_->log(level, "{} more lines like this were held back", suppressed);
  }

  /// How long a drain waits for request actors beyond its limit: they answer
  /// what is left by themselves.
  static constexpr std::chrono::milliseconds drain_grace{250};

  supervisor_config config_;
  std::shared_ptr<spdlog::logger> log_;
  rate_limiter log_limit_;
  api::time_point started_;
  circuit_breaker breaker_;
  dial_schedule dials_;
  restart_intensity restarts_;

  std::map<uint64_t, link_entry> links_;
  uint64_t next_link_ = 0;
  std::vector<client_entry> clients_;
  size_t next_leaseholder_ = 0;

  std::map<uint64_t, own_request> own_;
  uint64_t next_own_ = 0;
  std::map<uint64_t, health_check> checks_;
  uint64_t next_check_ = 0;
  std::vector<ready_waiter> ready_waiters_;
  std::vector<subscription> subscriptions_;
  uint64_t next_subscription_ = 0;
  uint64_t event_sequence_ = 0;

  /// Sums of request actors that are gone.
  request_counters past_;
  /// When a connection last became ready.
  api::time_point last_up_{};
  uint64_t connections_lost_ = 0;
  uint64_t restarted_ = 0;
  uint64_t events_dropped_ = 0;
  errc trouble_ = errc::none;
  errc last_error_ = errc::none;
  std::string last_error_text_;

  bool draining_ = false;
  bool drain_done_ = false;
  uint64_t abandoned_ = 0;
  api::time_point drain_deadline_{};
  std::vector<caf::typed_response_promise<drained>> drain_promises_;

  uint64_t tick_token_ = 0;
  api::time_point armed_for_ = api::time_point::max();
};

} // namespace redoubt
