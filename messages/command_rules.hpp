#pragma once

#include <redoubt/messages/command_class.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

// What the command table says of a command, and what its arguments add. For
// command_class.cpp; users have `traits_of` and `keys_of`.
namespace redoubt::detail {

/// How arguments change the class. Named after the command, but for `apart`:
/// accumulating if the destination is also a source.
enum class class_rule : uint8_t {
  none,
  acl_log,
  apart,
  bitfield,
  copy,
  expire,
  georadius,
  georadiusbymember,
  getex,
  lrem,
  ltrim,
  restore,
  set,
  sort,
  xread,
  xtrim,
  zadd,
  zremrangebyrank,
};

/// Where the keys stand. `count_at_<n>`: argument n tells how many follow it;
/// `store_…`: argument 1 is a key as well.
enum class key_rule : uint8_t {
  by_position,
  count_at_1,
  count_at_2,
  store_count_at_2,
  georadius,
  georadiusbymember,
  migrate,
  sort,
  streams,
};

/// Why a command may not go over a shared connection. Some of them may go over one
/// that is leased to a single caller.
enum class refusal_hint : uint8_t {
  none,
  block_option,
  blocking,
  closing,
  connection_state,
  database,
  hello,
  http,
  login,
  name,
  reply_mode,
  reset,
  shutdown,
  stream,
  subscription,
  transaction,
  watch,
};

/// One row of the command table.
struct command_row {
  /// In upper case; a subcommand after a space.
  std::string_view name;
  command_class cls;
  class_rule by;
  key_rule keys;
  refusal_hint refusal;
  bool container;
  bool subcommand;
  /// As COMMAND has them: 0 is none, a negative last key counts from the end.
  int8_t first_key;
  int8_t last_key;
  int8_t key_step;
};

/// Indexes of the keys among the arguments.
struct key_positions {
  /// A key before or after the range; 0 (the name's place) is none.
  size_t before = 0;
  size_t first = 0;
  size_t end = 0;
  size_t step = 1;
  size_t after = 0;

  /// Calls `f` with each index, in order.
  template <class F>
  void for_each(F f) const {
    if (before != 0)
      f(before);
    for (auto i = first; i < end; i += step)
      f(i);
    if (after != 0)
      f(after);
  }
};

command_class class_of(const command_row& row, argument_list args) noexcept;

refusal_hint refusal_of(const command_row& row, argument_list args) noexcept;

/// Never out of range; where the arguments make no sense, all of them.
key_positions positions_of(const command_row& row, argument_list args) noexcept;

/// Every argument after the name.
key_positions all_positions(argument_list args) noexcept;

} // namespace redoubt::detail
