#pragma once

#include <redoubt/app/lab/relay.hpp>
#include <redoubt/app/lab/socket.hpp>
#include <redoubt/app/lab/traffic.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace redoubt::lab {

/// A TCP proxy on 127.0.0.1 that breaks connections on demand: it stands
/// between a client and a server and is told, verb by verb, which fault to
/// make. Verbs may be called on any thread; each returns when it is in force.
/// They add up until `pass` takes all of them back.
///
/// The gate runs on a thread of its own. It holds at most 1 MiB per direction
/// of a connection.
class fault_gate {
public:
  /// Listens on a free port and passes everything to `upstream`.
  explicit fault_gate(address upstream);

  fault_gate(const fault_gate&) = delete;
  fault_gate& operator=(const fault_gate&) = delete;

  /// Closes all connections and joins the thread.
  ~fault_gate();

  /// The port to connect to. It stays the same, and this gate's, while
  /// connections are refused.
  uint16_t port() const noexcept { return port_; }

  // -- verbs

  /// Takes all faults back: listens, and passes on what was held.
  void pass();

  /// New connections are refused; living ones stay.
  void refuse();

  /// New connections are neither accepted nor refused: once the backlog is
  /// full, which this call sees to, the kernel drops their SYNs.
  void stop_accepting();

  /// Ends every living connection by RST, on both sides.
  void reset_all();

  /// Ends every living connection by FIN, on both sides.
  void close_all();

  /// Takes bytes and passes none on; connections are accepted and stay.
  void hold(direction which = direction::both);

  /// As `hold`, for the connections that are living now only: a network that
  /// keeps back what was sent before, and delivers it (on `pass`) after what was
  /// sent later over other connections.
  void hold_living(direction which = direction::both);

  /// Passes each byte on `by` later, and up to `jitter` more at random; none
  /// overtakes another.
  void delay(std::chrono::milliseconds by, direction which = direction::both,
             std::chrono::milliseconds jitter = {});

  /// Writes at most `bytes` at once, with `pause` between two writes.
  void slice(size_t bytes, direction which = direction::both,
             std::chrono::milliseconds pause = {});

  /// Passes on at most `bytes_per_second`.
  void rate(uint64_t bytes_per_second, direction which = direction::both);

  /// Gathers bytes until there are so many, or none came for `pause`, and writes
  /// them at once.
  void concat(size_t bytes, direction which, std::chrono::milliseconds pause);

  /// Overwrites the bytes from `offset` on, counted from now for living
  /// connections and from the start for new ones.
  void corrupt_at(uint64_t offset, std::string bytes, direction which);

  /// Overwrites each `n`th byte, counted as for `corrupt_at`. `n` is not 0.
  void corrupt_every(uint64_t n, char byte, direction which);

  /// Replaces the first `pattern` of each connection that arrives in one piece.
  void corrupt_first(std::string pattern, std::string instead, direction which);

  /// Ends each connection as soon as `bytes` more bytes of replies were passed
  /// on, or the first one would be if `bytes` is 0.
  void cut_replies_after(uint64_t bytes, ending how = ending::fin);

  /// As `cut_replies_after`, for requests.
  void cut_requests_after(uint64_t bytes, ending how = ending::fin);

  /// Ends each connection at the next byte that comes, and passes it not on.
  void close_on_data(direction which = direction::both,
                     ending how = ending::fin);

  /// Passes the end of a stream on `by` later; its bytes come in time.
  void slow_close(std::chrono::milliseconds by,
                  direction which = direction::both);

  // -- counters

  /// How often a fault took effect: connections that were reset, closed or cut,
  /// reads that were held, delayed or corrupted, slices and parts of a rate and
  /// gathered bytes that were written, ends that were kept back. What only the kernel sees
  /// (`refuse`, `stop_accepting`) and `pass` count the calls.
  uint64_t hits(verb which) const noexcept { return hits_.of(which); }

  /// Connections that were accepted, and those that are living.
  uint64_t accepted() const noexcept { return accepted_; }
  uint64_t living() const noexcept { return living_; }

  /// Connections that `reset_all` ended.
  uint64_t resets() const noexcept { return hits(verb::reset_all); }

private:
  void call(std::function<void()> action);
  void run();
  void run_tasks();
  void accept_some();
  bool is_filler(const unique_fd& socket);
  void listen();
  void stop_listening();
  void watch_listener(bool on);
  void set_rule(direction which,
                const std::function<void(traffic_rule&)>& change);
  void cut_after(size_t index, uint64_t bytes, ending how);
  void corrupt(damage what, direction which);
  void pump_all(bool only_due);
  void sweep();
  int wait_ms(time_point now) const;

  const address upstream_;
  uint16_t port_ = 0;
  unique_fd reservation_;
  unique_fd epoll_;
  unique_fd wake_;

  // -- the gate's thread only
  unique_fd listener_;
  bool listener_watched_ = false;
  // The file table is full: accept again after a pause.
  bool starved_ = false;
  // Our own connections that fill the backlog, by their ports.
  std::vector<std::pair<unique_fd, uint16_t>> fillers_;
  traffic_rules rules_;
  std::vector<std::unique_ptr<relay>> relays_;
  bool stopping_ = false;

  // -- any thread
  std::atomic<uint64_t> accepted_ = 0;
  std::atomic<uint64_t> living_ = 0;
  hit_counters hits_;
  std::mutex mutex_;
  std::vector<std::packaged_task<void()>> tasks_;
  std::thread thread_;
};

} // namespace redoubt::lab
