#include <redoubt/tests/chaos/run.hpp>

#include <redoubt/tests/chaos/faults.hpp>
#include <redoubt/tests/chaos/watchers.hpp>
#include <redoubt/tests/support/service.hpp>
#include <redoubt/tests/support/wait.hpp>

#include <algorithm>
#include <deque>
#include <optional>
#include <set>
#include <stdexcept>

namespace redoubt::chaos {

using namespace std::chrono_literals;

using test::eventually;

namespace {

constexpr auto host = "redis.test";

/// A run that is over goes on until then if there are faults that have not struck.
constexpr std::chrono::seconds patience{120};

void last_for(std::chrono::milliseconds time) {
  auto until = std::chrono::steady_clock::now() + time;
  eventually([&] { return std::chrono::steady_clock::now() >= until; }, time);
}

footprint footprint_now(caf::actor_system& system) {
  return {test::open_descriptors(), system.registry().running(),
          test::living_threads()};
}

/// All actors of a run that are not the runtime's. They end before what they use.
struct company {
  explicit company(caf::actor_system& x) : self(x) {}

  company(const company&) = delete;
  company& operator=(const company&) = delete;

  ~company() {
    for (auto& each : callers)
      others.push_back(each.who);
    for (auto& each : others)
      caf::anon_send_exit(each, caf::exit_reason::kill);
    for (auto& each : others)
      self->wait_for(each);
  }

  caf::scoped_actor self;
  std::vector<living_caller> callers;
  std::vector<caf::actor> others;
};

/// Everything that a run needs, in the order in which it ends.
class session {
public:
  explicit session(const run_options& options)
    : options_(options),
      random_(options.seed),
      out_(options.path),
      server_(server_options()),
      gate_(lab::address::tcp(server_.port())),
      names_(test::name_server::zone{{host, {"127.0.0.1"}}}),
      system_(config_) {}

  void play() {
    prepare();
    facts_.before = footprint_now(system_);
    {
      runtime rt{system_, drawn_options()};
      playground where{rt, out_, {}, 0, options_.slowness};
      make_handles(where);
      if (rt.wait_ready(20s * options_.slowness))
        throw std::runtime_error("no connection to begin with");
      suffer(where);
      auto since = out_.now();
      rt.shutdown(5s);
      facts_.shutdown = out_.now() - since;
    }
    eventually(
      [&] { return system_.registry().running() == facts_.before.actors; },
      10s);
    auto state = read_back();
    facts_.after = footprint_now(system_);
    out_.finish(facts_, state);
  }

private:
  /// Does once what leaves something behind for good.
  void prepare() {
    facts_.seed = options_.seed;
    facts_.slack = options_.slack / 1us;
    facts_.recovery_limit *= options_.slowness;
    for (auto& each : all_faults())
      facts_.faults.push_back(each.name);
    wait_for_server(server_);
    // So that a restart takes its time.
    server_.command({"DEBUG", "POPULATE", "1000", "filler", "10"});
    server_.command({"BGREWRITEAOF"});
    runtime rt{system_, drawn_options()};
    if (rt.wait_ready(20s * options_.slowness))
      throw std::runtime_error("no connection");
    rt.shutdown(5s);
    drained();
  }

  runtime_options drawn_options() {
    random_source random{options_.seed};
    auto one_in = [&](uint64_t n) { return random.next() % n == 0; };
    runtime_options o;
    o.server.host = host;
    o.server.port = gate_.port();
    o.pool.dns_servers = names_.address();
    o.pool.connections = 1 + static_cast<uint32_t>(random.next() % 3);
    o.threads.reactors = one_in(2) ? 2 : 1;
    // So many faults would else slow the dials down.
    if (!one_in(3))
      o.pool.max_restarts = 10000;
    o.limits.adaptive = one_in(3);
    o.client.timeouts.attempt *= options_.slowness;
    o.client.timeouts.request *= options_.slowness;
    o.pool.resolve_timeout = 300ms * options_.slowness;
    return o;
  }

  /// Handles of different temper.
  void make_handles(playground& where) {
    auto plain = where.rt.options().client;
    auto hasty = plain;
    hasty.timeouts.attempt = 150ms * options_.slowness;
    auto stubborn = hasty;
    stubborn.on_open = on_open_policy::wait;
    stubborn.retry = retry_policy{plain.retry.wait(),
                                  stop_after(20) | stop_before_deadline()};
    for (auto& each : {plain, hasty, stubborn})
      where.handles.push_back(where.rt.client(each));
  }

  void suffer(playground& where) {
    auto connections = std::make_shared<test::connection_list>();
    company all{system_};
    all.others = {test::spawn_onlooker(where.rt, connections),
                  spawn_listener(where.rt, out_)};
    if (!eventually([&] { return !connections->living().empty(); }, 20s))
      throw std::runtime_error("no connection to look on");
    // Callers have a stream of their own.
    stage x{server_,
            gate_,
            names_,
            where,
            connections,
            all.callers,
            random_source{random_.next()},
            {},
            {}};
    for (uint64_t i = 0; i < options_.callers; ++i)
      x.callers.push_back(spawn_caller(where, random_.next()));
    stall_watch stalls{out_};
    dial_watch dials{where.rt, out_};
    strike_all(x);
    for (auto& each : x.callers)
      caf::anon_send(each.who, come_to_rest{});
    eventually([&] { return rested(x); }, 30s * options_.slowness);
  }

  /// Each caller had its last request answered.
  bool rested(const stage& x) const {
    return out_.rested() == x.callers.size();
  }

  // -- faults -------------------------------------------------------------------------

  void strike_all(stage& x) {
    auto& all = all_faults();
    std::set<std::string> missing;
    for (auto& each : all)
      missing.insert(each.name);
    auto begin = std::chrono::steady_clock::now();
    auto elapsed = [&] { return std::chrono::steady_clock::now() - begin; };
    std::deque<const fault_kind*> deck;
    while (elapsed() < options_.length
           || (!missing.empty()
               && elapsed() < std::max(options_.length, patience))) {
      if (deck.empty())
        shuffle(deck, x.random, missing);
      auto first = deck.front();
      deck.pop_front();
      const fault_kind* second = nullptr;
      if (x.below(3) == 0) {
        auto other = std::find_if(deck.begin(), deck.end(), [&](auto each) {
          return each->where != first->where;
        });
        if (other != deck.end()) {
          second = *other;
          deck.erase(other);
        }
      }
      for (auto& each : strike_with(x, *first, second))
        if (each.fired)
          missing.erase(each.fault);
      last_for(x.between(20, 150));
    }
  }

  /// All kinds in some order; when time is over those that have not struck.
  void shuffle(std::deque<const fault_kind*>& deck, random_source& random,
               const std::set<std::string>& missing) {
    auto& all = all_faults();
    std::vector<const fault_kind*> rest;
    for (auto& each : all)
      if (rounds_ == 0 || missing.empty() || missing.count(each.name) > 0)
        rest.push_back(&each);
    ++rounds_;
    while (!rest.empty()) {
      auto i = random.next() % rest.size();
      deck.push_back(rest[i]);
      rest.erase(rest.begin() + static_cast<ptrdiff_t>(i));
    }
  }

  /// One fault, or two of different places at about the same time.
  std::vector<strike> strike_with(stage& x, const fault_kind& first,
                                  const fault_kind* second) {
    std::vector<const fault_kind*> kinds{&first};
    if (second != nullptr)
      kinds.push_back(second);
    std::vector<strike> all;
    std::vector<uint64_t> before;
    auto lasts = 0ms;
    for (auto each : kinds) {
      strike y;
      y.fault = each->name;
      y.alone = second == nullptr;
      y.begun = out_.now();
      before.push_back(each->counter(x));
      lasts = std::max(lasts, x.random.between(each->shortest, each->longest));
      each->begin(x);
      all.push_back(y);
      if (second != nullptr)
        last_for(x.between(0, 100));
    }
    last_for(lasts);
    for (size_t i = 0; i < kinds.size(); ++i)
      if (kinds[i]->until_seen)
        eventually([&] { return kinds[i]->counter(x) > before[i]; }, 3s);
    for (auto each = kinds.rbegin(); each != kinds.rend(); ++each)
      (*each)->heal(x);
    auto healed = out_.now();
    auto recovered = out_.first_success(healed, healed + facts_.recovery_limit);
    for (size_t i = 0; i < kinds.size(); ++i) {
      all[i].healed = healed;
      all[i].recovered = recovered;
      all[i].fired = kinds[i]->counter(x) > before[i];
      out_.add(all[i]);
    }
    return all;
  }

  // -- the end ------------------------------------------------------------------------

  /// Nothing is on its way to the server any more.
  void drained() {
    auto gone = eventually(
      [&] {
        // Only the one that asks.
        auto list = server_.command({"CLIENT", "LIST"});
        return gate_.living() == 0
               && std::count(list.begin(), list.end(), '\n') == 1;
      },
      10s);
    if (!gone)
      throw std::runtime_error("connections stay:\n"
                               + server_.command({"CLIENT", "LIST"}));
  }

  final_state read_back() {
    drained();
    final_state result;
    for (auto& key : lines(server_.command({"KEYS", "*"}))) {
      if (key.starts_with("filler"))
        continue;
      if (server_.command({"TYPE", key}) == "list")
        result.lists[key] = lines(server_.command({"LRANGE", key, "0", "-1"}));
      else
        result.strings[key] = token_in(server_.command({"GET", key}));
    }
    return result;
  }

  static std::vector<std::string> lines(const std::string& text) {
    std::vector<std::string> all;
    for (size_t at = 0; at < text.size();) {
      auto end = std::min(text.find('\n', at), text.size());
      all.push_back(text.substr(at, end - at));
      at = end + 1;
    }
    return all;
  }

  const run_options options_;
  random_source random_;
  run_facts facts_;
  recorder out_;
  lab::private_redis server_;
  lab::fault_gate gate_;
  test::name_server names_;
  caf::actor_system_config config_;
  caf::actor_system system_;
  uint64_t rounds_ = 0;
};

} // namespace

void play(const run_options& options) {
  session{options}.play();
}

} // namespace redoubt::chaos
