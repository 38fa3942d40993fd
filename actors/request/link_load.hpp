#pragma once

#include <redoubt/messages/caf_api.hpp>

#include <cstdint>

namespace redoubt {

/// What a request actor should do with a request whose turn it is.
enum class send_when : uint8_t {
  now,
  /// Enough is under way; wait for a reply.
  later,
  /// Its answer would come too late; it should be shed.
  never,
};

/// How busy the server is, as seen over one link, and what follows for the next
/// request. A value: it is told what was answered and when.
///
/// A reply that came after `latency`, for a command that was sent behind `ahead`
/// others, tells what each of those cost: (latency − round trip) / ahead, with the
/// shortest latency of the link as its round trip. A link that only is long, or
/// idle, or has one slow command on it, costs nothing by this measure; a server
/// that works off a queue shows its service time, whoever else uses it.
///
/// From that follows how long a further command would wait for its answer. What
/// is under way on the link is kept at a share of the time that an attempt has,
/// so that the rest waits where it can still be taken back, or at that share of a
/// round trip if an attempt has less than that; and what could not be
/// answered in time is not sent at all. What was seen holds for twice as many
/// commands as were under way then and for no more: replies that were read late
/// and together look like those of a long link. So bursts grow as in TCP's slow
/// start, from a hundred or so.
class link_load {
public:
  using duration = api::duration;

  /// `share` is the part of the time of an attempt that commands may wait for
  /// others on the link, `floor` the number of commands that may always be under
  /// way.
  link_load(double share, uint32_t floor) noexcept
    : share_(share), floor_(floor) {}

  /// Another link is in use. What the server was found to do stays.
  void new_link() noexcept { round_trip_ = duration::max(); }

  /// A reply came.
  void answered(duration latency, size_t ahead) noexcept;

  /// Shortest latency of the link; 0 if nothing was answered yet.
  duration round_trip() const noexcept;

  /// Expected wait behind `ahead` commands, the round trip not included.
  duration wait(size_t ahead) const noexcept;

  /// True if another command may be sent that has `time` for its attempt, with
  /// `under_way` commands before it.
  bool has_room(size_t under_way, duration time) const noexcept;

  /// Decides on a request that has waited and has `left` until its deadline.
  /// `standing`: the queue has not been empty for a while, so that this is no
  /// passing peak.
  send_when judge(size_t under_way, duration time, duration left,
                  bool standing) const noexcept;

private:
  bool knows_nothing() const noexcept;
  duration allowed(duration time) const noexcept;

  double share_;
  uint32_t floor_;
  duration round_trip_ = duration::max();
  /// Decaying sums over the replies: what they waited beyond the round trip, and
  /// behind how many.
  double waited_ = 0;
  double ahead_ = 0;
  /// Most commands that were under way together, of those replies.
  size_t proven_ = 0;
};

} // namespace redoubt
