#include <redoubt/actors/supervisor/restart_intensity.hpp>

#include <algorithm>

namespace redoubt {

restart_intensity::restart_intensity(uint32_t max, duration window,
                                     duration lump)
  : counted_(size_t{max} + 1), window_(window), lump_(lump) {
}

bool restart_intensity::record(time_point now) noexcept {
  last_loss_ = std::max(last_loss_, now);
  auto& newest = counted_[newest_];
  if (newest && now - *newest < lump_)
    return false;
  newest_ = (newest_ + 1) % counted_.size();
  counted_[newest_] = now;
  auto& oldest = counted_[(newest_ + 1) % counted_.size()];
  if (degraded_ || !oldest || now - *oldest >= window_)
    return false;
  degraded_ = true;
  return true;
}

bool restart_intensity::tick(time_point now) noexcept {
  if (now < next_tick())
    return false;
  degraded_ = false;
  return true;
}

restart_intensity::time_point restart_intensity::next_tick() const noexcept {
  return degraded_ ? last_loss_ + window_ : time_point::max();
}

} // namespace redoubt
