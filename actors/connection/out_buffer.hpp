#pragma once

#include <redoubt/actors/reactor/transport.hpp>
#include <redoubt/actors/ring.hpp>
#include <redoubt/messages/shared_bytes.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace redoubt {

/// Bytes on their way to a socket. Small commands are gathered into one block,
/// large ones are shared with their sender, so that no megabyte is copied.
/// Counts what the kernel took: that is what decides a command's fate.
class out_buffer {
public:
  bool empty() const noexcept { return appended_ == written_; }

  /// Bytes that were ever appended, and that the kernel ever took.
  uint64_t appended() const noexcept { return appended_; }
  uint64_t written() const noexcept { return written_; }

  /// Bytes that the kernel has not taken yet.
  uint64_t pending() const noexcept { return appended_ - written_; }

  void append(std::string_view bytes);
  void append(shared_bytes bytes);

  enum class result : uint8_t { done, blocked, failed };

  /// Writes as much as the socket takes. On `failed` errno tells why.
  result write_to(transport& sockets, int fd);

private:
  struct block {
    std::string own;
    shared_bytes shared;

    std::string_view view() const noexcept {
      return shared ? *shared : std::string_view{own};
    }
  };

  void consume(size_t n);

  ring<block> blocks_;
  /// Bytes of the first block that the kernel took already.
  size_t offset_ = 0;
  uint64_t appended_ = 0;
  uint64_t written_ = 0;
  /// The last block that was emptied, kept for its memory.
  std::string spare_;
};

} // namespace redoubt
