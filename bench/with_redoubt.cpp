#include <redoubt/bench/with_redoubt.hpp>

#include <redoubt/actors/bulk_client.hpp>
#include <redoubt/actors/runtime.hpp>
#include <redoubt/bench/workload.hpp>

#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

namespace redoubt::bench {

namespace {

using clock = std::chrono::steady_clock;

struct start {
  clock::time_point until;
};

} // namespace

} // namespace redoubt::bench

REDOUBT_LOCAL_MESSAGE(redoubt::bench::start)

namespace redoubt::bench {

namespace {

uint64_t nanoseconds(clock::duration x) {
  return static_cast<uint64_t>(
    std::chrono::duration_cast<std::chrono::nanoseconds>(x).count());
}

clock::time_point after(double seconds) {
  return clock::now()
         + std::chrono::duration_cast<clock::duration>(
           std::chrono::duration<double>(seconds));
}

void check_reply(const reply& x, size_t i) {
  if (x.kind() != reply_kind::string)
    throw std::runtime_error("redoubt got no string: " + to_string(x));
  check(x.text(), i);
}

runtime_options options_for(uint16_t port, callers_on where) {
  runtime_options x;
  x.server.port = port;
  x.threads.run_callers = where == callers_on::reactor;
  return x;
}

/// What the callers of one contender measured, apart for each thread that ran
/// them, so that measuring costs neither a lock nor a cache line per caller.
class shared_sample {
public:
  /// The sample of the calling thread.
  sample& mine() {
    thread_local uint64_t owner = 0;
    thread_local sample* own = nullptr;
    if (owner != id_) {
      std::lock_guard guard{mutex_};
      own = &samples_[std::this_thread::get_id()];
      owner = id_;
    }
    return *own;
  }

  /// Moves everything to `out`; while no caller runs.
  void take(sample& out) {
    std::lock_guard guard{mutex_};
    for (auto& [thread, each] : samples_) {
      out.latencies.add(each.latencies);
      out.operations += std::exchange(each.operations, 0);
      each.latencies.clear();
    }
  }

  std::atomic<bool> wrong{false};

private:
  static uint64_t next_id() {
    static std::atomic<uint64_t> last{0};
    return ++last;
  }

  // Not the address: another one may have lived there before.
  const uint64_t id_ = next_id();
  std::mutex mutex_;
  std::map<std::thread::id, sample> samples_;
};

/// An actor that keeps one question under way from `start` until its time is up.
class asking_actor : public caf::event_based_actor {
public:
  asking_actor(caf::actor_config& cfg, request_actor to, size_t first,
               std::shared_ptr<shared_sample> out)
    : caf::event_based_actor(cfg),
      to_(std::move(to)),
      next_(first),
      out_(std::move(out)) {}

  caf::behavior make_behavior() override {
    return {[this](const start& x) {
      until_ = x.until;
      done_ = make_response_promise<bool>();
      ask();
    }};
  }

protected:
  virtual void ask() = 0;

  /// A question that was asked at `since` is answered.
  void answered(clock::time_point since, size_t operations) {
    auto now = clock::now();
    auto& taken = out_->mine();
    taken.latencies.add(nanoseconds(now - since));
    taken.operations += operations;
    if (now < until_)
      ask();
    else
      done_.deliver(true);
  }

  void failed(const caf::error& e) {
    auto why = failure_of(e);
    std::fprintf(stderr, "redoubt failed: %s\n",
                 why ? to_string(*why).c_str() : "?");
    out_->wrong = true;
    done_.deliver(true);
  }

  request_actor to_;
  size_t next_;

private:
  std::shared_ptr<shared_sample> out_;
  clock::time_point until_;
  caf::typed_response_promise<bool> done_;
};

/// Asks for one key after the other.
class one_caller : public asking_actor {
public:
  using asking_actor::asking_actor;

private:
  void ask() override {
    auto i = next_++;
    auto since = clock::now();
    request(to_, caf::infinite, command{"GET", key(i)})
      .then(
        [this, i, since](const reply& x) {
          check_reply(x, i);
          answered(since, 1);
        },
        [this](const caf::error& e) { failed(e); });
  }
};

/// Asks for `size` keys at once.
class pipeline_caller : public asking_actor {
public:
  pipeline_caller(caf::actor_config& cfg, request_actor to, size_t size,
                  std::shared_ptr<shared_sample> out)
    : asking_actor(cfg, std::move(to), 0, std::move(out)), size_(size) {}

private:
  void ask() override {
    pipeline x;
    auto first = next_;
    for (size_t k = 0; k < size_; ++k)
      x.commands.push_back(command{"GET", key(next_++)});
    auto since = clock::now();
    request(to_, caf::infinite, std::move(x))
      .then(
        [this, first, since](const replies& all) {
          for (size_t k = 0; k < size_; ++k)
            check_reply(std::get<reply>(all.outcomes[k]), first + k);
          answered(since, size_);
        },
        [this](const caf::error& e) { failed(e); });
  }

  size_t size_;
};

/// Keeps `width` questions under way over the bulk interface.
class bulk_driver : public caf::event_based_actor {
public:
  bulk_driver(caf::actor_config& cfg, request_actor to, size_t width,
              std::shared_ptr<shared_sample> out)
    : caf::event_based_actor(cfg),
      asked_(width),
      redis_(this, std::move(to),
             [this](uint64_t place, outcome& x) { answered(place, x); }),
      out_(std::move(out)) {
    for (size_t i = 0; i < width; ++i)
      asked_[i].next = i * (key_count / width);
  }

  caf::behavior make_behavior() override {
    return {
      [this](const start& x) {
        until_ = x.until;
        done_ = make_response_promise<bool>();
        for (size_t place = 0; place < asked_.size(); ++place)
          ask(place);
        redis_.flush();
      },
      [this](completions& x) { redis_.take(x); },
    };
  }

private:
  struct question {
    size_t next = 0;
    clock::time_point since;
  };

  void ask(size_t place) {
    auto& x = asked_[place];
    x.since = clock::now();
    redis_.add(command{"GET", key(x.next)}, place);
  }

  void answered(size_t place, const outcome& x) {
    auto now = clock::now();
    auto& mine = asked_[place];
    if (auto value = std::get_if<reply>(&x)) {
      check_reply(*value, mine.next++);
      auto& taken = out_->mine();
      taken.latencies.add(nanoseconds(now - mine.since));
      ++taken.operations;
    } else {
      std::fprintf(stderr, "redoubt failed: %s\n",
                   to_string(std::get<failure>(x)).c_str());
      out_->wrong = true;
    }
    if (now < until_ && !out_->wrong)
      ask(place);
    else if (redis_.outstanding() == 0)
      done_.deliver(true);
  }

  std::vector<question> asked_;
  bulk_client redis_;
  std::shared_ptr<shared_sample> out_;
  clock::time_point until_;
  caf::typed_response_promise<bool> done_;
};

/// A runtime and the callers of one contender.
struct stage {
  stage(uint16_t port, callers_on where) : rt(options_for(port, where)) {
    if (auto error = rt.wait_ready(std::chrono::seconds(5)))
      throw std::runtime_error("redoubt cannot connect");
  }

  ~stage() {
    for (auto& each : callers)
      caf::anon_send_exit(each, caf::exit_reason::kill);
  }

  void run(double seconds, sample& out) {
    caf::scoped_actor self{rt.system()};
    auto until = after(seconds);
    for (auto& each : callers)
      self->send(each, start{until});
    size_t left = callers.size();
    self->receive_while([&] { return left > 0; })([&](bool) { --left; });
    if (shared->wrong)
      throw std::runtime_error("a request failed");
    shared->take(out);
  }

  runtime rt;
  std::shared_ptr<shared_sample> shared = std::make_shared<shared_sample>();
  std::vector<caf::actor> callers;
};

} // namespace

std::function<void(double, sample&)> redoubt_callers(uint16_t port, size_t n,
                                                     callers_on where) {
  auto x = std::make_shared<stage>(port, where);
  auto to = x->rt.client();
  for (size_t i = 0; i < n; ++i)
    x->callers.push_back(
      x->rt.system().spawn<one_caller>(to, i * (key_count / n), x->shared));
  return [x](double seconds, sample& out) { x->run(seconds, out); };
}

std::function<void(double, sample&)> redoubt_bulk(uint16_t port, size_t n) {
  auto x = std::make_shared<stage>(port, callers_on::reactor);
  x->callers.push_back(
    caf::actor{x->rt.spawn_pinned<bulk_driver>(x->rt.client(), n, x->shared)});
  return [x](double seconds, sample& out) { x->run(seconds, out); };
}

std::function<void(double, sample&)> redoubt_pipeline(uint16_t port, size_t n,
                                                      callers_on where) {
  auto x = std::make_shared<stage>(port, where);
  x->callers.push_back(
    x->rt.system().spawn<pipeline_caller>(x->rt.client(), n, x->shared));
  return [x](double seconds, sample& out) { x->run(seconds, out); };
}

std::function<void(double, sample&)> redoubt_blocking(uint16_t port) {
  auto x = std::make_shared<stage>(port, callers_on::scheduler);
  auto to = x->rt.client();
  return [x, to](double seconds, sample& out) {
    caf::scoped_actor self{x->rt.system()};
    auto until = after(seconds);
    for (size_t i = 0; clock::now() < until; ++i) {
      auto since = clock::now();
      self->request(to, caf::infinite, command{"GET", key(i)})
        .receive([i](const reply& r) { check_reply(r, i); },
                 [](const caf::error&) {
                   throw std::runtime_error("a request failed");
                 });
      out.latencies.add(nanoseconds(clock::now() - since));
      ++out.operations;
    }
  };
}

} // namespace redoubt::bench
