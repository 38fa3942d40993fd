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
  return all;
}

} // namespace redoubt::bench
