#include <redoubt/actors/connection/connection.hpp>

#include <redoubt/actors/connection/transport.hpp>
#include <redoubt/actors/log.hpp>
#include <redoubt/actors/quiet.hpp>

#include <caf/mailbox_element.hpp>

#include <fmt/format.h>

#include <sys/socket.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace redoubt {

namespace {

/// Reads of one readiness, so that one busy connection does not starve others.
constexpr int reads_per_turn = 16;

/// The resolver keeps the lookup's deadline; beyond this it must have died.
constexpr std::chrono::milliseconds resolver_grace{100};

std::string text_of(int code) {
  return std::generic_category().message(code);
}

} // namespace

connection::connection(caf::actor_config& cfg, reactor& host,
                       connection_config config)
  : connection_actor::base(cfg),
    host_(host),
    config_(std::move(config)),
    log_(logger_for("connection")),
    decoder_(config_.limits) {
  make_quiet(this, log_);
  owners_.push_back(owner{config_.observer, 0, {}, false});
}

connection::~connection() {
  // on_exit closed it, unless the actor never ran.
  close_socket();
}

connection::behavior_type connection::make_behavior() {
  start();
  return {
    [this](submit_many& x) { on_submit(x); },
    [this](attach_client& x) { on_attach(x.client); },
    [this](detach_client& x) {
      for (auto& each : owners_)
        if (each.client == x.client)
          each.gone = true;
    },
    [this](close_link& x) { fail(x.cause, "closed by the runtime"); },
    [this](resolved& x) { on_resolved(x); },
    [this](io_event& x) { on_io(x.events); },
    [this](tick& x) { on_tick(x.token); },
  };
}

// -- establishing -----------------------------------------------------------------

void connection::enter(connection_state state) {
  state_ = state;
  send(config_.observer, link_progress{config_.link, state});
}

void connection::start() {
  auto& server = config_.server;
  if (server.kind == endpoint::transport::unix_socket) {
    enter(connection_state::connecting);
    phase_deadline_ = api::now(this) + config_.pool.connect_timeout;
    arm(phase_deadline_);
    auto x = transport::open_unix(server.path);
    // A Unix socket whose backlog is full says EAGAIN: there is nothing to wait
    // for on the descriptor, so the schedule of dials tries again.
    opened(x.fd, x.error);
    return;
  }
  if (transport::is_address(server.host)) {
    addresses_.push_back(server.host);
    connect_next();
    return;
  }
  enter(connection_state::resolving);
  phase_deadline_ = api::now(this) + config_.pool.resolve_timeout
                    + resolver_grace;
  arm(phase_deadline_);
  send(config_.resolver, resolve{config_.link, server.host,
                                 config_.pool.resolve_timeout,
                                 resolved_sink{this}});
}

void connection::on_resolved(resolved& x) {
  if (state_ != connection_state::resolving)
    return;
  if (x.addresses.empty()) {
    fail(errc::resolve_failed, std::move(x.error));
    return;
  }
  addresses_ = std::move(x.addresses);
  connect_next();
}

void connection::connect_next() {
  if (next_address_ == addresses_.size()) {
    fail(errc::connect_failed, last_refusal_);
    return;
  }
  if (next_address_ == 0) {
    enter(connection_state::connecting);
    phase_deadline_ = api::now(this) + config_.pool.connect_timeout;
    arm(phase_deadline_);
  }
  auto& address = addresses_[next_address_++];
  auto x = transport::open_tcp(address, config_.server.port,
                               config_.pool.ping_interval
                                 + config_.pool.ping_timeout);
  opened(x.fd, x.error);
}

void connection::opened(int fd, int error) {
  fd_ = fd;
  if (fd_ >= 0) {
    watched_ = EPOLLOUT;
    host_.watch(fd_, watched_, this);
    return;
  }
  last_refusal_ = text_of(error);
  if (error == EMFILE || error == ENFILE || error == ENOBUFS
      || error == ENOMEM)
    fail(errc::resource_error, last_refusal_);
  else
    connect_next();
}

void connection::on_connected() {
  if (auto error = transport::connect_result(fd_); error != 0) {
    last_refusal_ = text_of(error);
    close_socket();
    connect_next();
    return;
  }
  shake_hands();
}

void connection::shake_hands() {
  enter(connection_state::handshaking);
  phase_deadline_ = api::now(this) + config_.pool.handshake_timeout;
  arm(phase_deadline_);
  handshake_.emplace(config_.server, config_.pool.client_name);
  out_.append(std::string_view{handshake_->wire()});
  want(EPOLLIN);
  host_.mark_dirty(this);
}

void connection::become_ready() {
  auto now = api::now(this);
  was_ready_ = true;
  state_ = connection_state::ready;
  liveness_.emplace(config_.pool, now);
  arm(now + liveness_->interval());
  for (uint32_t i = 0; i < owners_.size(); ++i)
    announce(i);
  log_->debug("connection {} to {} is ready", config_.link,
              to_string(config_.server));
}

// -- serving ----------------------------------------------------------------------

void connection::on_attach(link_client& client) {
  owners_.push_back(owner{std::move(client), 0, {}, false});
  if (state_ == connection_state::ready)
    announce(static_cast<uint32_t>(owners_.size() - 1));
}

void connection::announce(uint32_t index) {
  link_up up;
  up.link = config_.link;
  up.connection = connection_actor{this};
  up.owner = index;
  up.credit = config_.limits.credit;
  up.credit_bytes = config_.limits.credit_bytes;
  up.client_id = handshake_->client_id();
  send(owners_[index].client, std::move(up));
}

void connection::on_submit(submit_many& x) {
  assert(x.owner < owners_.size());
  assert(state_ == connection_state::ready);
  auto now = api::now(this);
  owners_[x.owner].taken += x.units.size();
  for (auto& unit : x.units) {
    out_.append(std::move(unit.wire));
    awaited_.push_back(awaited{unit.id, out_.appended(), now, unit.patience,
                               x.owner, unit.replies});
  }
  host_.mark_dirty(this);
}

void connection::on_ready(uint32_t events) noexcept {
  ready_events_ |= events;
  if (io_message_pending_)
    return;
  io_message_pending_ = true;
  enqueue(caf::make_mailbox_element(nullptr, caf::make_message_id(), {},
                                    io_event{}),
          &host_);
}

void connection::flush() noexcept {
  if (fd_ < 0 || state_ == connection_state::connecting
      || retiring_ != errc::none)
    return;
  switch (out_.write_to(fd_)) {
    case out_buffer::result::done:
      want(EPOLLIN);
      break;
    case out_buffer::result::blocked:
      want(EPOLLIN | EPOLLOUT);
      break;
    case out_buffer::result::failed:
      // Ends in on_io, after what the peer may have answered was read.
      write_error_ = errno;
      on_ready(EPOLLIN | EPOLLERR);
  }
}

void connection::on_io(uint32_t) {
  io_message_pending_ = false;
  auto events = std::exchange(ready_events_, 0);
  if (fd_ < 0)
    return;
  if (state_ == connection_state::connecting) {
    on_connected();
    return;
  }
  if ((events & EPOLLOUT) != 0)
    host_.mark_dirty(this);
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
    read_some();
}

void connection::read_some() {
  auto& room = host_.read_buffer();
  for (int i = 0; i < reads_per_turn; ++i) {
    auto n = ::recv(fd_, room.data(), room.size(), 0);
    if (n > 0) {
      if (liveness_)
        liveness_->read(api::now(this));
      decoder_.feed(room.data(), static_cast<size_t>(n));
      if (!take_replies())
        return;
      if (static_cast<size_t>(n) < room.size())
        break;
    } else if (n == 0) {
      hand_out();
      fail(errc::disconnected, "the server closed the connection");
      return;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      break;
    } else if (errno != EINTR) {
      auto code = errno;
      hand_out();
      fail(errc::disconnected, text_of(code));
      return;
    }
  }
  hand_out();
  if (end_if_retired())
    return;
  if (write_error_ != 0)
    fail(errc::disconnected, text_of(write_error_));
}

bool connection::take_replies() {
  for (;;) {
    reply x;
    switch (decoder_.next(x)) {
      case reply_decoder::result::need_more:
        return true;
      case reply_decoder::result::got:
        if (!take_reply(std::move(x)))
          return false;
        break;
      case reply_decoder::result::too_deep:
        on_too_deep();
        [[fallthrough]];
      case reply_decoder::result::broken:
        hand_out();
        fail(errc::protocol_error, decoder_.error(), true);
        return false;
    }
  }
}

bool connection::take_reply(reply&& x) {
  if (state_ == connection_state::handshaking) {
    switch (handshake_->on_reply(x)) {
      case handshake::verdict::more:
        break;
      case handshake::verdict::done:
        become_ready();
        break;
      case handshake::verdict::failed:
        fail(handshake_->error(), handshake_->error_text());
        return false;
    }
    return true;
  }
  if (awaited_.empty()) {
    hand_out();
    fail(errc::protocol_error, "a reply that nobody asked for", true);
    return false;
  }
  if (x.is_error())
    retire(x);
  auto& first = awaited_.front();
  if (first.replies > 1 || !unit_.empty()) {
    unit_.push_back(std::move(x));
    if (--first.replies > 0)
      return true;
    x = reply::array(std::exchange(unit_, {}));
  }
  if (first.owner != no_owner)
    owners_[first.owner].done.push_back(
      completion{first.id, errc::none, std::move(x)});
  awaited_.pop_front();
  return true;
}

void connection::on_too_deep() {
  if (awaited_.empty() || awaited_.front().owner == no_owner)
    return;
  auto& first = awaited_.front();
  owners_[first.owner].done.push_back(
    completion{first.id, errc::reply_too_deep, reply::error(decoder_.error())});
  awaited_.pop_front();
}

void connection::hand_out() {
  for (auto& each : owners_) {
    if (each.done.empty())
      continue;
    completions x{config_.link, std::exchange(each.done, {})};
    if (!each.gone)
      send(each.client, std::move(x));
  }
}

void connection::retire(const reply& x) {
  auto code = judge(x.text(), false).code;
  if (code != errc::read_only_replica && code != errc::auth_failed)
    return;
  retiring_ = code;
  retire_text_ = x.text();
  if (out_.empty())
    return;
  // What the kernel has not taken yet never leaves.
  want(EPOLLIN);
}

bool connection::end_if_retired() {
  if (retiring_ == errc::none)
    return false;
  if (!awaited_.empty() && awaited_.front().end <= out_.written())
    return false;
  fail(retiring_, retire_text_);
  return true;
}

void connection::on_tick(uint64_t token) {
  if (token != tick_token_)
    return;
  auto now = api::now(this);
  if (state_ == connection_state::ready)
    check_liveness(now);
  else if (now < phase_deadline_)
    arm(phase_deadline_);
  else if (state_ == connection_state::handshaking)
    fail(errc::handshake_failed, "timed out during the handshake");
  else if (state_ == connection_state::connecting)
    fail(errc::connect_failed, "timed out");
  else if (state_ == connection_state::resolving)
    fail(errc::resolve_failed, "timed out");
}

void connection::check_liveness(api::time_point now) {
  liveness::awaited oldest;
  auto waiting = !awaited_.empty();
  if (waiting) {
    auto& first = awaited_.front();
    oldest = {first.since, first.patience, first.owner == no_owner};
  }
  switch (liveness_->check(waiting ? &oldest : nullptr, now)) {
    case liveness::verdict::alive:
      break;
    case liveness::verdict::send_ping:
      out_.append(command{"PING"}.wire());
      awaited_.push_back(
        awaited{0, out_.appended(), now, config_.pool.ping_timeout, no_owner, 1});
      host_.mark_dirty(this);
      break;
    case liveness::verdict::dead:
      fail(errc::disconnected,
           fmt::format("no byte for {} ms with a command unanswered",
                       std::chrono::duration_cast<std::chrono::milliseconds>(
                         oldest.ping ? config_.pool.ping_timeout
                                     : oldest.patience
                                         * config_.pool.dead_link_factor)
                         .count()),
           true);
      return;
  }
  arm(now + liveness_->interval());
}

// -- ending -------------------------------------------------------------------------

void connection::fail(errc cause, std::string text, bool gave_up) {
  if (state_ == connection_state::closed)
    return;
  state_ = connection_state::closed;
  cause_ = cause;
  cause_text_ = std::move(text);
  gave_up_ = gave_up;
  quit();
}

void connection::close_socket() noexcept {
  if (fd_ < 0)
    return;
  host_.unwatch(fd_, this);
  if (gave_up_)
    transport::close_with_reset(fd_);
  else
    ::close(fd_);
  fd_ = -1;
}

void connection::on_exit() {
  close_socket();
  // Replies that were read before the end still belong to their callers.
  hand_out();
  std::vector<uint64_t> unwritten(owners_.size());
  for (size_t i = 0; i < awaited_.size(); ++i) {
    auto& x = awaited_[i];
    if (x.owner != no_owner && x.end > out_.written())
      ++unwritten[x.owner];
  }
  for (size_t i = 0; i < owners_.size(); ++i) {
    auto& each = owners_[i];
    link_closed x{config_.link, each.taken,  each.taken - unwritten[i], cause_,
                  cause_text_,  gave_up_, was_ready_};
    if (!each.gone)
      send(each.client, std::move(x));
  }
  owners_.clear();
  awaited_.clear();
  config_.observer = nullptr;
  config_.resolver = nullptr;
}

void connection::arm(api::time_point when) {
  api::send_at(this, connection_actor{this}, when, tick{++tick_token_});
}

void connection::want(uint32_t events) noexcept {
  if (events == watched_)
    return;
  watched_ = events;
  host_.rewatch(fd_, events, this);
}

} // namespace redoubt
