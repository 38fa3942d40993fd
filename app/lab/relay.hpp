#pragma once

#include <redoubt/app/lab/corruption.hpp>
#include <redoubt/app/lab/socket.hpp>
#include <redoubt/app/lab/traffic.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <random>
#include <string>

namespace redoubt::lab {

using clock = std::chrono::steady_clock;
using time_point = clock::time_point;

/// One client's connection through the gate and its counterpart to the server.
/// Belongs to the gate's thread; never blocks.
class relay {
public:
  /// One of the two sockets, as the gate's epoll knows it.
  struct end {
    relay* owner = nullptr;
    unique_fd fd;
    uint32_t watched = 0;
    /// A connection that is established, or was.
    bool connected = false;
    /// More bytes may come from it.
    bool open = true;
  };

  relay(int epoll, unique_fd client, const address& upstream,
        const traffic_rules& rules, hit_counters& hits);

  relay(const relay&) = delete;
  relay& operator=(const relay&) = delete;
  ~relay();

  /// Handles what epoll says of one of this relay's sockets.
  void ready(end& at, time_point now);

  /// Does all that the rules allow by now. To be called when a rule changed
  /// and when `next_due` has come.
  void pump(time_point now);

  /// Counts the rule's `cut_after` from here on.
  void restart_cut(size_t index);

  /// Counts the bytes of the rule's `corrupt` from here on.
  void restart_damage(size_t index);

  /// Holds back one direction, whatever the rules say.
  void hold(size_t index, bool on) noexcept { lanes_[index].held = on; }

  /// Ends both connections by RST.
  void reset();

  /// Ends both connections by FIN, whatever is still on its way.
  void finish(time_point now);

  /// True if both sockets are closed; the relay may be thrown away.
  bool over() const noexcept { return !client_.fd && !server_.fd; }

  /// When `pump` has something to do that no socket will tell of.
  time_point next_due() const noexcept;

private:
  /// Bytes on their way, or the end of the stream.
  struct chunk {
    time_point due;
    std::string bytes;
    size_t written = 0;
    std::optional<ending> end;
  };

  /// One direction.
  struct lane {
    std::deque<chunk> chunks;
    size_t bytes = 0;
    time_point next_write{};
    time_point last_read{};
    /// Bytes of a batch that was gathered and is being written.
    size_t batch = 0;
    std::optional<uint64_t> cut_left;
    corruption spoiler;
    bool held = false;
    /// The other side takes nothing any more: what comes is thrown away.
    bool discard = false;
    /// The end of the stream was passed on.
    bool finished = false;

    bool full() const noexcept;
    bool gathers(const traffic_rule& rule) const noexcept;
    void gather();
  };

  end& source(size_t index) noexcept;
  end& sink(size_t index) noexcept;
  void dial_upstream();
  void read_into(size_t index, time_point now);
  void write_from(size_t index, time_point now);
  bool write_some(size_t index, time_point now);
  size_t write_size(size_t index) const noexcept;
  void pause_after(size_t index, size_t written, time_point now);
  void end_by(ending how, time_point now);
  void pass_on_end(size_t index);
  void drain(end& from);
  time_point due(size_t index) const noexcept;
  bool may_write(size_t index, time_point now) const noexcept;
  void close(end& which);
  void watch(end& which, uint32_t events);
  void update_interest(time_point now);

  int epoll_;
  address upstream_;
  const traffic_rules& rules_;
  hit_counters& hits_;
  end client_;
  end server_;
  std::array<lane, 2> lanes_;
  bool dialled_ = false;
  bool closing_ = false;
  time_point give_up_{};
  std::minstd_rand random_{42};
};

} // namespace redoubt::lab
