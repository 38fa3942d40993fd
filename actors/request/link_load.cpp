#include <redoubt/actors/request/link_load.hpp>

#include <algorithm>

namespace redoubt {

namespace {

/// Part of the sums that a reply leaves of what was before: they tell of about
/// the last 32 replies.
constexpr double memory = 31.0 / 32;

/// A request must have this many times the expected wait left. The estimate lags
/// behind, and an answer that comes a little too late was worked for in vain.
constexpr double margin = 1.5;

/// Commands under way while little is known: enough for a service that
/// starts, little enough for a server that needs milliseconds for each.
constexpr size_t first_window = 128;

double count_of(link_load::duration x) noexcept {
  return static_cast<double>(x.count());
}

/// Far above any wait, and far from an overflow.
constexpr link_load::duration longest = std::chrono::hours{24};

} // namespace

void link_load::answered(duration latency, size_t ahead) noexcept {
  round_trip_ = std::min(round_trip_, latency);
  waited_ *= memory;
  ahead_ *= memory;
  if (knows_nothing())
    proven_ = 0;
  if (ahead == 0 || share_ == 0)
    return;
  proven_ = std::max(proven_, ahead + 1);
  waited_ += count_of(latency - round_trip_);
  ahead_ += static_cast<double>(ahead);
}

link_load::duration link_load::round_trip() const noexcept {
  return round_trip_ == duration::max() ? duration{0} : round_trip_;
}

/// Nothing was ever seen to wait, or too long ago.
bool link_load::knows_nothing() const noexcept {
  return ahead_ < 0.01;
}

link_load::duration link_load::wait(size_t ahead) const noexcept {
  if (knows_nothing())
    return duration{0};
  auto x = waited_ / ahead_ * static_cast<double>(ahead);
  return duration{static_cast<duration::rep>(std::min(x, count_of(longest)))};
}

link_load::duration link_load::allowed(duration time) const noexcept {
  // Whoever has no time beyond the round trip must not keep the link idle for all
  // others.
  auto rest = std::clamp(time - round_trip(), round_trip(), longest);
  return duration{static_cast<duration::rep>(share_ * count_of(rest))};
}

bool link_load::has_room(size_t under_way, duration time) const noexcept {
  if (under_way < floor_ || share_ == 0)
    return true;
  return under_way < std::max(first_window, 2 * proven_)
         && wait(under_way) <= allowed(time);
}

send_when link_load::judge(size_t under_way, duration time, duration left,
                           bool standing) const noexcept {
  if (under_way == 0 || share_ == 0)
    return send_when::now;
  auto needed = round_trip()
                + duration{static_cast<duration::rep>(
                  margin * count_of(wait(under_way)))};
  if (standing && left < needed)
    return send_when::never;
  return has_room(under_way, time) ? send_when::now : send_when::later;
}

} // namespace redoubt
