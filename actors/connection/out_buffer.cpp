#include <redoubt/actors/connection/out_buffer.hpp>

#include <algorithm>
#include <array>
#include <cerrno>

namespace redoubt {

namespace {

/// From this size on a command is shared instead of copied.
constexpr size_t share_from = 16 * 1024;

/// Memory that an emptied block may keep for the next one.
constexpr size_t spare_limit = 256 * 1024;

/// Blocks handed to one system call.
constexpr size_t blocks_per_call = 16;

} // namespace

void out_buffer::append(std::string_view bytes) {
  if (blocks_.empty() || blocks_.back().shared) {
    blocks_.push_back(block{std::move(spare_), {}});
    spare_ = {};
  }
  blocks_.back().own += bytes;
  appended_ += bytes.size();
}

void out_buffer::append(shared_bytes bytes) {
  if (bytes->size() < share_from) {
    append(*bytes);
    return;
  }
  appended_ += bytes->size();
  blocks_.push_back(block{{}, std::move(bytes)});
}

void out_buffer::consume(size_t n) {
  written_ += n;
  n += offset_;
  while (!blocks_.empty() && n >= blocks_.front().view().size()) {
    auto& first = blocks_.front();
    n -= first.view().size();
    if (!first.shared && first.own.capacity() <= spare_limit) {
      spare_ = std::move(first.own);
      spare_.clear();
    }
    blocks_.pop_front();
  }
  offset_ = n;
}

out_buffer::result out_buffer::write_to(transport& sockets, int fd) {
  while (!empty()) {
    std::array<iovec, blocks_per_call> parts;
    auto count = std::min(blocks_.size(), parts.size());
    for (size_t i = 0; i < count; ++i) {
      auto bytes = blocks_[i].view();
      if (i == 0)
        bytes.remove_prefix(offset_);
      parts[i].iov_base = const_cast<char*>(bytes.data());
      parts[i].iov_len = bytes.size();
    }
    auto n = sockets.send(fd, parts.data(), count);
    if (n >= 0)
      consume(static_cast<size_t>(n));
    else if (errno == EAGAIN || errno == EWOULDBLOCK)
      return result::blocked;
    else if (errno != EINTR)
      return result::failed;
  }
  return result::done;
}

} // namespace redoubt
