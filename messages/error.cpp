#include <redoubt/messages/error.hpp>

#include <redoubt/messages/reply.hpp>

#include <fmt/format.h>

#include <array>

namespace redoubt {

namespace {

struct row {
  errc code;
  std::string_view name;
  error_rule rule;
  std::string_view sentence;
};

constexpr error_rule no{};
constexpr error_rule retry{.retry = true};
constexpr error_rule trouble{.retry = true, .counts_for_breaker = true};
constexpr error_rule slow_trouble{
  .retry = true, .counts_for_breaker = true, .slow_backoff = true};

// The error table. Link failures (resolve … disconnected) are counted for the
// breaker by the supervisor, once per loss, not by each request that they hit.
constexpr std::array rows{
  row{errc::none, "none", no, "no error"},
  row{errc::resolve_failed, "resolve_failed", retry,
      "the host name could not be resolved"},
  row{errc::connect_failed, "connect_failed", retry,
      "no connection could be made"},
  row{errc::handshake_failed, "handshake_failed", retry,
      "the server ended the connection before it was ready"},
  row{errc::auth_failed, "auth_failed", no,
      "the server did not accept the credentials"},
  row{errc::tls_failed, "tls_failed", no, "TLS could not be established"},
  row{errc::disconnected, "disconnected", retry, "the connection was lost"},
  row{errc::protocol_error, "protocol_error", retry,
      "the server sent bytes that are no RESP"},
  row{errc::reply_too_deep, "reply_too_deep", no,
      "the reply exceeds the limits on size or depth"},
  row{errc::attempt_timeout, "attempt_timeout", trouble,
      "no reply within the time of one attempt"},
  row{errc::deadline_exceeded, "deadline_exceeded", no,
      "no reply within the time of the request"},
  row{errc::cancelled, "cancelled", no, "the caller took the request back"},
  row{errc::circuit_open, "circuit_open", no, "the circuit breaker is open"},
  row{errc::overloaded, "overloaded", no, "a limit of the runtime is reached"},
  row{errc::shutting_down, "shutting_down", no, "the runtime is shutting down"},
  row{errc::too_large, "too_large", no,
      "the command exceeds the limits on size"},
  row{errc::invalid_command, "invalid_command", no,
      "the command cannot be sent over this kind of connection"},
  row{errc::loading, "loading", slow_trouble,
      "the server is loading its data set"},
  row{errc::busy, "busy", slow_trouble, "the server is busy with a script"},
  row{errc::read_only_replica, "read_only_replica", retry,
      "the server is a replica that takes no writes"},
  row{errc::master_down, "master_down", trouble,
      "the replica has lost its master"},
  row{errc::cluster_down, "cluster_down", trouble, "the cluster is down"},
  row{errc::try_again, "try_again", retry, "the cluster asks to try again"},
  row{errc::too_many_clients, "too_many_clients", slow_trouble,
      "the server does not take more clients"},
  row{errc::no_script, "no_script", no, "the server does not know the script"},
  row{errc::transaction_aborted, "transaction_aborted", no,
      "the transaction was not run"},
  row{errc::actor_died, "actor_died", no,
      "an actor of the runtime died while it held the request"},
  row{errc::resource_error, "resource_error", no,
      "memory or file descriptors ran out"},
  row{errc::invalid_options, "invalid_options", no,
      "the options are bad and were not taken"},
};

constexpr bool rows_stand_in_order() {
  for (size_t i = 0; i < rows.size(); ++i)
    if (static_cast<size_t>(rows[i].code) != i)
      return false;
  return true;
}

static_assert(rows_stand_in_order());
static_assert(rows.size() == static_cast<size_t>(errc::invalid_options) + 1);

const row& row_of(errc value) noexcept {
  auto i = static_cast<size_t>(value);
  return rows[i < rows.size() ? i : 0];
}

} // namespace

std::string_view to_string(fate value) noexcept {
  switch (value) {
    case fate::not_sent: return "not_sent";
    case fate::refused: return "refused";
    case fate::unknown: return "unknown";
    case fate::answered: return "answered";
  }
  return "?";
}

std::optional<fate> fate_from(std::string_view name) noexcept {
  for (auto x : {fate::not_sent, fate::refused, fate::unknown, fate::answered})
    if (name == to_string(x))
      return x;
  return std::nullopt;
}

std::string_view to_string(errc value) noexcept {
  return row_of(value).name;
}

std::optional<errc> errc_from(std::string_view name) noexcept {
  for (auto& x : rows)
    if (name == x.name)
      return x.code;
  return std::nullopt;
}

std::string_view describe(errc value) noexcept {
  return row_of(value).sentence;
}

error_rule rule_of(errc value) noexcept {
  return row_of(value).rule;
}

std::string to_string(const failure& x) {
  auto result = fmt::format("{} ({}), attempts {}, elapsed {:.1f} ms",
                            to_string(x.code), to_string(x.outcome), x.attempts,
                            static_cast<double>(x.elapsed.count()) / 1000.0);
  if (!x.operation.empty())
    result += fmt::format(", operation {}", x.operation);
  if (x.budget_exhausted)
    result += ", retry budget exhausted";
  if (!x.last_message.empty())
    result += fmt::format(": {}", x.last_message);
  return result;
}

caf::error to_error(failure value) {
  auto code = value.code;
  return api::make_error(code, std::move(value));
}

std::optional<failure> failure_of(const caf::error& value) {
  if (!value)
    return std::nullopt;
  if (auto code = api::code_of<errc>(value)) {
    if (auto whole = api::context_of<failure>(value))
      return *whole;
    failure result;
    result.code = *code;
    // Somebody stripped the context; what it said of the fate is lost.
    result.outcome = fate::unknown;
    return result;
  }
  if (api::means_receiver_is_gone(value)) {
    failure result;
    result.code = errc::actor_died;
    result.last_message = "the request actor is gone";
    return result;
  }
  return std::nullopt;
}

std::string describe(const caf::error& value) {
  auto x = failure_of(value);
  return x ? to_string(*x) : caf::to_string(value);
}

bool is_not_sent(const caf::error& value) {
  auto x = failure_of(value);
  return x && (x->outcome == fate::not_sent || x->outcome == fate::refused);
}

server_verdict judge(std::string_view message, bool is_script) noexcept {
  if (is_script && message.find(" script: ") != std::string_view::npos)
    return {errc::none, fate::unknown};
  struct entry {
    std::string_view word;
    errc code;
    /// What the server itself says behind that word. A script may end with an
    /// error of its own that begins with it, after it did its work.
    std::string_view servers_own;
  };
  static constexpr std::array passing{
    entry{"LOADING", errc::loading, "is loading the dataset"},
    entry{"BUSY", errc::busy, "is busy running"},
    entry{"READONLY", errc::read_only_replica, "read only replica"},
    entry{"MASTERDOWN", errc::master_down, "Link with MASTER is down"},
    entry{"CLUSTERDOWN", errc::cluster_down, "The cluster is down"},
    entry{"CLUSTERDOWN", errc::cluster_down, "Hash slot not served"},
    entry{"TRYAGAIN", errc::try_again, "Multiple keys request"},
    entry{"NOAUTH", errc::auth_failed, "Authentication required"},
    entry{"WRONGPASS", errc::auth_failed, "invalid username-password"},
    entry{"NOSCRIPT", errc::no_script, "No matching script"},
  };
  auto word = error_code(message);
  for (auto& x : passing)
    if (x.word == word
        && (!is_script
            || message.find(x.servers_own) != std::string_view::npos))
      return {x.code, fate::refused};
  return {};
}

std::string_view cause_of(std::string_view message) noexcept {
  constexpr std::string_view marker = "because of: ";
  auto at = error_code(message) == "EXECABORT" ? message.find(marker)
                                               : std::string_view::npos;
  return at != std::string_view::npos ? message.substr(at + marker.size())
                                      : message;
}

server_verdict judge_exec_abort(std::string_view exec_message,
                                std::string_view first_error) noexcept {
  auto cause = cause_of(exec_message);
  return judge(cause.size() < exec_message.size() ? cause : first_error, false);
}

bool raised_before_running(std::string_view message, bool is_script) noexcept {
  if (is_script)
    return false;
  auto word = error_code(cause_of(message));
  return word == "OOM" || word == "MISCONF" || word == "NOREPLICAS";
}

} // namespace redoubt
