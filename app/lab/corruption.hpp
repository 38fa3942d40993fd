#pragma once

#include <redoubt/app/lab/traffic.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace redoubt::lab {

/// Damages the bytes of one stream as they pass.
class corruption {
public:
  corruption() = default;

  explicit corruption(std::optional<damage> what) : what_(std::move(what)) {}

  /// Changes the next bytes of the stream; true if any were replaced.
  bool apply(std::string& bytes);

private:
  bool replace_at(std::string& bytes) const;
  bool replace_every(std::string& bytes) const;
  bool replace_first(std::string& bytes);

  std::optional<damage> what_;
  /// Bytes that have passed.
  uint64_t passed_ = 0;
};

} // namespace redoubt::lab
