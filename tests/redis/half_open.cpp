#define CAF_SUITE half_open

// A breaker that is half-open, with callers on threads of their own. In virtual time:
// actor.fleet.

#include <redoubt/tests/redis/faulty.hpp>
#include <redoubt/tests/support/scripted_peer.hpp>

#include <atomic>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

using namespace redoubt;
using namespace redoubt::test;
using namespace std::chrono_literals;

namespace {

constexpr int handles = 8;
constexpr int requests_each = 20;

/// Answers GET by an error, not at all, or as Redis does, and counts.
class moody_server {
public:
  enum class mood { fails, is_silent, is_well };

  uint16_t port() const { return peer_.port(); }

  void be(mood x) { mood_ = x; }

  uint64_t received() const { return received_; }

  /// Answers `n` that it left unanswered.
  void make_up_for(uint64_t n) {
    for (uint64_t i = 0; i < n; ++i)
      peer_.push("$1\r\nv\r\n");
  }

private:
  std::optional<peer_answer> answer(const argv& words) {
    if (words[0] != "GET")
      return std::nullopt;
    ++received_;
    if (mood_ == mood::fails)
      return "-LOADING Redis is loading the dataset in memory\r\n";
    return mood_ == mood::is_silent ? "" : "$1\r\nv\r\n";
  }

  std::atomic<mood> mood_ = mood::fails;
  std::atomic<uint64_t> received_ = 0;
  scripted_peer peer_{handler{[this](const argv& x) { return answer(x); }}};
};

/// Callers, one per client handle, each with many requests at once.
class crowd {
public:
  explicit crowd(runtime& rt) : rt_(rt) {
    for (int i = 0; i < handles; ++i)
      clients_.push_back(rt.client());
  }

  /// Returns when all of them have asked.
  void begin() {
    asked_ = 0;
    for (auto& each : clients_)
      threads_.emplace_back([this, client = each] { ask(client); });
    CAF_REQUIRE(eventually([&] { return asked_ == handles; }));
  }

  int succeeded() {
    for (auto& each : threads_)
      each.join();
    threads_.clear();
    return succeeded_.exchange(0);
  }

  std::vector<request_actor> clients_;

private:
  void ask(const request_actor& client) {
    caf::scoped_actor self{rt_.system()};
    auto o = patient(60s);
    o.attempt_timeout = 30s;
    std::vector<decltype(self->request(client, caf::infinite, command{}, o))>
      pending;
    for (int i = 0; i < requests_each; ++i)
      pending.push_back(
        self->request(client, caf::infinite, command{"GET", "k"}, o));
    ++asked_;
    for (auto& each : pending)
      each.receive([&](reply&) { ++succeeded_; }, [](caf::error&) {});
  }

  runtime& rt_;
  std::vector<std::thread> threads_;
  std::atomic<int> asked_ = 0;
  std::atomic<int> succeeded_ = 0;
};

runtime_options options_of(const moody_server& server) {
  auto o = options_for(server.port());
  o.pool.connections = 1;
  // Time for all to come.
  o.breaker.open_base = 2s;
  o.breaker.open_max = 2s;
  // All that waits goes out at once when it is over.
  o.breaker.ramp = {};
  o.breaker.half_open_max = 20s;
  return o;
}

} // namespace

CAF_TEST(eight handles on threads of their own use no more permits than there are) {
  moody_server server;
  runtime rt{options_of(server)};
  CAF_REQUIRE(!rt.wait_ready(5s));
  crowd all{rt};
  caller me{rt};
  auto permits = rt.options().breaker.half_open_permits;
  for (int round = 0; round < 3; ++round) {
    CAF_MESSAGE("round " << round);
    auto is = [&](breaker_state x) {
      return eventually([&] { return me.status(rt).breaker.state == x; }, 10s);
    };
    server.be(moody_server::mood::fails);
    auto single = once();
    single.use_breaker = std::nullopt;
    for (int i = 0; i < 5; ++i)
      CAF_CHECK(!me.ask(all.clients_[0], command{"GET", "k"}, single).ok());
    CAF_REQUIRE(is(breaker_state::open));
    auto before = server.received();
    server.be(moody_server::mood::is_silent);
    all.begin();
    CAF_REQUIRE_EQUAL(server.received(), before);
    CAF_REQUIRE(is(breaker_state::half_open));
    auto generation = me.status(rt).breaker.generation;
    // The probe has one of the permits, each of the others brings a command.
    CAF_CHECK(
      eventually([&] { return server.received() - before >= permits - 1; }));
    // Several leases long nobody else comes through.
    last_for(3 * rt.options().breaker.lease);
    CAF_CHECK_EQUAL(server.received() - before, permits - 1);
    auto now = me.status(rt).breaker;
    CAF_CHECK(now.state == breaker_state::half_open);
    CAF_CHECK_EQUAL(now.generation, generation);
    server.be(moody_server::mood::is_well);
    server.make_up_for(permits - 1);
    CAF_CHECK_EQUAL(all.succeeded(), handles * requests_each);
    CAF_CHECK(is(breaker_state::closed));
    CAF_CHECK_EQUAL(server.received() - before,
                    static_cast<uint64_t>(handles * requests_each));
  }
}
