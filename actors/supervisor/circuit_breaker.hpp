#pragma once

#include <redoubt/actors/random.hpp>
#include <redoubt/actors/supervisor/call_window.hpp>
#include <redoubt/messages/options.hpp>
#include <redoubt/messages/status.hpp>

#include <cstdint>
#include <optional>

namespace redoubt {

/// The circuit breaker of one endpoint: a value that is told what happened and
/// when, and answers with the transition that follows, if any. It knows no
/// actor, no socket and no clock.
///
/// Legal transitions, each raising the generation by one:
///
///     closed ──────▶ open         too many failures, or slow calls
///     open ────────▶ half_open    a handshake finished, or the wait is over
///     half_open ───▶ closed       enough trials succeeded
///     half_open ───▶ open         a probe or a trial failed, a link was lost,
///                                 too many trials were slow, or time was over
///
/// and whatever an operator forces. While it is disabled, or only there for its
/// metrics, it stays closed.
///
/// Half-open makes `half_open_permits` trials. The first one is a probe of the
/// runtime's own; only when it succeeded are the other permits leased out to
/// requests. A permit that is not used in time, or whose request ended without
/// telling of the server's health, is never leased again: it is owed as a
/// probe. So no more requests are admitted than there are permits, and
/// half-open ends with or without traffic. Every success counts as a trial, the
/// probes' too: with one permit the first probe closes the breaker.
///
/// A breaker that closes after trials is on its ramp for a while: closed, but only
/// a share of what was usually in flight is to be admitted, step by step more.
///
/// Names and window semantics follow resilience4j and gobreaker; the
/// generation, and that only bad calls trip, are gobreaker's.
class circuit_breaker {
public:
  using time_point = api::time_point;

  struct transition {
    breaker_state from = breaker_state::closed;
    breaker_state to = breaker_state::closed;
    breaker_cause cause = breaker_cause::none;
    /// Generation that begins with this transition.
    uint64_t generation = 0;
    uint64_t calls_in_window = 0;
    uint64_t failures_in_window = 0;
    uint64_t slow_calls_in_window = 0;
    /// It is not made: the breaker is there for its metrics only. The generation
    /// is the present one, and counting starts anew.
    bool would_be = false;

    bool operator==(const transition&) const = default;
  };

  /// What a request actor reports since its previous report. Only attempts that
  /// were sent under `generation` are part of it.
  struct tally {
    uint64_t generation = 0;
    uint64_t successes = 0;
    uint64_t failures = 0;
    /// Failures since the last success within this tally (all of them if it has
    /// none). Attempts of one connection that time out together are one.
    uint64_t run = 0;
    /// Permits that were used to admit a request.
    uint64_t admitted = 0;
    /// Admitted requests that ended without telling of the server's health
    /// (cancelled, deadline): their permits return.
    uint64_t returned = 0;
    /// Calls that took longer than `slow_call`, succeeded or not.
    uint64_t slow = 0;
  };

  enum class link_event : uint8_t { lost, dial_failed };

  circuit_breaker(const breaker_options& options, uint64_t seed);

  breaker_state state() const noexcept { return state_; }
  uint64_t generation() const noexcept { return generation_; }
  const breaker_options& options() const noexcept { return options_; }
  breaker_status status(time_point now) const;

  /// Counts a report. Tallies of another generation are ignored, and those of
  /// an open breaker. A tally without a failure or a slow call never trips.
  std::optional<transition> record(const tally& x, time_point now);

  /// Counts a lost link or failed dial as one failed call; at most one of each
  /// kind within `options.lump`. In half-open a lost link reopens, lumped or
  /// not; a failed dial does not, as another link may be fine.
  std::optional<transition> record(link_event x, time_point now);

  /// A handshake finished: an open breaker half-opens at once.
  std::optional<transition> connection_ready(time_point now);

  /// Time passed. Half-opens when the open wait is over and `connected` (there
  /// is a ready connection to try); takes back leases that ran out; reopens
  /// when a probe that is owed did not finish in twice its own deadline, or
  /// half-open lasts too long; goes on to the next step of the ramp.
  std::optional<transition> tick(time_point now, bool connected);

  /// When `tick` should be called next; `time_point::max()` if never. An open
  /// breaker whose wait is over needs a connection, not a tick.
  time_point next_tick() const noexcept;

  /// True if a probe should be sent now: half-open, none under way, and one is
  /// owed.
  bool wants_probe() const noexcept;
  void probe_started() noexcept;

  /// `generation` is the one in which the probe was started; others are
  /// ignored. A probe that was lost counts as failed.
  std::optional<transition> probe_finished(uint64_t generation, bool success,
                                           time_point now);

  /// Permits that may be leased out now: half-open and probed, else 0.
  uint32_t permits_available() const noexcept;

  /// Leases out `n` permits (at most what is available); answers how many.
  uint32_t lease(uint32_t n, time_point now) noexcept;

  /// Nobody can tell any more what became of the permits that are leased out:
  /// probes take their place.
  void forget_leases(time_point now) noexcept;

  /// When the permits leased last run out.
  time_point lease_until() const noexcept { return lease_until_; }

  /// Closed, and on the ramp.
  bool ramping() const noexcept { return step_.has_value(); }

  /// Share of what is usually in flight that may be, in (0, 1]; 1 off the ramp.
  double ramp() const noexcept;

  /// When the ramp ends if nothing happens; in the past if there is none.
  time_point ramp_until() const noexcept;

  /// Requests that may be in flight on the ramp where `usual` ones are: never
  /// fewer than half-open admits.
  uint64_t ramp_allowance(uint64_t usual) const noexcept;

  /// Opens, or closes, and stays so until `release` or `reset`. Forced closed
  /// counts on, but does not trip.
  std::optional<transition> force_open(time_point now);
  std::optional<transition> force_close(time_point now);
  /// Closed, and counts nothing, until then.
  std::optional<transition> disable(time_point now);
  /// Closed until then, counts, and answers when it would have opened.
  std::optional<transition> metrics_only(time_point now);
  /// Ends what was set by hand: from forced open to half-open (or open, until the
  /// next tick, if nothing is connected; or closed, if not enabled); what is
  /// closed stays closed, and the next failure may trip.
  std::optional<transition> release(time_point now, bool connected);
  /// Forgets all counts, waits and what was forced; closed.
  std::optional<transition> reset(time_point now);

  /// Takes new options. The state stays, counts stay as far as they fit. But a
  /// breaker that is no longer enabled, or for its metrics only, closes, unless
  /// it is forced open; and fewer permits may be proven already.
  std::optional<transition> options(const breaker_options& x, time_point now);

private:
  std::optional<transition> enter(breaker_state to, breaker_cause cause,
                                  time_point now);
  std::optional<transition> trip_if_due(bool failed, bool slow, time_point now);
  std::optional<transition> trip(breaker_cause cause, time_point now);
  std::optional<transition> reopen(breaker_cause cause, time_point now);
  std::optional<transition> record_trials(const tally& x, time_point now);
  std::optional<transition> succeed(uint64_t trials, time_point now);
  std::optional<transition> close_if_proven(time_point now);
  std::optional<transition> follow_mode(time_point now);
  transition made_of(breaker_state to, breaker_cause cause,
                     time_point now) const noexcept;
  breaker_mode mode() const noexcept;
  bool forced() const noexcept;
  bool counts() const noexcept;
  void climb(time_point now) noexcept;
  bool first_of_its_lump(link_event x, time_point now) noexcept;
  std::chrono::nanoseconds open_wait() noexcept;
  void await_trials(time_point now) noexcept;
  void owe_probes(uint64_t n, time_point now) noexcept;
  void take_back_permits(time_point now) noexcept;
  time_point answers_until() const noexcept;
  uint64_t permits_left() const noexcept;

  breaker_options options_;
  random_source random_;
  call_window window_;
  breaker_state state_ = breaker_state::closed;
  breaker_cause cause_ = breaker_cause::none;
  /// What an operator set by hand.
  enum class hold : uint8_t { none, open, closed, disabled, metrics_only };
  hold hold_ = hold::none;
  uint64_t generation_ = 0;
  uint64_t run_ = 0;
  uint64_t trips_ = 0;
  uint64_t would_be_trips_ = 0;
  time_point closed_since_{};
  /// Number of the ramp's step, if on the ramp, and its end.
  std::optional<size_t> step_;
  time_point step_until_{};
  std::optional<time_point> last_lost_;
  std::optional<time_point> last_dial_failed_;
  // -- open
  uint32_t failed_half_opens_ = 0;
  time_point open_until_{};
  /// The wait is over, but nothing is connected: only a handshake can help.
  bool awaits_link_ = false;
  // -- half-open: of the permits, so many were proven by a success, lie unused
  // with a request actor, belong to a request in flight, are owed as probes;
  // the rest can be leased once `probed_`.
  uint64_t proven_ = 0;
  uint64_t slow_trials_ = 0;
  time_point half_open_since_{};
  uint64_t unused_ = 0;
  uint64_t in_flight_ = 0;
  uint64_t probes_owed_ = 0;
  bool probed_ = false;
  bool probe_under_way_ = false;
  time_point probe_until_{};
  time_point lease_until_{};
};

} // namespace redoubt
