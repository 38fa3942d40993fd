#include <redoubt/bench/rows/rows.hpp>

#include <iterator>
#include <utility>

namespace redoubt::bench {

std::vector<row> all_rows() {
  std::vector<row> all;
  auto add = [&](std::vector<row> more) {
    std::move(more.begin(), more.end(), std::back_inserter(all));
  };
  add(closed_loop_rows());
  all.push_back(pipeline_row());
  add(large_reply_rows());
  add(unix_socket_rows());
  add(option_rows());
  add(open_loop_rows());
  all.push_back(beside_large_row());
  all.push_back(rejected_row());
  all.push_back(storm_row());
  all.push_back(down_row());
  add(memory_rows());
  all.push_back(overload_row());
  all.push_back(hedging_row());
  return all;
}

} // namespace redoubt::bench
