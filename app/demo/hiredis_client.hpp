#pragma once

#include <redoubt/app/demo/client.hpp>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

struct redisContext;

namespace redoubt::demo {

/// What most services start with: one hiredis connection on a thread of its
/// own, 500 ms for a connect or a command, no retry; a request that finds the
/// connection broken connects anew first.
class hiredis_client : public client {
public:
  explicit hiredis_client(uint16_t port);
  ~hiredis_client() override;

  void issue(std::shared_ptr<recorder> to, uint32_t index) override;
  vitals observe() override;

private:
  struct job {
    std::shared_ptr<recorder> to;
    uint32_t index;
  };

  struct context_deleter {
    void operator()(redisContext* context) const noexcept;
  };

  void run();
  void perform(const job& x);
  bool connect();

  const uint16_t port_;
  std::unique_ptr<redisContext, context_deleter> context_;
  std::atomic<bool> connected_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<job> jobs_;
  bool stopping_ = false;
  std::thread thread_;
};

} // namespace redoubt::demo
