#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace redoubt {

/// A string that must never be shown: it has no stream operator, no formatter
/// and no `inspect`, so a log line or a message dump that names it does not
/// compile. Only the handshake reads it.
class secret {
public:
  secret() = default;

  explicit secret(std::string value) : value_(std::move(value)) {}

  bool empty() const noexcept { return value_.empty(); }

  /// The text itself. Callers write it to a socket and nowhere else.
  std::string_view reveal() const noexcept { return value_; }

  bool operator==(const secret&) const = default;

private:
  std::string value_;
};

} // namespace redoubt
