#pragma once

#include <redoubt/messages/attempts.hpp>
#include <redoubt/messages/caf_api.hpp>
#include <redoubt/messages/command.hpp>
#include <redoubt/messages/error.hpp>
#include <redoubt/messages/options.hpp>
#include <redoubt/messages/reply.hpp>
#include <redoubt/messages/status.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace redoubt {

// -- requests -----------------------------------------------------------------

/// What became of one command of a pipeline.
using outcome = std::variant<reply, failure>;

/// Commands that are sent together; each is answered, and retried, on its own.
struct pipeline {
  std::vector<command> commands;
};

/// Commands that run as one unit: MULTI … EXEC on one connection, with nothing
/// in between. MULTI and EXEC are added by the runtime.
struct transaction {
  std::vector<command> commands;
};

/// Answers to a pipeline or transaction, in the order of its commands.
struct replies {
  std::vector<outcome> outcomes;
};

/// One command of a `submit`.
struct bulk_command {
  /// The sender's own; comes back in the completion.
  uint64_t id = 0;
  command cmd;
  /// Null: the client handle's defaults.
  std::shared_ptr<const request_options> options;
};

/// What became of one command of a `submit`.
struct completion {
  uint64_t id = 0;
  outcome result;
};

/// What became of some of the commands of a sink.
struct completions {
  std::vector<completion> items;
  /// Not 0 in the message that tells a `bulk_client` that its client handle is
  /// gone; it is then the `bulk_client`'s own number.
  uint64_t end_of = 0;
};

/// Receives what became of the commands that were submitted for it.
using completion_sink = api::interface<void(completions)>;

/// Many commands in one message: the fastest way to send many of them. Each is a
/// request of its own, with the order rules of one caller, the sink.
///
/// What was submitted and is never completed because the client handle's actor
/// died first was never taken. `bulk_client` sees to that.
struct submit {
  completion_sink sink;
  std::vector<bulk_command> commands;
};

/// Takes requests back: each that is not yet answered ends in `cancelled`, with
/// its fate. What was not sent is never sent. Unknown ids are ignored.
struct cancel {
  /// Without a sink: `request_options::tag` of requests of the message's sender.
  /// With one: ids of commands that were submitted for it.
  std::vector<uint64_t> ids;
  completion_sink sink = {};
};

/// Receives what a request actor does with its attempts. The handler's completion
/// is the acknowledgement: an observer that falls `limits.subscriber_events`
/// behind loses events, and is told how many.
using attempt_observer = api::interface<void(attempt_events)>;

/// Shows an observer every attempt of the client handle, until the observer dies
/// or is sent away by `on = false`.
struct observe_attempts {
  attempt_observer observer;
  bool on = true;
};

/// New defaults for a client handle, from now on: a retry policy also decides on
/// requests that are under way. Bad options are answered with `invalid_options`,
/// which names the field; the old ones stay then.
struct reconfigure_client {
  client_options options;
};

/// A client handle. Each answers every request exactly once, by its deadline.
///
/// * `command` → its reply. Errors of the server that are its definite answer
///   (WRONGTYPE …) arrive as replies of kind `error`.
/// * `pipeline` → one outcome per command. Fails as a whole only if it is
///   larger than the limits.
/// * `transaction` → the replies of EXEC. Fails as a whole if it did not run or
///   nobody knows.
///
/// * `submit` → a `completions` to its sink for each batch that is done.
/// * `cancel` → ends requests early.
/// * `observe_attempts` → events of each attempt to an observer.
/// * `reconfigure_client` → other defaults.
///
/// Whatever got no reply ends in a `caf::error`; `failure_of` reads it.
using request_actor = api::interface<
  reply(command), reply(command, request_options), replies(pipeline),
  replies(pipeline, request_options), replies(transaction),
  replies(transaction, request_options), void(submit), void(cancel),
  void(observe_attempts), void(reconfigure_client)>;

// -- a connection of one's own --------------------------------------------------

/// Asks the supervisor for a connection that nobody else uses: for commands that
/// block (BLPOP), for WATCH, for what changes a connection's state. Answered by a
/// `leased` once the connection is ready, or by the reason why there was none within
/// `timeout`.
///
/// The sender holds the lease. It ends when the holder dies or sends a
/// `release_connection`, when the connection is lost, when it was idle for
/// `pool.lease_idle`, when a deadline passes over it, and when the runtime drains.
/// The connection is closed then; no other caller ever gets it. A lease costs a dial
/// and a handshake: hold it as long as there is work for it.
struct lease_connection {
  std::chrono::milliseconds timeout{1000};
};

/// Gives a leased connection back. What is unanswered ends in `cancelled`.
struct release_connection {};

/// A connection that is leased to one caller. Commands are sent at once, in the order
/// in which they come, each once: nothing is retried, hedged, queued or held back by
/// the breaker. Every request is answered exactly once, by its deadline.
///
/// * `command`, `pipeline`, `transaction` → as with a `request_actor`, and refused
///   with the same errors. A transaction fails with `transaction_aborted` and the
///   fate `answered` if a watched key changed.
/// * `release_connection` → ends the lease.
///
/// Without a deadline of its own a command that blocks has the time that it blocks
/// for on top of the usual one; one that blocks for ever needs a deadline. Where a
/// deadline passes over a command, the server may still run it, and the lease ends.
///
/// When the lease is over requests fail with `disconnected` and `not_sent`, and the
/// reason is in the failure's text.
using leased_connection = api::interface<
  reply(command), reply(command, request_options), replies(pipeline),
  replies(pipeline, request_options), replies(transaction),
  replies(transaction, request_options), void(release_connection)>;

/// Answer to a `lease_connection`.
struct leased {
  leased_connection connection;
};

// -- operators ----------------------------------------------------------------

/// Asks for a `runtime_status`.
struct status_query {};

/// Asks the server how it is, past the breaker, and answers by `timeout`
/// whatever the server does.
struct health_query {
  std::chrono::milliseconds timeout{1000};
};

/// Receives events. The handler's completion is the acknowledgement: a
/// subscriber that falls `limits.subscriber_events` behind loses events.
using subscriber_actor = api::interface<void(event)>;

/// Subscribes to events until the subscriber dies.
struct subscribe {
  subscriber_actor subscriber;
};

struct unsubscribe {
  subscriber_actor subscriber;
};

/// Sets the breaker by hand. What was set stays until it is released.
struct force_breaker {
  enum class action : uint8_t {
    /// Rejects all.
    open,
    /// Admits all, counts, and trips no more.
    close,
    /// Ends whatever was set by hand.
    release,
    /// The same, and forgets all counts.
    reset,
    /// Admits all and counts nothing.
    disable,
    /// Admits all, counts, and tells when it would have opened.
    metrics_only,
  };
  action what = action::release;
};

/// Takes new options for the breaker and the retry budget while running. Answers
/// the status, or `invalid_options` that names the first bad key, and then the old
/// ones stay in force. They outlive the supervisor, not the runtime.
struct reconfigure {
  breaker_options breaker;
  budget_options budget;
};

/// Takes no new requests, waits for those in flight until `limit`, answers the
/// rest and closes the connections. There is no way back.
struct drain {
  std::chrono::milliseconds limit{5000};
};

/// Answer to a `drain`: requests that were answered by its limit instead of by
/// the server.
struct drained {
  uint64_t abandoned = 0;
};

/// Answers when a connection is ready, or fails with the reason why there is
/// none within `timeout`.
struct ready_query {
  std::chrono::milliseconds timeout{1000};
};

/// Something is ready.
struct ready {
  uint32_t connections = 0;
};

/// Holds the breaker, dials, restarts and leases connections, answers operators.
using supervisor_actor = api::interface<
  runtime_status(status_query), health_report(health_query), void(subscribe),
  void(unsubscribe), breaker_status(force_breaker), runtime_status(reconfigure),
  drained(drain), ready(ready_query), leased(lease_connection)>;

REDOUBT_INSPECT(status_query)
REDOUBT_INSPECT(health_query, timeout)
REDOUBT_INSPECT(drain, limit)
REDOUBT_INSPECT(drained, abandoned)
REDOUBT_INSPECT(ready_query, timeout)
REDOUBT_INSPECT(ready, connections)
REDOUBT_INSPECT(lease_connection, timeout)
REDOUBT_INSPECT(release_connection)
REDOUBT_INSPECT(force_breaker, what)

} // namespace redoubt

REDOUBT_LOCAL_MESSAGE(redoubt::pipeline)
REDOUBT_LOCAL_MESSAGE(redoubt::transaction)
REDOUBT_LOCAL_MESSAGE(redoubt::replies)
REDOUBT_LOCAL_MESSAGE(redoubt::submit)
REDOUBT_LOCAL_MESSAGE(redoubt::completions)
REDOUBT_LOCAL_MESSAGE(redoubt::cancel)
REDOUBT_LOCAL_MESSAGE(redoubt::observe_attempts)
REDOUBT_LOCAL_MESSAGE(redoubt::reconfigure_client)
REDOUBT_LOCAL_MESSAGE(redoubt::leased)
REDOUBT_LOCAL_MESSAGE(redoubt::subscribe)
REDOUBT_LOCAL_MESSAGE(redoubt::unsubscribe)
REDOUBT_LOCAL_MESSAGE(redoubt::reconfigure)
