#pragma once

#include <redoubt/actors/connection/handshake.hpp>
#include <redoubt/actors/connection/liveness.hpp>
#include <redoubt/actors/connection/out_buffer.hpp>
#include <redoubt/actors/connection/read_size.hpp>
#include <redoubt/actors/connection/reply_decoder.hpp>
#include <redoubt/actors/connection/send_turns.hpp>
#include <redoubt/actors/reactor/io_host.hpp>
#include <redoubt/actors/ring.hpp>
#include <redoubt/messages/wiring.hpp>

#include <caf/typed_event_based_actor.hpp>
#include <spdlog/logger.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace redoubt {

/// What a connection needs to know.
struct connection_config {
  uint64_t link = 0;
  endpoint server;
  pool_options pool;
  /// Added to the client name, so that no two connections share theirs.
  std::string name_suffix;
  limit_options limits;
  /// Its first client; it attaches the others once it wants the connection.
  link_observer observer;
  /// Attached from the start, so that it hears of the end whenever that comes. May
  /// be empty.
  link_client leaseholder;
  resolver_actor resolver;
};

/// Owns one socket: resolves, connects, shakes hands, then writes what request
/// actors submit and hands each reply to whoever asked for it. Replies are
/// matched by order alone. It never reconnects: whatever goes wrong ends it, and
/// its last message tells every request actor what was taken and what was
/// written.
class connection : public connection_actor::base, public io_handler {
public:
  connection(caf::actor_config& cfg, io_host& host, connection_config config);

  ~connection() override;

  behavior_type make_behavior() override;

  const char* name() const override { return "redoubt.connection"; }

  void on_exit() override;

  // -- io_handler, called by the reactor outside of any message -------------------

  void on_ready(uint32_t events) noexcept override;
  void flush() noexcept override;

private:
  struct owner {
    /// Empty once it is gone.
    link_client client;
    /// Units that were taken from this owner.
    uint64_t taken = 0;
    std::vector<link_reply> done;
    /// Replies of the last batch: room for the next one.
    size_t room = 0;
  };

  /// A unit that awaits replies.
  struct awaited {
    uint64_t id = 0;
    /// Position of its last byte in the stream.
    uint64_t end = 0;
    api::time_point since{};
    std::chrono::milliseconds patience{0};
    uint32_t owner = 0;
    uint32_t replies = 1;
  };

  /// Owner number of the connection's own PING.
  static constexpr uint32_t no_owner = UINT32_MAX;

  // -- connection.cpp: establishing -----------------------------------------------------------------
  void start();
  void on_resolved(resolved& x);
  void connect_next();
  void opened(int fd, int error);
  void on_connected();
  void shake_hands();
  void become_ready();
  void enter(connection_state state);

  // -- connection_io.cpp: serving ----------------------------------------------------------------------
  void on_attach(link_client& client);
  void on_adopt(link_observer& observer);
  void announce(uint32_t index);
  std::optional<uint32_t> free_owner() const;
  void on_submit(submit_many& x);
  bool may_append() const noexcept;
  void append(send_turns::unit x);
  bool fill() noexcept;
  void on_io(uint32_t events);
  void read_some();
  bool take_replies();
  bool take_reply(reply&& x);
  bool take_too_deep(reply&& x);
  void on_too_large();
  void hand_out();
  void retire(const reply& x);
  void retire(errc code, std::string text);
  void on_close(const close_link& x);
  bool end_if_retired();
  void peer_ended(std::string text);
  void on_tick(uint64_t token);
  void check_liveness(api::time_point now);

  // -- connection.cpp: ending -----------------------------------------------------------------------
  void fail(errc cause, std::string text, bool gave_up = false);
  void close_socket() noexcept;

  void arm(api::time_point when);
  void want(uint32_t events) noexcept;

  io_host& host_;
  connection_config config_;
  std::shared_ptr<spdlog::logger> log_;
  connection_state state_ = connection_state::connecting;
  std::vector<owner> owners_;

  int fd_ = -1;
  uint32_t watched_ = 0;
  uint32_t ready_events_ = 0;
  bool io_message_pending_ = false;
  int write_error_ = 0;

  std::vector<std::string> addresses_;
  size_t next_address_ = 0;
  std::string last_refusal_;
  api::time_point connect_deadline_{};
  api::time_point phase_deadline_{};
  std::optional<handshake> handshake_;

  send_turns turns_;
  out_buffer out_;
  reply_decoder decoder_;
  read_size read_size_;
  ring<awaited> awaited_;
  /// Replies gathered for a unit of several.
  std::vector<reply> unit_;
  /// What to say of the unit whose replies arrive, if one was nested too deep.
  std::optional<reply> too_deep_;
  std::optional<liveness> liveness_;
  uint64_t tick_token_ = 0;

  /// The server said on a live connection that it is of no use any more: nothing
  /// is written from then on, what was written is still answered.
  errc retiring_ = errc::none;
  std::string retire_text_;

  bool was_ready_ = false;
  errc cause_ = errc::disconnected;
  std::string cause_text_ = "the connection actor died";
  bool gave_up_ = true;
};

} // namespace redoubt
