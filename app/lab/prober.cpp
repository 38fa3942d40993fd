#include <redoubt/app/lab/prober.hpp>

#include <redoubt/app/lab/socket.hpp>

#include <algorithm>
#include <deque>
#include <poll.h>
#include <string_view>
#include <sys/socket.h>
#include <vector>

namespace redoubt::lab {

namespace {

using time_point = prober::time_point;

constexpr std::string_view ping = "PING\r\n";
constexpr std::string_view pong = "+PONG\r\n";

constexpr auto interval = std::chrono::milliseconds{1};

constexpr size_t max_on_their_way = 64;

/// The interval doubles up to this each time an attempt is given up that nobody has
/// answered: on a busy machine dials that are thrown away could keep a gate from all
/// others for ever.
constexpr auto longest_interval = std::chrono::milliseconds{16};

/// One dial with its PING.
class attempt {
public:
  attempt(uint16_t port, time_point now)
    : started(now), socket_(dial(address::tcp(port))) {}

  attempt(attempt&&) = default;
  attempt& operator=(attempt&&) = default;

  ~attempt() {
    if (socket_)
      socket_.close_with_reset();
  }

  time_point started;

  bool over() const noexcept { return !socket_; }

  pollfd interest() const noexcept {
    return {socket_.get(), static_cast<short>(sent_ ? POLLIN : POLLOUT), 0};
  }

  /// Goes on as the socket allows; true if the server answered +PONG.
  bool advance() {
    if (!sent_) {
      sent_ = dial_error(socket_) == 0
              && ::send(socket_.get(), ping.data(), ping.size(), MSG_NOSIGNAL)
                   == static_cast<ssize_t>(ping.size());
      if (!sent_)
        socket_.close_with_reset();
      return false;
    }
    char buffer[16];
    auto got = ::recv(socket_.get(), buffer, sizeof(buffer), 0);
    socket_.close_with_reset();
    return got > 0
           && pong.starts_with(
             std::string_view{buffer, static_cast<size_t>(got)});
  }

private:
  unique_fd socket_;
  bool sent_ = false;
};

// Waits until an attempt can go on, but no longer than the interval.
void wait_for_any(const std::deque<attempt>& attempts,
                  std::vector<pollfd>& items) {
  items.clear();
  for (auto& each : attempts)
    items.push_back(each.interest());
  ::poll(items.data(), items.size(), 1);
}

} // namespace

prober::prober(uint16_t port, std::chrono::milliseconds limit)
  : port_(port), limit_(limit), thread_([this] { run(); }) {
}

prober::~prober() {
  {
    std::lock_guard guard{mutex_};
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void prober::arm(time_point down_since) {
  {
    std::lock_guard guard{mutex_};
    armed_ = true;
    ++round_;
    down_since_ = down_since;
    first_pong_.reset();
  }
  changed_.notify_all();
}

void prober::disarm() {
  std::lock_guard guard{mutex_};
  armed_ = false;
}

std::optional<time_point> prober::first_pong() const {
  std::lock_guard guard{mutex_};
  return first_pong_;
}

std::optional<time_point>
prober::wait(std::chrono::milliseconds timeout) const {
  std::unique_lock guard{mutex_};
  changed_.wait_for(guard, timeout, [this] { return first_pong_.has_value(); });
  return first_pong_;
}

void prober::run() {
  std::unique_lock guard{mutex_};
  for (;;) {
    changed_.wait(guard, [this] { return armed_ || stopping_; });
    if (stopping_)
      return;
    auto round = round_;
    auto from = down_since_;
    guard.unlock();
    probe(round, from, clock::now() + limit_);
    guard.lock();
    if (round == round_)
      armed_ = false;
  }
}

void prober::probe(uint64_t round, time_point from, time_point until) {
  std::deque<attempt> attempts;
  std::vector<pollfd> items;
  auto next_dial = clock::now();
  auto pace = interval;
  while (wanted(round) && clock::now() < until) {
    if (auto now = clock::now(); now >= next_dial && now > from) {
      if (attempts.size() == max_on_their_way) {
        attempts.pop_front();
        pace = std::min(2 * pace, longest_interval);
      }
      next_dial = now + pace;
      attempts.emplace_back(port_, now);
    }
    std::erase_if(attempts, [](auto& each) { return each.over(); });
    wait_for_any(attempts, items);
    for (size_t i = 0; i < attempts.size(); ++i) {
      if (items[i].revents == 0 || !attempts[i].advance())
        continue;
      std::lock_guard guard{mutex_};
      if (round == round_ && armed_) {
        first_pong_ = clock::now();
        armed_ = false;
        changed_.notify_all();
      }
      return;
    }
  }
}

bool prober::wanted(uint64_t round) const {
  std::lock_guard guard{mutex_};
  return !stopping_ && armed_ && round_ == round;
}

} // namespace redoubt::lab
