#include <redoubt/bench/measure/interval_timer.hpp>

#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>

namespace redoubt::bench {

interval_timer::interval_timer(std::chrono::microseconds period)
  : fd_(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) {
  timespec each{period.count() / 1000000, period.count() % 1000000 * 1000};
  itimerspec when{each, each};
  if (!fd_ || ::timerfd_settime(fd_.get(), 0, &when, nullptr) != 0)
    throw std::system_error(errno, std::generic_category(), "timerfd");
}

void interval_timer::drain() const noexcept {
  uint64_t times = 0;
  static_cast<void>(::read(fd_.get(), &times, sizeof times) > 0);
}

} // namespace redoubt::bench
