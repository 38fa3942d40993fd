#pragma once

#include <redoubt/actors/runtime.hpp>
#include <redoubt/bench/contenders/redoubt.hpp>

#include <caf/actor.hpp>
#include <caf/event_based_actor.hpp>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace redoubt::bench {

/// What the callers of one contender measured, apart for each thread that ran
/// them, so that measuring costs neither a lock nor a cache line per caller.
class shared_sample {
public:
  /// The sample of the calling thread.
  sample& mine();

  /// Moves everything to `out`; while no caller runs.
  void take(sample& out);

  /// Something went wrong; the first one tells it.
  void fail(std::string why);

  /// Throws what was told to `fail`.
  void throw_if_failed();

private:
  static uint64_t next_id();

  // Not the address: another one may have lived there before.
  const uint64_t id_ = next_id();
  std::mutex mutex_;
  std::map<std::thread::id, sample> samples_;
  std::string failure_;
};

/// Operation `i` of the workload.
command command_of(const workload& load, size_t i);

/// Whether `x` is the answer to it.
bool is_answer(const workload& load, const reply& x, size_t i);

/// To a caller: go on until then, and answer `true`.
struct start {
  clock::time_point until;
};

/// An actor that asks from `start` until its time is up.
class asking_actor : public caf::event_based_actor {
public:
  asking_actor(caf::actor_config& cfg, const workload& load,
               std::shared_ptr<shared_sample> out);

  caf::behavior make_behavior() override;

protected:
  virtual void ask() = 0;

  /// What was asked at `since` is answered; asks again.
  void answered(clock::time_point since, size_t operations);

  void failed(std::string why);
  void failed(const caf::error& why);

  const workload load_;

private:
  std::shared_ptr<shared_sample> out_;
  clock::time_point until_;
  caf::typed_response_promise<bool> done_;
};

/// A runtime and the callers of one contender.
class stage {
public:
  explicit stage(const runtime_options& options);
  stage(const stage&) = delete;
  stage& operator=(const stage&) = delete;
  ~stage();

  void run(double seconds, sample& out);

  runtime rt;
  std::shared_ptr<shared_sample> shared = std::make_shared<shared_sample>();
  std::vector<caf::actor> callers;
};

/// Forces the breaker open; every client handle knows when it returns.
void force_open(runtime& rt, const request_actor& handle);

/// Throws if no connection is ready within 5 s.
void wait_until_ready(runtime& rt);

} // namespace redoubt::bench

REDOUBT_LOCAL_MESSAGE(redoubt::bench::start)
