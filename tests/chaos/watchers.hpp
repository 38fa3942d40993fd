#pragma once

#include <redoubt/actors/runtime.hpp>
#include <redoubt/tests/chaos/recorder.hpp>

#include <caf/actor.hpp>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace redoubt::chaos {

/// Does something again and again on a thread of its own.
class pulse {
public:
  pulse(std::chrono::milliseconds period, std::function<void()> work);
  pulse(const pulse&) = delete;
  pulse& operator=(const pulse&) = delete;
  ~pulse();

private:
  void run();

  const std::chrono::milliseconds period_;
  const std::function<void()> work_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::thread thread_;
};

/// Takes down when the machine let a thread wait that wanted to run.
class stall_watch {
public:
  explicit stall_watch(recorder& out);

private:
  recorder& out_;
  microseconds last_;
  pulse pulse_;
};

/// Takes down how many dials the supervisor counted.
class dial_watch {
public:
  dial_watch(runtime& rt, recorder& out);

private:
  void look();

  runtime& rt_;
  recorder& out_;
  pulse pulse_;
};

/// Takes down the ways that the breaker takes.
caf::actor spawn_listener(runtime& rt, recorder& out);

} // namespace redoubt::chaos
