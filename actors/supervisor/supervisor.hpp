#pragma once

#include <redoubt/actors/connection/connection.hpp>
#include <redoubt/actors/log.hpp>
#include <redoubt/actors/owed_answer.hpp>
#include <redoubt/actors/supervisor/supervisor_standing.hpp>
#include <redoubt/messages/wiring.hpp>

#include <caf/typed_event_based_actor.hpp>
#include <spdlog/logger.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace redoubt {

/// A request actor and where it lives.
struct client_place {
  client_actor handle;
  uint64_t id = 0;
  uint32_t reactor = 0;
  link_lane lane = link_lane::shared;
};

struct supervisor_config {
  runtime_options options;
  /// Starts a connection actor on a reactor; `leaseholder` is empty for those that
  /// all share.
  std::function<connection_actor(uint32_t reactor, uint64_t link,
                                 link_observer observer,
                                 link_client leaseholder)>
    dial;
  /// Starts the actor that serves a lease of `holder`, on a reactor.
  std::function<lease_actor(uint32_t reactor,
                            const caf::strong_actor_ptr& holder)>
    lend;
  /// How each reactor does, for status. May be empty.
  std::function<std::vector<loop_status>()> loops;
  /// Starts a request actor in place of one that died; nothing if the runtime
  /// ends.
  std::function<std::optional<client_place>(uint64_t id)> replace_client;
  /// All request actors. For a supervisor that follows another one, since some
  /// may have come in between.
  std::function<std::vector<client_place>()> roster;
  /// Starts the supervisor that follows this one; called when this one dies.
  std::function<void(std::shared_ptr<supervisor_standing>)> succeed;
  /// What the one before left.
  std::shared_ptr<supervisor_standing> inherited;
  /// For jitter.
  uint64_t seed = 0;
};

/// Holds the circuit breaker, dials and restarts connections, leases some of them
/// to callers and permits to request actors, probes the server in half-open, and
/// answers operators. It is not on the way of any request.
class supervisor : public supervisor_internal::base,
                   private supervisor_standing {
public:
  supervisor(caf::actor_config& cfg, supervisor_config config);

  behavior_type make_behavior() override;

  const char* name() const override { return "redoubt.supervisor"; }

  void on_exit() override;

private:
  /// A health query under way.
  struct health_check {
    owed_answer<health_report> promise;
    health_report report;
    api::time_point started;
  };

  struct ready_waiter {
    owed_answer<ready> promise;
    api::time_point deadline;
  };

  struct lease_waiter {
    owed_answer<leased> promise;
    api::time_point deadline;
    caf::strong_actor_ptr holder;
    /// Of the connection that is being made for it; 0 before.
    uint64_t link = 0;
  };

  /// A lane of a reactor.
  using link_place = std::pair<uint32_t, link_lane>;

  // -- supervisor_links.cpp -----------------------------------------------------------
  void start_dials(api::time_point now);
  void dial_one(api::time_point now);
  void plan_links();
  uint32_t wanted_at(uint32_t reactor, link_lane lane) const;
  uint32_t lasting_at(uint32_t reactor, link_lane lane) const;
  link_place place_to_dial() const;
  bool has_room() const noexcept;
  bool may_dial() const;
  uint32_t ready_links() const;
  uint32_t lasting_links() const;
  bool only_old_missing() const;
  void retire_old_links(api::time_point now);
  void replace_old_link(link_entry& by);
  bool keep_old_link(api::time_point now);
  api::time_point next_old() const;
  link_entry* any_ready_link(uint64_t& id);
  void on_link_up(link_up& x);
  void on_link_closed(link_closed& x);
  void on_ready_link_lost(const link_closed& x, bool counted,
                          api::time_point now);
  void leave_old_links(api::time_point now);
  void on_dial_failed(const link_closed& x, api::time_point started,
                      api::time_point now);
  void on_register(register_client& x);
  void on_client_down(const caf::actor_addr& who);
  client_entry& add_client(const client_place& x);
  void introduce(client_entry& x);

  // -- supervisor_succession.cpp --------------------------------------------------------
  void begin();
  void adopt();
  void on_down(const caf::actor_addr& who);
  void count_crash(api::time_point now);

  // -- supervisor_breaker.cpp -----------------------------------------------------------
  void on_report(const report& x);
  void apply(const std::optional<circuit_breaker::transition>& x);
  void tend_breaker(api::time_point now);
  void send_probe(api::time_point now);
  void push_gate();
  gate current_gate() const;
  void submit(uint64_t link, std::vector<submission> units);
  void on_link_replies(link_replies& x);
  void finish(uint64_t id, const reply* answer, errc code,
              std::string_view why);
  breaker_status on_force(const force_breaker& x);
  void on_reconfigure(const reconfigure& x);

  // -- supervisor_leases.cpp ------------------------------------------------------------
  void lease_permits(api::time_point now);
  void tend_ramp();
  void note_leases(client_entry& who, const report& x, api::time_point now);
  void settle_tokens(client_entry& who, const token_totals& x,
                     api::time_point now);
  void forfeit_tokens(const client_entry& gone);

  // -- supervisor_lending.cpp -----------------------------------------------------------
  void on_lease(const lease_connection& x);
  failure lease_obstacle(api::time_point now) const;
  size_t shared_connections() const noexcept;
  void lend(api::time_point now);
  api::time_point next_lease(api::time_point now) const;
  void begin_lease(lease_waiter& x, api::time_point now);
  void abort_lease(uint64_t link);
  bool on_lease_up(const link_up& x);
  bool on_lease_closed(const link_closed& x);
  void on_lease_down(const caf::actor_addr& who);
  void adopt_leases();

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
  void expire_own(api::time_point now);
  void arm(api::time_point now);

  /// An answer to the present message, for later.
  template <class T>
  owed_answer<T> owed() {
    return owed_answer<T>{make_response_promise<T>()};
  }

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
  /// Room for the standing, had in time: there may be none left at the end.
  std::shared_ptr<supervisor_standing> heir_;
  std::shared_ptr<spdlog::logger> log_;
  rate_limiter log_limit_;
  std::map<uint64_t, health_check> checks_;
  std::vector<ready_waiter> ready_waiters_;
  std::vector<lease_waiter> lease_waiters_;
  /// Leases are dialled no faster than all others.
  api::time_point next_lease_dial_{};
  std::vector<owed_answer<drained>> drain_promises_;

  /// Until then it keeps still, and answers operators only.
  std::optional<api::time_point> adopts_at_;
  uint64_t tick_token_ = 0;
  api::time_point armed_for_ = api::time_point::max();
};

} // namespace redoubt
