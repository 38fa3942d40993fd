#include <redoubt/actors/runtime.hpp>

#include <redoubt/actors/connection/connection.hpp>
#include <redoubt/actors/handle_numbers.hpp>
#include <redoubt/actors/log.hpp>
#include <redoubt/actors/reactor/reactor.hpp>
#include <redoubt/actors/reactor/resolver_place.hpp>
#include <redoubt/actors/request/client.hpp>
#include <redoubt/actors/request/connection_lease.hpp>
#include <redoubt/actors/supervisor/supervisor.hpp>

#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <random>
#include <sstream>
#include <stdexcept>

namespace redoubt {

namespace {

void throw_if_bad(const std::vector<option_error>& errors) {
  if (errors.empty())
    return;
  std::string text;
  for (auto& x : errors)
    text += (text.empty() ? "" : "; ") + x.key + ": " + x.what;
  throw std::invalid_argument(text);
}

uint64_t random_seed() {
  std::random_device device;
  return (static_cast<uint64_t>(device()) << 32) | device();
}

} // namespace

struct runtime::state {
  std::unique_ptr<caf::actor_system_config> own_config;
  std::unique_ptr<caf::actor_system> own_system;
  caf::actor_system* system = nullptr;
  runtime_options options;
  std::vector<std::unique_ptr<reactor>> reactors;
  std::vector<resolver_place> resolvers;
  supervisor_internal supervisor;

  struct handle_record {
    client_actor handle;
    uint32_t reactor = 0;
    client_options defaults;
    /// Number of the one that takes its requests for the bulk lane.
    std::optional<uint64_t> bulk;
  };

  std::mutex mutex;
  random_source seeds{random_seed()};
  /// Tells this runtime's connections from those of all others.
  const uint64_t identity = random_seed();
  /// All client handles by their numbers.
  std::map<uint64_t, handle_record> clients;
  handle_numbers numbers;
  uint64_t next_client = 0;
  /// Calls of `spawn_pinned` under way.
  uint32_t spawns = 0;
  std::condition_variable spawned;
  bool stopped = false;

  explicit state(const runtime_options& x) : options(x) {}

  void start();
  void start_supervisor(std::shared_ptr<supervisor_standing> inherited);
  connection_actor dial(uint32_t index, uint64_t link, link_observer observer,
                        link_client leaseholder);
  lease_actor lend(uint32_t index, const caf::strong_actor_ptr& holder);
  client_actor spawn_client(uint64_t id, handle_record& x);
  client_actor add_client(uint32_t reactor, const client_options& defaults);
  client_actor bulk_lane_of(uint64_t id, bool make);
  std::optional<client_place> replace_client(uint64_t id);
  std::vector<client_place> roster();
  void succeed(std::shared_ptr<supervisor_standing> left);
  reactor& least_loaded(uint32_t& index);
  executor& begin_spawn();
  bool on_reactor();
  void stop(std::chrono::milliseconds limit);
};

void runtime::state::start() {
  auto& threads = options.threads;
  for (uint32_t i = 0; i < threads.reactors; ++i) {
    reactor::settings settings;
    settings.run_callers = threads.run_callers;
    settings.spin = threads.spin;
    settings.mailbox_limit = options.limits.mailbox;
    reactors.push_back(std::make_unique<reactor>(*system, settings));
    resolvers.emplace_back(*system, *reactors.back(), options.pool.dns_servers);
  }
  start_supervisor(nullptr);
}

void runtime::state::start_supervisor(
  std::shared_ptr<supervisor_standing> inherited) {
  supervisor_config config;
  config.inherited = std::move(inherited);
  config.options = options;
  config.seed = seeds.next();
  // Called by the supervisor, on its reactor.
  config.dial = [this](uint32_t index, uint64_t link, link_observer observer,
                       link_client leaseholder) {
    return dial(index, link, std::move(observer), std::move(leaseholder));
  };
  config.lend = [this](uint32_t index, const caf::strong_actor_ptr& holder) {
    return lend(index, holder);
  };
  config.loops = [this] {
    std::vector<loop_status> all;
    for (auto& each : reactors)
      all.push_back(each->load());
    return all;
  };
  config.replace_client = [this](uint64_t id) { return replace_client(id); };
  config.roster = [this] { return roster(); };
  config.succeed = [this](std::shared_ptr<supervisor_standing> left) {
    succeed(std::move(left));
  };
  supervisor = api::spawn_on<pinned<redoubt::supervisor>>(
    *system, reactors.front().get(), std::move(config));
}

connection_actor runtime::state::dial(uint32_t index, uint64_t link,
                                      link_observer observer,
                                      link_client leaseholder) {
  auto& host = *reactors[index];
  connection_config x;
  x.link = link;
  x.server = options.server;
  x.pool = options.pool;
  x.name_suffix = fmt::format("#{:x}.{}", identity, link);
  x.limits = options.limits;
  x.observer = std::move(observer);
  x.leaseholder = std::move(leaseholder);
  x.resolver = resolvers[index].current();
  return connection_actor{
    api::spawn_on<pinned<connection>>(*system, &host, host, std::move(x))};
}

lease_actor runtime::state::lend(uint32_t index,
                                 const caf::strong_actor_ptr& holder) {
  lease_config x;
  x.limits = options.limits;
  x.request_timeout = options.client.timeouts.request;
  x.idle = options.pool.lease_idle;
  x.holder = holder;
  return api::spawn_on<pinned<connection_lease>>(*system, reactors[index].get(),
                                                 std::move(x));
}

/// Called with the mutex held.
client_actor runtime::state::spawn_client(uint64_t id, handle_record& x) {
  client_config config;
  config.id = id;
  config.defaults = x.defaults;
  config.limits = options.limits;
  config.supervisor = supervisor;
  config.seed = seeds.next();
  config.reconfigured = [this, id](const client_options& defaults) {
    std::lock_guard guard{mutex};
    clients.at(id).defaults = defaults;
  };
  config.bulk_lane = [this, id](bool make) { return bulk_lane_of(id, make); };
  x.handle = api::spawn_on<pinned<redoubt::client>>(
    *system, reactors[x.reactor].get(), std::move(config));
  numbers.add(x.handle.id(), id);
  return x.handle;
}

/// Called with the mutex held.
client_actor runtime::state::add_client(uint32_t reactor,
                                        const client_options& defaults) {
  auto id = next_client++;
  handle_record record;
  record.reactor = reactor;
  record.defaults = defaults;
  auto handle = spawn_client(id, record);
  clients.emplace(id, record);
  api::anon_send(supervisor,
                 register_client{handle, id, reactor, defaults.lane});
  return handle;
}

/// Who takes requests of that client handle for the bulk lane; with `make` there is
/// one from now on, unless the runtime ends.
client_actor runtime::state::bulk_lane_of(uint64_t id, bool make) {
  std::lock_guard guard{mutex};
  auto& record = clients.at(id);
  if (!record.bulk && make && !stopped) {
    auto defaults = record.defaults;
    defaults.lane = link_lane::bulk;
    auto number = next_client;
    add_client(record.reactor, defaults);
    record.bulk = number;
  }
  return record.bulk ? clients.at(*record.bulk).handle : client_actor{};
}

std::optional<client_place> runtime::state::replace_client(uint64_t id) {
  std::lock_guard guard{mutex};
  auto i = clients.find(id);
  if (stopped || i == clients.end())
    return std::nullopt;
  auto handle = spawn_client(id, i->second);
  return client_place{handle, id, i->second.reactor, i->second.defaults.lane};
}

std::vector<client_place> runtime::state::roster() {
  std::lock_guard guard{mutex};
  std::vector<client_place> all;
  for (auto& [id, x] : clients)
    all.push_back({x.handle, id, x.reactor, x.defaults.lane});
  return all;
}

/// Called by the dying supervisor.
void runtime::state::succeed(std::shared_ptr<supervisor_standing> left) {
  std::lock_guard guard{mutex};
  if (stopped)
    return;
  try {
    start_supervisor(std::move(left));
  } catch (const std::exception& e) {
    logger_for("runtime")->critical(
      "the supervisor died and no other one could "
      "be started: {}",
      e.what());
  }
}

reactor& runtime::state::least_loaded(uint32_t& index) {
  auto less = [](auto& a, auto& b) { return a->residents() < b->residents(); };
  auto i = std::min_element(reactors.begin(), reactors.end(), less);
  index = static_cast<uint32_t>(i - reactors.begin());
  return **i;
}

executor& runtime::state::begin_spawn() {
  std::lock_guard guard{mutex};
  if (stopped)
    throw std::logic_error("the runtime is shut down");
  uint32_t index = 0;
  auto& host = least_loaded(index);
  ++spawns;
  return host;
}

bool runtime::state::on_reactor() {
  std::lock_guard guard{mutex};
  return std::any_of(reactors.begin(), reactors.end(),
                     [](auto& each) { return each->on_thread(); });
}

void runtime::state::stop(std::chrono::milliseconds limit) {
  if (on_reactor()) {
    // Whatever the loggers are set to.
    static_cast<void>(std::fputs("redoubt: a runtime must not be ended on its "
                                 "own reactor thread\n",
                                 stderr));
    std::abort();
  }
  {
    std::unique_lock guard{mutex};
    if (std::exchange(stopped, true))
      return;
    spawned.wait(guard, [this] { return spawns == 0; });
  }
  {
    // Needs nothing but the reactors and this thread, so that a service may have
    // blocked all of CAF's.
    caf::scoped_actor self{*system};
    limit = api::bounded(limit);
    api::request(self.ptr(), supervisor, limit + std::chrono::seconds(1),
                 drain{limit})
      .receive([](const drained&) {}, [](const caf::error&) {});
  }
  for (auto& each : reactors)
    each->evict();
  resolvers.clear();
  // Other threads may still ask whether they are reactors. Their mutex is not
  // held while the threads are joined, which may want it too.
  std::vector<std::unique_ptr<reactor>> ended;
  {
    std::lock_guard guard{mutex};
    ended.swap(reactors);
  }
}

// -- runtime ----------------------------------------------------------------------------

runtime::runtime(caf::actor_system& sys, const runtime_options& options) {
  throw_if_bad(validate(options));
  state_ = std::make_unique<state>(options);
  state_->system = &sys;
  state_->start();
}

runtime::runtime(const runtime_options& options) {
  throw_if_bad(validate(options));
  state_ = std::make_unique<state>(options);
  // Not parsed: a library reads no caf-application.ini of its host.
  state_->own_config = std::make_unique<caf::actor_system_config>();
  state_->own_system = std::make_unique<caf::actor_system>(*state_->own_config);
  state_->system = state_->own_system.get();
  state_->start();
}

runtime::~runtime() {
  state_->stop(state_->options.threads.drain);
}

request_actor runtime::client() {
  return client(state_->options.client);
}

request_actor runtime::client(const client_options& defaults) {
  throw_if_bad(validate(defaults));
  std::lock_guard guard{state_->mutex};
  if (state_->stopped)
    throw std::logic_error("the runtime is shut down");
  uint32_t reactor = 0;
  state_->least_loaded(reactor);
  return state_->add_client(reactor, defaults);
}

request_actor runtime::current(const request_actor& handle) const {
  std::lock_guard guard{state_->mutex};
  auto number = state_->numbers.find(handle.id());
  return number ? request_actor{state_->clients.at(*number).handle} : handle;
}

supervisor_actor runtime::supervisor() const {
  std::lock_guard guard{state_->mutex};
  return state_->supervisor;
}

caf::error runtime::wait_ready(std::chrono::milliseconds timeout) {
  if (state_->on_reactor())
    throw std::logic_error("wait_ready would block its own reactor");
  caf::scoped_actor self{system()};
  caf::error result;
  api::request(self.ptr(), supervisor(), caf::infinite, ready_query{timeout})
    .receive([](const ready&) {},
             [&](caf::error& why) { result = std::move(why); });
  return result;
}

void runtime::shutdown(std::chrono::milliseconds limit) {
  state_->stop(limit);
}

caf::actor_system& runtime::system() {
  return *state_->system;
}

const runtime_options& runtime::options() const noexcept {
  return state_->options;
}

runtime::spawning::spawning(runtime& x)
  : state_(*x.state_), host_(state_.begin_spawn()) {
}

runtime::spawning::~spawning() {
  {
    std::lock_guard guard{state_.mutex};
    --state_.spawns;
  }
  state_.spawned.notify_all();
}

std::optional<runtime_options> load_options(const std::string& path,
                                            std::vector<config_error>& errors) {
  // A directory can be opened, and reads as empty.
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    errors.push_back({path, 0, "", "is a directory"});
    return std::nullopt;
  }
  std::ifstream file{path, std::ios::binary};
  std::ostringstream text;
  if (file)
    text << file.rdbuf();
  if (!file || file.bad()) {
    errors.push_back({path, 0, "", "cannot be read"});
    return std::nullopt;
  }
  return parse_options(text.str(), path, errors);
}

} // namespace redoubt
