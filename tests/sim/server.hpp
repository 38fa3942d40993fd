#pragma once

#include <redoubt/tests/sim/network.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace redoubt::sim {

using words = std::vector<std::string>;

/// A Redis that knows a handful of commands, on a simulated network. What it did
/// survives its restarts, as with `appendfsync always`.
class server final : public network_peer {
public:
  /// Told of every command of callers that runs, when it runs, and of the
  /// connection that it came over.
  using observer = std::function<void(const words&, int link)>;

  server(network& net, observer ran);

  // -- network_peer ---------------------------------------------------------------

  void accepted(int link) override;
  void received(int link, std::string_view bytes) override;
  void ended(int link) override;

  // -- faults ---------------------------------------------------------------------

  /// Ends every connection.
  void end_all(bool reset);

  /// Whatever is not yet answered is lost, and whatever comes until `start`.
  void kill();
  void start();

  /// Frozen: connections are made, nothing is answered. What came meanwhile runs
  /// when it goes on, also from connections that are gone by then.
  void stop() noexcept { stopped_ = true; }
  void go_on();

  /// Commands of callers are refused, with this error; empty ends that.
  void refuse_all(std::string error) { refusal_ = std::move(error); }

  /// Writes are answered with this error; empty ends that.
  void refuse_writes(std::string error) { write_refusal_ = std::move(error); }

  /// New connections are turned away, with this greeting; empty ends that.
  void turn_away(std::string greeting) { greeting_ = std::move(greeting); }

  /// CLIENT LIST and CLIENT KILL are not allowed.
  void deny_client_commands(bool on) noexcept { denies_ = on; }

  // -- what it holds --------------------------------------------------------------

  /// Connections whose handshake is over.
  size_t ready_sessions() const;
  size_t sessions() const { return sessions_.size(); }

  const std::map<std::string, std::string>& strings() const { return strings_; }
  const std::map<std::string, words>& lists() const { return lists_; }

  /// Commands that were refused.
  uint64_t refused() const noexcept { return refused_; }

private:
  struct session {
    int link = 0;
    int64_t id = 0;
    std::string name;
    std::string input;
    bool ready = false;
    bool gone = false;
    bool in_multi = false;
    bool aborted = false;
    std::vector<words> queued;
  };

  void process(int link);
  std::string answer(session& from, const words& x, bool& killed);
  std::string client_command(session& from, const words& x, bool& killed);
  std::string run(const session& from, const words& x);
  std::string run_transaction(session& from);

  network& net_;
  observer ran_;
  bool alive_ = true;
  bool stopped_ = false;
  std::string refusal_;
  std::string write_refusal_;
  std::string greeting_;
  bool denies_ = false;
  int64_t last_id_ = 0;
  uint64_t refused_ = 0;
  std::map<int, session> sessions_;
  std::map<std::string, std::string> strings_;
  std::map<std::string, words> lists_;
};

} // namespace redoubt::sim
