#pragma once

#include <redoubt/messages/caf_api.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace redoubt {

/// What became of a command that got no reply. Nothing else decides whether it
/// is safe to send it again.
enum class fate : uint8_t {
  /// It cannot have run: its last byte never left this process.
  not_sent,
  /// The server turned it away before running it, for a reason that passes.
  refused,
  /// It left this process and no full reply came back: it may have run.
  unknown,
  /// The server gave its definite answer.
  answered,
};

std::string_view to_string(fate value) noexcept;

/// Reads a fate by its name; empty if there is none of that name.
std::optional<fate> fate_from(std::string_view name) noexcept;

/// Why a request failed. Every value has a row in the table of error.cpp that
/// says whether it is retried and whether it counts for the breaker.
enum class errc : uint8_t {
  none = 0,
  /// The name of the endpoint's host could not be resolved.
  resolve_failed,
  /// No connection could be made: refused, unreachable, timed out.
  connect_failed,
  /// The server closed or refused the connection during the handshake.
  handshake_failed,
  /// The server did not accept the credentials, or wants some.
  auth_failed,
  /// TLS was asked for and could not be had.
  tls_failed,
  /// The connection was lost.
  disconnected,
  /// The server sent bytes that are no RESP.
  protocol_error,
  /// The reply was larger or nested deeper than the limits allow. One too deep
  /// is skipped; one too large ends the connection.
  reply_too_deep,
  /// No reply within the time of one attempt.
  attempt_timeout,
  /// No reply within the time of the whole request.
  deadline_exceeded,
  /// The caller took the request back.
  cancelled,
  /// The circuit breaker is open.
  circuit_open,
  /// A queue, the in-flight table or a mailbox is full, or all connections that may
  /// be leased are in use.
  overloaded,
  /// The runtime is shutting down.
  shutting_down,
  /// The command, a key or a value is larger than the limits allow.
  too_large,
  /// The command is empty or does not belong on this kind of connection.
  invalid_command,
  /// The server is loading its data set.
  loading,
  /// The server is busy with a script.
  busy,
  /// The server is a replica that takes no writes.
  read_only_replica,
  /// The replica has lost its master.
  master_down,
  /// The cluster is down.
  cluster_down,
  /// The cluster asks to try again later.
  try_again,
  /// The server has too many clients, or denies this one by its address.
  too_many_clients,
  /// The server does not know the script.
  no_script,
  /// The transaction was not run because a command in it was turned away.
  transaction_aborted,
  /// An actor of the runtime died while it held the request.
  actor_died,
  /// Memory or file descriptors ran out.
  resource_error,
  /// Options that were sent to a client handle or to the supervisor are bad; the
  /// old ones stay in force.
  invalid_options,
};

std::string_view to_string(errc value) noexcept;

/// Reads a code by its name; empty if there is none of that name.
std::optional<errc> errc_from(std::string_view name) noexcept;

/// A sentence for people: what happened and what it means.
std::string_view describe(errc value) noexcept;

/// One row of the error table: what the runtime does about an error by default.
struct error_rule {
  /// Whether the retry policy may send the command again at all (the fate and
  /// the command's class bound it further).
  bool retry = false;
  /// Whether it is a failure in the eyes of the circuit breaker.
  bool counts_for_breaker = false;
  /// Whether a retry waits longer than the usual backoff: the server is up but
  /// needs time.
  bool slow_backoff = false;
};

error_rule rule_of(errc value) noexcept;

/// Everything a caller learns of a failed request.
struct failure {
  errc code = errc::none;
  fate outcome = fate::not_sent;
  /// Attempts that were made: times the command was handed to a connection.
  uint32_t attempts = 0;
  /// Time from the request's arrival to this failure.
  std::chrono::microseconds elapsed{0};
  /// Of that, the time until its first attempt was sent, or all of it if none
  /// was.
  std::chrono::microseconds queued{0};
  /// Time that the last attempt took; 0 if none was made.
  std::chrono::microseconds last_attempt{0};
  /// The server's last message on the matter, or the system's error text.
  std::string last_message;
  /// The caller's name for the operation, if it gave one.
  std::string operation;
  /// It would have been sent again, but the retry budget had nothing left.
  bool budget_exhausted = false;

  bool operator==(const failure&) const = default;
};

REDOUBT_INSPECT(failure, code, outcome, attempts, elapsed, queued, last_attempt,
                last_message, operation, budget_exhausted)

/// One line for logs: code, fate, attempts, elapsed, operation, last message.
std::string to_string(const failure& x);

/// Wraps `value` into the error that callers receive.
caf::error to_error(failure value);

/// Reads the failure out of an error; empty for errors that are not ours.
/// CAF's own errors about a handle's actor are translated: a request that met a
/// dead actor was never taken, hence `actor_died` and `not_sent`.
std::optional<failure> failure_of(const caf::error& value);

/// One line for logs, of any error that a request to a redoubt handle ends with.
std::string describe(const caf::error& value);

/// True if the command of this error cannot have run. Safe to ask of any error
/// that a request to a redoubt handle ends with.
bool is_not_sent(const caf::error& value);

/// What an error reply of the server means for the command it answers.
struct server_verdict {
  /// `none` if the reply is the command's definite answer.
  errc code = errc::none;
  fate outcome = fate::answered;
};

/// Judges a server error by its whole first word. `is_script` marks EVAL,
/// EVALSHA and FCALL, whose errors may come from within the script: of them only
/// the server's own sentences are taken for a refusal.
server_verdict judge(std::string_view message, bool is_script) noexcept;

/// The error behind an EXECABORT that tells its cause; else the message itself.
std::string_view cause_of(std::string_view message) noexcept;

/// True of errors that are a definite answer and that the server raised before it
/// ran anything: OOM, MISCONF and NOREPLICAS, also as the cause of an EXECABORT.
/// Never of a script, which may hand on such an error after it did some work.
bool raised_before_running(std::string_view message, bool is_script) noexcept;

/// Judges the error that EXEC answers with when the transaction did not run.
/// `first_error` is the first error reply of its members, or empty.
server_verdict judge_exec_abort(std::string_view exec_message,
                                std::string_view first_error) noexcept;

} // namespace redoubt
