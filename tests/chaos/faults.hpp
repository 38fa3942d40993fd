#pragma once

#include <redoubt/app/lab/fault_gate.hpp>
#include <redoubt/app/lab/private_redis.hpp>
#include <redoubt/tests/chaos/caller.hpp>
#include <redoubt/tests/support/name_server.hpp>
#include <redoubt/tests/support/onlooker.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace redoubt::chaos {

/// All that faults are made with.
struct stage {
  lab::private_redis& server;
  lab::fault_gate& gate;
  test::name_server& names;
  playground& where;
  std::shared_ptr<test::connection_list> connections;
  std::vector<living_caller>& callers;
  random_source random;
  /// What a fault that begins leaves for its end.
  std::shared_ptr<void> kept;
  /// What faults did that no other counter tells of.
  std::map<std::string, uint64_t> marks;

  std::chrono::milliseconds between(int64_t low_ms, int64_t high_ms);
  uint64_t below(uint64_t n) { return random.next() % n; }
  lab::direction any_direction();
  lab::ending any_ending();
};

/// Where a fault strikes; no two of the same place at a time.
enum class place : uint8_t { network, server, process };

/// A kind of fault. All functions are called on the thread that started the server.
struct fault_kind {
  std::string name;
  place where = place::network;
  /// How long it lasts.
  std::chrono::milliseconds shortest{100};
  std::chrono::milliseconds longest{800};
  /// Begins it, and may do it for as long as it pleases.
  std::function<void(stage&)> begin;
  /// Ends it: whatever comes next is served.
  std::function<void(stage&)> heal;
  /// Counts what it did; it fired if that grew from before `begin` to after `heal`.
  std::function<uint64_t(stage&)> counter;
  /// It goes on until its counter has grown, for some seconds at most: who dials
  /// slowly meets it late.
  bool until_seen = false;
};

const std::vector<fault_kind>& all_faults();

/// How redis-server is to be started.
lab::redis_options server_options();

/// Waits for the server to be well: it runs, has loaded, and answers.
void wait_for_server(lab::private_redis& server);

} // namespace redoubt::chaos
