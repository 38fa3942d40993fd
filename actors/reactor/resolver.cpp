#include <redoubt/actors/reactor/resolver.hpp>

#include <redoubt/actors/log.hpp>
#include <redoubt/actors/quiet.hpp>

#include <ares.h>
#include <arpa/inet.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <mutex>

namespace redoubt {

namespace {

/// c-ares' own timeout of one try; the query's deadline bounds all of them.
constexpr int try_timeout_ms = 300;
constexpr int tries = 4;

std::vector<std::string> addresses_of(const ares_addrinfo& result) {
  std::vector<std::string> addresses;
  std::array<char, INET6_ADDRSTRLEN> room;
  for (auto node = result.nodes; node != nullptr; node = node->ai_next) {
    const void* raw = nullptr;
    if (node->ai_family == AF_INET)
      raw = &reinterpret_cast<sockaddr_in*>(node->ai_addr)->sin_addr;
    else if (node->ai_family == AF_INET6)
      raw = &reinterpret_cast<sockaddr_in6*>(node->ai_addr)->sin6_addr;
    if (raw == nullptr
        || inet_ntop(node->ai_family, raw, room.data(), room.size()) == nullptr)
      continue;
    std::string text{room.data()};
    if (std::find(addresses.begin(), addresses.end(), text) == addresses.end())
      addresses.push_back(std::move(text));
  }
  return addresses;
}

} // namespace

void resolver::watch::on_ready(uint32_t events) noexcept {
  events_ |= events;
  if (parent_.io_message_pending_)
    return;
  parent_.io_message_pending_ = true;
  api::post(&parent_, &parent_.host_, io_event{});
}

resolver::resolver(caf::actor_config& cfg, reactor& host, std::string servers)
  : resolver_actor::base(cfg),
    host_(host),
    servers_(std::move(servers)),
    log_(logger_for("resolver")) {
  make_quiet(this, log_);
  static std::once_flag once;
  std::call_once(once, [] { ares_library_init(ARES_LIB_INIT_ALL); });
}

resolver::~resolver() {
  if (channel_ != nullptr)
    ares_destroy(channel_);
}

resolver::behavior_type resolver::make_behavior() {
  return {
    [this](resolve& x) { on_resolve(x); },
    [this](io_event&) { on_io(); },
    [this](tick& x) { on_tick(x.token); },
  };
}

bool resolver::open_channel(std::string& error) {
  if (channel_ != nullptr)
    return true;
  ares_options options{};
  options.timeout = try_timeout_ms;
  options.tries = tries;
  options.sock_state_cb_data = this;
  options.sock_state_cb = [](void* self, ares_socket_t fd, int readable,
                             int writable) {
    static_cast<resolver*>(self)->on_socket(fd, readable != 0, writable != 0);
  };
  auto status = ares_init_options(&channel_, &options,
                                  ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES
                                    | ARES_OPT_SOCK_STATE_CB);
  if (status == ARES_SUCCESS && !servers_.empty())
    status = ares_set_servers_ports_csv(channel_, servers_.c_str());
  if (status == ARES_SUCCESS)
    return true;
  error = ares_strerror(status);
  if (channel_ != nullptr)
    ares_destroy(std::exchange(channel_, nullptr));
  return false;
}

void resolver::on_resolve(resolve& x) {
  std::string error;
  if (!open_channel(error)) {
    api::send(this, x.sink, resolved{x.id, {}, error});
    return;
  }
  auto token = ++next_token_;
  auto handle = std::make_unique<query>(query{this, token});
  auto raw = handle.get();
  auto deadline = api::now(this) + x.timeout;
  pending_.emplace(token, pending{x.id, std::move(x.sink), deadline,
                                  std::move(handle)});
  ares_addrinfo_hints hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  ares_getaddrinfo(
    channel_, x.host.c_str(), nullptr, &hints,
    [](void* arg, int status, int, ares_addrinfo* result) {
      auto& q = *static_cast<query*>(arg);
      q.parent->on_answer(q.token, status, result);
    },
    raw);
  arm();
}

void resolver::on_socket(int fd, bool readable, bool writable) {
  auto i = watches_.find(fd);
  if (!readable && !writable) {
    if (i != watches_.end()) {
      host_.unwatch(fd, i->second.get());
      watches_.erase(i);
    }
    return;
  }
  auto events = (readable ? static_cast<uint32_t>(EPOLLIN) : 0u)
                | (writable ? static_cast<uint32_t>(EPOLLOUT) : 0u);
  if (i != watches_.end()) {
    host_.rewatch(fd, events, i->second.get());
    return;
  }
  auto added = watches_.emplace(fd, std::make_unique<watch>(*this, fd)).first;
  host_.watch(fd, events, added->second.get());
}

void resolver::on_answer(uint64_t token, int status, ares_addrinfo* result) {
  std::vector<std::string> addresses;
  if (result != nullptr) {
    addresses = addresses_of(*result);
    ares_freeaddrinfo(result);
  }
  abandoned_.erase(token);
  if (status == ARES_SUCCESS && addresses.empty())
    status = ARES_ENODATA;
  auto error = status == ARES_SUCCESS ? "" : ares_strerror(status);
  answer(token, std::move(addresses), error);
}

void resolver::answer(uint64_t token, std::vector<std::string> addresses,
                      std::string error) {
  auto i = pending_.find(token);
  if (i == pending_.end())
    return;
  auto x = std::move(i->second);
  pending_.erase(i);
  api::send(this, x.sink,
            resolved{x.id, std::move(addresses), std::move(error)});
}

void resolver::on_io() {
  io_message_pending_ = false;
  // c-ares may open and close sockets while it works on one.
  std::vector<std::pair<int, uint32_t>> ready;
  for (auto& [fd, each] : watches_)
    if (auto events = each->take_events(); events != 0)
      ready.emplace_back(fd, events);
  for (auto [fd, events] : ready) {
    auto broken = (events & (EPOLLERR | EPOLLHUP)) != 0;
    auto readable = broken || (events & EPOLLIN) != 0;
    auto writable = (events & EPOLLOUT) != 0;
    ares_process_fd(channel_, readable ? fd : ARES_SOCKET_BAD,
                    writable ? fd : ARES_SOCKET_BAD);
  }
  arm();
}

void resolver::on_tick(uint64_t token) {
  if (token != tick_token_)
    return;
  armed_for_ = api::time_point::max();
  ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
  expire(api::now(this));
  arm();
}

void resolver::expire(api::time_point now) {
  for (auto i = pending_.begin(); i != pending_.end();) {
    auto& [token, x] = *i++;
    if (x.deadline > now)
      continue;
    auto key = token;
    abandoned_.emplace(key, std::move(x.handle));
    answer(key, {}, "no answer from the name servers");
  }
}

void resolver::arm() {
  if (pending_.empty() && abandoned_.empty())
    return;
  auto now = api::now(this);
  auto next = api::time_point::max();
  for (auto& [token, x] : pending_)
    next = std::min(next, x.deadline);
  timeval room{};
  if (auto wait = ares_timeout(channel_, nullptr, &room); wait != nullptr)
    next = std::min(next, now + std::chrono::seconds(wait->tv_sec)
                            + std::chrono::microseconds(wait->tv_usec)
                            + std::chrono::milliseconds(1));
  if (next >= armed_for_)
    return;
  armed_for_ = next;
  api::send_at(this, resolver_actor{this}, next, tick{++tick_token_});
}

void resolver::on_exit() {
  if (channel_ != nullptr)
    ares_destroy(std::exchange(channel_, nullptr));
  for (auto& [fd, each] : watches_)
    host_.unwatch(fd, each.get());
  watches_.clear();
  pending_.clear();
  abandoned_.clear();
}

} // namespace redoubt
