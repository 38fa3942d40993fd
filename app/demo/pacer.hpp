#pragma once

#include <redoubt/app/demo/client.hpp>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace redoubt::demo {

/// A client and the recorder of its requests in one scenario.
struct lane {
  client* who = nullptr;
  std::shared_ptr<recorder> to;
};

/// Issues one request to every client each 5 ms, whatever becomes of them: the
/// schedule waits for nobody. Starts at once, on a thread of its own.
class pacer {
public:
  explicit pacer(std::vector<lane> lanes);

  pacer(const pacer&) = delete;
  pacer& operator=(const pacer&) = delete;
  ~pacer();

  /// Issues nothing any more.
  void stop();

private:
  void run();

  const std::vector<lane> lanes_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::thread thread_;
};

} // namespace redoubt::demo
