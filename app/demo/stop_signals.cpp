#include <redoubt/app/demo/stop_signals.hpp>

#include <algorithm>

namespace redoubt::demo {

using std::chrono::nanoseconds;
using std::chrono::steady_clock;

stop_signals::stop_signals() {
  ::sigemptyset(&stops_);
  for (auto each : {SIGINT, SIGTERM, SIGHUP})
    ::sigaddset(&stops_, each);
  auto blocked = stops_;
  ::sigaddset(&blocked, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &before_);
}

stop_signals::~stop_signals() {
  // A second Ctrl-C came while the first one was obeyed.
  timespec at_once{};
  while (::sigtimedwait(&stops_, nullptr, &at_once) > 0) {}
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

bool stop_signals::wait_until(steady_clock::time_point when) {
  while (received_ == 0) {
    auto left = std::max(nanoseconds{when - steady_clock::now()},
                         nanoseconds{0});
    auto seconds = std::chrono::floor<std::chrono::seconds>(left);
    timespec limit{seconds.count(), (left - seconds).count()};
    if (auto got = ::sigtimedwait(&stops_, nullptr, &limit); got > 0)
      received_ = got;
    else if (steady_clock::now() >= when)
      break;
  }
  return received_ != 0;
}

} // namespace redoubt::demo
