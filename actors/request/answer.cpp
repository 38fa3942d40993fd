#include <redoubt/actors/request/answer.hpp>

#include <caf/abstract_actor.hpp>

#include <utility>

namespace redoubt {

namespace {

/// A promise of a message that was no request has nobody to deliver to; CAF
/// would send the reply as a plain message, which the sender never asked for.
template <class Promise, class Value>
void deliver(Promise& promise, Value&& value) {
  if (api::is_awaited(promise))
    promise.deliver(std::forward<Value>(value));
}

} // namespace

pipeline_group::pipeline_group(answer whole, size_t size)
  : whole_(std::move(whole)), missing_(size) {
  collected_.outcomes.resize(size);
}

void pipeline_group::set(uint32_t index, outcome value) {
  collected_.outcomes[index] = std::move(value);
  if (--missing_ == 0)
    whole_.succeed(std::move(collected_));
}

answer::answer(caf::typed_response_promise<reply> promise)
  : state_(std::move(promise)) {
}

answer::answer(caf::typed_response_promise<replies> promise)
  : state_(std::move(promise)) {
}

answer::answer(std::shared_ptr<pipeline_group> group, uint32_t index)
  : state_(member{std::move(group), index}) {
}

answer::answer(bulk_channel* channel, uint64_t id)
  : state_(bulk_member{channel, id}) {
}

answer::answer(answer&& other) noexcept
  : state_(std::exchange(other.state_, std::monostate{})) {
}

answer& answer::operator=(answer&& other) noexcept {
  if (this != &other) {
    answer old{std::move(*this)};
    state_ = std::exchange(other.state_, std::monostate{});
  }
  return *this;
}

answer::~answer() {
  if (!pending())
    return;
  failure x;
  x.code = errc::actor_died;
  x.outcome = fate::unknown;
  fail(std::move(x));
}

bool answer::caller_is_gone() {
  if (auto x = std::get_if<member>(&state_))
    return x->group->caller_is_gone();
  struct visitor {
    const caf::abstract_actor* operator()(std::monostate) { return nullptr; }
    const caf::abstract_actor*
    operator()(caf::typed_response_promise<reply>& x) {
      return api::asker_of(x);
    }
    const caf::abstract_actor*
    operator()(caf::typed_response_promise<replies>& x) {
      return api::asker_of(x);
    }
    const caf::abstract_actor* operator()(member&) { return nullptr; }
    const caf::abstract_actor* operator()(bulk_member& x) {
      return caf::actor_cast<caf::abstract_actor*>(x.channel->sink());
    }
  };
  auto caller = std::visit(visitor{}, state_);
  return caller != nullptr && api::is_terminated(*caller);
}

void answer::succeed(reply value) {
  auto state = std::exchange(state_, std::monostate{});
  if (auto bulk = std::get_if<bulk_member>(&state))
    bulk->channel->add(bulk->id, std::move(value));
  else if (auto x = std::get_if<member>(&state))
    x->group->set(x->index, std::move(value));
  else if (auto promise = std::get_if<caf::typed_response_promise<reply>>(
             &state))
    deliver(*promise, std::move(value));
}

void answer::succeed(replies values) {
  auto state = std::exchange(state_, std::monostate{});
  if (auto promise = std::get_if<caf::typed_response_promise<replies>>(&state))
    deliver(*promise, std::move(values));
}

void answer::fail(failure why) {
  auto state = std::exchange(state_, std::monostate{});
  if (auto bulk = std::get_if<bulk_member>(&state))
    bulk->channel->add(bulk->id, std::move(why));
  else if (auto x = std::get_if<member>(&state))
    x->group->set(x->index, std::move(why));
  else if (auto promise = std::get_if<caf::typed_response_promise<reply>>(
             &state))
    deliver(*promise, to_error(std::move(why)));
  else if (auto whole = std::get_if<caf::typed_response_promise<replies>>(
             &state))
    deliver(*whole, to_error(std::move(why)));
}

} // namespace redoubt
