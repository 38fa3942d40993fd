#pragma once

#include <redoubt/actors/bulk_client.hpp>
#include <redoubt/actors/random.hpp>
#include <redoubt/actors/runtime.hpp>
#include <redoubt/tests/chaos/recorder.hpp>

#include <caf/event_based_actor.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace redoubt::chaos {

/// What all callers of a run share.
struct playground {
  runtime& rt;
  recorder& out;
  /// Client handles as they were made; their actors may have been replaced.
  std::vector<request_actor> handles;
  /// Callers that were made so far: each has a number of its own.
  std::atomic<uint64_t> callers = 0;
  /// How much slower than usual everything is.
  int slowness = 1;
};

/// Time to send something more.
struct go_on {};

/// Send nothing more than a last request, and when all faults are over.
struct come_to_rest {};

/// Sends commands of all kinds, several at a time, until it is told to rest, and
/// takes down what became of them. What it is like is drawn from its seed.
class caller : public caf::event_based_actor {
public:
  caller(caf::actor_config& cfg, playground& where, uint64_t number,
         uint64_t seed);

  caf::behavior make_behavior() override;

  const char* name() const override { return "chaos.caller"; }

private:
  /// A command that was drawn, and how it is taken down.
  struct drawn {
    command cmd;
    operation what;
  };

  bool one_in(uint64_t n) { return random_.next() % n == 0; }
  uint64_t below(uint64_t n) { return random_.next() % n; }

  request_actor pick_handle();
  request_options draw_options(uint64_t& deadline_ms);
  drawn draw(bool writes_only);
  void name_it(drawn& x, const request_actor& to, uint64_t deadline_ms) const;

  void send_some();
  void send_one();
  void send_unit(bool atomic);
  void send_bulk();
  void send_last();
  void ended(uint64_t id, const outcome& result);
  void ended(size_t n);

  playground& where_;
  const uint64_t number_;
  random_source random_;
  /// Commands under way, at most.
  size_t window_;
  size_t under_way_ = 0;
  bool bulk_ = false;
  bool opts_in_ = false;
  bool free_ = false;
  bool patient_ = false;
  bool hedges_ = false;
  /// Always the same one; else it is drawn for each request.
  bool faithful_ = true;
  size_t favourite_ = 0;
  /// What was answered last was a success.
  bool well_ = true;
  /// It will be told to go on.
  bool waits_ = false;
  bool resting_ = false;
  bool rested_ = false;
  std::unique_ptr<bulk_client> bulk_client_;
  request_actor bulk_to_;
};

struct living_caller {
  uint64_t number = 0;
  caf::actor who;
};

/// A caller of its own number, told to go on.
living_caller spawn_caller(playground& where, uint64_t seed);

} // namespace redoubt::chaos

REDOUBT_LOCAL_MESSAGE(redoubt::chaos::go_on)
REDOUBT_LOCAL_MESSAGE(redoubt::chaos::come_to_rest)
