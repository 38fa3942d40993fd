#pragma once

#include <redoubt/messages/error.hpp>

#include <array>
#include <string_view>

namespace redoubt::test {

/// What a server may say instead of carrying a command out, and what the contract
/// (docs/guarantees.md, "Errors, one by one") makes of it.
struct server_error {
  /// In the words of Redis 7.
  std::string_view text;
  /// `none`: it is the command's definite answer, a reply.
  errc code = errc::none;
  /// Sent again by default, whatever the command's class.
  bool again = false;
  /// A failure in the breaker's eyes.
  bool counts = false;
  /// What the connection ends with; `none` if it is kept.
  errc link = errc::none;

  fate became() const noexcept {
    return code == errc::none ? fate::answered : fate::refused;
  }
};

inline constexpr std::array server_errors{
  // -- passing: turned away before the command ran
  server_error{.text = "LOADING Redis is loading the dataset in memory",
               .code = errc::loading,
               .again = true,
               .counts = true},
  server_error{.text = "BUSY Redis is busy running a script. You can only call "
                       "SCRIPT KILL or SHUTDOWN NOSAVE.",
               .code = errc::busy,
               .again = true,
               .counts = true},
  server_error{.text = "MASTERDOWN Link with MASTER is down and "
                       "replica-serve-stale-data is set to 'no'.",
               .code = errc::master_down,
               .again = true,
               .counts = true},
  server_error{.text = "CLUSTERDOWN The cluster is down",
               .code = errc::cluster_down,
               .again = true,
               .counts = true},
  server_error{.text = "CLUSTERDOWN Hash slot not served",
               .code = errc::cluster_down,
               .again = true,
               .counts = true},
  server_error{.text = "TRYAGAIN Multiple keys request during rehashing of "
                       "slot",
               .code = errc::try_again,
               .again = true},
  server_error{.text = "READONLY You can't write against a read only replica.",
               .code = errc::read_only_replica,
               .again = true,
               .link = errc::read_only_replica},
  // -- turned away for good
  server_error{.text = "NOAUTH Authentication required.",
               .code = errc::auth_failed,
               .link = errc::auth_failed},
  server_error{.text = "WRONGPASS invalid username-password pair or user is "
                       "disabled.",
               .code = errc::auth_failed,
               .link = errc::auth_failed},
  server_error{.text = "NOSCRIPT No matching script. Please use EVAL.",
               .code = errc::no_script},
  // -- definite answers
  server_error{.text = "OOM command not allowed when used memory > "
                       "'maxmemory'."},
  server_error{.text = "MISCONF Redis is configured to save RDB snapshots, but "
                       "it's currently unable to persist to disk."},
  server_error{.text = "NOREPLICAS Not enough good replicas to write."},
  server_error{.text = "WRONGTYPE Operation against a key holding the wrong "
                       "kind of value"},
  server_error{.text = "NOPERM this user has no permissions to run the 'incr' "
                       "command"},
  server_error{.text = "MOVED 1111 127.0.0.1:6380"},
  server_error{.text = "ASK 1111 127.0.0.1:6380"},
  server_error{.text = "CROSSSLOT Keys in request don't hash to the same slot"},
  server_error{.text = "ERR syntax error"},
  server_error{.text = "ERR unknown command 'NOSUCH', with args beginning "
                       "with: "},
  server_error{.text = "ERR wrong number of arguments for 'incr' command"},
  server_error{.text = "ERR value is not an integer or out of range"},
  // A greeting; from a server that took our commands it means nothing.
  server_error{.text = "ERR max number of clients reached"},
  server_error{.text = "BUSYGROUP Consumer Group name already exists"},
  server_error{.text = "NOSUCHCODE of a version to come"},
};

} // namespace redoubt::test
