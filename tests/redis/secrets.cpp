#define CAF_SUITE secrets

#include <redoubt/actors/log.hpp>
#include <redoubt/messages/options_toml.hpp>
#include <redoubt/tests/support/scripted_peer.hpp>
#include <redoubt/tests/support/service.hpp>
#include <redoubt/tests/support/wait.hpp>

#include <redoubt/tests/support/check.hpp>

#include <caf/deep_to_string.hpp>

#include <spdlog/sinks/base_sink.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

using namespace redoubt;
using namespace redoubt::test;
using namespace std::chrono_literals;

namespace {

constexpr auto right = "right-canary";
constexpr auto wrong = "wrong-canary";
constexpr auto user = "user-canary";
/// What a caller stores: nobody's secret to us, but none of our business.
constexpr auto value = "value-canary";

/// All that anybody could read somewhere. Any thread.
class text_collection {
public:
  void add(std::string x) {
    std::lock_guard guard{mutex_};
    all_.push_back(std::move(x));
  }

  /// The texts with `part` in them.
  std::vector<std::string> with(std::string_view part) const {
    std::lock_guard guard{mutex_};
    std::vector<std::string> result;
    std::copy_if(all_.begin(), all_.end(), std::back_inserter(result),
                 [&](auto& x) { return x.find(part) != std::string::npos; });
    return result;
  }

private:
  mutable std::mutex mutex_;
  std::vector<std::string> all_;
};

class collecting_sink : public spdlog::sinks::base_sink<std::mutex> {
public:
  explicit collecting_sink(std::shared_ptr<text_collection> to)
    : to_(std::move(to)) {}

protected:
  void sink_it_(const spdlog::details::log_msg& x) override {
    to_->add("log " + std::string{x.logger_name.data(), x.logger_name.size()}
             + ": " + std::string{x.payload.data(), x.payload.size()});
  }

  void flush_() override {}

private:
  std::shared_ptr<text_collection> to_;
};

class event_collector : public subscriber_actor::base {
public:
  event_collector(caf::actor_config& cfg, std::shared_ptr<text_collection> to)
    : subscriber_actor::base(cfg), to_(std::move(to)) {}

  behavior_type make_behavior() override {
    return {
      [this](const event& x) { to_->add("event: " + caf::deep_to_string(x)); }};
  }

private:
  std::shared_ptr<text_collection> to_;
};

/// Collects what the runtime's loggers write, down to the last detail, instead of
/// letting them write it.
class fixture {
public:
  fixture() {
    auto sink = std::make_shared<collecting_sink>(texts);
    for (auto part : {"supervisor", "connection", "request", "resolver",
                      "runtime", "reactor", "config"}) {
      auto logger = logger_for(part);
      restore_.push_back({logger, logger->sinks(), logger->level()});
      logger->sinks() = {sink};
      logger->set_level(spdlog::level::trace);
    }
  }

  ~fixture() {
    for (auto& [logger, sinks, level] : restore_) {
      logger->sinks() = sinks;
      logger->set_level(level);
    }
  }

  void note(const caf::error& e) {
    texts->add("error: " + describe(e));
    texts->add("error: " + caf::to_string(e));
    if (auto why = failure_of(e)) {
      texts->add("failure: " + to_string(*why));
      texts->add("failure: " + caf::deep_to_string(*why));
    }
  }

  /// A message as CAF itself would show it.
  template <class T>
  void note_message(const T& x) {
    texts->add("message: " + caf::to_string(caf::make_message(x)));
  }

  void ask(runtime& rt, const request_actor& to, command x) {
    note_message(x);
    caf::scoped_actor self{rt.system()};
    request_options o;
    o.deadline = 500ms;
    self->request(to, caf::infinite, std::move(x), o)
      .receive([&](reply& y) { texts->add("reply: " + to_string(y)); },
               [&](caf::error& e) { note(e); });
  }

  /// Everything a service or an operator may ask of a runtime.
  void ask_all(runtime& rt, const request_actor& client) {
    ask(rt, client, command{"SET", "k", value});
    ask(rt, client, command{"INCR", "k"});
    ask(rt, client, command{"AUTH", right});
    ask(rt, client, command{"AUTH", user, wrong});
    ask(rt, client, command{"HELLO", 3, "AUTH", user, right});
    ask(rt, client, command{});
    caller me{rt};
    auto state = me.status(rt);
    texts->add("status: " + caf::deep_to_string(state));
    texts->add("server: " + state.server);
    note_message(state);
    auto health = me.query<health_report>(rt.supervisor(), health_query{500ms});
    texts->add("health: " + caf::deep_to_string(health));
    texts->add("options: " + to_toml(rt.options()));
    texts->add("endpoint: " + to_string(rt.options().server));
  }

  /// A runtime from its first dial to its end, with all that can go wrong.
  void live(const runtime_options& o, const std::function<void()>& trouble) {
    runtime rt{o};
    auto listener = rt.system().spawn<event_collector>(texts);
    caf::anon_send(rt.supervisor(), subscribe{listener});
    auto client = rt.client();
    if (auto why = rt.wait_ready(2s))
      note(why);
    ask_all(rt, client);
    trouble();
    auto old = rt.supervisor();
    caf::anon_send_exit(old, caf::exit_reason::kill);
    caf::anon_send_exit(client, caf::exit_reason::kill);
    CAF_CHECK(eventually(
      [&] { return rt.supervisor() != old && rt.current(client) != client; }));
    ask_all(rt, rt.current(client));
    rt.shutdown(200ms);
    caf::anon_send_exit(listener, caf::exit_reason::kill);
  }

  void check_hidden(std::string_view part) {
    for (auto& each : texts->with(part))
      CAF_ERROR("'" << part << "' is shown in: " << each);
  }

  std::shared_ptr<text_collection> texts = std::make_shared<text_collection>();

private:
  struct saved_logger {
    std::shared_ptr<spdlog::logger> logger;
    std::vector<spdlog::sink_ptr> sinks;
    spdlog::level::level_enum level;
  };

  std::vector<saved_logger> restore_;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(secrets_tests, fixture)

CAF_TEST(no output ever shows a password or what a caller stores) {
  lab::redis_options settings;
  settings.password = right;
  lab::private_redis server{settings};
  server.command(
    {"ACL", "SETUSER", user, "on", std::string{">"} + right, "~*", "+@all"});
  auto cut = [&] {
    server.command({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
  };
  auto o = options_for(server);
  for (auto name : {"", user})
    for (auto password : {right, wrong}) {
      o.server.user = name;
      o.server.password = secret{password};
      live(o, cut);
    }
  // A server that repeats what it was told.
  scripted_peer peer{[](const argv& words) -> std::optional<peer_answer> {
    std::string all = "-ERR unknown command, with args:";
    for (auto& each : words)
      all += " '" + each + "'";
    return peer_answer{all + "\r\n"};
  }};
  auto odd = options_for(peer.port());
  odd.server.user = user;
  odd.server.password = secret{wrong};
  live(odd, [&] { peer.reset_all(); });
  // A server that is not there.
  server.kill();
  live(o, [] {});
  check_hidden(right);
  check_hidden(wrong);
  check_hidden(value);
  // The name is no secret, and the server may use it; an endpoint does not.
  for (auto& each : texts->with(user))
    CAF_CHECK(!each.starts_with("endpoint: ") && !each.starts_with("server: "));
  // It did collect what there is.
  for (auto part : {"log redoubt.supervisor: ", "error: ", "failure: ",
                    "event: ", "status: ", "options: ", "health: ", "message: ",
                    "auth_failed", "WRONGPASS", "request actor"})
    if (texts->with(part).empty())
      CAF_ERROR("nothing with '" << part << "' was collected");
}

CAF_TEST(no fault of a URL shows its password) {
  for (auto url :
       {"redis://user-canary:right-canary@host:99999",
        "redis://user-canary:right-canary@[::1", "redis://:right-canary@",
        "redis://user-canary:right-canary@host/notadb",
        "rediss://user-canary:right-canary@host",
        "http://user-canary:right-canary@host",
        "redis://user-canary:right-canary%zz@host"}) {
    std::string error;
    auto where = parse_endpoint(url, error);
    texts->add("error: " + error);
    if (where)
      texts->add("endpoint: " + to_string(*where));
    CAF_CHECK(where || !error.empty());
  }
  check_hidden(right);
  check_hidden(user);
}

CAF_TEST_FIXTURE_SCOPE_END()
