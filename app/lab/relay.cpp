#include <redoubt/app/lab/relay.hpp>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <utility>

namespace redoubt::lab {

namespace {

// A direction that holds this much takes in no more; the sender then feels the
// kernel's own flow control.
constexpr size_t lane_limit = 1u << 20;

constexpr size_t read_size = 64u << 10;

// A peer that never answers a FIN by its own is closed after this long.
constexpr auto fin_patience = std::chrono::seconds{1};

// So many writes per second make up a rate.
constexpr uint64_t rate_steps = 50;

bool would_block() noexcept {
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

} // namespace

relay::relay(int epoll, unique_fd client, const address& upstream,
             const traffic_rules& rules, hit_counters& hits)
  : epoll_(epoll), upstream_(upstream), rules_(rules), hits_(hits) {
  client_.owner = this;
  client_.fd = std::move(client);
  client_.connected = true;
  server_.owner = this;
  for (auto index : {requests_lane, replies_lane}) {
    restart_cut(index);
    restart_damage(index);
  }
}

relay::~relay() {
  close(client_);
  close(server_);
}

void relay::ready(end& at, time_point now) {
  if (!at.fd)
    return;
  if (!at.connected) {
    if (dial_error(at.fd) != 0) {
      // A server that cannot be reached looks like a server that is gone.
      reset();
      return;
    }
    at.connected = true;
  }
  if (closing_)
    drain(at);
  else
    pump(now);
}

void relay::pump(time_point now) {
  if (closing_) {
    if (now >= give_up_) {
      close(client_);
      close(server_);
    }
    return;
  }
  if (over())
    return;
  // Under `hold` a new connection gets no counterpart yet: a blackhole of many
  // seconds would else use up the file descriptors.
  if (!dialled_ && !rules_[requests_lane].hold)
    dial_upstream();
  for (auto index : {requests_lane, replies_lane}) {
    read_into(index, now);
    write_from(index, now);
  }
  if (closing_ || over())
    return;
  auto& requests = lanes_[requests_lane];
  auto& replies = lanes_[replies_lane];
  if (!dialled_ && !client_.open)
    close(client_);
  else if (requests.finished && replies.finished) {
    close(client_);
    close(server_);
  } else if ((requests.discard && replies.finished)
             || (replies.discard && requests.finished))
    reset();
  else
    update_interest(now);
}

void relay::restart_cut(size_t index) {
  lanes_[index].cut_left = rules_[index].cut_after;
}

void relay::restart_damage(size_t index) {
  lanes_[index].spoiler = corruption{rules_[index].corrupt};
}

void relay::reset() {
  for (auto* each : {&client_, &server_}) {
    watch(*each, 0);
    if (each->fd)
      each->fd.close_with_reset();
  }
}

void relay::finish(time_point now) {
  closing_ = true;
  give_up_ = now + fin_patience;
  for (auto& each : lanes_) {
    each.chunks.clear();
    each.bytes = 0;
    each.batch = 0;
  }
  for (auto* each : {&client_, &server_}) {
    if (!each->fd)
      continue;
    if (!each->connected) {
      close(*each);
      continue;
    }
    // Bytes that are unread when a socket is closed turn its FIN into an RST:
    // half-close first, then read until the peer closes too.
    ::shutdown(each->fd.get(), SHUT_WR);
    drain(*each);
  }
}

time_point relay::next_due() const noexcept {
  if (closing_)
    return give_up_;
  auto result = time_point::max();
  for (auto index : {requests_lane, replies_lane}) {
    auto& way = lanes_[index];
    auto& to = index == requests_lane ? server_ : client_;
    if (way.chunks.empty() || rules_[index].hold || way.held || !to.connected)
      continue;
    // What is due already waits for the socket, not for the time.
    if ((to.watched & EPOLLOUT) == 0)
      result = std::min(result, due(index));
  }
  return result;
}

bool relay::lane::full() const noexcept {
  return bytes + chunks.size() * sizeof(chunk) >= lane_limit;
}

bool relay::lane::gathers(const traffic_rule& rule) const noexcept {
  return rule.concat_bytes > 0 && batch == 0 && !full()
         && bytes < rule.concat_bytes && !chunks.back().end;
}

/// Makes one chunk of all bytes that are here.
void relay::lane::gather() {
  auto all = std::move(chunks.front());
  chunks.pop_front();
  all.bytes.erase(0, all.written);
  all.written = 0;
  while (!chunks.empty() && !chunks.front().end) {
    all.bytes += chunks.front().bytes;
    chunks.pop_front();
  }
  chunks.push_front(std::move(all));
  batch = bytes;
}

relay::end& relay::source(size_t index) noexcept {
  return index == requests_lane ? client_ : server_;
}

relay::end& relay::sink(size_t index) noexcept {
  return index == requests_lane ? server_ : client_;
}

void relay::dial_upstream() {
  dialled_ = true;
  server_.fd = dial(upstream_);
  if (!server_.fd)
    reset();
}

void relay::read_into(size_t index, time_point now) {
  auto& from = source(index);
  auto& way = lanes_[index];
  if (closing_ || !from.fd || !from.connected || !from.open || way.full())
    return;
  auto& rule = rules_[index];
  std::array<char, read_size> buffer;
  auto got = ::recv(from.fd.get(), buffer.data(), buffer.size(), 0);
  if (got < 0 && would_block())
    return;
  std::uniform_int_distribution<int64_t> more{0, rule.jitter.count()};
  auto due = now + rule.delay + std::chrono::milliseconds{more(random_)};
  if (got <= 0) {
    from.open = false;
    hits_.add(verb::slow_close, rule.slow_close.count() > 0);
    way.chunks.push_back(
      {due + rule.slow_close, {}, 0, got == 0 ? ending::fin : ending::reset});
    return;
  }
  if (way.discard)
    return;
  if (rule.close_on_data) {
    hits_.add(verb::close_on_data);
    end_by(*rule.close_on_data, now);
    return;
  }
  hits_.add(verb::hold, rule.hold || way.held);
  hits_.add(verb::delay, rule.delay.count() > 0 || rule.jitter.count() > 0);
  std::string bytes{buffer.data(), static_cast<size_t>(got)};
  hits_.add(verb::corrupt, way.spoiler.apply(bytes));
  way.last_read = now;
  way.bytes += bytes.size();
  way.chunks.push_back({due, std::move(bytes), 0, {}});
}

void relay::write_from(size_t index, time_point now) {
  auto& way = lanes_[index];
  while (may_write(index, now)) {
    if (way.chunks.front().end) {
      pass_on_end(index);
      return;
    }
    if (!write_some(index, now))
      return;
  }
}

// When the first chunk may be written.
time_point relay::due(size_t index) const noexcept {
  auto& way = lanes_[index];
  auto result = std::max(way.chunks.front().due, way.next_write);
  if (way.gathers(rules_[index]))
    result = std::max(result, way.last_read + rules_[index].concat_pause);
  return result;
}

bool relay::may_write(size_t index, time_point now) const noexcept {
  auto& way = lanes_[index];
  auto& to = index == requests_lane ? server_ : client_;
  return !closing_ && to.fd && to.connected && !rules_[index].hold && !way.held
         && !way.chunks.empty() && due(index) <= now;
}

// Writes from the first chunk; false if no more may be done before its next time.
bool relay::write_some(size_t index, time_point now) {
  auto& way = lanes_[index];
  auto& rule = rules_[index];
  if (rule.concat_bytes > 0 && way.batch == 0) {
    hits_.add(verb::concat);
    way.gather();
  }
  auto& first = way.chunks.front();
  auto size = write_size(index);
  auto put = ::send(sink(index).fd.get(), first.bytes.data() + first.written,
                    size, MSG_NOSIGNAL);
  if (put < 0) {
    if (!would_block()) {
      way.discard = true;
      std::erase_if(way.chunks, [](auto& each) { return !each.end; });
      way.bytes = 0;
      way.batch = 0;
    }
    return false;
  }
  auto written = static_cast<size_t>(put);
  way.bytes -= written;
  way.batch -= std::min(way.batch, written);
  first.written += written;
  if (first.written == first.bytes.size())
    way.chunks.pop_front();
  if (way.cut_left && (*way.cut_left -= written) == 0) {
    hits_.add(verb::cut);
    end_by(rule.cut_by, now);
    return false;
  }
  if (rule.slice_bytes == 0 && rule.rate_bytes == 0)
    return true;
  // One write per turn of the loop, so that the reader can see each alone.
  pause_after(index, written, now);
  return false;
}

// How much of the first chunk may be written at once.
size_t relay::write_size(size_t index) const noexcept {
  auto& way = lanes_[index];
  auto& rule = rules_[index];
  uint64_t size = way.chunks.front().bytes.size() - way.chunks.front().written;
  if (rule.slice_bytes > 0)
    size = std::min<uint64_t>(size, rule.slice_bytes);
  if (rule.rate_bytes > 0)
    size = std::min(size, std::max<uint64_t>(rule.rate_bytes / rate_steps, 1));
  if (way.cut_left)
    size = std::min(size, *way.cut_left);
  return size;
}

void relay::pause_after(size_t index, size_t written, time_point now) {
  auto& rule = rules_[index];
  std::chrono::nanoseconds pause{0};
  if (rule.slice_bytes > 0) {
    hits_.add(verb::slice);
    pause = rule.slice_pause;
  }
  if (rule.rate_bytes > 0) {
    hits_.add(verb::rate);
    std::chrono::nanoseconds second = std::chrono::seconds{1};
    auto needed = second.count() * static_cast<int64_t>(written)
                  / static_cast<int64_t>(rule.rate_bytes);
    pause = std::max(pause, std::chrono::nanoseconds{needed});
  }
  lanes_[index].next_write = now + pause;
}

void relay::end_by(ending how, time_point now) {
  if (how == ending::reset)
    reset();
  else
    finish(now);
}

void relay::pass_on_end(size_t index) {
  auto& way = lanes_[index];
  auto how = *way.chunks.front().end;
  way.chunks.clear();
  way.finished = true;
  if (how == ending::reset)
    reset();
  else
    ::shutdown(sink(index).fd.get(), SHUT_WR);
}

void relay::drain(end& from) {
  std::array<char, 4096> waste;
  // Bounded, so that one chatty peer does not keep the others waiting.
  for (int i = 0; i < 64; ++i) {
    auto got = ::recv(from.fd.get(), waste.data(), waste.size(), 0);
    if (got > 0)
      continue;
    if (got < 0 && would_block())
      break;
    close(from);
    return;
  }
  watch(from, EPOLLIN);
}

void relay::close(end& which) {
  watch(which, 0);
  which.fd.close();
}

void relay::watch(end& which, uint32_t events) {
  if (!which.fd || which.watched == events)
    return;
  epoll_event event{};
  event.events = events;
  event.data.ptr = &which;
  // A socket that nobody waits for is taken out, since epoll reports errors and
  // hang-ups of all that are in, again and again.
  auto operation = events == 0          ? EPOLL_CTL_DEL
                   : which.watched == 0 ? EPOLL_CTL_ADD
                                        : EPOLL_CTL_MOD;
  ::epoll_ctl(epoll_, operation, which.fd.get(), &event);
  which.watched = events;
}

void relay::update_interest(time_point now) {
  for (auto index : {requests_lane, replies_lane}) {
    auto& from = source(index);
    auto& other = lanes_[1 - index];
    uint32_t events = 0;
    if (!from.connected || (may_write(1 - index, now) && !other.discard))
      events |= EPOLLOUT;
    if (from.connected && from.open && !lanes_[index].full())
      events |= EPOLLIN;
    watch(from, events);
  }
}

} // namespace redoubt::lab
