#include <redoubt/app/lab/fault_gate.hpp>

#include <algorithm>
#include <cerrno>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace redoubt::lab {

namespace {

// As redis-server's own default.
constexpr int backlog = 511;

// A dial to a backlog with room is done at once; one that takes this long has
// found it full.
constexpr int full_after_ms = 20;

// More dials than `listen(0)` leaves room for.
constexpr int max_fillers = 8;

constexpr auto starved_pause = std::chrono::milliseconds{10};

enum class side { own, peer };

uint16_t port_of(const unique_fd& socket, side which) noexcept {
  sockaddr_in in{};
  socklen_t size = sizeof(in);
  auto* raw = reinterpret_cast<sockaddr*>(&in);
  auto rc = which == side::own ? ::getsockname(socket.get(), raw, &size)
                               : ::getpeername(socket.get(), raw, &size);
  return rc == 0 ? ntohs(in.sin_port) : 0;
}

// True if `socket` got its connection.
bool settles(const unique_fd& socket, int within_ms) noexcept {
  pollfd item{socket.get(), POLLOUT, 0};
  return ::poll(&item, 1, within_ms) > 0;
}

} // namespace

fault_gate::fault_gate(address upstream) : upstream_(std::move(upstream)) {
  reservation_ = reserve_port(port_);
  epoll_ = unique_fd{::epoll_create1(EPOLL_CLOEXEC)};
  if (!epoll_)
    throw_errno("epoll_create1");
  wake_ = unique_fd{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
  if (!wake_)
    throw_errno("eventfd");
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = &wake_;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event) != 0)
    throw_errno("epoll_ctl");
  listen();
  thread_ = std::thread{[this] { run(); }};
}

fault_gate::~fault_gate() {
  call([this] { stopping_ = true; });
  thread_.join();
}

// -- verbs --------------------------------------------------------------------

void fault_gate::pass() {
  call([this] {
    hits_.add(verb::pass);
    rules_ = {};
    for (auto& each : relays_)
      for (auto index : {requests_lane, replies_lane}) {
        each->restart_cut(index);
        each->restart_damage(index);
        each->hold(index, false);
      }
    listen();
    pump_all(false);
  });
}

void fault_gate::refuse() {
  call([this] {
    hits_.add(verb::refuse);
    stop_listening();
  });
}

void fault_gate::stop_accepting() {
  call([this] {
    hits_.add(verb::stop_accepting);
    listen();
    starved_ = false;
    watch_listener(false);
    ::listen(listener_.get(), 0);
    for (int i = 0; i < max_fillers; ++i) {
      auto filler = dial(address::tcp(port_));
      if (!filler)
        break;
      auto done = settles(filler, full_after_ms);
      auto own_port = port_of(filler, side::own);
      fillers_.emplace_back(std::move(filler), own_port);
      if (!done)
        break;
    }
  });
}

void fault_gate::reset_all() {
  call([this] {
    hits_.add(verb::reset_all, relays_.size());
    for (auto& each : relays_)
      each->reset();
  });
}

void fault_gate::close_all() {
  call([this] {
    hits_.add(verb::close_all, relays_.size());
    for (auto& each : relays_)
      each->finish(clock::now());
  });
}

void fault_gate::hold(direction which) {
  set_rule(which, [](traffic_rule& rule) { rule.hold = true; });
}

void fault_gate::hold_living(direction which) {
  call([this, which] {
    for (auto& each : relays_) {
      if (which != direction::replies)
        each->hold(requests_lane, true);
      if (which != direction::requests)
        each->hold(replies_lane, true);
    }
  });
}

void fault_gate::delay(std::chrono::milliseconds by, direction which,
                       std::chrono::milliseconds jitter) {
  set_rule(which, [by, jitter](traffic_rule& rule) {
    rule.delay = by;
    rule.jitter = jitter;
  });
}

void fault_gate::slice(size_t bytes, direction which,
                       std::chrono::milliseconds pause) {
  set_rule(which, [bytes, pause](traffic_rule& rule) {
    rule.slice_bytes = bytes;
    rule.slice_pause = pause;
  });
}

void fault_gate::rate(uint64_t bytes_per_second, direction which) {
  set_rule(which, [bytes_per_second](traffic_rule& rule) {
    rule.rate_bytes = bytes_per_second;
  });
}

void fault_gate::concat(size_t bytes, direction which,
                        std::chrono::milliseconds pause) {
  set_rule(which, [bytes, pause](traffic_rule& rule) {
    rule.concat_bytes = bytes;
    rule.concat_pause = pause;
  });
}

void fault_gate::corrupt_at(uint64_t offset, std::string bytes,
                            direction which) {
  corrupt({damage::place::at, offset, {}, std::move(bytes)}, which);
}

void fault_gate::corrupt_every(uint64_t n, char byte, direction which) {
  corrupt({damage::place::every, n, {}, std::string(1, byte)}, which);
}

void fault_gate::corrupt_first(std::string pattern, std::string instead,
                               direction which) {
  corrupt({damage::place::first, 0, std::move(pattern), std::move(instead)},
          which);
}

void fault_gate::cut_replies_after(uint64_t bytes, ending how) {
  cut_after(replies_lane, bytes, how);
}

void fault_gate::cut_requests_after(uint64_t bytes, ending how) {
  cut_after(requests_lane, bytes, how);
}

void fault_gate::close_on_data(direction which, ending how) {
  set_rule(which, [how](traffic_rule& rule) { rule.close_on_data = how; });
}

void fault_gate::slow_close(std::chrono::milliseconds by, direction which) {
  set_rule(which, [by](traffic_rule& rule) { rule.slow_close = by; });
}

// -- the gate's thread --------------------------------------------------------

void fault_gate::call(std::function<void()> action) {
  std::packaged_task<void()> task{std::move(action)};
  auto done = task.get_future();
  {
    std::lock_guard guard{mutex_};
    tasks_.push_back(std::move(task));
  }
  uint64_t one = 1;
  if (::write(wake_.get(), &one, sizeof(one)) < 0)
    throw_errno("write to an eventfd");
  done.get();
}

void fault_gate::run() {
  std::array<epoll_event, 64> events;
  while (!stopping_) {
    auto n = ::epoll_wait(epoll_.get(), events.data(),
                          static_cast<int>(events.size()),
                          wait_ms(clock::now()));
    auto now = clock::now();
    if (std::exchange(starved_, false))
      watch_listener(true);
    for (int i = 0; i < n; ++i) {
      auto* tag = events[static_cast<size_t>(i)].data.ptr;
      if (tag == &wake_)
        run_tasks();
      else if (tag == &listener_)
        accept_some();
      else {
        auto* at = static_cast<relay::end*>(tag);
        at->owner->ready(*at, now);
      }
    }
    pump_all(true);
    sweep();
  }
}

void fault_gate::run_tasks() {
  uint64_t ignored = 0;
  [[maybe_unused]] auto rc = ::read(wake_.get(), &ignored, sizeof(ignored));
  std::vector<std::packaged_task<void()>> tasks;
  {
    std::lock_guard guard{mutex_};
    tasks.swap(tasks_);
  }
  for (auto& task : tasks)
    task();
}

void fault_gate::accept_some() {
  // Bounded, so that a storm of dials leaves time for bytes.
  for (int i = 0; i < 64; ++i) {
    auto socket = accept_from(listener_);
    if (!socket) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
        starved_ = true;
        watch_listener(false);
      }
      return;
    }
    if (is_filler(socket))
      continue;
    ++accepted_;
    ++living_;
    relays_.push_back(std::make_unique<relay>(epoll_.get(), std::move(socket),
                                              upstream_, rules_, hits_));
    relays_.back()->pump(clock::now());
  }
}

// Fillers that made it into the backlog come out of it again.
bool fault_gate::is_filler(const unique_fd& socket) {
  return !fillers_.empty()
         && std::erase_if(fillers_, [port = port_of(socket, side::peer)](
                                      auto& each) {
              return each.second == port;
            }) > 0;
}

void fault_gate::listen() {
  // Those that are not in the backlog yet must not enter it now.
  std::erase_if(fillers_, [](auto& each) { return !settles(each.first, 0); });
  if (!listener_)
    listener_ = listen_on(address::tcp(port_), backlog);
  else
    ::listen(listener_.get(), backlog);
  watch_listener(true);
}

void fault_gate::stop_listening() {
  watch_listener(false);
  listener_.close();
  fillers_.clear();
  starved_ = false;
}

void fault_gate::watch_listener(bool on) {
  if (!listener_ || listener_watched_ == on)
    return;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = &listener_;
  if (::epoll_ctl(epoll_.get(), on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL,
                  listener_.get(), &event)
      != 0)
    throw_errno("epoll_ctl");
  listener_watched_ = on;
}

void fault_gate::set_rule(direction which,
                          const std::function<void(traffic_rule&)>& change) {
  call([this, which, &change] {
    if (which != direction::replies)
      change(rules_[requests_lane]);
    if (which != direction::requests)
      change(rules_[replies_lane]);
    pump_all(false);
  });
}

void fault_gate::cut_after(size_t index, uint64_t bytes, ending how) {
  call([this, index, bytes, how] {
    rules_[index].cut_after = bytes;
    rules_[index].cut_by = how;
    for (auto& each : relays_)
      each->restart_cut(index);
  });
}

void fault_gate::corrupt(damage what, direction which) {
  call([this, &what, which] {
    for (auto index : {requests_lane, replies_lane}) {
      if (which
          == (index == requests_lane ? direction::replies
                                     : direction::requests))
        continue;
      rules_[index].corrupt = what;
      for (auto& each : relays_)
        each->restart_damage(index);
    }
  });
}

void fault_gate::pump_all(bool only_due) {
  auto now = clock::now();
  for (auto& each : relays_)
    if (!only_due || each->next_due() <= now)
      each->pump(now);
}

void fault_gate::sweep() {
  auto gone = std::erase_if(relays_, [](auto& each) { return each->over(); });
  living_ -= gone;
}

// Milliseconds, rounded up, until a relay has something to do; -1 for never.
int fault_gate::wait_ms(time_point now) const {
  auto due = starved_ ? now + starved_pause : time_point::max();
  for (auto& each : relays_)
    due = std::min(due, each->next_due());
  if (due == time_point::max())
    return -1;
  auto left = std::chrono::ceil<std::chrono::milliseconds>(due - now);
  return static_cast<int>(std::clamp<int64_t>(left.count(), 0, 1000));
}

} // namespace redoubt::lab
