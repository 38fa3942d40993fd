#pragma once

#include <poll.h>

#include <chrono>

namespace redoubt::test {

/// Waits until `pred` holds, asking every millisecond, for at most `limit`.
/// Answers whether it came to hold.
template <class Predicate>
bool eventually(Predicate pred,
                std::chrono::milliseconds limit = std::chrono::seconds{5}) {
  auto until = std::chrono::steady_clock::now() + limit;
  while (!pred()) {
    if (std::chrono::steady_clock::now() >= until)
      return pred();
    ::poll(nullptr, 0, 1);
  }
  return true;
}

} // namespace redoubt::test
