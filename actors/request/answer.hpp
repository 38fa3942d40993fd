#pragma once

#include <redoubt/actors/request/bulk_channel.hpp>
#include <redoubt/messages/interfaces.hpp>

#include <cstdint>
#include <memory>
#include <variant>
#include <vector>

namespace redoubt {

class pipeline_group;

/// The one who answers a request, exactly once. Move-only: a request that is
/// destroyed without an answer, for whatever reason, is answered `actor_died`
/// then, because CAF 0.17 drops a promise silently.
class answer {
public:
  answer() = default;

  /// Answers a single command.
  explicit answer(caf::typed_response_promise<reply> promise);

  /// Answers a transaction, or a pipeline as a whole.
  explicit answer(caf::typed_response_promise<replies> promise);

  /// Answers one member of a pipeline.
  answer(std::shared_ptr<pipeline_group> group, uint32_t index);

  /// Answers command `id` of a bulk. The channel must outlive the answer.
  answer(bulk_channel* channel, uint64_t id);

  answer(answer&& other) noexcept;
  answer& operator=(answer&& other) noexcept;
  ~answer();

  bool pending() const noexcept { return state_.index() != 0; }

  bool is_bulk() const noexcept {
    return std::holds_alternative<bulk_member>(state_);
  }

  /// True if whoever asked has terminated.
  bool caller_is_gone();

  void succeed(reply value);
  void succeed(replies values);
  void fail(failure why);

private:
  struct member {
    std::shared_ptr<pipeline_group> group;
    uint32_t index;
  };

  struct bulk_member {
    bulk_channel* channel;
    uint64_t id;
  };

  std::variant<std::monostate, caf::typed_response_promise<reply>,
               caf::typed_response_promise<replies>, member, bulk_member>
    state_;
};

/// The outcomes of a pipeline while its members are still under way. Answers the
/// caller when the last one is in; one that never comes fails the pipeline as a
/// whole.
class pipeline_group {
public:
  pipeline_group(answer whole, size_t size);

  pipeline_group(const pipeline_group&) = delete;
  pipeline_group& operator=(const pipeline_group&) = delete;

  void set(uint32_t index, outcome value);

  bool caller_is_gone() { return whole_.caller_is_gone(); }

private:
  answer whole_;
  replies collected_;
  size_t missing_;
};

} // namespace redoubt
