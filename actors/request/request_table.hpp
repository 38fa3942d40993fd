#pragma once

#include <redoubt/actors/request/answer.hpp>
#include <redoubt/actors/request/order_rule.hpp>
#include <redoubt/messages/command.hpp>
#include <redoubt/messages/options.hpp>
#include <redoubt/messages/reply.hpp>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace redoubt {

/// Where a request is.
enum class request_phase : uint8_t {
  free,
  /// Being looked at; not yet sent and counted nowhere.
  arriving,
  /// Waits for a connection, credit or a permit.
  queued,
  /// Handed to a connection, its reply is awaited.
  in_flight,
  /// Stands in its caller's lane: it waits for its next attempt, or behind an
  /// older request of the same caller.
  waiting,
};

/// What a request in a lane holds back.
enum class lane_hold : uint8_t {
  /// Nothing: it only keeps its place.
  none,
  /// Nothing, and it does not keep its place either: it was carried out, and asks
  /// again.
  polling,
  /// Later requests of its caller on its keys (it was refused).
  keys,
  /// All later requests of its caller (its connection was lost).
  all,
};

/// What a request has of the retry budget.
enum class token_state : uint8_t {
  /// Nothing, and needs nothing.
  none,
  /// It waits for a token.
  asked,
  /// A token for its next attempt.
  held,
  /// It got none, and ends.
  denied,
};

/// What few requests have.
struct request_extras {
  /// Of a transaction: its members and its bytes.
  std::shared_ptr<const std::vector<command>> members;
  shared_bytes wire;
  /// Its own retry policy, if it has one.
  std::optional<retry_policy> retry;
  std::chrono::milliseconds previous_wait{0};
  /// When it waited long enough for a token.
  api::time_point token_due{};
  /// The reply that it waits for another one after.
  std::unique_ptr<reply> last_reply;
  std::shared_ptr<const redoubt::fallback> fallback;
  std::string operation;
};

/// One request, from its arrival to its answer. There may be a hundred thousand, so
/// size counts.
struct request_slot {
  request_phase phase = request_phase::free;
  lane_hold hold = lane_hold::none;
  token_state token = token_state::none;
  command_class cls = command_class::accumulating;
  on_open_policy on_open = on_open_policy::fail_fast;
  request_priority priority = request_priority::normal;
  /// What became of the attempts so far: `unknown` once any of them may have run,
  /// else `answered` once one of them was carried out.
  fate so_far = fate::not_sent;
  errc last_code = errc::none;
  bool use_breaker = true;
  /// The request itself asked for hedging.
  bool hedge_asked = false;
  /// The second copy of the current attempt waited for a token.
  bool hedge_deferred = false;
  /// The second copy of the current attempt is the only one left.
  bool only_hedge_left = false;
  /// The connection had taken an earlier attempt already.
  bool sent_before = false;
  /// Raised by every attempt and every reuse; an id of an older one is ignored.
  uint32_t generation = 0;
  /// Replies that the server sends for it; more than one for transactions.
  uint32_t reply_count = 1;
  uint32_t attempts = 0;
  /// Not 0: instead of the number in the retry policy.
  uint32_t max_attempts = 0;
  /// Place among all requests of this request actor.
  uint64_t order = 0;
  caf::actor_id caller = 0;
  /// The caller's own number of it, for `cancel`.
  uint64_t tag = 0;
  /// Not 0: the pipeline of which it is a part.
  uint64_t pipeline = 0;
  /// Connection that took the latest attempt, if a copy may still be under way
  /// there.
  uint64_t sent_on = 0;
  /// Connection that took a second copy of the current attempt, 0 if none.
  uint64_t hedged_on = 0;
  hedge_options hedge = {};
  /// Breaker's generation under which the current attempt was sent.
  uint64_t gate_generation = 0;
  api::time_point arrived{};
  api::time_point deadline{};
  api::time_point attempt_due{};
  api::time_point not_before{};
  std::chrono::milliseconds attempt_timeout{0};
  /// Time until the first attempt was sent, and that the last one took.
  api::duration queued{0};
  api::duration last_attempt{0};
  answer to;
  command cmd;
  std::string last_message;
  std::unique_ptr<request_extras> more;

  /// To be read: what it does not have is empty.
  const request_extras& extras() const noexcept {
    static const request_extras none;
    return more ? *more : none;
  }

  /// To be written.
  request_extras& own_extras() {
    if (!more)
      more = std::make_unique<request_extras>();
    return *more;
  }

  bool is_transaction() const noexcept {
    return more && more->members != nullptr;
  }

  /// Some attempt so far was carried out, or nobody knows.
  bool may_have_run() const noexcept {
    return so_far == fate::unknown || so_far == fate::answered;
  }

  /// How long an attempt may take.
  api::duration attempt_time() const noexcept {
    return std::min<api::duration>(attempt_timeout, deadline - arrived);
  }

  size_t bytes() const noexcept {
    return (is_transaction() ? more->wire->size() : cmd.wire().size())
           + sizeof(request_slot);
  }

  key_set keys() const {
    if (!is_transaction())
      return keys_of_one(cmd);
    key_set result;
    for (auto& each : *more->members)
      result.add(keys_of_one(each));
    return result;
  }

private:
  static key_set keys_of_one(const command& x) {
    key_set result{x.keys(), false};
    result.everything = result.keys.empty()
                        && x.cls() != command_class::read_only;
    return result;
  }
};

/// All requests of one request actor, in slots that are used again.
class request_table {
public:
  /// Names one attempt of one request.
  static uint64_t id_of(uint32_t index, uint32_t generation) noexcept {
    return (static_cast<uint64_t>(generation) << 32) | index;
  }

  static uint32_t index_of(uint64_t id) noexcept {
    return static_cast<uint32_t>(id);
  }

  /// Index of no request; ids with it are free for other use.
  static constexpr uint32_t no_index = UINT32_MAX;

  uint32_t add() {
    if (free_.empty())
      grow();
    auto index = free_.back();
    free_.pop_back();
    ++used_;
    return index;
  }

  /// Frees the slot. The request's answer must have been given.
  void remove(uint32_t index) {
    auto& x = (*this)[index];
    auto generation = x.generation + 1;
    std::destroy_at(&x);
    std::construct_at(&x)->generation = generation;
    free_.push_back(index);
    --used_;
  }

  request_slot& operator[](uint32_t index) noexcept {
    return chunks_[index / chunk_size][index % chunk_size];
  }

  const request_slot& operator[](uint32_t index) const noexcept {
    return chunks_[index / chunk_size][index % chunk_size];
  }

  uint64_t id(uint32_t index) const noexcept {
    return id_of(index, (*this)[index].generation);
  }

  /// The request that `id` names, or null if that attempt is over.
  request_slot* find(uint64_t id) noexcept {
    auto index = index_of(id);
    if (index >= capacity())
      return nullptr;
    auto& x = (*this)[index];
    return x.generation == id >> 32 && x.phase != request_phase::free ? &x
                                                                      : nullptr;
  }

  /// Requests in the table.
  size_t size() const noexcept { return used_; }

  /// Slots, free ones included.
  size_t capacity() const noexcept { return chunks_.size() * chunk_size; }

private:
  /// The table grows by so many slots, and never moves one.
  static constexpr size_t chunk_size = 64;

  void grow() {
    auto first = static_cast<uint32_t>(capacity());
    // Room to free them all again, had in time.
    if (auto size = capacity() + chunk_size; free_.capacity() < size)
      free_.reserve(std::max(size, 2 * free_.capacity()));
    chunks_.push_back(std::make_unique<request_slot[]>(chunk_size));
    for (auto i = chunk_size; i-- > 0;)
      free_.push_back(first + static_cast<uint32_t>(i));
  }

  std::vector<std::unique_ptr<request_slot[]>> chunks_;
  std::vector<uint32_t> free_;
  size_t used_ = 0;
};

} // namespace redoubt
