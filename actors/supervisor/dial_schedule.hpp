#pragma once

#include <redoubt/actors/random.hpp>
#include <redoubt/messages/caf_api.hpp>
#include <redoubt/messages/options.hpp>

#include <cstdint>
#include <optional>

namespace redoubt {

/// When to dial. While fewer links than wanted are ready a dial starts at once
/// and then every `dial_min` to `dial_max`, however long the outage and even
/// while earlier dials hang: a dial that waits for a dropped SYN must not delay
/// the one that would succeed. Dials that the server turns away, and links that
/// die too often (`degraded`), slow the pace down. Two dials never start closer
/// than `dial_min`.
///
/// It only says when: the supervisor dials, closes links that became ready
/// beyond `wanted`, and tells of everything that happened.
class dial_schedule {
public:
  using time_point = api::time_point;

  enum class result : uint8_t {
    ready,
    failed,
    /// The server answered and does not want us: bad credentials, too many
    /// clients. Asking again soon would be a nuisance.
    turned_away,
  };

  dial_schedule(const pool_options& options, uint32_t wanted, uint64_t seed);

  void dial_started(time_point now) noexcept;
  void dial_finished(result x, time_point now) noexcept;

  /// A ready link was lost: the next dial is due at once, or, if one started
  /// just before, the shortest wait of the present pace after it.
  void lost(time_point now) noexcept;

  /// A ready link was closed on purpose.
  void closed() noexcept;

  /// So many links are wanted from now on.
  void want(uint32_t n) noexcept { wanted_ = n; }

  /// Corrects what was counted so far: so many links are ready, and so many dials
  /// under way.
  void recount(uint32_t ready, uint32_t dialing) noexcept;

  /// Switches to the slow pace and back, both from `now` on.
  void degraded(bool on, time_point now) noexcept;

  bool should_dial(time_point now) const noexcept { return now >= next(); }

  /// When `should_dial` becomes true; `time_point::max()` if not by the mere
  /// passing of time.
  time_point next() const noexcept;

  uint32_t wanted() const noexcept { return wanted_; }
  uint32_t ready() const noexcept { return ready_; }
  uint32_t dialing() const noexcept { return dialing_; }

  /// True if the dial that finished last was turned away.
  bool turned_away() const noexcept { return turned_away_; }

  /// Dials in all, and those of them that did not become ready.
  uint64_t started() const noexcept { return started_; }
  uint64_t failed() const noexcept { return failed_; }

private:
  struct pace {
    std::chrono::milliseconds min;
    std::chrono::milliseconds max;
  };

  bool slow() const noexcept { return degraded_ || turned_away_; }
  const pace& present() const noexcept { return slow() ? slow_ : normal_; }
  time_point draw(time_point now) noexcept;
  void change_pace(bool was_slow, time_point now) noexcept;

  pace normal_;
  pace slow_;
  uint32_t max_dialing_;
  uint32_t wanted_;
  random_source random_;
  bool degraded_ = false;
  bool turned_away_ = false;
  uint32_t ready_ = 0;
  uint32_t dialing_ = 0;
  uint64_t started_ = 0;
  uint64_t failed_ = 0;
  std::optional<time_point> last_start_;
  /// The clock's epoch, i.e. at once, until the first dial.
  time_point due_{};
};

} // namespace redoubt
