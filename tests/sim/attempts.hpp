#pragma once

#include <redoubt/messages/attempts.hpp>
#include <redoubt/messages/caf_api.hpp>
#include <redoubt/messages/status.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace redoubt::sim {

/// What is known of one request before its first attempt.
struct watched_request {
  uint64_t caller = 0;
  /// The request actor that was asked.
  uint64_t handle = 0;
  /// Keys of its commands.
  std::vector<std::string> keys;
  bool write = false;
  /// Commands of a pipeline are requests of their own, and cannot be told apart.
  bool pipeline = false;
  /// It ignores the breaker.
  bool free = false;
  uint32_t max_attempts = 0;
  std::chrono::milliseconds deadline{0};
  /// Its policy plans no attempt beyond that deadline.
  bool before_deadline = false;
};

/// What request actors tell of the attempts of each request, held against the
/// breaker, the retry policy and the order. Throws `violation`.
///
/// Actors run one after another, so what they tell of one instant comes in any
/// order. Judged is what was so when the instant began, and what is when it ends.
class attempt_ledger {
public:
  /// A request is sent, under a number of its own.
  void begin(uint64_t number, watched_request x);

  /// All of it was answered.
  void end(uint64_t number, fate became, api::time_point now);

  void told(const attempt_event& x, api::time_point now);

  void breaker_changed(breaker_state to) { changes_.push_back(to); }

  /// When the breaker is half-open, so many requests may be admitted.
  void permits(uint64_t n) noexcept { permits_ = n; }

  /// There may be less credit than writes that have to go together.
  void little_credit() noexcept { little_credit_ = true; }

  /// To be called when nothing more happens in this instant.
  void end_of_instant();

private:
  enum class state : uint8_t { queued, under_way, waits, over };

  struct entry {
    watched_request what;
    state now = state::queued;
    api::time_point since{};
    api::time_point not_before{};
    uint32_t attempts = 0;
    /// Of what it waits for: it was sent and may have run.
    bool may_have_run = false;
  };

  void on_begins(uint64_t number, entry& x, const attempt_event& e,
                 api::time_point now);
  void check_breaker();
  void check_order(uint64_t number, const entry& x) const;
  void check_resent(uint64_t number, const entry& x) const;

  [[noreturn]] static void fail(uint64_t number, const std::string& what);

  uint64_t permits_ = 0;
  bool little_credit_ = false;
  std::map<uint64_t, entry> all_;
  /// By caller, request actor and key: the numbers of those that use it.
  std::map<std::tuple<uint64_t, uint64_t, std::string>, std::set<uint64_t>>
    on_key_;

  breaker_state breaker_ = breaker_state::closed;
  std::vector<breaker_state> changes_;
  /// Attempts that began in this instant and heed the breaker.
  uint64_t governed_ = 0;
  /// They began in this instant; true: again, after they may have run.
  std::vector<std::pair<uint64_t, bool>> begun_;
  /// Since the breaker is half-open.
  uint64_t admitted_ = 0;
};

} // namespace redoubt::sim
