#include <redoubt/tests/sim/world.hpp>

#include <redoubt/actors/bulk_client.hpp>
#include <redoubt/actors/connection/connection.hpp>
#include <redoubt/actors/request/client.hpp>
#include <redoubt/actors/supervisor/supervisor.hpp>
#include <redoubt/tests/sim/attempts.hpp>
#include <redoubt/tests/sim/host.hpp>
#include <redoubt/tests/sim/ledger.hpp>

#include <caf/all.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <set>

namespace redoubt::sim {

namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

/// What a caller does next: the number of a plan, and whether to take it back.
struct go {
  uint64_t plan = 0;
  bool cancels = false;
};

} // namespace

std::string_view to_string(fault x) noexcept {
  static constexpr std::string_view names[] = {
    "reset",         "close",        "cut reply",       "spoil reply",
    "hold requests", "hold replies", "trickle",         "latency",
    "refuse",        "drop",         "kill server",     "stop server",
    "loading",       "busy",         "read only",       "out of memory",
    "too many",      "kill client",  "kill supervisor", "kill connection",
  };
  return names[static_cast<size_t>(x)];
}

std::string_view to_string(phase x) noexcept {
  static constexpr std::string_view names[] = {"connecting", "idle", "busy",
                                               "open", "half-open"};
  return names[static_cast<size_t>(x)];
}

} // namespace redoubt::sim

REDOUBT_LOCAL_MESSAGE(redoubt::sim::go)

namespace redoubt::sim {

namespace {

/// A command, pipeline or transaction that a caller will send.
struct planned {
  enum class form : uint8_t { single, pipeline, transaction };
  uint64_t caller = 0;
  uint64_t client = 0;
  form shape = form::single;
  std::vector<op_kind> kinds;
  std::vector<uint32_t> keys;
  request_options options;
  milliseconds deadline{0};
  /// Not 0: taken back after so long.
  milliseconds cancelled_after{0};
};

struct planned_fault {
  fault what = fault::reset;
  phase when = phase::busy;
  api::time_point not_before{};
  milliseconds lasts{0};
};

class world;

using caller_actor = api::interface<void(go), void(completions)>;

/// Sends what was planned and writes down what it is told.
class caller : public caller_actor::base {
public:
  caller(caf::actor_config& cfg, world& w, bool bulk)
    : caller_actor::base(cfg), world_(w), bulk_(bulk) {}

  behavior_type make_behavior() override {
    return {
      [this](go& x) {
        if (x.cancels)
          take_back(x.plan);
        else
          send_planned(x.plan);
      },
      [this](completions& x) {
        if (redis_)
          redis_->take(x);
      },
    };
  }

  void on_exit() override { redis_.reset(); }

private:
  void send_planned(uint64_t plan);
  void take_back(uint64_t plan);

  template <class... Ts>
  void ask(std::vector<uint64_t> ids, Ts&&... xs);

  world& world_;
  bool bulk_;
  std::unique_ptr<bulk_client> redis_;
};

class listener : public subscriber_actor::base {
public:
  listener(caf::actor_config& cfg, std::function<void(const event&)> on_event)
    : subscriber_actor::base(cfg), on_event_(std::move(on_event)) {}

  behavior_type make_behavior() override {
    return {[this](event& x) { on_event_(x); }};
  }

private:
  std::function<void(const event&)> on_event_;
};

class watcher : public attempt_observer::base {
public:
  watcher(caf::actor_config& cfg,
          std::function<void(const attempt_event&)> on_attempt)
    : attempt_observer::base(cfg), on_attempt_(std::move(on_attempt)) {}

  behavior_type make_behavior() override {
    return {[this](attempt_events& x) {
      for (auto& each : x.events)
        on_attempt_(each);
    }};
  }

private:
  std::function<void(const attempt_event&)> on_attempt_;
};

caf::actor_system_config& deterministic(caf::actor_system_config& cfg) {
  cfg.set("scheduler.policy", caf::atom("testing"));
  cfg.set("logger.inline-output", true);
  return cfg;
}

class world {
public:
  world(uint64_t seed, bool with_history)
    : random(seed),
      with_history_(with_history),
      system_(deterministic(config_)),
      scheduler_(
        dynamic_cast<caf::scheduler::test_coordinator&>(system_.scheduler())),
      net_(random, [this] { return now(); }),
      server_(net_,
              [this](const words& x, int link) {
                note([&] { return "server runs " + line_of(x); });
                book.ran(x, link, net_.given_up_at(link));
              }),
      host_(system_, net_),
      book([this] { return now(); }),
      baseline_(system_.registry().running()) {
    result_.seed = seed;
    net_.set_peer(server_);
    draw_options();
    draw_plans();
    draw_faults();
  }

  ~world() {
    supervisor_ = nullptr;
    clients_.clear();
    connections_.clear();
    callers_.clear();
    listener_ = nullptr;
    watcher_ = nullptr;
  }

  run_result run() {
    try {
      start();
      play();
      heal();
      finish();
    } catch (const violation& x) {
      result_.violation = x.what();
      note([&] { return result_.violation; });
    }
    end_all();
    for (auto& x : book.operations()) {
      ++result_.operations;
      result_.acknowledged += x.ok ? 1 : 0;
      result_.unknown += !x.ok && x.became == fate::unknown ? 1 : 0;
      result_.failed += !x.ok && x.became != fate::unknown ? 1 : 0;
    }
    return std::move(result_);
  }

  // -- callers --------------------------------------------------------------------

  api::time_point now() { return scheduler_.clock().now(); }

  const planned& plan(uint64_t n) const { return plans_.at(n); }

  const request_actor& handle(uint64_t client) const {
    return handles_.at(client);
  }

  void told(uint64_t id, const outcome& x) {
    note([&] {
      auto why = std::get_if<failure>(&x);
      return fmt::format("{} ends: {}", to_string(book.operations()[id - 1]),
                         why ? redoubt::to_string(*why)
                             : redoubt::to_string(std::get<reply>(x)));
    });
    guarded([&] { book.end(id, x); });
    auto number = plan_of_.at(id);
    if (--unanswered_.at(number) == 0)
      attempts_.end(number, book.operations()[id - 1].became, now());
  }

  /// The operations `ids` go out as the plan `number` says.
  void sends(uint64_t number, uint64_t handle,
             const std::vector<uint64_t>& ids) {
    auto& x = plans_.at(number);
    watched_request watched;
    watched.caller = book.operations()[ids.front() - 1].caller;
    watched.handle = handle;
    for (auto each : ids) {
      watched.keys.push_back(book.operations()[each - 1].key);
      plan_of_[each] = number;
    }
    watched.pipeline = x.shape == planned::form::pipeline;
    watched.write = x.kinds.front() != op_kind::get;
    watched.free = !x.options.use_breaker.value_or(true);
    watched.deadline = x.deadline;
    watched.max_attempts = x.options.retry ? 6 : default_attempts_;
    watched.before_deadline = !x.options.retry && default_before_deadline_;
    unanswered_[number] = ids.size();
    attempts_.begin(number, std::move(watched));
  }

  /// Within an actor, where CAF would take the exception for a fault of that actor.
  template <class Check>
  void guarded(Check check) {
    try {
      check();
    } catch (const violation& x) {
      if (!broken_)
        broken_ = x;
    }
  }

  template <class Text>
  void note(Text text) {
    auto line = text();
    for (auto c : line)
      result_.fingerprint = (result_.fingerprint ^ static_cast<uint8_t>(c))
                            * 0x100000001b3ull;
    if (with_history_)
      result_.history.push_back(fmt::format(
        "{:9.3f} ms  {}",
        std::chrono::duration<double, std::milli>(now() - began_).count(),
        line));
  }

  uint64_t up_to(uint64_t n) { return random.next() % n; }
  bool chance(uint64_t percent) { return up_to(100) < percent; }

  milliseconds between(milliseconds low, milliseconds high) {
    return random.between(low, high);
  }

  random_source random;

private:
  static std::string line_of(const words& x) {
    std::string result;
    for (auto& each : x)
      result += (result.empty() ? "" : " ") + each;
    return result;
  }

  // -- what is drawn from the seed --------------------------------------------------

  void draw_options() {
    auto& o = options_;
    o.server.host = "127.0.0.1";
    o.pool.connections = 1 + static_cast<uint32_t>(up_to(3));
    o.pool.connect_timeout = between(50ms, 400ms);
    o.pool.handshake_timeout = between(50ms, 400ms);
    o.pool.ping_interval = between(100ms, 1000ms);
    o.pool.ping_timeout = between(20ms, 200ms);
    o.client.timeouts.attempt = between(20ms, 300ms);
    o.client.timeouts.request = between(200ms, 2000ms);
    o.client.on_open = chance(50) ? on_open_policy::wait
                                  : on_open_policy::fail_fast;
    o.breaker.consecutive_failures = 2 + static_cast<uint32_t>(up_to(6));
    o.breaker.half_open_permits = 1 + static_cast<uint32_t>(up_to(5));
    o.breaker.enabled = !chance(10);
    if (chance(30))
      o.breaker.ramp.clear();
    if (chance(30))
      o.breaker.slow_call = 10ms;
    o.budget.enabled = chance(60);
    o.limits.credit = chance(30) ? 1 + static_cast<uint32_t>(up_to(8)) : 1024;
    o.limits.credit_bytes = chance(20) ? 200 : 1u << 20;
    o.limits.queue = chance(20) ? 1 + static_cast<uint32_t>(up_to(10)) : 16384;
    switch (up_to(5)) {
      case 0:
        o.client.retry = {no_wait(), stop_after(20), on_failure()};
        default_attempts_ = 20;
        default_before_deadline_ = false;
        break;
      case 1:
        o.client.retry = retry_policy::article();
        default_attempts_ = 5;
        break;
      case 2:
        o.client.retry = {fixed(between(1ms, 100ms)),
                          stop_after(4) | stop_before_deadline()};
        default_attempts_ = 4;
        break;
      default: break;
    }
    attempts_.permits(o.breaker.half_open_permits);
    if (o.limits.credit < 1024 || o.limits.credit_bytes < 1u << 20)
      attempts_.little_credit();
    server_.deny_client_commands(chance(25));
    net_.set_latency(50us, std::chrono::microseconds{100 + up_to(3000)});
  }

  void draw_plans() {
    auto callers = 2 + up_to(4);
    auto clients = 1 + up_to(3);
    for (uint64_t i = 0; i < clients; ++i)
      defaults_.push_back(options_.client);
    bulk_ = chance(30);
    // Nothing but plain overwrites: they are sent again, and must stay in order.
    auto overwrites = chance(25);
    callers_wanted_ = callers;
    size_t operations = 0;
    while (operations < 60) {
      planned x;
      x.caller = up_to(callers);
      // Mostly one handle per caller: there its order is promised.
      x.client = (chance(90) ? x.caller : up_to(clients)) % clients;
      auto shape = up_to(10);
      x.shape = shape < 8   ? planned::form::single
                : shape < 9 ? planned::form::pipeline
                            : planned::form::transaction;
      auto n = x.shape == planned::form::single ? 1 : 2 + up_to(4);
      for (uint64_t i = 0; i < n; ++i) {
        static constexpr op_kind kinds[] = {op_kind::get,       op_kind::set,
                                            op_kind::set,       op_kind::incr,
                                            op_kind::push,      op_kind::push,
                                            op_kind::push_twice};
        auto kind = kinds[up_to(x.shape == planned::form::single ? 7 : 6)];
        if (overwrites)
          kind = chance(80) ? op_kind::set : op_kind::get;
        if (x.shape == planned::form::transaction)
          kind = op_kind::push;
        x.kinds.push_back(kind);
        x.keys.push_back(static_cast<uint32_t>(up_to(2)));
      }
      draw_request(x);
      operations += n;
      plans_.push_back(std::move(x));
    }
    // In bursts, so that some are under way together and some times are idle.
    auto at = 10ms;
    for (size_t i = 0; i < plans_.size(); ++i) {
      if (chance(25))
        at += between(1ms, 400ms);
      else if (chance(50))
        at += between(0ms, 4ms);
      starts_.push_back(at);
    }
  }

  void draw_request(planned& x) {
    auto& o = x.options;
    x.deadline = options_.client.timeouts.request;
    if (chance(40)) {
      x.deadline = between(5ms, 3000ms);
      o.deadline = x.deadline;
    }
    if (chance(20))
      o.attempt_timeout = between(5ms, 400ms);
    if (chance(20))
      o.on_open = chance(50) ? on_open_policy::wait : on_open_policy::fail_fast;
    if (chance(15))
      o.use_breaker = false;
    if (chance(15))
      o.priority = chance(50) ? request_priority::high : request_priority::low;
    if (chance(15))
      o.retry = retry_policy{chance(50) ? no_wait() : fixed(20ms),
                             stop_after(6), on_failure()};
    if (x.kinds.front() == op_kind::push_twice)
      o.cls = command_class::idempotent;
    if (x.shape == planned::form::single && x.kinds.front() == op_kind::get
        && chance(30))
      o.hedge = hedge_options{hedge_mode::fixed, 5ms};
    if (chance(15)) {
      o.tag = plans_.size() + 1;
      if (chance(70))
        x.cancelled_after = between(0ms, 60ms);
    }
    o.operation = std::to_string(plans_.size());
  }

  void draw_faults() {
    auto n = 3 + up_to(5);
    for (uint64_t i = 0; i < n; ++i) {
      planned_fault x;
      x.what = static_cast<fault>(up_to(fault_count));
      x.when = static_cast<phase>(up_to(phase_count));
      x.not_before = api::time_point{} + between(0ms, starts_.back());
      // Often so long that attempts, requests or links run out of time meanwhile.
      x.lasts = chance(50) ? between(1ms, 60ms) : between(60ms, 1500ms);
      faults_.push_back(x);
    }
  }

  // -- actors -----------------------------------------------------------------------

  void start() {
    began_ = now();
    for (auto& x : faults_)
      x.not_before += began_.time_since_epoch();
    watcher_ = system_.spawn<watcher>([this](const attempt_event& x) {
      note([&] {
        return fmt::format("request {}: attempt {} {} ({}, {}, {} ms)",
                           x.operation, x.attempt, redoubt::to_string(x.what),
                           redoubt::to_string(x.code),
                           redoubt::to_string(x.outcome), x.wait.count());
      });
      guarded([&] { attempts_.told(x, now()); });
    });
    start_supervisor(nullptr);
    for (uint64_t i = 0; i < defaults_.size(); ++i) {
      spawn_client(i);
      caf::anon_send(supervisor_, register_client{clients_[i], i, 0});
    }
    for (uint64_t i = 0; i < callers_wanted_; ++i)
      callers_.push_back(
        system_.spawn<caller>(std::ref(*this), bulk_ && i == 0));
    listener_ = system_.spawn<listener>(
      [this](const event& x) { on_event(x); });
    caf::anon_send(supervisor_, subscribe{listener_});
  }

  void start_supervisor(std::shared_ptr<supervisor_standing> inherited) {
    supervisor_config x;
    x.options = options_;
    x.seed = random.next();
    x.inherited = std::move(inherited);
    x.dial = [this](uint32_t, uint64_t link, link_observer observer,
                    const link_client&) {
      return dial(link, std::move(observer));
    };
    x.replace_client = [this](uint64_t id) -> std::optional<client_place> {
      if (ending_)
        return std::nullopt;
      spawn_client(id);
      note([&] { return fmt::format("client {} is replaced", id); });
      return client_place{clients_[id], id, 0};
    };
    x.roster = [this] {
      std::vector<client_place> all;
      for (uint64_t i = 0; i < clients_.size(); ++i)
        all.push_back({clients_[i], i, 0});
      return all;
    };
    x.succeed = [this](std::shared_ptr<supervisor_standing> left) {
      if (!ending_)
        start_supervisor(std::move(left));
    };
    supervisor_ = system_.spawn<supervisor>(std::move(x));
  }

  void spawn_client(uint64_t id) {
    client_config x;
    x.id = id;
    x.defaults = defaults_[id];
    x.limits = options_.limits;
    x.supervisor = supervisor_;
    x.seed = random.next();
    client_actor made = system_.spawn<client>(std::move(x));
    caf::anon_send(made, observe_attempts{watcher_});
    if (id == clients_.size()) {
      clients_.push_back(made);
      handles_.push_back(made);
    } else {
      clients_[id] = made;
      handles_[id] = made;
    }
  }

  connection_actor dial(uint64_t link, link_observer observer) {
    connection_config x;
    x.link = link;
    x.server = options_.server;
    x.pool = options_.pool;
    x.name_suffix = fmt::format("#sim.{}", link);
    x.limits = options_.limits;
    x.observer = std::move(observer);
    connection_actor made = system_.spawn<connection>(
      std::ref(static_cast<io_host&>(host_)), std::move(x));
    connections_.push_back(caf::actor_cast<caf::actor_addr>(made));
    return made;
  }

  void on_event(const event& x) {
    if (x.kind != event_kind::breaker_changed)
      return;
    note([&] {
      return fmt::format("breaker {} -> {}", redoubt::to_string(x.from),
                         redoubt::to_string(x.to));
    });
    using s = breaker_state;
    auto legal = (x.from == s::closed && x.to == s::open)
                 || (x.from == s::open && x.to == s::half_open)
                 || (x.from == s::half_open && x.to == s::closed)
                 || (x.from == s::half_open && x.to == s::open);
    if (!legal || x.from != breaker_)
      guarded(
        [] { throw violation("the breaker took a way that there is not"); });
    breaker_ = x.to;
    attempts_.breaker_changed(x.to);
  }

  // -- time -------------------------------------------------------------------------

  /// One message, one look at the sockets, or one step of the clock; false if there
  /// is nothing until `limit`.
  bool step(api::time_point limit) {
    if (++result_.steps > 2'000'000)
      throw violation("it never comes to rest");
    if (broken_)
      throw *broken_;
    strike();
    auto& jobs = scheduler_.jobs;
    if (!jobs.empty()) {
      // Any of those that wait may be next.
      auto which = static_cast<ptrdiff_t>(up_to(jobs.size()));
      std::rotate(jobs.begin(), jobs.begin() + which, jobs.begin() + which + 1);
      scheduler_.run_once();
      if (host_.anything_to_flush() && chance(30))
        host_.flush();
      if (chance(20))
        host_.poll();
      return true;
    }
    host_.flush();
    net_.deliver();
    host_.poll();
    if (!jobs.empty())
      return true;
    return advance(limit);
  }

  bool advance(api::time_point limit) {
    book.check_deadlines();
    attempts_.end_of_instant();
    auto next = limit;
    auto& timers = scheduler_.clock().schedule();
    if (!timers.empty())
      next = std::min(next, timers.begin()->first);
    if (auto due = net_.next_due())
      next = std::min(next, *due);
    if (started_ < starts_.size())
      next = std::min(next, began_ + starts_[started_]);
    for (auto& x : faults_)
      if (x.not_before > now())
        next = std::min(next, x.not_before);
    if (!endings_.empty())
      next = std::min(next, endings_.begin()->first);
    if (next >= limit && now() >= limit)
      return false;
    scheduler_.advance_time(std::max(next - now(), api::duration{0}));
    net_.deliver();
    while (started_ < starts_.size() && now() >= began_ + starts_[started_]) {
      caf::anon_send(callers_[plans_[started_].caller], go{started_});
      ++started_;
    }
    while (!endings_.empty() && now() >= endings_.begin()->first) {
      auto action = std::move(endings_.begin()->second);
      endings_.erase(endings_.begin());
      action();
    }
    return true;
  }

  void run_until(api::time_point limit) {
    while (step(limit)) {}
  }

  void play() {
    run_until(began_ + starts_.back() + 1ms);
    // What never found its phase strikes now.
    for (auto& x : faults_)
      if (x.not_before > now())
        x.not_before = now();
    impatient_ = true;
    auto limit = now() + 4s;
    while (!(book.all_answered() && faults_.empty() && endings_.empty()))
      if (!step(limit))
        break;
    faults_.clear();
  }

  /// With all faults gone everything works again.
  void heal() {
    for (auto& [when, action] : std::exchange(endings_, {}))
      action();
    note([] { return std::string{"all is well"}; });
    run_until(now() + 4s);
    if (!book.all_answered())
      throw violation("somebody has no answer long after all is well");
    auto first = book.operations().size();
    started_ = starts_.size();
    for (uint64_t i = 0; i < clients_.size(); ++i) {
      planned x;
      x.client = i;
      x.caller = 0;
      x.kinds = {op_kind::set};
      x.keys = {7};
      x.deadline = 2s;
      x.options.deadline = x.deadline;
      x.options.on_open = on_open_policy::wait;
      x.options.operation = std::to_string(plans_.size());
      plans_.push_back(x);
      caf::anon_send(callers_.back(), go{plans_.size() - 1});
    }
    run_until(now() + 2500ms);
    auto& all = book.operations();
    if (all.size() != first + clients_.size())
      throw violation("not everybody asks when all is well");
    for (auto i = first; i < all.size(); ++i)
      if (!all[i].ok)
        book.fail(all[i], "fails long after all is well");
  }

  /// Who still waits when the runtime ends is answered, and nothing is left.
  void finish() {
    check_dials();
    ending_ = true;
    auto patience = between(0ms, 100ms);
    for (auto n = up_to(12); n > 0; --n) {
      planned x;
      x.caller = up_to(callers_.size());
      x.client = x.caller % clients_.size();
      x.kinds = {chance(50) ? op_kind::push : op_kind::incr};
      x.keys = {8};
      x.deadline = between(1ms, 200ms);
      x.options.deadline = x.deadline;
      x.options.operation = std::to_string(plans_.size());
      plans_.push_back(x);
      caf::anon_send(callers_[x.caller], go{plans_.size() - 1});
    }
    run_until(now() + between(0ms, 3ms));
    caf::anon_send(supervisor_, drain{patience});
    run_until(now() + 500ms);
    book.check_end(server_);
    if (net_.open_sockets() > 0 || host_.watched() > 0)
      throw violation("sockets are left after the drain");
  }

  void check_dials() const {
    auto& all = net_.dials();
    for (size_t i = 0, j = 0; j < all.size(); ++j) {
      while (all[j] - all[i] >= 1s)
        ++i;
      if (j - i + 1 > 25 + options_.pool.connections)
        throw violation("more dials in a second than allowed");
    }
  }

  void end_all() {
    ending_ = true;
    for (auto& x : callers_)
      caf::anon_send_exit(x, caf::exit_reason::kill);
    caf::anon_send_exit(listener_, caf::exit_reason::kill);
    caf::anon_send_exit(watcher_, caf::exit_reason::kill);
    caf::anon_send_exit(supervisor_, caf::exit_reason::kill);
    for (auto& x : clients_)
      caf::anon_send_exit(x, caf::exit_reason::kill);
    for (auto& x : connections_)
      caf::anon_send_exit(x, caf::exit_reason::kill);
    while (scheduler_.try_run_once()) {}
    scheduler_.clock().cancel_all();
    if (result_.violation.empty() && system_.registry().running() != baseline_)
      result_.violation = fmt::format("{} actors are left",
                                      system_.registry().running() - baseline_);
  }

  // -- faults -----------------------------------------------------------------------

  phase current() {
    if (breaker_ == breaker_state::open)
      return phase::open;
    if (breaker_ == breaker_state::half_open)
      return phase::half_open;
    if (server_.ready_sessions() == 0)
      return phase::connecting;
    return book.all_answered() ? phase::idle : phase::busy;
  }

  void strike() {
    for (size_t i = 0; i < faults_.size(); ++i) {
      auto x = faults_[i];
      if (x.not_before > now() || (!impatient_ && current() != x.when)
          || !is_possible(x.what))
        continue;
      faults_.erase(faults_.begin() + static_cast<ptrdiff_t>(i));
      ++result_
          .fired[static_cast<size_t>(x.what)][static_cast<size_t>(current())];
      ++result_.faults;
      note([&] {
        return fmt::format("fault: {} for {} ms while {}", to_string(x.what),
                           x.lasts.count(), to_string(current()));
      });
      make(x.what, x.lasts);
      return;
    }
  }

  bool is_possible(fault x) {
    switch (x) {
      case fault::reset:
      case fault::close:
      case fault::cut_reply:
      case fault::spoil_reply:
      case fault::hold_requests:
      case fault::hold_replies: return net_.established() > 0;
      case fault::kill_connection: return living_connection() != nullptr;
      default: return true;
    }
  }

  caf::strong_actor_ptr living_connection() {
    std::vector<caf::strong_actor_ptr> living;
    for (auto& x : connections_)
      if (auto strong = caf::actor_cast<caf::strong_actor_ptr>(x))
        living.push_back(strong);
    return living.empty() ? nullptr : living[up_to(living.size())];
  }

  void later(milliseconds after, std::function<void()> action) {
    endings_.emplace(now() + after, std::move(action));
  }

  void make(fault x, milliseconds lasts) {
    auto until = now() + lasts;
    switch (x) {
      case fault::reset: server_.end_all(true); break;
      case fault::close: server_.end_all(false); break;
      case fault::cut_reply: net_.cut_replies(); break;
      case fault::spoil_reply:
        net_.spoil_replies(chance(50) ? "HTTP/1.1 400 Bad Request\r\n"
                                      : "$3\r\nabcXY");
        break;
      case fault::hold_requests: net_.hold_requests(until); break;
      case fault::hold_replies: net_.hold_replies(until); break;
      case fault::trickle:
        net_.set_trickle(true);
        later(lasts, [this] { net_.set_trickle(false); });
        break;
      case fault::latency:
        net_.set_latency(10ms, 120ms);
        later(lasts, [this] { net_.set_latency(50us, 1ms); });
        break;
      case fault::refuse:
        server_.end_all(false);
        net_.set_dialling(network::dialling::refused);
        later(lasts,
              [this] { net_.set_dialling(network::dialling::accepted); });
        break;
      case fault::drop:
        net_.hold_requests(until);
        net_.hold_replies(until);
        net_.set_dialling(network::dialling::dropped);
        later(lasts,
              [this] { net_.set_dialling(network::dialling::accepted); });
        break;
      case fault::kill_server:
        server_.kill();
        net_.set_dialling(network::dialling::refused);
        later(lasts, [this] {
          server_.start();
          net_.set_dialling(network::dialling::accepted);
          if (chance(50))
            return;
          server_.refuse_all("LOADING Redis is loading the dataset in memory");
          later(between(1ms, 200ms), [this] { server_.refuse_all({}); });
        });
        break;
      case fault::stop_server:
        server_.stop();
        later(lasts, [this] { server_.go_on(); });
        break;
      case fault::loading:
        refuse_all("LOADING Redis is loading the dataset in memory", lasts);
        break;
      case fault::busy:
        refuse_all("BUSY Redis is busy running a script. You can only call "
                   "SCRIPT KILL or SHUTDOWN NOSAVE.",
                   lasts);
        break;
      case fault::read_only:
        refuse_writes("READONLY You can't write against a read only replica.",
                      lasts);
        break;
      case fault::out_of_memory:
        refuse_writes("OOM command not allowed when used memory > 'maxmemory'.",
                      lasts);
        break;
      case fault::too_many_clients:
        server_.end_all(false);
        server_.turn_away("ERR max number of clients reached");
        later(lasts, [this] { server_.turn_away({}); });
        break;
      case fault::kill_client:
        caf::anon_send_exit(clients_[up_to(clients_.size())],
                            caf::exit_reason::kill);
        break;
      case fault::kill_supervisor:
        caf::anon_send_exit(supervisor_, caf::exit_reason::kill);
        break;
      case fault::kill_connection:
        caf::anon_send_exit(caf::actor_cast<caf::actor>(living_connection()),
                            caf::exit_reason::kill);
        break;
    }
  }

  void refuse_all(std::string error, milliseconds lasts) {
    server_.refuse_all(std::move(error));
    later(lasts, [this] { server_.refuse_all({}); });
  }

  void refuse_writes(std::string error, milliseconds lasts) {
    server_.refuse_writes(std::move(error));
    later(lasts, [this] { server_.refuse_writes({}); });
  }

  bool with_history_;
  run_result result_;
  std::optional<violation> broken_;
  caf::actor_system_config config_;
  caf::actor_system system_;
  caf::scheduler::test_coordinator& scheduler_;
  network net_;
  server server_;
  host host_;

public:
  ledger book;

private:
  size_t baseline_;
  runtime_options options_;
  std::vector<client_options> defaults_;
  uint32_t default_attempts_ = 3;
  bool default_before_deadline_ = true;
  attempt_ledger attempts_;
  /// By operation its plan, and by plan how many operations have no answer.
  std::map<uint64_t, uint64_t> plan_of_;
  std::map<uint64_t, size_t> unanswered_;
  bool bulk_ = false;
  uint64_t callers_wanted_ = 0;
  std::vector<planned> plans_;
  std::vector<milliseconds> starts_;
  size_t started_ = 0;
  std::vector<planned_fault> faults_;
  bool impatient_ = false;
  std::multimap<api::time_point, std::function<void()>> endings_;
  api::time_point began_{};
  bool ending_ = false;
  breaker_state breaker_ = breaker_state::closed;

  supervisor_internal supervisor_;
  std::vector<client_actor> clients_;
  std::vector<request_actor> handles_;
  std::vector<caf::actor_addr> connections_;
  std::vector<caller_actor> callers_;
  subscriber_actor listener_;
  attempt_observer watcher_;
};

// -- callers ------------------------------------------------------------------------

void caller::send_planned(uint64_t number) {
  auto& x = world_.plan(number);
  auto to = world_.handle(x.client);
  std::vector<uint64_t> ids;
  std::vector<command> commands;
  for (size_t i = 0; i < x.kinds.size(); ++i) {
    // Keys are a caller's own.
    auto& op = world_.book.begin(x.kinds[i], id(), to.id(), x.keys[i],
                                 x.deadline);
    op.free = !x.options.use_breaker.value_or(true);
    if (x.shape == planned::form::transaction)
      op.unit = ids.empty() ? op.id : ids.front();
    ids.push_back(op.id);
    commands.push_back(ledger::command_of(op));
    world_.note([&] { return to_string(op) + " begins"; });
  }
  world_.sends(number, to.id(), ids);
  if (x.cancelled_after > 0ms)
    api::send_at(this, caller_actor{this}, world_.now() + x.cancelled_after,
                 go{number, true});
  if (x.shape == planned::form::pipeline) {
    ask(ids, to, caf::infinite, pipeline{std::move(commands)}, x.options);
  } else if (x.shape == planned::form::transaction) {
    ask(ids, to, caf::infinite, transaction{std::move(commands)}, x.options);
  } else if (bulk_) {
    if (!redis_)
      redis_ = std::make_unique<bulk_client>(
        this, to,
        [this](uint64_t key, outcome& result) { world_.told(key, result); });
    else
      redis_->attach(to);
    redis_->add(commands.front(), ids.front(),
                std::make_shared<const request_options>(x.options));
    redis_->flush();
  } else {
    request(to, caf::infinite, commands.front(), x.options)
      .then([this, n = ids.front()](
              reply& value) { world_.told(n, outcome{std::move(value)}); },
            [this, n = ids.front()](const caf::error& why) {
              world_.told(n, outcome{failure_of(why).value()});
            });
  }
}

/// Commands in bulk have tags of their own.
void caller::take_back(uint64_t number) {
  auto& x = world_.plan(number);
  world_.note([&] { return fmt::format("plan {} is taken back", number); });
  send(world_.handle(x.client), cancel{{x.options.tag}});
}

template <class... Ts>
void caller::ask(std::vector<uint64_t> ids, Ts&&... xs) {
  request(std::forward<Ts>(xs)...)
    .then(
      [this, ids](replies& all) {
        for (size_t i = 0; i < ids.size(); ++i)
          world_.told(ids[i], all.outcomes.at(i));
      },
      [this, ids](const caf::error& why) {
        for (auto each : ids)
          world_.told(each, outcome{failure_of(why).value()});
      });
}

} // namespace

run_result simulate(uint64_t seed, bool with_history) {
  world x{seed, with_history};
  return x.run();
}

} // namespace redoubt::sim
