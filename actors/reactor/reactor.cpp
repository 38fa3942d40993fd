#include <redoubt/actors/reactor/reactor.hpp>

#include <sys/eventfd.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <future>
#include <system_error>

namespace redoubt {

namespace {

/// Messages that an actor handles before others get their turn.
constexpr size_t throughput = 64;

/// Rounds of resuming before sockets are looked at again, so that actors which
/// keep each other busy cannot starve I/O.
constexpr int rounds_per_turn = 4;

[[noreturn]] void throw_errno(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

} // namespace

void bounce_overloaded(const caf::mailbox_element& request) {
  if (!request.sender)
    return;
  failure x;
  x.code = errc::overloaded;
  x.outcome = fate::not_sent;
  x.last_message = "the mailbox is full";
  api::refuse(request, to_error(std::move(x)));
}

reactor::reactor(caf::actor_system& sys, const settings& options)
  : runs_later(&sys), options_(options) {
  epoll_fd_ = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_fd_ < 0)
    throw_errno("epoll_create1");
  event_fd_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = nullptr;
  if (event_fd_ < 0
      || epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, event_fd_, &event) != 0) {
    auto code = errno;
    ::close(event_fd_);
    ::close(epoll_fd_);
    throw std::system_error(code, std::generic_category(), "eventfd");
  }
  std::promise<void> started;
  thread_ = std::thread([this, &started] {
    thread_id_ = std::this_thread::get_id();
    api::actor_thread scope{system()};
    started.set_value();
    run();
  });
  started.get_future().wait();
}

reactor::~reactor() {
  assert(!on_thread());
  {
    std::lock_guard guard{inbox_mutex_};
    stopping_ = true;
    wake();
  }
  thread_.join();
  ::close(event_fd_);
  ::close(epoll_fd_);
}

// -- any thread -----------------------------------------------------------------

void reactor::run_later(api::runnable* who) {
  if (api::is_hosted(*who) || options_.run_callers)
    post(who);
  else
    api::schedule(system(), who);
}

uint32_t reactor::mailbox_limit() const noexcept {
  return options_.mailbox_limit;
}

void reactor::post(api::runnable* who) {
  if (on_thread()) {
    local_.push_back(who);
    return;
  }
  // Woken under the lock: once it is free, what was posted may run and end the
  // last actor here, and then nobody keeps this reactor.
  std::lock_guard guard{inbox_mutex_};
  inbox_.push_back(who);
  if (std::exchange(asleep_, false))
    wake();
}

void reactor::wake() noexcept {
  uint64_t one = 1;
  // The counter cannot overflow between two reads, so this never blocks.
  [[maybe_unused]] auto n = ::write(event_fd_, &one, sizeof one);
}

bool reactor::on_thread() const noexcept {
  return thread_id_.load(std::memory_order_relaxed)
         == std::this_thread::get_id();
}

void reactor::add_resident(caf::actor_addr who) {
  std::lock_guard guard{residents_mutex_};
  residents_.insert(std::move(who));
}

void reactor::remove_resident(const caf::actor_addr& who) {
  std::lock_guard guard{residents_mutex_};
  residents_.erase(who);
  if (residents_.empty())
    residents_changed_.notify_all();
}

size_t reactor::residents() const {
  std::lock_guard guard{residents_mutex_};
  return residents_.size();
}

void reactor::evict() {
  assert(!on_thread());
  std::set<caf::actor_addr> all;
  std::unique_lock guard{residents_mutex_};
  // Actors that are ending may still spawn others, hence the loop.
  while (!residents_.empty()) {
    all = residents_;
    guard.unlock();
    for (auto& who : all)
      api::kill(who);
    all.clear();
    guard.lock();
    residents_changed_.wait_for(guard, std::chrono::milliseconds(50),
                                [this] { return residents_.empty(); });
  }
}

// -- the reactor's thread ---------------------------------------------------------

void reactor::watch(int fd, uint32_t events, io_handler* handler) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = handler;
  if (epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event) != 0)
    throw_errno("epoll_ctl");
}

void reactor::rewatch(int fd, uint32_t events, io_handler* handler) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = handler;
  if (epoll_ctl(epoll_fd_, EPOLL_CTL_MOD, fd, &event) != 0)
    throw_errno("epoll_ctl");
}

void reactor::unwatch(int fd, io_handler* handler) noexcept {
  epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, fd, nullptr);
  for (int i = 0; i < fetched_; ++i)
    if (events_[static_cast<size_t>(i)].data.ptr == handler)
      events_[static_cast<size_t>(i)].data.ptr = this;
  forget_dirty(handler);
}

void reactor::resume(api::runnable* who) {
  if (api::run(who, this, throughput))
    local_.push_back(who);
}

bool reactor::run_queued() {
  bool stop = false;
  {
    std::lock_guard guard{inbox_mutex_};
    asleep_ = false;
    batch_.swap(inbox_);
    stop = stopping_;
  }
  for (int round = 0; round < rounds_per_turn; ++round) {
    for (auto who : batch_)
      resume(who);
    batch_.clear();
    if (local_.empty())
      break;
    batch_.swap(local_);
  }
  // What the rounds did not reach keeps its place in the queue.
  if (!batch_.empty()) {
    batch_.insert(batch_.end(), local_.begin(), local_.end());
    local_.swap(batch_);
    batch_.clear();
  }
  return !stop;
}

void reactor::dispatch(int n) noexcept {
  fetched_ = n;
  for (int i = 0; i < n; ++i) {
    auto& event = events_[static_cast<size_t>(i)];
    if (event.data.ptr == nullptr) {
      uint64_t count = 0;
      [[maybe_unused]] auto got = ::read(event_fd_, &count, sizeof count);
    } else if (event.data.ptr != this) {
      static_cast<io_handler*>(event.data.ptr)->on_ready(event.events);
    }
  }
  fetched_ = 0;
}

void reactor::wait_for_events(int timeout_ms) {
  auto n = epoll_wait(epoll_fd_, events_.data(),
                      static_cast<int>(events_.size()), timeout_ms);
  if (n > 0)
    dispatch(n);
}

bool reactor::spin_for_work() {
  auto until = api::clock::now() + options_.spin;
  do {
    wait_for_events(0);
    if (!local_.empty())
      return true;
    std::lock_guard guard{inbox_mutex_};
    if (!inbox_.empty() || stopping_)
      return true;
  } while (api::clock::now() < until);
  return false;
}

void reactor::run() {
  watch_.begin(api::clock::now());
  while (run_queued()) {
    flush_dirty();
    if (!local_.empty()) {
      watch_.next(api::clock::now());
      wait_for_events(0);
      continue;
    }
    watch_.end(api::clock::now());
    if (!(options_.spin.count() > 0 && spin_for_work()))
      sleep();
    watch_.begin(api::clock::now());
  }
  hand_over_rest();
}

void reactor::sleep() {
  {
    std::lock_guard guard{inbox_mutex_};
    if (!inbox_.empty() || stopping_)
      return;
    asleep_ = true;
  }
  wait_for_events(-1);
}

void reactor::hand_over_rest() {
  // Residents are gone by now (their owner evicts them first). Actors that were
  // only guests here, because of run_callers, go on elsewhere.
  std::vector<api::runnable*> rest;
  for (;;) {
    {
      std::lock_guard guard{inbox_mutex_};
      rest.swap(inbox_);
    }
    rest.insert(rest.end(), local_.begin(), local_.end());
    local_.clear();
    if (rest.empty())
      return;
    for (auto who : rest) {
      if (!api::is_hosted(*who))
        api::schedule(system(), who);
      else if (api::run(who, this, throughput))
        api::release(who);
    }
    rest.clear();
  }
}

} // namespace redoubt
