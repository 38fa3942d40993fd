#include <redoubt/actors/supervisor/dial_schedule.hpp>

#include <algorithm>

namespace redoubt {

dial_schedule::dial_schedule(const pool_options& options, uint32_t wanted,
                             uint64_t seed)
  : normal_{options.dial_min, options.dial_max},
    // The slow pace keeps the bound of the normal one, whatever its options.
    slow_{std::max(options.slow_dial_min, options.dial_min),
          options.slow_dial_max},
    max_dialing_(options.max_dialing),
    wanted_(wanted),
    random_(seed) {
}

void dial_schedule::dial_started(time_point now) noexcept {
  ++started_;
  ++dialing_;
  last_start_ = now;
  due_ = draw(now);
}

void dial_schedule::dial_finished(result x, time_point now) noexcept {
  if (dialing_ > 0)
    --dialing_;
  if (x == result::ready)
    ++ready_;
  else
    ++failed_;
  auto was_slow = slow();
  turned_away_ = x == result::turned_away;
  // The server's patience starts with its answer, not with our dial.
  if (turned_away_)
    due_ = draw(now);
  else
    change_pace(was_slow, now);
}

void dial_schedule::lost(time_point now) noexcept {
  closed();
  if (last_start_)
    due_ = std::min(due_, std::max(now, *last_start_ + present().min));
}

void dial_schedule::closed() noexcept {
  if (ready_ > 0)
    --ready_;
}

void dial_schedule::recount(uint32_t ready, uint32_t dialing) noexcept {
  ready_ = ready;
  dialing_ = dialing;
}

void dial_schedule::degraded(bool on, time_point now) noexcept {
  auto was_slow = slow();
  degraded_ = on;
  change_pace(was_slow, now);
}

dial_schedule::time_point dial_schedule::next() const noexcept {
  return ready_ < wanted_ && dialing_ < max_dialing_ ? due_ : time_point::max();
}

// Waits are drawn from the minimum of the pace up and begin no earlier than the
// last dial: that bounds the rate.
dial_schedule::time_point dial_schedule::draw(time_point now) noexcept {
  auto& x = present();
  return now + random_.between(x.min, x.max);
}

void dial_schedule::change_pace(bool was_slow, time_point now) noexcept {
  if (slow() == was_slow)
    return;
  auto next = draw(now);
  // Going slow puts the next dial off; going on at the normal pace never does.
  due_ = slow() ? next : std::min(due_, next);
}

} // namespace redoubt
