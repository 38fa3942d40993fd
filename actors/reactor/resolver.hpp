#pragma once

#include <redoubt/actors/reactor/reactor.hpp>
#include <redoubt/messages/wiring.hpp>

#include <caf/typed_event_based_actor.hpp>
#include <spdlog/logger.h>

#include <map>
#include <memory>
#include <string>

struct ares_channeldata;
struct ares_addrinfo;

namespace redoubt {

/// Looks up host names with c-ares, whose sockets it watches on its reactor, so
/// that no thread ever blocks in a lookup. Each query has its own deadline; when
/// the actor ends, so do all of them.
class resolver : public resolver_actor::base {
public:
  /// `servers` as `address[:port],…`; empty takes the system's.
  resolver(caf::actor_config& cfg, reactor& host, std::string servers);

  ~resolver() override;

  behavior_type make_behavior() override;

  const char* name() const override { return "redoubt.resolver"; }

  void on_exit() override;

private:
  /// One of c-ares' sockets.
  class watch : public io_handler {
  public:
    watch(resolver& parent, int fd) : parent_(parent), fd_(fd) {}
    void on_ready(uint32_t events) noexcept override;
    void flush() noexcept override {}
    int fd() const noexcept { return fd_; }
    uint32_t take_events() noexcept { return std::exchange(events_, 0); }

  private:
    resolver& parent_;
    int fd_;
    uint32_t events_ = 0;
  };

  struct query {
    resolver* parent;
    uint64_t token;
  };

  struct pending {
    uint64_t id;
    resolved_sink sink;
    api::time_point deadline;
    /// What c-ares holds a pointer to; lives until its callback.
    std::unique_ptr<query> handle;
  };

  bool open_channel(std::string& error);
  void on_resolve(resolve& x);
  void on_socket(int fd, bool readable, bool writable);
  void on_answer(uint64_t token, int status, ares_addrinfo* result);
  void on_io();
  void on_tick(uint64_t token);
  void expire(api::time_point now);
  void answer(uint64_t token, std::vector<std::string> addresses,
              std::string error);
  void arm();

  reactor& host_;
  std::string servers_;
  std::shared_ptr<spdlog::logger> log_;
  ares_channeldata* channel_ = nullptr;
  std::map<int, std::unique_ptr<watch>> watches_;
  std::map<uint64_t, pending> pending_;
  /// Queries that were answered by their deadline while c-ares still holds them.
  std::map<uint64_t, std::unique_ptr<query>> abandoned_;
  uint64_t next_token_ = 0;
  uint64_t tick_token_ = 0;
  api::time_point armed_for_ = api::time_point::max();
  bool io_message_pending_ = false;
};

} // namespace redoubt
