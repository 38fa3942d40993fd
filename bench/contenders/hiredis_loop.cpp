#include <redoubt/bench/contenders/hiredis_loop.hpp>

#include <sys/epoll.h>
#include <unistd.h>

#include <utility>

namespace redoubt::bench {

hiredis_loop::hiredis_loop(const endpoint& server)
  : context_(connect_async(server)), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  epoll_event event{};
  event.data.fd = context_->c.fd;
  epoll_ctl(epoll_, EPOLL_CTL_ADD, context_->c.fd, &event);
  context_->ev.data = this;
  context_->ev.addRead = [](void* x) { self(x).want(EPOLLIN, true); };
  context_->ev.delRead = [](void* x) { self(x).want(EPOLLIN, false); };
  context_->ev.addWrite = [](void* x) { self(x).want(EPOLLOUT, true); };
  context_->ev.delWrite = [](void* x) { self(x).want(EPOLLOUT, false); };
  // hiredis frees a context that lost its connection.
  context_->ev.cleanup = [](void* x) { self(x).context_ = nullptr; };
}

hiredis_loop::~hiredis_loop() {
  if (context_)
    redisAsyncFree(context_);
  ::close(epoll_);
}

void hiredis_loop::watch(int fd, std::function<void()> on_ready) {
  watched_ = fd;
  on_ready_ = std::move(on_ready);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
}

void hiredis_loop::turn() {
  epoll_event events[2];
  auto n = epoll_wait(epoll_, events, 2, -1);
  for (int i = 0; i < n; ++i) {
    if (events[i].data.fd == watched_) {
      on_ready_();
      continue;
    }
    if ((events[i].events & EPOLLIN) != 0 && context_)
      redisAsyncHandleRead(context_);
    if ((events[i].events & EPOLLOUT) != 0 && context_)
      redisAsyncHandleWrite(context_);
  }
}

void hiredis_loop::want(uint32_t what, bool on) {
  auto wanted = on ? wanted_ | what : wanted_ & ~what;
  if (wanted == wanted_)
    return;
  wanted_ = wanted;
  epoll_event event{};
  event.events = wanted_;
  event.data.fd = context_->c.fd;
  epoll_ctl(epoll_, EPOLL_CTL_MOD, context_->c.fd, &event);
}

} // namespace redoubt::bench
