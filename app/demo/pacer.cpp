#include <redoubt/app/demo/pacer.hpp>

#include <utility>

namespace redoubt::demo {

namespace {

// 200 requests per second and client.
constexpr auto period = std::chrono::milliseconds{5};

} // namespace

pacer::pacer(std::vector<lane> lanes)
  : lanes_(std::move(lanes)), thread_([this] { run(); }) {
}

pacer::~pacer() {
  stop();
}

void pacer::stop() {
  {
    std::lock_guard guard{mutex_};
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable())
    thread_.join();
}

void pacer::run() {
  auto due = clock::now();
  std::unique_lock guard{mutex_};
  while (!changed_.wait_until(guard, due, [this] { return stopping_; })) {
    guard.unlock();
    // All requests are added before the first is issued, so that no client
    // pays for the others.
    std::vector<uint32_t> indexes;
    for (auto& each : lanes_)
      indexes.push_back(each.to->add(due));
    for (size_t i = 0; i < lanes_.size(); ++i)
      lanes_[i].who->issue(lanes_[i].to, indexes[i]);
    due += period;
    guard.lock();
  }
}

} // namespace redoubt::demo
