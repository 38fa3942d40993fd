#include <redoubt/tests/sim/network.hpp>

#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace redoubt::sim {

namespace {

constexpr size_t trickle_bytes = 7;

} // namespace

network::network(random_source& random, clock now)
  : random_(random), now_(std::move(now)) {
}

// -- dialling ---------------------------------------------------------------------

opening network::open_tcp(const std::string&, uint16_t,
                          std::chrono::milliseconds) {
  dials_.push_back(now_());
  link x;
  x.connected = now_() + random_.between(latency_low_, latency_high_);
  // From a few bytes to all that is ever sent at once.
  x.window = size_t{64} << (random_.next() % 10);
  if (dialling_ == dialling::refused) {
    x.state = phase::refused;
    ++hits_.refused;
  } else if (dialling_ == dialling::dropped) {
    x.state = phase::lost;
    ++hits_.dropped;
  }
  links_.emplace(++last_, std::move(x));
  return {last_, 0};
}

opening network::open_unix(const std::string&) {
  return {-1, ENOENT};
}

int network::connect_result(int fd) noexcept {
  return links_.at(fd).state == phase::refused ? ECONNREFUSED : 0;
}

// -- the client -------------------------------------------------------------------

uint32_t network::readiness(int fd) const {
  auto i = links_.find(fd);
  if (i == links_.end())
    return 0;
  auto& x = i->second;
  if (x.state == phase::dialling || x.state == phase::refused)
    return now_() >= x.connected && x.state == phase::refused
             ? uint32_t{EPOLLOUT | EPOLLERR}
             : 0;
  if (x.state == phase::lost)
    return 0;
  uint32_t result = 0;
  if (!x.inbox.empty() || x.fin || x.reset)
    result |= EPOLLIN;
  if (x.reset)
    result |= EPOLLERR | EPOLLHUP;
  if (x.up.bytes < x.window)
    result |= EPOLLOUT;
  return result;
}

ssize_t network::receive(int fd, char* to, size_t size) noexcept {
  auto& x = links_.at(fd);
  if (x.inbox.empty()) {
    if (!x.reset && x.fin)
      return 0;
    errno = x.reset ? ECONNRESET : EAGAIN;
    return -1;
  }
  auto n = std::min(size, x.inbox.size());
  if (trickle_) {
    n = 1;
    ++hits_.trickled;
  }
  x.inbox.copy(to, n);
  x.inbox.erase(0, n);
  return static_cast<ssize_t>(n);
}

ssize_t network::send(int fd, const iovec* parts, size_t count) noexcept {
  auto& x = links_.at(fd);
  if (x.reset) {
    errno = EPIPE;
    return -1;
  }
  if (x.up.bytes >= x.window) {
    errno = EAGAIN;
    return -1;
  }
  auto room = x.window - x.up.bytes;
  if (trickle_)
    room = std::min(room, trickle_bytes);
  segment s;
  for (size_t i = 0; i < count && s.bytes.size() < room; ++i)
    s.bytes.append(static_cast<const char*>(parts[i].iov_base),
                   std::min(parts[i].iov_len, room - s.bytes.size()));
  auto n = s.bytes.size();
  put(x.up, std::move(s));
  return static_cast<ssize_t>(n);
}

void network::close(int fd) noexcept {
  close(fd, segment::kind::fin);
}

void network::close_with_reset(int fd) noexcept {
  close(fd, segment::kind::reset);
}

void network::close(int fd, segment::kind how) noexcept {
  auto& x = links_.at(fd);
  x.client_open = false;
  given_up_[fd] = now_();
  // What was sent before is on its way and arrives, whatever ended it here.
  if (x.state == phase::up)
    put(x.up, segment{how, {}, {}});
  else
    x.state = phase::over;
}

// -- the server -------------------------------------------------------------------

void network::reply(int id, std::string bytes) {
  auto i = links_.find(id);
  if (i == links_.end() || !i->second.server_open)
    return;
  auto& x = i->second;
  if (!x.spoil.empty()) {
    bytes = std::exchange(x.spoil, {}) + bytes;
    ++hits_.spoiled;
  }
  if (x.cut) {
    ++hits_.cut;
    bytes.resize(random_.next() % bytes.size());
  }
  segment s;
  s.bytes = std::move(bytes);
  if (!s.bytes.empty())
    put(x.down, std::move(s));
  if (std::exchange(x.cut, false))
    end(id, random_.next() % 2 == 0);
}

void network::end(int id, bool reset) {
  auto i = links_.find(id);
  if (i == links_.end() || !i->second.server_open)
    return;
  i->second.server_open = false;
  put(i->second.down,
      segment{reset ? segment::kind::reset : segment::kind::fin, {}, {}});
}

// -- weather ----------------------------------------------------------------------

void network::hold_requests(api::time_point until) {
  for (auto& [id, x] : links_) {
    if (x.state != phase::up)
      continue;
    x.up.not_before = until;
    for (auto& each : x.up.segments)
      each.due = until;
    ++hits_.held;
  }
}

void network::hold_replies(api::time_point until) {
  for (auto& [id, x] : links_) {
    if (x.state != phase::up)
      continue;
    x.down.not_before = until;
    for (auto& each : x.down.segments)
      each.due = until;
    ++hits_.held;
  }
}

void network::cut_replies() {
  for (auto& [id, x] : links_)
    x.cut = x.server_open;
}

void network::spoil_replies(std::string bytes) {
  for (auto& [id, x] : links_)
    if (x.server_open)
      x.spoil = bytes;
}

// -- time -------------------------------------------------------------------------

void network::put(pipe& into, segment x) {
  x.due = now_() + random_.between(latency_low_, latency_high_);
  x.due = std::max(x.due, into.not_before);
  if (!into.segments.empty())
    x.due = std::max(x.due, into.segments.back().due);
  into.bytes += x.bytes.size();
  into.segments.push_back(std::move(x));
}

std::optional<api::time_point> network::next_due() const {
  std::optional<api::time_point> result;
  auto look = [&](api::time_point due) {
    if (!result || due < *result)
      result = due;
  };
  for (auto& [id, x] : links_) {
    if (x.state == phase::dialling
        || (x.state == phase::refused && now_() < x.connected))
      look(x.connected);
    if (!x.up.segments.empty())
      look(x.up.segments.front().due);
    if (!x.down.segments.empty())
      look(x.down.segments.front().due);
  }
  return result;
}

void network::deliver() {
  // The server may answer, and so add to what is under way, but opens nothing.
  for (auto& [id, x] : links_) {
    if (x.state == phase::dialling && now_() >= x.connected) {
      x.state = phase::up;
      x.server_open = true;
      peer_->accepted(id);
    }
    if (x.state == phase::up) {
      deliver_up(id, x);
      deliver_down(x);
    }
  }
  drop_dead();
}

void network::deliver_up(int id, link& x) {
  while (!x.up.segments.empty() && x.up.segments.front().due <= now_()) {
    auto s = std::move(x.up.segments.front());
    x.up.segments.pop_front();
    x.up.bytes -= s.bytes.size();
    if (!x.server_open) {
      // What comes after the server's end is answered by RST.
      if (s.what == segment::kind::bytes && !x.fin && !x.reset
          && x.down.segments.empty())
        x.reset = true;
      continue;
    }
    if (s.what == segment::kind::bytes) {
      peer_->received(id, s.bytes);
      continue;
    }
    x.server_open = false;
    peer_->ended(id);
  }
}

void network::deliver_down(link& x) {
  while (!x.down.segments.empty() && x.down.segments.front().due <= now_()) {
    auto s = std::move(x.down.segments.front());
    x.down.segments.pop_front();
    switch (s.what) {
      case segment::kind::bytes: x.inbox += s.bytes; break;
      case segment::kind::fin: x.fin = true; break;
      case segment::kind::reset:
        x.reset = true;
        // An RST takes along what was not read yet.
        if (random_.next() % 2 == 0)
          x.inbox.clear();
    }
  }
}

void network::drop_dead() {
  std::erase_if(links_, [](auto& each) {
    auto& x = each.second;
    return !x.client_open
           && (x.state == phase::over
               || (x.state == phase::up && x.up.segments.empty()));
  });
}

size_t network::open_sockets() const {
  return static_cast<size_t>(
    std::count_if(links_.begin(), links_.end(),
                  [](auto& each) { return each.second.client_open; }));
}

api::time_point network::given_up_at(int link) const {
  auto i = given_up_.find(link);
  return i == given_up_.end() ? api::time_point::max() : i->second;
}

size_t network::established() const {
  return static_cast<size_t>(
    std::count_if(links_.begin(), links_.end(), [](auto& each) {
      return each.second.client_open && each.second.server_open;
    }));
}

} // namespace redoubt::sim
