#include <redoubt/actors/connection/connection.hpp>

#include <redoubt/actors/log.hpp>
#include <redoubt/actors/quiet.hpp>

#include <cerrno>
#include <system_error>
#include <utility>

namespace redoubt {

namespace {

/// The resolver keeps the lookup's deadline; beyond this it must have died.
constexpr std::chrono::milliseconds resolver_grace{100};

} // namespace

connection::connection(caf::actor_config& cfg, io_host& host,
                       connection_config config)
  : connection_actor::base(cfg),
    host_(host),
    config_(std::move(config)),
    log_(logger_for("connection")),
    decoder_(config_.limits) {
  make_quiet(this, log_);
  owners_.emplace_back().client = config_.observer;
  if (config_.leaseholder)
    owners_.emplace_back().client = std::exchange(config_.leaseholder, nullptr);
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
          each.client = nullptr;
    },
    [this](adopt_link& x) { on_adopt(x.observer); },
    [this](const close_link& x) { on_close(x); },
    [this](resolved& x) { on_resolved(x); },
    [this](io_event& x) { on_io(x.events); },
    [this](tick& x) { on_tick(x.token); },
  };
}

// -- establishing -----------------------------------------------------------------

void connection::enter(connection_state state) {
  state_ = state;
  api::send(this, config_.observer, link_progress{config_.link, state});
}

void connection::start() {
  auto& server = config_.server;
  if (server.kind == endpoint::transport::unix_socket) {
    enter(connection_state::connecting);
    phase_deadline_ = api::now(this) + config_.pool.connect_timeout;
    arm(phase_deadline_);
    auto x = host_.sockets().open_unix(server.path);
    // A Unix socket whose backlog is full says EAGAIN: there is nothing to wait
    // for on the descriptor, so the schedule of dials tries again.
    opened(x.fd, x.error);
    return;
  }
  if (is_address(server.host)) {
    addresses_.push_back(server.host);
    connect_next();
    return;
  }
  enter(connection_state::resolving);
  phase_deadline_ = api::now(this) + config_.pool.resolve_timeout
                    + resolver_grace;
  arm(phase_deadline_);
  api::send(this, config_.resolver,
            resolve{config_.link, server.host, config_.pool.resolve_timeout,
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
  auto now = api::now(this);
  if (next_address_ == 0) {
    enter(connection_state::connecting);
    connect_deadline_ = now + config_.pool.connect_timeout;
  }
  // Each address gets its share of the time, so that one that hangs does not keep
  // the next one from being tried.
  auto left = static_cast<int64_t>(addresses_.size() - next_address_);
  phase_deadline_ = now + (connect_deadline_ - now) / left;
  arm(phase_deadline_);
  auto& address = addresses_[next_address_++];
  auto x = host_.sockets().open_tcp(address, config_.server.port,
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
  last_refusal_ = error_text(error);
  if (error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM)
    fail(errc::resource_error, last_refusal_);
  else
    connect_next();
}

void connection::on_connected() {
  if (auto error = host_.sockets().connect_result(fd_); error != 0) {
    last_refusal_ = error_text(error);
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
  handshake_.emplace(config_.server,
                     config_.pool.client_name + config_.name_suffix);
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
  ready_events_ = 0;
  if (gave_up_)
    host_.sockets().close_with_reset(fd_);
  else
    host_.sockets().close(fd_);
  fd_ = -1;
}

/// CAF calls it once more if it ends by an exception: nobody is told twice.
void connection::on_exit() {
  close_socket();
  // Replies that were read before the end still belong to their callers.
  hand_out();
  std::vector<uint64_t> unwritten(owners_.size());
  for (uint32_t i = 0; i < owners_.size(); ++i)
    unwritten[i] = turns_.count(i);
  for (size_t i = 0; i < awaited_.size(); ++i) {
    auto& x = awaited_[i];
    if (x.owner != no_owner && x.end > out_.written())
      ++unwritten[x.owner];
  }
  for (size_t i = 0; i < owners_.size(); ++i) {
    auto& each = owners_[i];
    link_closed x{config_.link, each.taken,  each.taken - unwritten[i],
                  cause_,       cause_text_, gave_up_,
                  was_ready_};
    if (each.client)
      api::send(this, each.client, std::move(x));
    each.client = nullptr;
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
  try {
    host_.rewatch(fd_, events, this);
    watched_ = events;
  } catch (const std::system_error& e) {
    // Nobody would tell when there is room to write again.
    write_error_ = e.code().value();
    on_ready(EPOLLIN | EPOLLERR);
  }
}

} // namespace redoubt
