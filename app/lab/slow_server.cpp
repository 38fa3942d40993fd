#include <redoubt/app/lab/slow_server.hpp>

#include <hiredis.h>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace redoubt::lab {

/// One connection: bytes in, commands out, and the other way round.
class slow_server::client {
public:
  explicit client(unique_fd socket)
    : socket_(std::move(socket)), reader_(redisReaderCreate()) {
    if (reader_ == nullptr)
      throw std::bad_alloc{};
  }

  client(const client&) = delete;
  client& operator=(const client&) = delete;

  ~client() { redisReaderFree(reader_); }

  /// Closed once it has ended.
  int fd() const noexcept { return socket_.get(); }

  /// Something is to be sent, and nothing holds it back.
  bool has_output(clock::time_point now) const noexcept {
    return !output_.empty() && now >= held_until_;
  }

  /// When what is held back may go; `max` if nothing is.
  clock::time_point held_until(clock::time_point now) const noexcept {
    return output_.empty() || now >= held_until_ ? clock::time_point::max()
                                                 : held_until_;
  }

  void hold_until(clock::time_point x) noexcept {
    held_until_ = std::max(held_until_, x);
  }

  void read() {
    std::array<char, 16 * 1024> room;
    auto n = ::recv(fd(), room.data(), room.size(), MSG_DONTWAIT);
    if (n > 0)
      redisReaderFeed(reader_, room.data(), static_cast<size_t>(n));
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
      socket_.close();
  }

  /// The next whole command, first word and second; false if there is none.
  bool next(std::string& name, std::string& sub) {
    void* raw = nullptr;
    if (!socket_ || redisReaderGetReply(reader_, &raw) != REDIS_OK) {
      socket_.close();
      return false;
    }
    if (raw == nullptr)
      return false;
    auto x = static_cast<redisReply*>(raw);
    auto word = [x](size_t i) {
      return i < x->elements && x->element[i]->str != nullptr
               ? std::string{x->element[i]->str, x->element[i]->len}
               : std::string{};
    };
    name = word(0);
    sub = word(1);
    freeReplyObject(x);
    return true;
  }

  void answer(std::string_view bytes, clock::time_point now) {
    output_ += bytes;
    write(now);
  }

  void write(clock::time_point now) {
    if (!socket_ || !has_output(now))
      return;
    auto n = ::send(fd(), output_.data(), output_.size(),
                    MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n > 0)
      output_.erase(0, static_cast<size_t>(n));
    else if (errno != EAGAIN && errno != EINTR)
      socket_.close();
  }

private:
  unique_fd socket_;
  redisReader* reader_;
  std::string output_;
  clock::time_point held_until_{};
};

slow_server::slow_server(std::chrono::microseconds per_command,
                         const stalls& held_back)
  : per_command_(per_command), stalls_(held_back), random_(held_back.seed) {
  reservation_ = reserve_port(port_);
  listener_ = listen_on(address::tcp(port_));
  wake_ = unique_fd{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
  if (!wake_)
    throw_errno("eventfd");
  thread_ = std::thread{[this] { run(); }};
}

slow_server::~slow_server() {
  stopping_ = true;
  uint64_t one = 1;
  [[maybe_unused]] auto n = ::write(wake_.get(), &one, sizeof one);
  thread_.join();
}

void slow_server::run() {
  while (!stopping_) {
    std::vector<pollfd> items{{wake_.get(), POLLIN, 0},
                              {listener_.get(), POLLIN, 0}};
    auto now = clock::now();
    auto next = jobs_.empty() ? clock::time_point::max() : done_at_;
    for (auto& each : clients_) {
      auto events = each->has_output(now) ? POLLIN | POLLOUT : POLLIN;
      items.push_back({each->fd(), static_cast<short>(events), 0});
      next = std::min(next, each->held_until(now));
    }
    auto wait = std::max(next - now, clock::duration{0});
    auto whole = std::chrono::floor<std::chrono::seconds>(wait);
    timespec limit{whole.count(), (wait - whole).count()};
    ::ppoll(items.data(), items.size(),
            next == clock::time_point::max() ? nullptr : &limit, nullptr);
    now = clock::now();
    for (size_t i = 2; i < items.size(); ++i) {
      auto& each = clients_[i - 2];
      each->write(now);
      if ((items[i].revents & ~POLLOUT) != 0)
        take_commands(each);
    }
    while (auto socket = accept_from(listener_))
      clients_.push_back(std::make_shared<client>(std::move(socket)));
    work_off(clock::now());
    std::erase_if(clients_, [](auto& each) { return each->fd() < 0; });
  }
}

void slow_server::take_commands(const std::shared_ptr<client>& from) {
  from->read();
  std::string name;
  std::string sub;
  while (from->next(name, sub)) {
    job x{from, "+OK\r\n", true};
    if (name == "PING")
      x = {from, "+PONG\r\n", false};
    else if (name == "CLIENT")
      x = {from, sub == "ID" ? ":1\r\n" : "+OK\r\n", false};
    if (jobs_.empty())
      done_at_ = clock::now()
                 + (x.takes_time ? per_command_ : clock::duration{0});
    jobs_.push_back(std::move(x));
  }
}

void slow_server::work_off(clock::time_point now) {
  while (!jobs_.empty() && done_at_ <= now) {
    auto x = std::move(jobs_.front());
    jobs_.pop_front();
    served_ += x.takes_time ? 1 : 0;
    auto stalled = x.takes_time
                   && std::generate_canonical<double, 32>(random_)
                        < stalls_.share;
    if (auto from = x.from.lock()) {
      if (stalled)
        from->hold_until(now + stalls_.time);
      from->answer(x.answer, now);
    }
    if (!jobs_.empty() && jobs_.front().takes_time)
      done_at_ += per_command_;
  }
}

} // namespace redoubt::lab
