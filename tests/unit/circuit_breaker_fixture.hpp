#pragma once

#include <redoubt/actors/supervisor/circuit_breaker.hpp>

#include <redoubt/tests/support/check.hpp>

#include <optional>
#include <string>

namespace redoubt {

/// A breaker with its defaults and the time. Transitions read like
/// `open: failure_rate`; no transition reads `stays`.
///
/// Defaults: 10 × 1 s, ≥ 10 calls and ≥ 50 %, or 5 in a row; open for 100 ms to
/// 1 s; 5 permits leased for 200 ms; probes of 250 ms; lumps of 100 ms.
struct breaker_fixture {
  using link = circuit_breaker::link_event;
  using tally = circuit_breaker::tally;
  using moved = std::optional<circuit_breaker::transition>;

  static constexpr auto never = api::time_point::max();

  circuit_breaker breaker{breaker_options{}, 42};
  api::time_point now{std::chrono::seconds{1000}};

  void use(const breaker_options& options) {
    breaker = circuit_breaker{options, 42};
  }

  static std::string text(const moved& x) {
    if (!x)
      return "stays";
    return std::string{to_string(x->to)} + ": "
           + std::string{to_string(x->cause)};
  }

  tally of(uint64_t successes, uint64_t failures, uint64_t run) const {
    return {breaker.generation(), successes, failures, run, 0, 0};
  }

  std::string report(uint64_t successes, uint64_t failures, uint64_t run) {
    return text(breaker.record(of(successes, failures, run), now));
  }

  // A report about permits.
  std::string trials(uint64_t successes, uint64_t admitted, uint64_t returned) {
    tally x{breaker.generation(), successes, 0, 0, admitted, returned};
    return text(breaker.record(x, now));
  }

  std::string happens(link x) { return text(breaker.record(x, now)); }

  std::string tick(bool connected = true) {
    return text(breaker.tick(now, connected));
  }

  std::string probe(bool success) {
    CAF_CHECK(breaker.wants_probe());
    breaker.probe_started();
    return text(breaker.probe_finished(breaker.generation(), success, now));
  }

  void trip() {
    CAF_REQUIRE_EQUAL(report(0, 5, 5), "open: consecutive_failures");
  }

  void half_open() {
    trip();
    CAF_REQUIRE(breaker.connection_ready(now));
  }

  void half_open_and_probed() {
    half_open();
    CAF_REQUIRE_EQUAL(probe(true), "stays");
  }

  api::duration open_wait() const { return breaker.next_tick() - now; }
};

} // namespace redoubt
