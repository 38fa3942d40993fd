#pragma once

#include <redoubt/actors/request/answer.hpp>
#include <redoubt/messages/wiring.hpp>

#include <caf/typed_event_based_actor.hpp>
#include <spdlog/logger.h>

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace redoubt {

struct lease_config {
  limit_options limits;
  /// Time of a request that names no deadline.
  std::chrono::milliseconds request_timeout{2000};
  /// The lease ends when it was idle for this long; 0: never.
  std::chrono::milliseconds idle{0};
  /// Whose death ends the lease.
  caf::strong_actor_ptr holder;
};

/// Serves the lease of one connection: sends each command once, in order, and keeps
/// the callers' deadlines. It does not own the connection's actor; the supervisor
/// dialled it and closes it if this one dies.
class connection_lease : public lease_actor::base {
public:
  connection_lease(caf::actor_config& cfg, lease_config config);

  behavior_type make_behavior() override;

  const char* name() const override { return "redoubt.lease"; }

  void on_exit() override;

private:
  /// Sent, and not answered yet.
  struct pending {
    uint64_t id = 0;
    answer to;
    api::time_point since{};
    api::time_point deadline{};
    uint64_t bytes = 0;
    /// How long the server may block for it, at most until its deadline.
    std::chrono::milliseconds blocks{0};
    std::string operation;
    bool is_transaction = false;
    bool is_script = false;
  };

  /// A request on its way in.
  struct newcomer {
    answer to;
    shared_bytes wire;
    uint32_t replies = 1;
    const request_options* options = nullptr;
    std::optional<std::chrono::milliseconds> blocks;
    bool is_script = false;
    errc code = errc::none;
    std::string message;
  };

  void on_command(command& x, const request_options* options);
  void on_pipeline(pipeline& x, const request_options* options);
  void on_transaction(transaction& x, const request_options* options);
  newcomer of(command& x, answer to, const request_options* options) const;
  void judge_newcomer(newcomer& x) const;
  bool has_room(size_t commands, uint64_t bytes) const noexcept;
  void take(newcomer x);
  void hand_over();
  static void refuse(newcomer& x);

  void on_link_up(link_up& x);
  void on_link_replies(link_replies& x);
  void on_link_closed(const link_closed& x);
  void settle(pending& x, link_reply& r);
  void fail(pending& x, errc code, fate became, std::string_view message);
  void on_drain(const drain_client& x);
  void end(errc code, std::string why);
  void on_tick(uint64_t token);
  void arm(api::time_point when);

  /// How long it says why it is over, to who has not noticed.
  static constexpr std::chrono::seconds linger{60};

  /// Ticks are never taken back, and keep this actor's memory until they are due.
  static constexpr std::chrono::seconds farthest_tick{1};

  struct link {
    connection_actor connection;
    uint32_t owner = 0;
  };

  lease_config config_;
  std::shared_ptr<spdlog::logger> log_;
  std::optional<link> link_;
  /// What goes to the connection at the end of this message, or once there is one.
  std::vector<submission> outbox_;
  std::deque<pending> pending_;
  uint64_t pending_bytes_ = 0;
  /// How long the server may block for all of them, one after the other.
  std::chrono::milliseconds pending_blocks_{0};
  /// Of the last one that was sent; the connection counts them likewise.
  uint64_t last_id_ = 0;
  api::time_point idle_since_;
  std::optional<api::time_point> drain_deadline_;

  /// Not `none` once the lease is over.
  errc over_ = errc::none;
  std::string over_text_;
  api::time_point over_since_{};
  bool link_gone_ = false;
  /// The holder knows that it is over: it released it, or died.
  bool holder_done_ = false;

  uint64_t tick_token_ = 0;
  api::time_point armed_for_ = api::time_point::max();
};

} // namespace redoubt
