// A ready connection at work: commands out, replies in, signs of life.

#include <redoubt/actors/connection/connection.hpp>

#include <caf/mailbox_element.hpp>

#include <fmt/format.h>

#include <cassert>
#include <cerrno>
#include <new>
#include <utility>

namespace redoubt {

namespace {

/// Reads of one readiness, so that one busy connection does not starve others.
constexpr int reads_per_turn = 16;

/// A turn ends once it brought so many replies; what their callers ask next is
/// written before the rest is read. See `read_size`.
constexpr size_t replies_per_turn = 8;

/// While so many bytes await the kernel, request actors take turns: whoever comes
/// now waits for these and for one command of each of the others.
constexpr uint64_t bytes_ahead = 128 * 1024;

} // namespace

void connection::on_attach(link_client& client) {
  // A supervisor that follows another one attaches all it knows.
  for (auto& each : owners_)
    if (each.client == client)
      return;
  auto index = free_owner();
  if (!index) {
    index = static_cast<uint32_t>(owners_.size());
    owners_.emplace_back();
  }
  owners_[*index] = {};
  owners_[*index].client = std::move(client);
  if (state_ == connection_state::ready)
    announce(*index);
}

/// Number of an owner that is gone and to whom no reply is owed any more. All that
/// it sent stood in the mailbox before word of its end.
std::optional<uint32_t> connection::free_owner() const {
  // The first one is the supervisor's, whoever that is.
  for (uint32_t i = 1; i < owners_.size(); ++i) {
    if (owners_[i].client || !owners_[i].done.empty() || turns_.count(i) > 0)
      continue;
    auto owed = false;
    for (size_t k = 0; k < awaited_.size() && !owed; ++k)
      owed = awaited_[k].owner == i;
    if (!owed)
      return i;
  }
  return std::nullopt;
}

void connection::on_adopt(link_observer& observer) {
  config_.observer = observer;
  owners_.front().client = observer;
  if (state_ == connection_state::ready)
    announce(0);
  else
    api::send(this, config_.observer, link_progress{config_.link, state_});
}

void connection::announce(uint32_t index) {
  if (!owners_[index].client)
    return;
  link_up up;
  up.link = config_.link;
  up.connection = connection_actor{this};
  up.owner = index;
  up.credit = config_.limits.credit;
  up.credit_bytes = config_.limits.credit_bytes;
  up.client_id = handshake_->client_id();
  up.client_name = handshake_->client_name();
  api::send(this, owners_[index].client, std::move(up));
}

void connection::on_submit(submit_many& x) {
  assert(x.owner < owners_.size());
  assert(state_ == connection_state::ready);
  auto now = api::now(this);
  owners_[x.owner].taken += x.units.size();
  for (auto& unit : x.units) {
    send_turns::unit mine{x.owner, now, std::move(unit)};
    if (turns_.empty() && may_append())
      append(std::move(mine));
    else
      turns_.push(std::move(mine));
  }
  host_.mark_dirty(this);
}

bool connection::may_append() const noexcept {
  return out_.pending() < bytes_ahead;
}

void connection::append(send_turns::unit x) {
  out_.append(std::move(x.what.wire));
  awaited_.push_back(awaited{x.what.id, out_.appended(), x.since,
                             x.what.patience, x.owner, x.what.replies});
}

/// Gives request actors their turns as long as there is room. False if there is
/// no memory: then nothing may be written any more.
bool connection::fill() noexcept {
  try {
    while (!turns_.empty() && may_append())
      append(turns_.pop());
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

void connection::on_ready(uint32_t events) noexcept {
  ready_events_ |= events;
  if (io_message_pending_)
    return;
  try {
    api::post(this, &host_, io_event{});
    io_message_pending_ = true;
  } catch (const std::bad_alloc&) {
    // As long as the socket is ready the host says so again.
  }
}

void connection::flush() noexcept {
  if (fd_ < 0 || state_ == connection_state::connecting
      || retiring_ != errc::none || write_error_ != 0)
    return;
  for (;;) {
    if (!fill()) {
      write_error_ = ENOMEM;
      on_ready(EPOLLIN | EPOLLERR);
      return;
    }
    switch (out_.write_to(host_.sockets(), fd_)) {
      case out_buffer::result::done:
        if (!turns_.empty())
          continue;
        want(EPOLLIN);
        return;
      case out_buffer::result::blocked: want(EPOLLIN | EPOLLOUT); return;
      case out_buffer::result::failed:
        // Ends in on_io, after what the peer may have answered was read.
        write_error_ = errno;
        on_ready(EPOLLIN | EPOLLERR);
        return;
    }
  }
}

void connection::on_io(uint32_t) {
  io_message_pending_ = false;
  auto events = std::exchange(ready_events_, 0);
  if (fd_ < 0 || events == 0)
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
  auto size = read_size_.first(awaited_.size(), out_.appended(), room.size());
  size_t replies = 0;
  // Once writing failed the peer is gone: then all that it left is read.
  for (int i = 0; i < reads_per_turn || write_error_ != 0; ++i) {
    auto n = host_.sockets().receive(fd_, room.data(), size);
    if (n > 0) {
      if (liveness_)
        liveness_->read(api::now(this));
      decoder_.feed(room.data(), static_cast<size_t>(n));
      auto before = awaited_.size();
      if (!take_replies())
        return;
      auto complete = before - awaited_.size();
      read_size_.learn(static_cast<size_t>(n), complete);
      replies += complete;
      auto enough = replies >= replies_per_turn
                    || static_cast<size_t>(n) < size;
      if (enough && write_error_ == 0)
        break;
      size = room.size();
    } else if (n == 0) {
      peer_ended("the server closed the connection");
      return;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      break;
    } else if (errno != EINTR) {
      peer_ended(error_text(errno));
      return;
    }
  }
  hand_out();
  if (end_if_retired())
    return;
  if (write_error_ != 0)
    peer_ended(error_text(write_error_));
}

void connection::peer_ended(std::string text) {
  hand_out();
  // Whoever was told to go keeps the reason why.
  if (retiring_ != errc::none)
    fail(retiring_, retire_text_);
  else
    fail(was_ready_ ? errc::disconnected : errc::handshake_failed,
         std::move(text));
}

bool connection::take_replies() {
  for (;;) {
    reply x;
    switch (decoder_.next(x)) {
      case reply_decoder::result::need_more: return true;
      case reply_decoder::result::got:
        if (!take_reply(std::move(x)))
          return false;
        break;
      case reply_decoder::result::too_deep:
        if (!take_too_deep(std::move(x)))
          return false;
        break;
      case reply_decoder::result::too_large: on_too_large(); [[fallthrough]];
      case reply_decoder::result::broken:
        hand_out();
        fail(decoder_.out_of_memory() ? errc::resource_error
                                      : errc::protocol_error,
             decoder_.error(), true);
        return false;
    }
  }
}

bool connection::take_reply(reply&& x) {
  if (state_ == connection_state::handshaking) {
    switch (handshake_->on_reply(x)) {
      case handshake::verdict::more: break;
      case handshake::verdict::done: become_ready(); break;
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
  auto code = errc::none;
  if (too_deep_) {
    code = errc::reply_too_deep;
    x = *std::exchange(too_deep_, {});
  }
  if (first.owner != no_owner) {
    auto& mine = owners_[first.owner];
    if (mine.done.empty())
      mine.done.reserve(mine.room);
    mine.done.push_back(link_reply{first.id, code, std::move(x)});
  }
  awaited_.pop_front();
  return true;
}

bool connection::take_too_deep(reply&& x) {
  if (state_ == connection_state::handshaking) {
    fail(errc::protocol_error, x.text(), true);
    return false;
  }
  // Its unit is answered in its turn, once all of its replies are here.
  too_deep_ = x;
  return take_reply(std::move(x));
}

void connection::on_too_large() {
  if (awaited_.empty() || awaited_.front().owner == no_owner)
    return;
  auto& first = awaited_.front();
  owners_[first.owner].done.push_back(
    link_reply{first.id, errc::reply_too_deep, reply::error(decoder_.error())});
  awaited_.pop_front();
}

void connection::hand_out() {
  for (auto& each : owners_) {
    if (each.done.empty())
      continue;
    each.room = each.done.size();
    link_replies x{config_.link, std::exchange(each.done, {})};
    if (each.client)
      api::send(this, each.client, std::move(x));
  }
}

void connection::retire(const reply& x) {
  // Any reply may be that of a script, which says nothing about the connection.
  auto code = judge(x.text(), true).code;
  if (code != errc::read_only_replica && code != errc::auth_failed)
    return;
  retire(code, x.text());
}

void connection::retire(errc code, std::string text) {
  retiring_ = code;
  retire_text_ = std::move(text);
  if (out_.empty())
    return;
  // What the kernel has not taken yet never leaves.
  want(EPOLLIN);
}

void connection::on_close(const close_link& x) {
  if (x.when_answered && state_ == connection_state::ready) {
    if (retiring_ == errc::none)
      retire(x.cause, x.cause == errc::read_only_replica
                        ? "the server is a replica, as another connection "
                          "learned"
                        : "another connection takes its place");
    end_if_retired();
    return;
  }
  fail(x.cause, "closed by the runtime", x.cause == errc::protocol_error);
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
  if (state_ == connection_state::ready) {
    check_liveness(now);
  } else if (now < phase_deadline_) {
    arm(phase_deadline_);
  } else if (state_ == connection_state::handshaking) {
    fail(errc::handshake_failed, "timed out during the handshake");
  } else if (state_ == connection_state::resolving) {
    fail(errc::resolve_failed, "timed out");
  } else if (state_ == connection_state::connecting) {
    last_refusal_ = "timed out";
    close_socket();
    connect_next();
  }
}

void connection::check_liveness(api::time_point now) {
  liveness::awaited oldest;
  auto waiting = !awaited_.empty();
  if (waiting) {
    auto& first = awaited_.front();
    oldest = {first.since, first.patience, first.owner == no_owner};
  }
  switch (liveness_->check(waiting ? &oldest : nullptr, now)) {
    case liveness::verdict::alive: break;
    case liveness::verdict::send_ping:
      out_.append(command{"PING"}.wire());
      awaited_.push_back(awaited{0, out_.appended(), now,
                                 config_.pool.ping_timeout, no_owner, 1});
      host_.mark_dirty(this);
      break;
    case liveness::verdict::dead:
      fail(errc::disconnected,
           fmt::format("no byte for {} ms with a command unanswered",
                       std::chrono::duration_cast<std::chrono::milliseconds>(
                         oldest.ping
                           ? config_.pool.ping_timeout
                           : oldest.patience * config_.pool.dead_link_factor)
                         .count()),
           true);
      return;
  }
  arm(now + liveness_->interval());
}

} // namespace redoubt
