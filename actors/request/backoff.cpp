#include <redoubt/actors/request/backoff.hpp>

#include <algorithm>

namespace redoubt {

std::chrono::milliseconds next_wait(const retry_options& options,
                                    std::chrono::milliseconds previous,
                                    bool slow, random_source& random) noexcept {
  using std::chrono::milliseconds;
  auto max = slow ? options.slow_max : options.max;
  auto base = std::min(slow ? options.slow_base : options.base, max);
  // The first wait, and one after a wait of the other kind, start at the base.
  auto from = std::max(previous, base);
  // In floating point: the product may exceed what milliseconds can hold.
  auto grown = static_cast<double>(from.count()) * options.multiplier;
  auto upper = grown < static_cast<double>(max.count())
                 ? milliseconds{static_cast<milliseconds::rep>(grown)}
                 : max;
  return random.between(base, upper);
}

} // namespace redoubt
