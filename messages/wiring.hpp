#pragma once

// What the runtime's own actors say to each other. Private: services use
// interfaces.hpp.

#include <redoubt/messages/interfaces.hpp>
#include <redoubt/messages/shared_bytes.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace redoubt {

// -- request actor or supervisor → connection -----------------------------------

/// One unit for the wire: a command, or a whole transaction.
struct submission {
  /// The sender's own; comes back in the reply.
  uint64_t id = 0;
  shared_bytes wire;
  /// Replies that the server sends for it.
  uint32_t replies = 1;
  /// Attempt timeout: how long the sender is willing to wait for the reply.
  std::chrono::milliseconds patience{0};
};

/// All commands of one mailbox turn.
struct submit_many {
  /// The sender's number on this connection, from `link_up`.
  uint32_t owner = 0;
  std::vector<submission> units;
};

// -- connection → request actor or supervisor ------------------------------------

struct link_reply {
  uint64_t id = 0;
  /// Not `none` if the reply had to be thrown away (`reply_too_deep`).
  errc code = errc::none;
  /// The reply; an array of all replies for a unit of several. With a code, an
  /// error that says why.
  reply value;
};

/// All replies of one read, in the order of their commands.
struct link_replies {
  uint64_t link = 0;
  std::vector<link_reply> items;
};

/// A connection is gone. The last message of every connection, however it ends.
struct link_closed {
  uint64_t link = 0;
  /// Units of the receiver that the connection took from its mailbox, counted
  /// from the first one; later ones were never taken.
  uint64_t taken_up_to = 0;
  /// Units whose last byte the kernel took. A later one cannot have run.
  uint64_t written_up_to = 0;
  errc cause = errc::none;
  std::string text;
  /// We gave the connection up (silence, bytes that are no RESP): the server may
  /// still hold commands of it that it has not run yet.
  bool gave_up = false;
  /// It had been ready.
  bool was_ready = false;
};

struct link_up;

using link_client = api::interface<void(link_up), void(link_replies),
                                   void(link_closed)>;

/// A connection's life goes on, for status.
struct link_progress {
  uint64_t link = 0;
  connection_state state = connection_state::connecting;
};

/// Tells a supervisor how a connection gets on.
using link_observer = link_client::extend_with<
  api::interface<void(link_progress)>>;

// -- supervisor → connection ------------------------------------------------------

/// Announces a request actor that may use the connection.
struct attach_client {
  link_client client;
};

/// A request actor is gone.
struct detach_client {
  link_client client;
};

/// The connection's supervisor died; this is the one that follows it. It takes
/// over its predecessor's number on the connection.
struct adopt_link {
  link_observer observer;
};

/// Closes the connection; what is unanswered then ends as in `link_closed`.
struct close_link {
  errc cause = errc::none;
  /// Not now: it takes nothing new and closes once all that was written is
  /// answered.
  bool when_answered = false;
};

// -- connection and resolver, to themselves --------------------------------------

/// The socket is readable, writable or broken.
struct io_event {
  uint32_t events = 0;
};

/// What an actor asked to be woken for.
enum class tick_purpose : uint8_t { deadlines, report, fence, lease, hedge };

/// A time that the receiver asked to be woken at. Ticks are never taken back: one
/// whose token is not the newest of its purpose is ignored.
struct tick {
  uint64_t token = 0;
  tick_purpose purpose = tick_purpose::deadlines;
};

/// Answer of the resolver.
struct resolved {
  uint64_t id = 0;
  /// Addresses as text, in the order to be tried.
  std::vector<std::string> addresses;
  /// Why there are none.
  std::string error;
};

using resolved_sink = api::interface<void(resolved)>;

/// Looks up a host name. Answered by a `resolved` to `sink`, within `timeout`.
struct resolve {
  uint64_t id = 0;
  std::string host;
  std::chrono::milliseconds timeout{0};
  resolved_sink sink;
};

using resolver_actor = api::interface<void(resolve), void(io_event),
                                      void(tick)>;

using connection_actor = api::interface<
  void(submit_many), void(attach_client), void(detach_client), void(adopt_link),
  void(close_link), void(resolved), void(io_event), void(tick)>;

/// A connection finished its handshake.
struct link_up {
  uint64_t link = 0;
  connection_actor connection;
  /// The receiver's number on this connection.
  uint32_t owner = 0;
  /// Commands and bytes that the receiver may have outstanding on it.
  uint32_t credit = 0;
  uint64_t credit_bytes = 0;
  /// The server's id for the connection; 0 if it did not tell.
  int64_t client_id = 0;
  /// The name that the server knows the connection by; empty if it took none.
  std::string client_name;
};

// -- supervisor → request actor ---------------------------------------------------

/// The breaker's verdict, pushed whenever it changes.
struct gate {
  breaker_state state = breaker_state::closed;
  uint64_t generation = 0;
  /// Half-open: requests that the receiver may admit until `lease_until`.
  uint32_t permits = 0;
  api::time_point lease_until{};
  /// Calls that take longer are slow; 0 if nobody counts them.
  std::chrono::milliseconds slow_call{0};
  /// The ramp ends then, whoever is left to tell. Until then the receiver has no
  /// more requests in flight than it was leased units in this generation.
  api::time_point ramp_until{};
  /// Units that are leased with this message, and that are wanted back.
  uint64_t units = 0;
  uint64_t units_recalled = 0;
  /// What is sent again needs a token.
  bool budget = false;
  /// Of the tokens asked for, so many are leased until `tokens_until`, and so
  /// many are denied.
  uint64_t tokens = 0;
  uint64_t tokens_denied = 0;
  api::time_point tokens_until{};
  /// Not `none` while every request must fail at once whatever the breaker says
  /// (`auth_failed`).
  errc trouble = errc::none;
  /// Last failure of a link or dial, for the errors of those who wait.
  errc last_error = errc::none;
  std::string last_error_text;
};

/// Take no new requests; answer what is left at `deadline`.
struct drain_client {
  api::time_point deadline;
};

// -- request actor → supervisor ---------------------------------------------------

/// What a request actor did with the tokens of the retry budget since it started.
/// Totals that only grow, so that a report that is lost is made good by the next.
struct token_totals {
  /// Asked for: each is granted or denied once.
  uint64_t asked = 0;
  uint64_t taken = 0;
  /// Taken and not used after all.
  uint64_t refunded = 0;
  /// Leased and not taken in time.
  uint64_t returned = 0;

  bool operator==(const token_totals&) const = default;
};

/// What a request actor did since its previous report.
struct report {
  uint64_t client = 0;
  uint64_t generation = 0;
  uint64_t successes = 0;
  uint64_t failures = 0;
  uint64_t run = 0;
  /// Calls slower than the gate's `slow_call`, succeeded or not.
  uint64_t slow = 0;
  uint64_t admitted = 0;
  uint64_t returned = 0;
  /// Requests that wait for a permit or a unit of the ramp, and others with them;
  /// 0 if such a lease would be of no use.
  uint64_t waiting = 0;
  /// Most requests that were in flight at a time.
  uint64_t peak = 0;
  /// Units of the ramp that came back in this generation so far.
  uint64_t units_returned = 0;
  token_totals tokens;
  /// Sums since the request actor started.
  request_counters counters;
};

/// The last request is answered; `abandoned` of them by the drain's limit.
struct client_drained {
  uint64_t client = 0;
  uint64_t abandoned = 0;
};

/// Where request actors report to.
using report_sink = api::interface<void(report), void(client_drained)>;

/// The supervisor died; this is the one that follows it.
struct new_supervisor {
  report_sink supervisor;
};

/// Who serves a lease.
using lease_actor = leased_connection::extend_with<link_client>::extend_with<
  api::interface<void(drain_client), void(tick)>>;

using client_actor = request_actor::extend_with<link_client>::extend_with<
  api::interface<void(gate), void(drain_client), void(new_supervisor),
                 void(tick)>>;

/// A new request actor, living on `reactor`.
struct register_client {
  client_actor client;
  /// Its number, by which it reports.
  uint64_t id = 0;
  uint32_t reactor = 0;
  link_lane lane = link_lane::shared;
};

using supervisor_internal = supervisor_actor::extend_with<link_client>::
  extend_with<report_sink>::extend_with<
    api::interface<void(register_client), void(link_progress), void(tick)>>;

} // namespace redoubt

REDOUBT_LOCAL_MESSAGE(redoubt::submit_many)
REDOUBT_LOCAL_MESSAGE(redoubt::link_replies)
REDOUBT_LOCAL_MESSAGE(redoubt::link_closed)
REDOUBT_LOCAL_MESSAGE(redoubt::link_up)
REDOUBT_LOCAL_MESSAGE(redoubt::attach_client)
REDOUBT_LOCAL_MESSAGE(redoubt::detach_client)
REDOUBT_LOCAL_MESSAGE(redoubt::close_link)
REDOUBT_LOCAL_MESSAGE(redoubt::adopt_link)
REDOUBT_LOCAL_MESSAGE(redoubt::new_supervisor)
REDOUBT_LOCAL_MESSAGE(redoubt::io_event)
REDOUBT_LOCAL_MESSAGE(redoubt::tick)
REDOUBT_LOCAL_MESSAGE(redoubt::resolved)
REDOUBT_LOCAL_MESSAGE(redoubt::resolve)
REDOUBT_LOCAL_MESSAGE(redoubt::gate)
REDOUBT_LOCAL_MESSAGE(redoubt::drain_client)
REDOUBT_LOCAL_MESSAGE(redoubt::report)
REDOUBT_LOCAL_MESSAGE(redoubt::client_drained)
REDOUBT_LOCAL_MESSAGE(redoubt::register_client)
REDOUBT_LOCAL_MESSAGE(redoubt::link_progress)
