#include <redoubt/bench/contenders/redoubt_stage.hpp>

#include <caf/scoped_actor.hpp>

#include <atomic>
#include <utility>

namespace redoubt::bench {

sample& shared_sample::mine() {
  thread_local uint64_t owner = 0;
  thread_local sample* own = nullptr;
  if (owner != id_) {
    std::lock_guard guard{mutex_};
    own = &samples_[std::this_thread::get_id()];
    owner = id_;
  }
  return *own;
}

void shared_sample::take(sample& out) {
  std::lock_guard guard{mutex_};
  for (auto& [thread, each] : samples_) {
    out.add(each);
    each.clear();
  }
}

void shared_sample::fail(std::string why) {
  std::lock_guard guard{mutex_};
  if (failure_.empty())
    failure_ = std::move(why);
}

void shared_sample::throw_if_failed() {
  std::lock_guard guard{mutex_};
  if (!failure_.empty())
    throw std::runtime_error("redoubt: " + failure_);
}

uint64_t shared_sample::next_id() {
  static std::atomic<uint64_t> last{0};
  return ++last;
}

command command_of(const workload& load, size_t i) {
  if (load.writes(i))
    return command{"SET", load.key(i), load.value(i)};
  return command{"GET", load.key(i)};
}

bool is_answer(const workload& load, const reply& x, size_t i) {
  if (load.writes(i))
    return x.kind() == reply_kind::status && x.text() == "OK";
  return x.kind() == reply_kind::string && load.is_value(x.text(), i);
}

asking_actor::asking_actor(caf::actor_config& cfg, const workload& load,
                           std::shared_ptr<shared_sample> out)
  : caf::event_based_actor(cfg), load_(load), out_(std::move(out)) {
}

caf::behavior asking_actor::make_behavior() {
  return {[this](const start& x) {
    until_ = x.until;
    done_ = make_response_promise<bool>();
    ask();
  }};
}

void asking_actor::answered(clock::time_point since, size_t operations) {
  auto now = clock::now();
  auto& taken = out_->mine();
  taken.latencies.add(nanoseconds(now - since));
  taken.operations += operations;
  if (now < until_)
    ask();
  else
    done_.deliver(true);
}

void asking_actor::failed(std::string why) {
  out_->fail(std::move(why));
  done_.deliver(false);
}

void asking_actor::failed(const caf::error& why) {
  failed(describe(why));
}

stage::stage(const runtime_options& options) : rt(options) {
  wait_until_ready(rt);
}

stage::~stage() {
  for (auto& each : callers)
    caf::anon_send_exit(each, caf::exit_reason::kill);
}

void stage::run(double seconds, sample& out) {
  caf::scoped_actor self{rt.system()};
  auto until = after(seconds);
  for (auto& each : callers)
    self->send(each, start{until});
  size_t left = callers.size();
  self->receive_while([&] { return left > 0; })([&](bool) { --left; });
  shared->throw_if_failed();
  shared->take(out);
}

void force_open(runtime& rt, const request_actor& handle) {
  caf::scoped_actor self{rt.system()};
  self
    ->request(rt.supervisor(), caf::infinite,
              force_breaker{force_breaker::action::open})
    .receive([](const breaker_status&) {},
             [](const caf::error& e) {
               throw std::runtime_error(describe(e));
             });
  for (auto open = false; !open;)
    self->request(handle, caf::infinite, command{"PING"})
      .receive([](const reply&) {},
               [&](const caf::error& e) {
                 auto why = failure_of(e);
                 open = why && why->code == errc::circuit_open;
               });
}

void wait_until_ready(runtime& rt) {
  if (auto error = rt.wait_ready(std::chrono::seconds{5}))
    throw std::runtime_error("redoubt cannot connect: " + describe(error));
}

runtime_options options_for(const endpoint& server, callers_on where) {
  runtime_options x;
  x.server = server;
  x.threads.run_callers = where == callers_on::reactor;
  return x;
}

runtime_options roomy_options_for(const endpoint& server, callers_on where) {
  constexpr uint32_t many = 1u << 20;
  constexpr uint64_t large = 1u << 30;
  auto x = options_for(server, where);
  x.limits.queue = many;
  x.limits.queue_bytes = large;
  x.limits.in_flight = many;
  x.limits.credit = many;
  x.limits.credit_bytes = large;
  x.limits.link_share = 0;
  x.limits.mailbox = many;
  return x;
}

} // namespace redoubt::bench
