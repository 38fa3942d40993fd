#pragma once

#include <redoubt/actors/random.hpp>
#include <redoubt/actors/reactor/transport.hpp>
#include <redoubt/messages/caf_api.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace redoubt::sim {

using namespace std::chrono_literals;

/// The server's end of the network.
class network_peer {
public:
  virtual ~network_peer() = default;

  /// A connection stands.
  virtual void accepted(int link) = 0;
  virtual void received(int link, std::string_view bytes) = 0;
  /// Nothing more comes over it: the client's FIN or RST arrived.
  virtual void ended(int link) = 0;
};

/// A network of one address on virtual time. Bytes arrive in order, later than
/// they were sent, in pieces, and unless somebody cuts them off.
class network final : public transport {
public:
  /// What becomes of who dials.
  enum class dialling : uint8_t { accepted, refused, dropped };

  using clock = std::function<api::time_point()>;

  network(random_source& random, clock now);

  void set_peer(network_peer& peer) noexcept { peer_ = &peer; }

  // -- transport ------------------------------------------------------------------

  opening open_tcp(const std::string& address, uint16_t port,
                   std::chrono::milliseconds silence) override;
  opening open_unix(const std::string& path) override;
  int connect_result(int fd) noexcept override;
  ssize_t receive(int fd, char* to, size_t size) noexcept override;
  ssize_t send(int fd, const iovec* parts, size_t count) noexcept override;
  void close(int fd) noexcept override;
  void close_with_reset(int fd) noexcept override;

  // -- the host -------------------------------------------------------------------

  /// Events of epoll that hold now.
  uint32_t readiness(int fd) const;

  // -- the server -----------------------------------------------------------------

  void reply(int link, std::string bytes);
  void end(int link, bool reset);

  // -- weather --------------------------------------------------------------------

  void set_dialling(dialling x) noexcept { dialling_ = x; }

  /// Every segment takes that long.
  void set_latency(api::duration low, api::duration high) noexcept {
    latency_low_ = low;
    latency_high_ = high;
  }

  /// Whatever is under way, or will be sent over the connections of now, arrives
  /// at `until` and not before.
  void hold_requests(api::time_point until);
  void hold_replies(api::time_point until);

  /// Each connection of now ends in the middle of its next reply.
  void cut_replies();

  /// The next reply of each connection of now begins with `bytes`.
  void spoil_replies(std::string bytes);

  /// The client reads one byte at a time, and each write takes but a few.
  void set_trickle(bool on) noexcept { trickle_ = on; }

  // -- time -----------------------------------------------------------------------

  std::optional<api::time_point> next_due() const;

  /// Delivers what is due.
  void deliver();

  // -- counters -------------------------------------------------------------------

  /// Sockets that the client has not closed.
  size_t open_sockets() const;

  /// Connections that stand.
  size_t established() const;

  /// When the client closed its end; the end of time if it did not.
  api::time_point given_up_at(int link) const;

  const std::vector<api::time_point>& dials() const noexcept { return dials_; }

  /// How often a fault of the weather took effect.
  struct hit_counts {
    uint64_t refused = 0;
    uint64_t dropped = 0;
    uint64_t held = 0;
    uint64_t cut = 0;
    uint64_t spoiled = 0;
    uint64_t trickled = 0;
  };

  const hit_counts& hits() const noexcept { return hits_; }

private:
  struct segment {
    enum class kind : uint8_t { bytes, fin, reset };
    kind what = kind::bytes;
    api::time_point due{};
    std::string bytes;
  };

  struct pipe {
    std::deque<segment> segments;
    api::time_point not_before{};
    size_t bytes = 0;
  };

  enum class phase : uint8_t { dialling, refused, lost, up, over };

  struct link {
    phase state = phase::dialling;
    api::time_point connected{};
    bool client_open = true;
    bool server_open = false;
    pipe up;
    pipe down;
    /// What the client may read, and how that ends.
    std::string inbox;
    bool fin = false;
    bool reset = false;
    size_t window = 0;
    bool cut = false;
    std::string spoil;
  };

  void put(pipe& into, segment x);
  void close(int fd, segment::kind how) noexcept;
  void deliver_up(int id, link& x);
  void deliver_down(link& x);
  void drop_dead();

  random_source& random_;
  clock now_;
  network_peer* peer_ = nullptr;
  dialling dialling_ = dialling::accepted;
  api::duration latency_low_ = 100us;
  api::duration latency_high_ = 2ms;
  bool trickle_ = false;
  int last_ = 100;
  std::map<int, link> links_;
  std::map<int, api::time_point> given_up_;
  std::vector<api::time_point> dials_;
  hit_counts hits_;
};

} // namespace redoubt::sim
