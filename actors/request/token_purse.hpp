#pragma once

#include <redoubt/messages/wiring.hpp>

#include <algorithm>
#include <cstdint>

namespace redoubt {

/// Tokens of the retry budget that a request actor was leased, and what it tells
/// of them.
class token_purse {
public:
  using time_point = api::time_point;

  /// Tokens that may be taken until `until()`.
  uint64_t tokens(time_point now) const noexcept {
    return now < until_ ? tokens_ : 0;
  }

  bool empty() const noexcept { return tokens_ == 0; }

  time_point until() const noexcept { return until_; }

  /// Takes one to send something again.
  bool take(time_point now) noexcept {
    if (tokens(now) == 0)
      return false;
    --tokens_;
    ++told_.taken;
    return true;
  }

  /// Gives one back that was taken and not used.
  void give_back(time_point now) noexcept {
    ++told_.refunded;
    ++tokens_;
    expire(now);
  }

  /// Wants one more from the budget.
  void ask() noexcept { ++told_.asked; }

  /// The budget leased `n` more until `until`, and with them all that it leased
  /// before.
  void grant(uint64_t n, time_point until) noexcept {
    tokens_ += n;
    until_ = std::max(until_, until);
  }

  /// What was not taken in time goes back. True if there was any.
  bool expire(time_point now) noexcept {
    if (now < until_ || tokens_ == 0)
      return false;
    told_.returned += tokens_;
    tokens_ = 0;
    return true;
  }

  const token_totals& told() const noexcept { return told_; }

private:
  uint64_t tokens_ = 0;
  time_point until_{};
  token_totals told_;
};

} // namespace redoubt
