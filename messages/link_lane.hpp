#pragma once

#include <cstdint>
#include <string_view>

namespace redoubt {

/// Over which connections a request goes. Each lane has connections of its own, so
/// that large replies on one do not hold up small ones on the other. Between the
/// lanes there is no order.
enum class link_lane : uint8_t {
  /// The pool's `connections`.
  shared,
  /// The pool's `bulk_connections`, for what is large or takes long.
  bulk,
};

std::string_view to_string(link_lane value) noexcept;

} // namespace redoubt
