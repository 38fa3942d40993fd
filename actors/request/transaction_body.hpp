#pragma once

#include <redoubt/messages/error.hpp>
#include <redoubt/messages/interfaces.hpp>

#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace redoubt {

/// The bytes of MULTI, the members and EXEC.
shared_bytes encode_transaction(const std::vector<command>& members);

/// The strictest class among the members.
command_class
class_of_transaction(const std::vector<command>& members) noexcept;

/// What the server's replies to MULTI, the members and EXEC add up to.
struct transaction_result {
  /// `none`: it ran, `values` are the replies of EXEC.
  errc code = errc::none;
  fate outcome = fate::answered;
  std::string message;
  replies values;
};

transaction_result judge_transaction(std::vector<reply> all);

} // namespace redoubt
