#pragma once

#include <redoubt/messages/options.hpp>
#include <redoubt/messages/status.hpp>

#include <array>
#include <cstdint>

namespace redoubt {

/// Bounds what is sent again, retries and hedges of all request actors together,
/// by what succeeded: within a window no more than `ratio` of the successes and
/// `per_second` for each second of it. A value without a clock.
///
/// Tokens are leased to request actors, who `spend` them, or give them back:
///
///     available ──lease──▶ leased ──spend──▶ spent ── a window later ──▶ available
///         ▲                  │ ▲                │
///         └────put_back──────┘ └────refund──────┘
///
/// A token counts from when it is leased until a window after it was spent, and
/// what a success brings counts for a window: so no window has more spent tokens
/// than the deposits that stood against them. After Finagle's RetryBudget; the
/// ratio is gRPC's (A6) and AWS's reason for it that retries must not multiply
/// the load of a server that fails.
class retry_budget {
public:
  using time_point = api::time_point;

  explicit retry_budget(const budget_options& options) : options_(options) {}

  const budget_options& options() const noexcept { return options_; }

  /// Takes new options. What was deposited and spent stays as far as it fits.
  void options(const budget_options& x, time_point now) noexcept;

  /// So many requests succeeded.
  void deposit(uint64_t successes, time_point now) noexcept;

  /// Tokens that may be leased now.
  uint64_t available(time_point now) const noexcept;

  /// Leases at most `n` tokens; answers how many.
  uint64_t lease(uint64_t n, time_point now) noexcept;

  /// So many leased tokens were used.
  void spend(uint64_t n, time_point now) noexcept;

  /// What was spent on so many was not sent again after all; the tokens are
  /// leased as before.
  void refund(uint64_t n, time_point now) noexcept;

  /// So many leased tokens come back unused.
  void put_back(uint64_t n) noexcept;

  budget_status status(time_point now) const noexcept;

private:
  /// Tokens go by the thousand, so that a ratio of 0.001 adds up exactly.
  static constexpr uint64_t unit = 1000;
  static constexpr size_t buckets = 10;

  struct counts {
    uint64_t deposited = 0;
    uint64_t spent = 0;
  };

  int64_t number_of(time_point now) const noexcept;
  void advance(time_point now) noexcept;
  counts sum(time_point now) const noexcept;

  budget_options options_;
  /// Bucket of number `n` is at `n % buckets`; the newest is `newest_`.
  std::array<counts, buckets> buckets_{};
  int64_t newest_ = 0;
  uint64_t leased_ = 0;
};

} // namespace redoubt
