#pragma once

#include <redoubt/actors/request/adaptive_limit.hpp>
#include <redoubt/actors/request/attempt_feed.hpp>
#include <redoubt/actors/request/caller_lanes.hpp>
#include <redoubt/actors/request/deadline_wheel.hpp>
#include <redoubt/actors/request/fair_queue.hpp>
#include <redoubt/actors/request/fence.hpp>
#include <redoubt/actors/request/hedge_queue.hpp>
#include <redoubt/actors/request/in_flight_share.hpp>
#include <redoubt/actors/request/latency_percentile.hpp>
#include <redoubt/actors/request/link_load.hpp>
#include <redoubt/actors/request/request_table.hpp>
#include <redoubt/actors/request/resend_groups.hpp>
#include <redoubt/actors/request/retry_decision.hpp>
#include <redoubt/actors/request/token_line.hpp>
#include <redoubt/actors/request/token_purse.hpp>
#include <redoubt/actors/ring.hpp>
#include <redoubt/messages/wiring.hpp>

#include <caf/typed_event_based_actor.hpp>
#include <spdlog/logger.h>

#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

namespace redoubt {

struct client_config {
  /// Number of this request actor in its runtime.
  uint64_t id = 0;
  client_options defaults;
  limit_options limits;
  report_sink supervisor;
  /// For jitter.
  uint64_t seed = 0;
  /// Told of other defaults, so that a successor starts with them. May be empty.
  std::function<void(const client_options&)> reconfigured = {};
  /// Who takes requests for the bulk lane, null if nobody does; with `make` there is
  /// somebody from now on. May be empty.
  std::function<client_actor(bool make)> bulk_lane = {};
};

/// The request actor behind a client handle: it takes requests, sends them over
/// one connection at a time, retries what may be retried, and answers each
/// exactly once by its deadline.
///
/// Requests of one caller go out in the order in which they came in. What cannot
/// be sent yet stays here, in `queue_`, where callers take turns and it can still
/// expire; what is sent again stands in its caller's lane, before anything newer
/// of that caller.
class client : public client_actor::base {
public:
  client(caf::actor_config& cfg, client_config config);

  behavior_type make_behavior() override;

  const char* name() const override { return "redoubt.client"; }

  void on_exit() override;

  /// From now on messages to connection and supervisor leave in `end_of_turn`
  /// only, which the caller promises to call after every resume.
  void coalesce() noexcept { coalescing_ = true; }

  void end_of_turn();

  /// Answers what may be answered of a message that the mailbox has no room for;
  /// false if the message must be taken. Any thread.
  static bool turn_away(const caf::mailbox_element& x);

private:
  /// The connection in use.
  struct link_state {
    uint64_t id = 0;
    connection_actor connection;
    uint32_t owner = 0;
    uint32_t credit = 0;
    uint64_t credit_bytes = 0;
    int64_t client_id = 0;
    std::string client_name;
    struct sent_unit {
      uint64_t id = 0;
      caf::actor_id caller = 0;
      /// Credit that it took.
      uint64_t bytes = 0;
      /// When it was handed over, and behind how many others.
      api::time_point since{};
      uint32_t ahead = 0;
      /// The breaker's ramp bounds how many of these there are.
      bool governed = false;
    };
    /// What awaits its reply, in order.
    ring<sent_unit> sent;
    /// Units whose reply came.
    uint64_t completed = 0;
    /// Of those that await theirs, how many are governed.
    uint64_t governed = 0;
    /// Scripts whose text went over it.
    std::vector<std::shared_ptr<const std::string>> scripts;
  };

  // -- client_lane.cpp: what goes over other connections ------------------------------
  template <class... Ts>
  void hand_over_to(const client_actor& other, Ts&&... xs);
  template <class Request>
  bool take_other_lane(Request& x, const request_options& options);
  bool leaves_lane(const request_options& x) const noexcept;
  void cancel_in_other_lane(const cancel& x);
  void reconfigure_other_lane();

  // -- client_admission.cpp: what comes in; the end is in client.cpp -----------------
  request_slot& open_request(uint32_t index, const request_options* options);
  void on_command(command& cmd, const request_options* options);
  void on_pipeline(pipeline& x, const request_options* options);
  void admit(command& cmd, const request_options* options, caf::actor_id caller,
             answer to, uint64_t tag);
  void on_transaction(transaction& x, const request_options* options);
  errc admission_error(const request_slot& x, std::string& message);
  /// The room that all of a pipeline needs; looked for once it has to wait.
  struct pipeline_room {
    fair_queue::item newcomer;
    std::optional<bool> found;
  };
  void place(uint32_t index, pipeline_room* whole = nullptr);
  void on_drain(const drain_client& x);
  void on_new_supervisor(new_supervisor& x);
  void check_drained();
  caf::actor_id caller_of_current();

  // -- client_flow.cpp: what goes out ---------------------------------------------
  bool may_send(const request_slot& x, size_t behind = 0);
  void hand_over(uint32_t index);
  std::chrono::milliseconds link_patience(const request_slot& x) const;
  void pump();
  /// What stopped the draining of a lane.
  enum class stop : uint8_t { nothing, credit, gate };
  stop drain_lanes();
  stop drain_lane(caf::actor_id caller);
  static bool is_resent(const request_slot& x);
  void put_in_lane(uint32_t index);
  void close_lane(caf::actor_id caller);

  // -- client_queue.cpp: who waits, who is next, who has to go -----------------------
  static fair_queue::item item_of(const request_slot& x);
  void line_up(uint32_t index);
  void put_back(uint32_t index);
  bool someone_before(const request_slot& x);
  bool find_room(const fair_queue::item& x);
  void shed(uint32_t index, std::string_view why);
  bool pump_queue();
  send_when judge_wait(const request_slot& x);
  /// Takes it out of the counts of what is queued and what waits.
  void leave_place(uint32_t index);
  void learn_load(const link_state& from, size_t replies);
  bool overtaken_in_flight(const request_slot& x);
  void on_link_up(link_up& x);
  void choose_link();
  void flush_outbox();

  // -- client_leases.cpp: permits, share of the ramp, tokens ------------------------
  void on_gate(gate& x);
  void reject_waiting();
  bool gate_admits(const request_slot& x, size_t behind = 0);
  bool gate_admits_governed(size_t behind = 0);
  errc gate_error(const request_slot& x) const noexcept;
  uint64_t governed_in_flight() const noexcept;
  void use_leases(request_slot& x);
  void ask_for_leave();
  void tend_leases();
  void on_lease_over();
  void tell_leases(report& x);
  void tally_slow(const request_slot& x);
  /// A token of the retry budget to send something once more; false if there is
  /// none now, and then some are asked for.
  bool take_token();
  /// What the token was taken for was not sent.
  void reserve_token(uint32_t index);
  void release_token(request_slot& x);
  bool lacks_token(const request_slot& x);
  void refuse_retry(uint32_t index);
  void on_tokens(const gate& x);
  void answer_asked(uint64_t n);

  // -- client_outcome.cpp: what becomes of it -------------------------------------
  void on_link_replies(link_replies& x);
  link_state* find_link(uint64_t id);
  void settle(uint32_t index, link_reply& x, uint64_t link);
  void introduce_script(command& call);
  bool send_script_text(uint32_t index);
  void settle_transaction(uint32_t index, std::vector<reply> all);
  void supersede_refused(const request_slot& x);
  void attempt_failed(uint32_t index, errc code, fate became,
                      std::string_view message);
  void note(request_slot& x, errc code, fate became, std::string_view message);
  void wait_for_retry(uint32_t index, std::chrono::milliseconds wait,
                      lane_hold hold, bool free_of_charge = false);
  void on_link_closed(link_closed& x);
  void lose_units(const link_closed& x, link_state lost);
  void fail(uint32_t index, errc code, fate became);
  void discard(uint32_t index);

  // -- client_report.cpp: what the supervisor learns ----------------------------------
  bool tallies(const request_slot& x) const noexcept;
  void tally_success(const request_slot& x);
  void tally_failure(const request_slot& x, errc code, bool new_step);

  // -- client_retry.cpp: another attempt, and what observers are told ----------------
  retry_decision decide(const request_slot& x, attempt_result result,
                        const retry_bounds& bounds);
  retry_decision decide_on_failure(const request_slot& x, errc code,
                                   fate became, const retry_bounds& bounds);
  const retry_policy& policy_of(const request_slot& x) const noexcept {
    auto& own = x.extras().retry;
    return own ? *own : config_.defaults.retry;
  }
  bool ask_again(uint32_t index, reply& value, bool never_ran);
  bool give_last_reply(uint32_t index, errc code);
  bool newer_sent(const request_slot& x);
  void time_attempt(request_slot& x);
  void tell(const request_slot& x, attempt_event::kind what, errc code,
            fate became);
  void on_observe(observe_attempts& x);
  void flush_feed();
  caf::result<void> on_reconfigure(reconfigure_client& x);

  // -- client_timeouts.cpp --------------------------------------------------------
  void sweep();
  using retry_decisions = std::unordered_map<uint32_t, retry_decision>;
  void time_out_attempts();
  void keep_in_order(retry_decisions& decisions);
  void arm_sweep();

  // -- client_bulk.cpp -----------------------------------------------------------
  void on_submit(submit& x);
  void on_cancel(const cancel& x);
  void flush_channels();

  // -- client_fallback.cpp --------------------------------------------------------
  bool fall_back(request_slot& x, const failure& why);
  void end_fallback(uint64_t number, reply* value);
  void end_fallbacks();

  // -- client_hedge.cpp ------------------------------------------------------------
  void plan_hedge(uint32_t index);
  void send_hedges();
  link_state* link_for_hedge(const request_slot& x);
  void lose_hedges(const link_closed& x, link_state& lost);
  bool awaits_other_copy(request_slot& x, uint64_t link);
  void learn_latency(const link_state& from, const link_state::sent_unit& x);
  void arm_hedges();

  // -- client_fence.cpp: keeping old copies out ------------------------------------
  bool is_write_under_way(const request_slot& x, uint64_t link) const;
  bool behind_fence(const request_slot& x) const;
  bool anyone_behind(uint64_t link);
  void put_up_fence(const link_closed& x, const link_state& lost);
  void ask_for_fences();
  void on_fence_reply(link_reply& x);
  void take_down_fence(size_t index, bool denied);

  void arm_report();
  void send_report();

  api::time_point now();

  client_config config_;
  std::shared_ptr<spdlog::logger> log_;
  random_source random_;
  attempt_feed feed_;
  /// Sinks that have commands under way. The table's answers point to them.
  std::unordered_map<caf::actor_id, std::unique_ptr<bulk_channel>> channels_;
  std::vector<bulk_channel*> ready_channels_;
  request_table table_;
  deadline_wheel wheel_;
  caller_lanes lanes_;

  /// Requests that wait for their first attempt.
  fair_queue queue_;
  /// Since when there are any.
  api::time_point queued_since_{};
  uint64_t last_pipeline_ = 0;
  link_load load_;
  adaptive_limit in_flight_limit_;
  /// What stands in the lanes.
  uint64_t waiting_ = 0;
  uint64_t waiting_bytes_ = 0;
  /// Of those, what ignores the breaker.
  uint64_t waiting_past_gate_ = 0;
  uint64_t next_order_ = 0;

  std::optional<link_state> link_;
  std::vector<link_state> spare_links_;
  /// A lost connection of which writes are to be sent again.
  struct fenced_link {
    uint64_t id = 0;
    fence barrier;
    /// We ended it: without the fence its writes are not sent again.
    bool gave_up = false;
    /// Number of the question that was sent, 0 if none is under way.
    uint32_t question = 0;
    api::time_point not_before{};
  };
  std::vector<fenced_link> fences_;
  uint32_t last_question_ = 0;
  /// A link came up while requests were outstanding on another one.
  bool links_changed_ = false;
  std::vector<submission> outbox_;
  /// Units of the last turn: room for the next one.
  size_t outbox_room_ = 0;

  /// A request that ended with `why`, unless its fallback has an answer.
  struct asked_fallback {
    answer to;
    failure why;
    caf::actor_id caller = 0;
    uint64_t tag = 0;
  };
  std::unordered_map<uint64_t, asked_fallback> fallbacks_;
  uint64_t last_fallback_ = 0;

  hedge_queue hedges_;
  api::time_point hedges_armed_for_ = api::time_point::max();
  /// Of first copies; measured once somebody wants to know.
  latency_percentile latency_{0.95};
  bool latency_measured_ = false;

  gate gate_;
  uint32_t permits_ = 0;
  bool permits_asked_ = false;
  /// Something could be sent if the gate, or its ramp, had room for one more.
  bool held_back_ = false;
  in_flight_share share_;
  /// Most governed requests in flight since the last report.
  uint64_t peak_ = 0;
  token_purse purse_;
  token_line token_line_;
  bool token_asked_ = false;
  api::time_point lease_armed_for_ = api::time_point::max();

  request_counters counters_;
  /// What the next report tells of the current generation.
  report tally_;
  bool report_now_ = false;
  bool report_later_ = false;
  bool report_armed_ = false;

  bool draining_ = false;
  bool drained_ = false;
  uint64_t abandoned_ = 0;

  api::time_point now_{};
  bool now_valid_ = false;
  bool coalescing_ = false;
  uint64_t sweep_token_ = 0;
  api::time_point sweep_armed_for_ = api::time_point::max();
  std::vector<uint32_t> due_;
  std::vector<uint32_t> timed_out_;
};

} // namespace redoubt
