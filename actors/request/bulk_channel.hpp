#pragma once

#include <redoubt/messages/interfaces.hpp>

#include <cstdint>
#include <utility>
#include <vector>

namespace redoubt {

/// Gathers what became of the commands of one sink, so that each turn of the
/// request actor sends it one message.
class bulk_channel {
public:
  /// `ready` is where the channel lists itself while it has something to send.
  bulk_channel(completion_sink sink, std::vector<bulk_channel*>& ready)
    : sink_(std::move(sink)), ready_(ready) {}

  bulk_channel(const bulk_channel&) = delete;
  bulk_channel& operator=(const bulk_channel&) = delete;

  const completion_sink& sink() const noexcept { return sink_; }

  /// Another command of the sink is under way.
  void open() noexcept { ++open_; }

  /// One of them is answered.
  void add(uint64_t id, outcome value) {
    --open_;
    if (items_.empty()) {
      ready_.push_back(this);
      items_.reserve(room_);
    }
    items_.push_back({id, std::move(value)});
  }

  std::vector<completion> take() {
    room_ = items_.size();
    return std::exchange(items_, {});
  }

  /// Nothing is under way and nothing is to be sent.
  bool idle() const noexcept { return open_ == 0 && items_.empty(); }

private:
  completion_sink sink_;
  std::vector<bulk_channel*>& ready_;
  std::vector<completion> items_;
  /// The next turn will have as many as the last one, roughly.
  size_t room_ = 0;
  size_t open_ = 0;
};

} // namespace redoubt
