#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace redoubt {

/// Bytes that never change and that several hold: a view, and what keeps it alive.
/// Copies share them. Any thread.
class shared_bytes {
public:
  shared_bytes() = default;

  shared_bytes(std::shared_ptr<const void> owner, std::string_view bytes)
    : owner_(std::move(owner)), bytes_(bytes) {}

  shared_bytes(std::shared_ptr<const std::string> text)
    : bytes_(text ? std::string_view{*text} : std::string_view{}) {
    owner_ = std::move(text);
  }

  /// False if it holds nothing, which is less than no bytes.
  explicit operator bool() const noexcept { return owner_ != nullptr; }

  const std::string_view& operator*() const noexcept { return bytes_; }
  const std::string_view* operator->() const noexcept { return &bytes_; }

private:
  std::shared_ptr<const void> owner_;
  std::string_view bytes_;
};

} // namespace redoubt
