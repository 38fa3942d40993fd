#include <redoubt/bench/contenders/peers.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/consign.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/redis.hpp>
// The library's own code; nobody else compiles it.
#include <boost/redis/src.hpp>

#include <memory>

namespace redoubt::bench {

namespace {

namespace asio = boost::asio;
namespace redis = boost::redis;

redis::config config_of(const endpoint& server) {
  redis::config x;
  x.addr.host = server.host;
  x.addr.port = std::to_string(server.port);
  return x;
}

/// Since Boost 1.89 without a logger.
void start(const std::shared_ptr<redis::connection>& on,
           const redis::config& x) {
  auto token = asio::consign(asio::detached, on);
  auto run = [&](auto& connection) {
    if constexpr (requires { connection.async_run(x, token); })
      connection.async_run(x, token);
    else
      connection.async_run(x, redis::logger{redis::logger::level::disabled},
                           token);
  };
  run(*on);
}

class coroutines {
public:
  coroutines(const endpoint& server, const workload& load, size_t n,
             size_t size)
    : load_(load), count_(n), size_(size) {
    start(connection_, config_of(server));
  }

  coroutines(const coroutines&) = delete;
  coroutines& operator=(const coroutines&) = delete;

  ~coroutines() {
    connection_->cancel();
    context_.restart();
    context_.run();
  }

  void run(double seconds, sample& out) {
    auto until = after(seconds);
    left_ = count_;
    for (size_t i = 0; i < count_; ++i)
      asio::co_spawn(context_, ask(i * load_.key_count / count_, until, out),
                     [this](const std::exception_ptr& e) {
                       wrong_ = wrong_ || e != nullptr;
                       if (--left_ == 0)
                         context_.stop();
                     });
    context_.restart();
    context_.run();
    if (wrong_)
      wrong_reply();
  }

private:
  asio::awaitable<void> ask(size_t i, clock::time_point until, sample& out) {
    redis::request asked;
    redis::generic_response got;
    while (clock::now() < until && !wrong_) {
      asked.clear();
      got = redis::generic_response{};
      auto since = clock::now();
      for (size_t k = 0; k < size_; ++k)
        if (load_.writes(i + k))
          asked.push("SET", load_.key(i + k), load_.value(i + k));
        else
          asked.push("GET", load_.key(i + k));
      co_await connection_->async_exec(asked, got, asio::use_awaitable);
      check(got, i);
      out.latencies.add(nanoseconds(clock::now() - since));
      out.operations += size_;
      i += size_;
    }
  }

  void check(const redis::generic_response& got, size_t i) {
    if (!got.has_value() || got.value().size() != size_) {
      wrong_ = true;
      return;
    }
    for (size_t k = 0; k < size_; ++k) {
      auto& text = got.value()[k].value;
      wrong_ = wrong_
               || !(load_.writes(i + k) ? text == "OK"
                                        : load_.is_value(text, i + k));
    }
  }

  workload load_;
  size_t count_;
  size_t size_;
  size_t left_ = 0;
  bool wrong_ = false;
  asio::io_context context_{1};
  std::shared_ptr<redis::connection>
    connection_ = std::make_shared<redis::connection>(context_);
};

} // namespace

runner boost_redis(const endpoint& server, const workload& load, size_t n,
                   size_t size) {
  auto all = std::make_shared<coroutines>(server, load, n, size);
  return [all](double seconds, sample& out) { all->run(seconds, out); };
}

} // namespace redoubt::bench
