#pragma once

#include <redoubt/messages/caf_api.hpp>
#include <redoubt/messages/error.hpp>

#include <utility>

namespace redoubt {

/// A promise that is kept: whoever asked is answered `actor_died` if it is destroyed
/// unanswered, as by an exception. CAF 0.17 drops a promise silently. Move-only.
template <class T>
class owed_answer {
public:
  owed_answer() = default;

  explicit owed_answer(caf::typed_response_promise<T> promise) noexcept
    : promise_(std::move(promise)) {}

  owed_answer(owed_answer&&) noexcept = default;

  owed_answer& operator=(owed_answer&& other) noexcept {
    // What was here is answered when `other` goes.
    std::swap(promise_, other.promise_);
    return *this;
  }

  ~owed_answer() {
    try {
      failure why;
      why.code = errc::actor_died;
      deliver(to_error(std::move(why)));
    } catch (...) {
      // Twice no memory: nobody is told.
    }
  }

  /// True if somebody waits for it.
  bool is_awaited() { return api::is_awaited(promise_); }

  void deliver(T value) { deliver_any(std::move(value)); }
  void deliver(caf::error why) { deliver_any(std::move(why)); }

private:
  template <class Value>
  void deliver_any(Value value) {
    // CAF would send the answer to a plain message as another one.
    if (api::is_awaited(promise_))
      promise_.deliver(std::move(value));
  }

  caf::typed_response_promise<T> promise_;
};

} // namespace redoubt
