#pragma once

#include <redoubt/app/demo/recorder.hpp>
#include <redoubt/messages/status.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace redoubt::demo {

/// How a client is, for the live lines.
struct vitals {
  /// Empty for a client that has no breaker.
  std::optional<breaker_state> breaker;
  /// Retries and trips of the breaker since the client started.
  uint64_t retries = 0;
  uint64_t trips = 0;
  uint32_t ready_connections = 0;
};

/// A change of the breaker's state.
struct breaker_change {
  time_point at;
  breaker_state from;
  breaker_state to;
  breaker_cause cause;
};

enum class client_kind : uint8_t { hiredis, fail_fast, wait };

std::string_view to_string(client_kind value) noexcept;

/// One of the clients that are compared.
class client {
public:
  explicit client(client_kind kind) : kind_(kind) {}

  client(const client&) = delete;
  client& operator=(const client&) = delete;
  virtual ~client() = default;

  client_kind kind() const noexcept { return kind_; }

  /// Takes request `index` of `to` and returns at once; the recorder gets the
  /// outcome, on whatever thread.
  virtual void issue(std::shared_ptr<recorder> to, uint32_t index) = 0;

  virtual vitals observe() = 0;

  /// Changes since the last call.
  virtual std::vector<breaker_change> take_changes() { return {}; }

  /// Limit for any request; empty for a client that knows none.
  virtual std::optional<std::chrono::milliseconds> deadline() const {
    return {};
  }

private:
  client_kind kind_;
};

} // namespace redoubt::demo
