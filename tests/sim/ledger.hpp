#pragma once

#include <redoubt/messages/interfaces.hpp>
#include <redoubt/tests/sim/server.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace redoubt::sim {

/// A promise that was broken.
struct violation : std::runtime_error {
  using std::runtime_error::runtime_error;
};

enum class op_kind : uint8_t { get, set, incr, push, push_twice };

/// One command of a caller.
struct operation {
  uint64_t id = 0;
  op_kind kind = op_kind::get;
  uint64_t caller = 0;
  /// The request actor that was asked; 0 for one after another.
  uint64_t handle = 0;
  std::string key;
  api::time_point invoked{};
  api::time_point deadline{};
  /// Not 0: the transaction that it is part of.
  uint64_t unit = 0;
  /// It ignores the breaker, and so may pass older ones.
  bool free = false;
  uint32_t runs = 0;
  /// The connection over which it ran last.
  int ran_over = 0;
  api::time_point ran_at{};
  bool answered = false;
  bool ok = false;
  /// It may have run more than once, as the reply says.
  bool repeated = false;
  fate became = fate::not_sent;
};

/// All operations, what ran at the server and what callers were told, in the order
/// in which it happened. Throws `violation` as soon as a promise is broken.
class ledger {
public:
  using clock = std::function<api::time_point()>;

  explicit ledger(clock now) : now_(std::move(now)) {}

  // -- callers --------------------------------------------------------------------

  /// A new operation; its command names it.
  operation& begin(op_kind kind, uint64_t caller, uint64_t handle, uint32_t key,
                   std::chrono::milliseconds deadline);

  static command command_of(const operation& x);

  void end(uint64_t id, const outcome& result);

  // -- the server -----------------------------------------------------------------

  /// Over a connection that the client gave up at `given_up`, if ever.
  void ran(const words& x, int link, api::time_point given_up);

  // -- checks ---------------------------------------------------------------------

  /// Nobody waits beyond the deadline and one tick.
  void check_deadlines() const;

  /// When all was answered and nothing is under way any more.
  void check_end(const server& final) const;

  bool all_answered() const noexcept { return unanswered_.empty(); }
  size_t unanswered() const noexcept { return unanswered_.size(); }
  const std::vector<operation>& operations() const noexcept { return all_; }

  [[noreturn]] void fail(const operation& x, const std::string& what) const;

private:
  struct version {
    api::time_point since{};
    std::string value;
  };

  void check_run(operation& x);
  void check_value(const operation& x, const reply& value) const;
  void check_order(const server& final) const;
  void check_counters(const server& final) const;

  clock now_;
  /// By id, from 1.
  std::vector<operation> all_;
  std::multimap<api::time_point, uint64_t> unanswered_;
  /// What each key held, and since when.
  std::map<std::string, std::vector<version>> versions_;
  /// The newest acknowledged write of a caller on a key, by one request actor.
  std::map<std::tuple<uint64_t, uint64_t, std::string>, uint64_t> newest_;
  std::map<std::string, std::vector<int64_t>> counted_;
};

std::string to_string(const operation& x);

} // namespace redoubt::sim
