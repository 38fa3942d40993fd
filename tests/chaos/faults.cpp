#include <redoubt/tests/chaos/faults.hpp>

#include <redoubt/tests/chaos/resolver_trap.hpp>
#include <redoubt/tests/support/raw_client.hpp>
#include <redoubt/tests/support/wait.hpp>

#include <cstdlib>
#include <stdexcept>
#include <utility>

namespace redoubt::chaos {

using namespace std::chrono_literals;

using lab::direction;
using lab::verb;
using test::eventually;

// -- the stage ----------------------------------------------------------------------

std::chrono::milliseconds stage::between(int64_t low_ms, int64_t high_ms) {
  return random.between(std::chrono::milliseconds{low_ms},
                        std::chrono::milliseconds{high_ms});
}

lab::direction stage::any_direction() {
  return static_cast<direction>(1 + below(3));
}

lab::ending stage::any_ending() {
  return below(2) == 0 ? lab::ending::fin : lab::ending::reset;
}

lab::redis_options server_options() {
  lab::redis_options x;
  x.arguments = {"--enable-debug-command",
                 "yes",
                 "--appendonly",
                 "yes",
                 "--appendfsync",
                 "always",
                 "--busy-reply-threshold",
                 "50",
                 "--loading-process-events-interval-bytes",
                 "1024"};
  x.may_be_loading = true;
  return x;
}

void wait_for_server(lab::private_redis& server) {
  auto well = eventually([&] { return server.command({"PING"}) == "PONG"; },
                         60s);
  if (!well)
    throw std::runtime_error("the server is not well:\n" + server.log_tail());
}

// -- the kinds ----------------------------------------------------------------------

namespace {

template <class Handle>
void kill(const Handle& x) {
  caf::anon_send_exit(x, caf::exit_reason::kill);
}

void pass(stage& x) {
  x.gate.pass();
}

auto hits(verb which) {
  return [which](stage& x) { return x.gate.hits(which); };
}

uint64_t connections_gone(stage& x) {
  return x.connections->gone();
}

/// A number behind a name in what INFO says; 0 if it is not there.
uint64_t info(stage& x, const char* section, const std::string& name) {
  auto text = x.server.command({"INFO", section});
  auto at = text.find(name);
  return at == text.npos
           ? 0
           : std::strtoull(text.c_str() + at + name.size(), nullptr, 10);
}

void must(const std::string& answer, const std::string& wanted) {
  if (answer != wanted)
    throw std::runtime_error("the server says: " + answer);
}

void kill_clients(stage& x) {
  x.server.command({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
}

auto marks(const char* what) {
  return [what](stage& x) { return x.marks[what]; };
}

// What is damaged is always something without which the bytes are no RESP: no type
// or no length can be read there, or the end of a string is missing. Values and
// tokens hold nothing of the kind.
void corrupt(stage& x) {
  struct row {
    direction way;
    const char* pattern;
    const char* instead;
  };
  static constexpr row rows[] = {
    {direction::replies, "+OK\r\n", "?OK\r\n"},
    {direction::replies, ":", "!"},
    {direction::replies, "$", "&"},
    {direction::replies, "$", "$x"},
    {direction::replies, "$", "$9223372036854775807"},
    {direction::replies, "#\r\n", "#XY"},
    {direction::requests, "\r\n$", "\r\n!"},
    {direction::requests, "*", "*x"},
  };
  auto& it = rows[x.below(std::size(rows))];
  x.gate.corrupt_first(it.pattern, it.instead, it.way);
}

std::vector<fault_kind> network_faults() {
  std::vector<fault_kind> all;
  auto add = [&](const char* name, std::chrono::milliseconds shortest,
                 std::chrono::milliseconds longest,
                 std::function<void(stage&)> begin, auto counter) {
    all.push_back({name, place::network, shortest, longest, std::move(begin),
                   pass, counter});
  };
  add(
    "hold", 100ms, 1200ms, [](stage& x) { x.gate.hold(x.any_direction()); },
    hits(verb::hold));
  add(
    "hold the living", 400ms, 1500ms,
    [](stage& x) {
      x.gate.hold_living(x.below(3) == 0 ? direction::both
                                         : direction::requests);
    },
    hits(verb::hold));
  add(
    "delay", 200ms, 800ms,
    [](stage& x) {
      x.gate.delay(x.between(5, 150), x.any_direction(), x.between(0, 60));
    },
    hits(verb::delay));
  add(
    "rate", 200ms, 1000ms,
    [](stage& x) { x.gate.rate(500 + x.below(8000), x.any_direction()); },
    hits(verb::rate));
  add(
    "slice", 200ms, 800ms,
    [](stage& x) {
      x.gate.slice(1 + x.below(7), x.any_direction(), x.between(0, 2));
    },
    hits(verb::slice));
  add(
    "concat", 200ms, 600ms,
    [](stage& x) {
      x.gate.concat(32 + x.below(2000), x.any_direction(), x.between(5, 40));
    },
    hits(verb::concat));
  add(
    "cut", 100ms, 500ms,
    [](stage& x) {
      if (x.below(2) == 0)
        x.gate.cut_replies_after(x.below(500), x.any_ending());
      else
        x.gate.cut_requests_after(x.below(500), x.any_ending());
    },
    hits(verb::cut));
  add("corrupt", 100ms, 400ms, corrupt, hits(verb::corrupt));
  add(
    "close on data", 50ms, 400ms,
    [](stage& x) { x.gate.close_on_data(x.any_direction(), x.any_ending()); },
    hits(verb::close_on_data));
  add(
    "reset", 0ms, 100ms, [](stage& x) { x.gate.reset_all(); },
    hits(verb::reset_all));
  add(
    "close", 0ms, 100ms, [](stage& x) { x.gate.close_all(); },
    hits(verb::close_all));
  add(
    "slow close", 200ms, 800ms,
    [](stage& x) {
      x.gate.slow_close(x.between(50, 400), x.any_direction());
      for (auto& each : x.connections->living())
        kill(each);
    },
    hits(verb::slow_close));
  add(
    "refuse", 50ms, 1500ms,
    [](stage& x) {
      x.gate.refuse();
      x.gate.reset_all();
    },
    connections_gone);
  add(
    "stop accepting", 200ms, 2000ms,
    [](stage& x) {
      x.gate.stop_accepting();
      x.gate.reset_all();
    },
    connections_gone);
  all.push_back({"silent name server", place::network, 100ms, 600ms,
                 [](stage& x) {
                   x.names.fall_silent();
                   x.gate.reset_all();
                 },
                 [](stage& x) { x.names.speak(); },
                 [](stage& x) { return x.names.queries(); }});
  return all;
}

// -- the server ---------------------------------------------------------------------

/// Restarts it so that it takes some time to load.
void start_loading(stage& x) {
  x.server.start({"--key-load-delay", "250"});
  auto well = eventually(
    [&] {
      auto answer = x.server.command({"PING"});
      x.marks["loading"] += answer.starts_with("LOADING") ? 1 : 0;
      return answer == "PONG";
    },
    60s);
  if (!well)
    throw std::runtime_error("the server loads for ever");
}

void compact(stage& x) {
  x.server.command({"BGREWRITEAOF"});
  eventually(
    [&] {
      return info(x, "persistence", "aof_rewrite_in_progress:") == 0
             && info(x, "persistence", "aof_rewrite_scheduled:") == 0;
    },
    10s);
}

/// A script that only SCRIPT KILL ends.
void begin_script(stage& x) {
  auto guest = std::make_shared<test::raw_client>(x.server.port());
  guest->send(std::string{command{"EVAL", "while true do end", 0}.wire()});
  x.kept = guest;
}

void end_script(stage& x) {
  auto busy = eventually(
    [&] { return x.server.command({"PING"}).starts_with("BUSY"); }, 3s);
  x.marks["busy"] += busy ? 1 : 0;
  x.server.command({"SCRIPT", "KILL"});
  wait_for_server(x.server);
  x.kept.reset();
}

std::vector<fault_kind> server_faults() {
  auto start = [](stage& x) {
    x.server.start();
    wait_for_server(x.server);
  };
  auto nothing = [](stage&) {};
  return {
    {"kill server", place::server, 10ms, 1000ms,
     [](stage& x) { x.server.kill(); }, start, connections_gone},
    {"load after a restart", place::server, 10ms, 100ms,
     [](stage& x) {
       compact(x);
       x.server.kill();
     },
     start_loading, marks("loading")},
    {"freeze server", place::server, 100ms, 1500ms,
     [](stage& x) { x.server.stop(); },
     [](stage& x) {
       x.server.cont();
       wait_for_server(x.server);
       ++x.marks["frozen"];
     },
     marks("frozen")},
    {"kill clients", place::server, 0ms, 50ms, kill_clients, nothing,
     connections_gone},
    {"pause", place::server, 100ms, 200ms,
     [](stage& x) {
       auto ms = std::to_string(x.between(100, 1200).count());
       must(x.server.command(
              {"CLIENT", "PAUSE", ms, x.below(2) == 0 ? "ALL" : "WRITE"}),
            "OK");
     },
     [](stage& x) {
       // Where all is paused this one waits until the time is over.
       must(x.server.command({"CLIENT", "UNPAUSE"}), "OK");
       ++x.marks["paused"];
     },
     marks("paused")},
    {"sleep", place::server, 0ms, 10ms,
     [](stage& x) {
       auto seconds = "0." + std::to_string(x.between(100, 999).count());
       must(x.server.command({"DEBUG", "SLEEP", seconds}), "OK");
       ++x.marks["slept"];
     },
     nothing, marks("slept")},
    {"busy script", place::server, 150ms, 900ms, begin_script, end_script,
     marks("busy")},
    {"too many clients", place::server, 100ms, 700ms,
     [](stage& x) {
       must(x.server.command({"CONFIG", "SET", "maxclients", "1"}), "OK");
       kill_clients(x);
     },
     [](stage& x) {
       must(x.server.command({"CONFIG", "SET", "maxclients", "10000"}), "OK");
     },
     [](stage& x) { return info(x, "stats", "rejected_connections:"); }, true},
    {"other password", place::server, 100ms, 700ms,
     [](stage& x) {
       must(x.server.command({"CONFIG", "SET", "requirepass", "changed"}),
            "OK");
       kill_clients(x);
     },
     [](stage& x) {
       must(x.server.command({"CONFIG", "SET", "requirepass", ""}), "OK");
     },
     [](stage& x) { return info(x, "errorstats", "errorstat_NOAUTH:count="); }},
  };
}

// -- the process --------------------------------------------------------------------

void kill_connection(stage& x) {
  auto all = x.connections->living();
  if (!all.empty())
    kill(all[x.below(all.size())]);
}

void kill_supervisor(stage& x) {
  auto& rt = x.where.rt;
  auto old = rt.supervisor();
  kill(old);
  auto replaced = eventually([&] { return rt.supervisor() != old; });
  x.marks["supervisor"] += replaced ? 1 : 0;
}

void kill_request_actor(stage& x) {
  auto& rt = x.where.rt;
  auto& handle = x.where.handles[x.below(x.where.handles.size())];
  auto old = rt.current(handle);
  kill(old);
  auto replaced = eventually([&] { return rt.current(handle) != old; });
  x.marks["request actor"] += replaced ? 1 : 0;
}

/// Another one takes its place.
void kill_caller(stage& x) {
  auto& victim = x.callers[x.below(x.callers.size())];
  kill(victim.who);
  caf::scoped_actor self{x.where.rt.system()};
  self->wait_for(victim.who);
  x.where.out.abandon(victim.number);
  victim = spawn_caller(x.where, x.random.next());
  ++x.marks["caller"];
}

std::vector<fault_kind> process_faults() {
  auto nothing = [](stage&) {};
  return {
    {"kill connection", place::process, 0ms, 100ms, kill_connection, nothing,
     connections_gone},
    {"kill supervisor", place::process, 0ms, 100ms, kill_supervisor, nothing,
     marks("supervisor")},
    {"kill request actor", place::process, 0ms, 100ms, kill_request_actor,
     nothing, marks("request actor")},
    {"kill all", place::process, 0ms, 100ms,
     [](stage& x) {
       kill_connection(x);
       kill_request_actor(x);
       kill_supervisor(x);
     },
     nothing, marks("supervisor")},
    {"kill resolver", place::process, 20ms, 100ms,
     [](stage& x) {
       trap_resolver();
       for (auto& each : x.connections->living())
         kill(each);
     },
     [](stage&) { release_resolver(); },
     [](stage&) { return trapped_resolvers(); }, true},
    {"kill caller", place::process, 0ms, 50ms, kill_caller, nothing,
     marks("caller")},
  };
}

} // namespace

const std::vector<fault_kind>& all_faults() {
  static const auto all = [] {
    auto x = network_faults();
    for (auto& each : server_faults())
      x.push_back(each);
    for (auto& each : process_faults())
      x.push_back(each);
    return x;
  }();
  return all;
}

} // namespace redoubt::chaos
