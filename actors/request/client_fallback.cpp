// Who answers when the server does not.

#include <redoubt/actors/request/client.hpp>

#include <utility>

namespace redoubt {

namespace {

/// Fallback actors asked at a time. CAF looks for the request of a response one
/// by one, so that many more would make an outage expensive.
constexpr size_t most_asked = 1024;

/// The failure is not of the request's own making.
bool may_fall_back(const failure& x) noexcept {
  switch (x.code) {
    case errc::cancelled:
    case errc::invalid_command:
    case errc::invalid_options:
    case errc::too_large: return false;
    default: return x.outcome != fate::answered;
  }
}

} // namespace

/// Answers a request that failed, or has it answered, if it names a fallback.
bool client::fall_back(request_slot& x, const failure& why) {
  if (!may_fall_back(why))
    return false;
  if (auto value = std::get_if<reply>(x.more->fallback.get())) {
    auto copy = *value;
    copy.stale = true;
    ++counters_.fallbacks;
    x.to.succeed(std::move(copy));
    return true;
  }
  auto left = x.deadline - now();
  if (left <= api::duration::zero() || draining_
      || fallbacks_.size() >= most_asked)
    return false;
  auto number = ++last_fallback_;
  fallbacks_.emplace(number,
                     asked_fallback{std::move(x.to), why, x.caller, x.tag});
  auto answered = [this, number](reply* value) {
    end_fallback(number, value);
    if (!coalescing_)
      end_of_turn();
  };
  api::request(this, std::get<fallback_actor>(*x.more->fallback),
               std::chrono::floor<std::chrono::microseconds>(left), x.cmd, why)
    .then([answered](reply& value) { answered(&value); },
          [answered](const caf::error&) { answered(nullptr); });
  return true;
}

/// Answers with the fallback's reply, or without one with the failure.
void client::end_fallback(uint64_t number, reply* value) {
  auto i = fallbacks_.find(number);
  if (i == fallbacks_.end())
    return;
  auto x = std::move(i->second);
  fallbacks_.erase(i);
  if (value == nullptr) {
    x.to.fail(std::move(x.why));
    return;
  }
  ++counters_.fallbacks;
  value->stale = true;
  x.to.succeed(std::move(*value));
}

void client::end_fallbacks() {
  for (auto& [number, x] : std::exchange(fallbacks_, {}))
    x.to.fail(std::move(x.why));
}

} // namespace redoubt
