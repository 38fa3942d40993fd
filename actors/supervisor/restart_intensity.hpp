#pragma once

#include <redoubt/messages/caf_api.hpp>

#include <cstdint>
#include <optional>
#include <vector>

namespace redoubt {

/// At most `max` losses of ready connections in `window`; one more makes the
/// endpoint degraded, a whole window without a loss makes it well again. Losses
/// within `lump` of the last one that counted are part of it: links that die
/// together died of one cause. Failed dials are no losses.
///
/// After the restart intensity of Erlang/OTP supervisors, which end where this
/// one slows down.
class restart_intensity {
public:
  using time_point = api::time_point;
  using duration = api::duration;

  restart_intensity(uint32_t max, duration window, duration lump);

  /// A ready connection was lost. True if the endpoint is degraded from now on.
  bool record(time_point now) noexcept;

  /// Time passed. True if the endpoint is well from now on.
  bool tick(time_point now) noexcept;

  bool degraded() const noexcept { return degraded_; }

  /// When `tick` should be called next; `time_point::max()` if never.
  time_point next_tick() const noexcept;

private:
  /// One more than is allowed: a full ring whose oldest loss lies within the
  /// window is one too many.
  std::vector<std::optional<time_point>> counted_;
  size_t newest_ = 0;
  duration window_;
  duration lump_;
  /// Lumped losses included: they also say that the endpoint is not yet well.
  time_point last_loss_{};
  bool degraded_ = false;
};

} // namespace redoubt
