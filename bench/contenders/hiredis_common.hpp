#pragma once

#include <redoubt/bench/core/workload.hpp>
#include <redoubt/messages/endpoint.hpp>

#include <string>
#include <vector>

struct redisAsyncContext;
struct redisReply;

namespace redoubt::bench {

/// Each key's GET or SET as it goes over the wire. They are made before the clock
/// runs.
class wire_commands {
public:
  explicit wire_commands(const workload& load);

  const std::string& operator[](size_t i) const {
    auto& all = load_.writes(i) ? sets_ : gets_;
    return all[i % load_.key_count];
  }

  /// False also if there is no reply, i.e. if the connection is lost.
  bool is_answer(const redisReply* got, size_t i) const;

private:
  workload load_;
  std::vector<std::string> gets_;
  std::vector<std::string> sets_;
};

/// Connects. Throws `std::runtime_error` if it cannot.
redisAsyncContext* connect_async(const endpoint& server);

} // namespace redoubt::bench
