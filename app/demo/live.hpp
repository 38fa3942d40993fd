#pragma once

#include <redoubt/app/demo/pacer.hpp>

#include <map>
#include <string_view>
#include <vector>

namespace redoubt::demo {

/// Prints what happens while it happens: per second one line per client, and in
/// between what was done to the server and what the breakers did.
class live_view {
public:
  explicit live_view(bool color) : color_(color) {}

  /// A scenario starts now.
  void begin(std::string_view title, std::vector<lane> lanes);

  /// Prints the time since the last call.
  void tick();

  /// Something was done to the server.
  void note(std::string_view text);

private:
  void print_changes();
  void print_row(const lane& x, bool first);
  double seconds(time_point at) const;

  bool color_;
  time_point start_{};
  std::vector<lane> lanes_;
  // Retries of each client at the last tick.
  std::map<const client*, uint64_t> retries_;
};

} // namespace redoubt::demo
