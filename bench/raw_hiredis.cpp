#include <redoubt/bench/raw_hiredis.hpp>

#include <redoubt/bench/workload.hpp>

#include <hiredis/async.h>
#include <hiredis/hiredis.h>

#include <sys/epoll.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <vector>

namespace redoubt::bench {

namespace {

using clock = std::chrono::steady_clock;

uint64_t nanoseconds(clock::duration x) {
  return static_cast<uint64_t>(
    std::chrono::duration_cast<std::chrono::nanoseconds>(x).count());
}

struct context_deleter {
  void operator()(redisContext* x) const noexcept { redisFree(x); }
};

std::shared_ptr<redisContext> connect(uint16_t port) {
  std::shared_ptr<redisContext> x{redisConnect("127.0.0.1", port),
                                  context_deleter{}};
  if (!x || x->err != 0)
    throw std::runtime_error("hiredis cannot connect");
  return x;
}

void check_reply(const redisReply* x, size_t i) {
  if (x == nullptr || x->type != REDIS_REPLY_STRING)
    throw std::runtime_error("hiredis got no string");
  check({x->str, x->len}, i);
}

std::vector<std::string> formatted_gets() {
  std::vector<std::string> result;
  for (size_t i = 0; i < key_count; ++i) {
    char* text = nullptr;
    auto size = redisFormatCommand(&text, "GET %s", key(i).c_str());
    result.emplace_back(text, static_cast<size_t>(size));
    redisFreeCommand(text);
  }
  return result;
}

/// The event loop of one asynchronous context.
class async_loop {
public:
  async_loop(uint16_t port, size_t outstanding)
    : outstanding_(outstanding), commands_(formatted_gets()) {
    context_ = redisAsyncConnect("127.0.0.1", port);
    if (context_ == nullptr || context_->err != 0)
      throw std::runtime_error("hiredis cannot connect");
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    epoll_event event{};
    epoll_ctl(epoll_, EPOLL_CTL_ADD, context_->c.fd, &event);
    context_->ev.data = this;
    context_->ev.addRead = [](void* x) { self(x).want(EPOLLIN, true); };
    context_->ev.delRead = [](void* x) { self(x).want(EPOLLIN, false); };
    context_->ev.addWrite = [](void* x) { self(x).want(EPOLLOUT, true); };
    context_->ev.delWrite = [](void* x) { self(x).want(EPOLLOUT, false); };
    context_->ev.cleanup = [](void*) {};
  }

  ~async_loop() {
    redisAsyncFree(context_);
    ::close(epoll_);
  }

  void run(double seconds, sample& out) {
    out_ = &out;
    until_ = clock::now()
             + std::chrono::duration_cast<clock::duration>(
               std::chrono::duration<double>(seconds));
    stopping_ = false;
    for (size_t i = 0; i < outstanding_; ++i)
      submit(std::make_unique<one>(one{this, 0, {}}).release());
    while (under_way_ > 0) {
      epoll_event event{};
      if (epoll_wait(epoll_, &event, 1, -1) < 1)
        continue;
      if ((event.events & EPOLLIN) != 0)
        redisAsyncHandleRead(context_);
      if ((event.events & EPOLLOUT) != 0)
        redisAsyncHandleWrite(context_);
      stopping_ = clock::now() >= until_;
    }
  }

private:
  struct one {
    async_loop* loop;
    size_t key;
    clock::time_point since;
  };

  static async_loop& self(void* x) { return *static_cast<async_loop*>(x); }

  void want(uint32_t what, bool on) {
    auto wanted = on ? wanted_ | what : wanted_ & ~what;
    if (wanted == wanted_)
      return;
    wanted_ = wanted;
    epoll_event event{};
    event.events = wanted_;
    epoll_ctl(epoll_, EPOLL_CTL_MOD, context_->c.fd, &event);
  }

  void submit(one* x) {
    x->key = next_++ % key_count;
    x->since = clock::now();
    ++under_way_;
    auto& text = commands_[x->key];
    redisAsyncFormattedCommand(context_, on_reply, x, text.data(), text.size());
  }

  static void on_reply(redisAsyncContext*, void* raw, void* tag) {
    auto x = static_cast<one*>(tag);
    auto& loop = *x->loop;
    check_reply(static_cast<redisReply*>(raw), x->key);
    loop.out_->latencies.add(nanoseconds(clock::now() - x->since));
    ++loop.out_->operations;
    --loop.under_way_;
    if (loop.stopping_)
      delete x;
    else
      loop.submit(x);
  }

  size_t outstanding_;
  std::vector<std::string> commands_;
  redisAsyncContext* context_ = nullptr;
  int epoll_ = -1;
  uint32_t wanted_ = 0;
  size_t next_ = 0;
  size_t under_way_ = 0;
  bool stopping_ = false;
  clock::time_point until_;
  sample* out_ = nullptr;
};

} // namespace

std::function<void(double, sample&)> hiredis_sync(uint16_t port) {
  return [context = connect(port), commands = formatted_gets()](double seconds,
                                                                sample& out) {
    auto until = clock::now() + std::chrono::duration<double>(seconds);
    for (size_t i = 0; clock::now() < until; ++i) {
      auto start = clock::now();
      auto& text = commands[i % key_count];
      redisAppendFormattedCommand(context.get(), text.data(), text.size());
      void* raw = nullptr;
      redisGetReply(context.get(), &raw);
      check_reply(static_cast<redisReply*>(raw), i);
      freeReplyObject(raw);
      out.latencies.add(nanoseconds(clock::now() - start));
      ++out.operations;
    }
  };
}

std::function<void(double, sample&)> hiredis_sync_pipeline(uint16_t port,
                                                           size_t n) {
  return [context = connect(port), commands = formatted_gets(),
          n](double seconds, sample& out) {
    auto until = clock::now() + std::chrono::duration<double>(seconds);
    for (size_t i = 0; clock::now() < until; i += n) {
      auto start = clock::now();
      for (size_t k = 0; k < n; ++k) {
        auto& text = commands[(i + k) % key_count];
        redisAppendFormattedCommand(context.get(), text.data(), text.size());
      }
      for (size_t k = 0; k < n; ++k) {
        void* raw = nullptr;
        redisGetReply(context.get(), &raw);
        check_reply(static_cast<redisReply*>(raw), i + k);
        freeReplyObject(raw);
      }
      out.latencies.add(nanoseconds(clock::now() - start));
      out.operations += n;
    }
  };
}

std::function<void(double, sample&)> hiredis_async(uint16_t port,
                                                   size_t outstanding) {
  return [loop = std::make_shared<async_loop>(port, outstanding)](
           double seconds, sample& out) { loop->run(seconds, out); };
}

} // namespace redoubt::bench
