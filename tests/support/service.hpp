#pragma once

#include <redoubt/actors/runtime.hpp>
#include <redoubt/app/lab/private_redis.hpp>

#include <caf/all.hpp>
#include <redoubt/tests/support/check.hpp>

#include <string>
#include <utility>

namespace redoubt::test {

/// What a request ended with.
struct result {
  reply value;
  std::optional<failure> why;

  bool ok() const { return !why.has_value(); }
};

/// Options for a server on a port of 127.0.0.1.
inline runtime_options options_for(uint16_t port) {
  runtime_options x;
  x.server.port = port;
  return x;
}

inline runtime_options options_for(const lab::private_redis& server) {
  return options_for(server.port());
}

/// A caller on the test's thread. Destroy it before the runtime.
class caller {
public:
  explicit caller(runtime& x) : self_(x.system()) {}

  template <class Handle, class... Ts>
  result ask(const Handle& to, Ts&&... xs) {
    result out;
    self_->request(to, caf::infinite, std::forward<Ts>(xs)...)
      .receive([&](reply& x) { out.value = std::move(x); },
               [&](caf::error& e) { out.why = translate(e); });
    return out;
  }

  template <class Handle, class... Ts>
  std::pair<std::vector<outcome>, std::optional<failure>>
  ask_many(const Handle& to, Ts&&... xs) {
    std::pair<std::vector<outcome>, std::optional<failure>> out;
    self_->request(to, caf::infinite, std::forward<Ts>(xs)...)
      .receive([&](replies& x) { out.first = std::move(x.outcomes); },
               [&](caf::error& e) { out.second = translate(e); });
    return out;
  }

  /// A question that is not answered fails the test, in words, and gives an empty
  /// answer.
  template <class Answer, class Question>
  Answer query(const supervisor_actor& to, Question question) {
    Answer out;
    self_->request(to, caf::infinite, std::move(question))
      .receive([&](Answer& x) { out = std::move(x); },
               [&](caf::error& e) {
                 CAF_ERROR("the supervisor did not answer: " << describe(e));
               });
    return out;
  }

  runtime_status status(runtime& x) {
    return query<runtime_status>(x.supervisor(), status_query{});
  }

  caf::scoped_actor& self() { return self_; }

  static failure translate(const caf::error& e) {
    auto x = failure_of(e);
    return x ? *x : failure{};
  }

private:
  caf::scoped_actor self_;
};

/// Descriptors that this process has open.
size_t open_descriptors();

/// Threads of this process.
size_t living_threads();

} // namespace redoubt::test
