#pragma once

#include <redoubt/messages/caf_api.hpp>
#include <redoubt/messages/error.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace redoubt {

/// What a request actor does with one attempt of one request (the hooks of
/// tenacity, as events).
struct attempt_event {
  enum class kind : uint8_t {
    /// It is handed to a connection.
    begins,
    /// It is over.
    ends,
    /// Another one follows after `wait`.
    waits,
  };

  kind what = kind::begins;
  /// Number of the attempt, from 1.
  uint32_t attempt = 0;
  /// How it ended; `none` and `answered` if the server replied.
  errc code = errc::none;
  fate outcome = fate::not_sent;
  /// Time before the next attempt.
  std::chrono::milliseconds wait{0};
  /// Time since the request came in.
  std::chrono::microseconds elapsed{0};
  /// Name of the command; MULTI for a transaction.
  std::string command;
  /// `request_options::operation` and `request_options::tag`.
  std::string operation;
  uint64_t tag = 0;

  bool operator==(const attempt_event&) const = default;
};

std::string_view to_string(attempt_event::kind value) noexcept;

/// All that happened in one turn of a request actor, in order.
struct attempt_events {
  std::vector<attempt_event> events;
  /// Events that were lost before these, because the observer did not keep up.
  uint64_t dropped = 0;
};

REDOUBT_INSPECT(attempt_event, what, attempt, code, outcome, wait, elapsed,
                command, operation, tag)
REDOUBT_INSPECT(attempt_events, events, dropped)

} // namespace redoubt
