#pragma once

#include <redoubt/messages/error.hpp>
#include <redoubt/messages/status.hpp>

#include <cstdint>
#include <iosfwd>
#include <map>
#include <string>
#include <vector>

namespace redoubt::chaos {

// What happened in a run, as its callers saw it: written while it goes on, one JSON
// object per line, and judged by the checker. All times are microseconds since the
// run began.

using microseconds = int64_t;

enum class op_kind : uint8_t {
  /// RPUSH of a token that is unique.
  push,
  incr,
  /// SET of a value that names key, caller and operation. Each key has one writer.
  set,
  get,
  /// ECHO of a token that is unique.
  echo,
};

std::string to_string(op_kind value);

enum class ending : uint8_t {
  /// Not answered yet.
  pending,
  ok,
  /// Answered by a failure that says that it did not run, or by an error of the
  /// server.
  failed,
  unknown,
};

std::string to_string(ending value);

/// One command of a caller.
struct operation {
  /// Ascends in the order in which a caller sends.
  uint64_t id = 0;
  uint64_t caller = 0;
  /// The request actor that was asked: one caller's requests to it have an order.
  uint64_t lane = 0;
  op_kind op = op_kind::get;
  std::string key;
  /// What it writes, or echoes.
  std::string token;
  /// It may run more than once.
  bool opt_in = false;
  /// It ignores the breaker, and so may pass older ones of its caller.
  bool free = false;
  /// Not 0: the first operation of the pipeline or transaction that it is part of.
  uint64_t unit = 0;
  /// The unit is a transaction.
  bool atomic = false;
  /// Sent when all faults were over, with time enough: it must succeed.
  bool last = false;
  /// Its caller died, so that nobody was told.
  bool abandoned = false;
  microseconds invoked = 0;
  microseconds done = -1;
  /// How long its caller is willing to wait.
  microseconds deadline = 0;
  ending became = ending::pending;
  /// Of one that failed.
  fate outcome = fate::not_sent;
  std::string errc;
  /// Kind of the reply, and what it says; of a value its token.
  std::string kind;
  std::string value;
  bool repeated = false;
  uint32_t answers = 0;

  bool operator==(const operation&) const = default;
};

/// The supervisor's count of its dials, asked and told at these times.
struct dial_sample {
  microseconds asked = 0;
  microseconds told = 0;
  uint64_t dials = 0;
};

/// The breaker changed its state.
struct breaker_edge {
  uint64_t generation = 0;
  breaker_state from = breaker_state::closed;
  breaker_state to = breaker_state::closed;
};

/// What the process holds.
struct footprint {
  uint64_t descriptors = 0;
  uint64_t actors = 0;
  uint64_t threads = 0;
};

/// A fault that was made.
struct strike {
  std::string fault;
  /// It took effect, by a counter of its own.
  bool fired = false;
  /// No other fault was about.
  bool alone = false;
  microseconds begun = 0;
  microseconds healed = 0;
  /// When a request succeeded next; -1 if none did in time.
  microseconds recovered = -1;
};

/// The machine let threads wait.
struct stall {
  microseconds from = 0;
  microseconds until = 0;
};

/// What a run is held to.
struct run_facts {
  uint64_t seed = 0;
  /// How late an answer may be on a machine that has time.
  microseconds slack = 300'000;
  /// Two dials never begin closer than this.
  microseconds dial_gap = 40'000;
  microseconds recovery_limit = 10'000'000;
  /// How long the runtime took to end, and may have taken.
  microseconds shutdown = 0;
  microseconds shutdown_limit = 6'000'000;
  footprint before;
  footprint after;
  /// All kinds of faults that must strike.
  std::vector<std::string> faults;
};

/// What is at the server when all is over.
struct final_state {
  std::map<std::string, std::vector<std::string>> lists;
  std::map<std::string, std::string> strings;
};

struct history {
  run_facts run;
  std::vector<operation> operations;
  std::vector<dial_sample> dials;
  std::vector<breaker_edge> edges;
  std::vector<strike> strikes;
  std::vector<stall> stalls;
  final_state final;
};

/// What an operation is named by in what it writes.
std::string token_of(const std::string& key, uint64_t caller, uint64_t id);

/// The id in a token; 0 if it is none.
uint64_t id_in(const std::string& token);

/// The value that a SET writes: its token and padding, of a length that differs from
/// one to the next and is sometimes larger than a segment. It has no byte that RESP
/// means anything by, and an end that nothing else has.
std::string value_of(const std::string& token);

/// The token of such a value, or the text itself if it is none.
std::string token_in(const std::string& value);

/// One line each.
std::string line_of(const operation& x);
std::string line_of(const dial_sample& x);
std::string line_of(const breaker_edge& x);
std::string line_of(const strike& x);
std::string line_of(const stall& x);
std::string line_of(const run_facts& x);

/// An operation that was written already was answered once more.
std::string line_of_another_answer(uint64_t id);

/// Several lines: one per key.
std::string lines_of(const final_state& x);

/// Reads what was written. Throws `std::runtime_error` that names the line that is none.
history read_history(std::istream& in);

} // namespace redoubt::chaos
