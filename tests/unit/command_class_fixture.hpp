#pragma once

// Lines of arguments, and checks that name the line that is not as expected.

#include <redoubt/messages/command_class.hpp>
#include <redoubt/messages/command_rules.hpp>

#include <redoubt/tests/support/check.hpp>

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace redoubt::test {

using words = std::vector<std::string_view>;

/// The arguments of a line, split at single spaces; `''` is an empty one.
inline words split(std::string_view line) {
  words result;
  for (size_t pos = 0; pos <= line.size();) {
    auto end = std::min(line.find(' ', pos), line.size());
    auto word = line.substr(pos, end - pos);
    result.push_back(word == "''" ? std::string_view{} : word);
    pos = end + 1;
  }
  return result;
}

inline command_class class_of_line(std::string_view line) {
  return traits_of(split(line)).cls;
}

inline std::string_view refusal_of_line(std::string_view line) {
  return traits_of(split(line)).refusal;
}

inline void check_line(std::string_view line, std::string_view actual,
                       std::string_view expected) {
  CAF_CHECK_EQUAL(std::string{line} + " -> " + std::string{actual},
                  std::string{line} + " -> " + std::string{expected});
}

inline void check_class(command_class expected, const words& lines) {
  for (auto line : lines)
    check_line(line, to_string(class_of_line(line)), to_string(expected));
}

/// One row of the command table, with what the library does not keep.
struct table_row {
  std::string_view name;
  std::string_view flags;
  int first_key;
  command_class cls;
  detail::class_rule by;
  detail::refusal_hint refusal;
};

constexpr table_row table[] = {
#define REDOUBT_COMMAND(name, arity, flags, first, last, step, cls, by, keys,  \
                        refusal)                                               \
  {name,                                                                       \
   flags,                                                                      \
   first,                                                                      \
   command_class::cls,                                                         \
   detail::class_rule::by,                                                     \
   detail::refusal_hint::refusal},
#include <redoubt/messages/command_table.inc>
#undef REDOUBT_COMMAND
};

constexpr auto read_only = command_class::read_only;
constexpr auto idempotent = command_class::idempotent;
constexpr auto convergent = command_class::convergent;
constexpr auto accumulating = command_class::accumulating;

} // namespace redoubt::test
