#pragma once

#include <redoubt/actors/supervisor/circuit_breaker.hpp>
#include <redoubt/actors/supervisor/dial_schedule.hpp>
#include <redoubt/actors/supervisor/link_lifetime.hpp>
#include <redoubt/actors/supervisor/restart_intensity.hpp>
#include <redoubt/actors/supervisor/retry_budget.hpp>
#include <redoubt/actors/supervisor/share_ledger.hpp>
#include <redoubt/messages/wiring.hpp>

#include <map>
#include <string>
#include <vector>

namespace redoubt {

struct link_entry {
  connection_actor connection;
  uint32_t reactor = 0;
  link_lane lane = link_lane::shared;
  connection_state state = connection_state::connecting;
  /// The supervisor's number on the connection.
  uint32_t owner = 0;
  int64_t client_id = 0;
  api::time_point since{};
  /// When it is to be replaced.
  api::time_point old_at = api::time_point::max();
  /// Old: it serves until the one that takes its place is ready.
  bool old = false;
  /// Being closed on purpose.
  bool leaving = false;

  bool serves() const noexcept {
    return state == connection_state::ready && !leaving;
  }

  /// Counts among those that are wanted.
  bool lasts() const noexcept { return serves() && !old; }
};

/// A connection that is leased to one caller.
struct lease_entry {
  lease_actor lease;
  connection_actor connection;
  uint32_t reactor = 0;
  /// `ready` once it was handed out.
  connection_state state = connection_state::connecting;
  api::time_point since{};
};

struct client_entry {
  client_actor handle;
  uint32_t reactor = 0;
  link_lane lane = link_lane::shared;
  uint64_t id = 0;
  request_counters counters;
  uint64_t waiting = 0;
  bool drained = false;
  /// Most requests that it had in flight while the endpoint was well.
  uint64_t peak = 0;
  /// What it told of its tokens, and those that it was leased since it started.
  token_totals tokens;
  uint64_t tokens_granted = 0;
};

struct subscription {
  subscriber_actor who;
  /// Tells it from an earlier one of the same subscriber.
  uint64_t number = 0;
  uint64_t outstanding = 0;
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

/// All that a supervisor knows and that outlives it: when it dies, whoever follows
/// it starts from this. What it was asked and had not answered it answers itself.
struct supervisor_standing {
  supervisor_standing(const runtime_options& options, uint64_t seed,
                      api::time_point now);

  api::time_point started_;
  circuit_breaker breaker_;
  /// The request actors know that the breaker is on its ramp.
  bool on_ramp_ = false;
  share_ledger shares_;
  retry_budget budget_;
  dial_schedule dials_;
  link_lifetime lifetimes_;
  restart_intensity restarts_;

  std::map<uint64_t, link_entry> links_;
  std::map<uint64_t, lease_entry> leases_;
  uint64_t next_link_ = 0;
  std::vector<client_entry> clients_;
  size_t next_leaseholder_ = 0;

  std::map<uint64_t, own_request> own_;
  uint64_t next_own_ = 0;
  uint64_t next_check_ = 0;

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
};

} // namespace redoubt
