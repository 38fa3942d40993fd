#include <redoubt/messages/command_rules.hpp>

#include <algorithm>
#include <charconv>
#include <optional>

namespace redoubt::detail {

namespace {

using enum command_class;

/// `word` is in upper case.
bool same_word(std::string_view text, std::string_view word) noexcept {
  auto same = [](char x, char y) {
    return (x >= 'a' && x <= 'z' ? static_cast<char>(x - 'a' + 'A') : x) == y;
  };
  return std::equal(text.begin(), text.end(), word.begin(), word.end(), same);
}

std::optional<int64_t> number(argument_list args, size_t i) noexcept {
  if (i >= args.size())
    return std::nullopt;
  int64_t result = 0;
  auto end = args[i].data() + args[i].size();
  auto [stop, code] = std::from_chars(args[i].data(), end, result);
  if (code != std::errc{} || stop != end)
    return std::nullopt;
  return result;
}

struct option {
  std::string_view word;
  size_t operands;
};

/// Walks the options from `from` on and calls `f(word, position)` for each
/// known one, until it answers false. Operands are skipped, so that a key or a
/// pattern that reads like an option is not taken for one. Answers false if
/// there was anything unknown or cut short.
template <size_t N, class F>
bool walk(argument_list args, size_t from, const option (&known)[N], F f) {
  auto all_known = true;
  for (auto i = from; i < args.size();) {
    auto x = std::find_if(std::begin(known), std::end(known),
                          [&](auto& y) { return same_word(args[i], y.word); });
    if (x == std::end(known)) {
      all_known = false;
      ++i;
      continue;
    }
    if (args.size() - i - 1 < x->operands)
      return false;
    if (!f(x->word, i))
      break;
    i += 1 + x->operands;
  }
  return all_known;
}

constexpr option copy_options[] = {{"DB", 1}, {"REPLACE", 0}};

constexpr option expire_options[] = {
  {"NX", 0}, {"XX", 0}, {"GT", 0}, {"LT", 0}};

constexpr option georadius_options[] = {{"WITHCOORD", 0}, {"WITHDIST", 0},
                                        {"WITHHASH", 0},  {"ASC", 0},
                                        {"DESC", 0},      {"ANY", 0},
                                        {"COUNT", 1},     {"STORE", 1},
                                        {"STOREDIST", 1}};

constexpr option migrate_options[] = {
  {"COPY", 0}, {"REPLACE", 0}, {"AUTH", 1}, {"AUTH2", 2}, {"KEYS", 0}};

constexpr option restore_options[] = {
  {"REPLACE", 0}, {"ABSTTL", 0}, {"IDLETIME", 1}, {"FREQ", 1}};

// Not NX, XX and GET, and not what later versions add (IFEQ).
constexpr option plain_set_options[] = {
  {"EX", 1}, {"PX", 1}, {"EXAT", 1}, {"PXAT", 1}, {"KEEPTTL", 0}};

constexpr option sort_options[] = {{"ASC", 0},   {"DESC", 0},  {"ALPHA", 0},
                                   {"LIMIT", 2}, {"STORE", 1}, {"BY", 1},
                                   {"GET", 1}};

constexpr option stream_options[] = {
  {"COUNT", 1}, {"BLOCK", 1}, {"GROUP", 2}, {"NOACK", 0}, {"STREAMS", 0}};

constexpr option zadd_options[] = {{"NX", 0}, {"XX", 0}, {"GT", 0},
                                   {"LT", 0}, {"CH", 0}, {"INCR", 0}};

/// What the options of a SORT or GEORADIUS say.
struct store {
  bool all_known = false;
  /// Its position; 0 is none. The last one counts, as in the server.
  size_t destination = 0;
};

template <size_t N>
store find_store(argument_list args, size_t from, const option (&known)[N]) {
  store result;
  auto find = [&](std::string_view word, size_t i) {
    if (word.starts_with("STORE"))
      result.destination = i + 1;
    return true;
  };
  result.all_known = walk(args, from, known, find);
  return result;
}

/// Options of GEORADIUS follow key, longitude, latitude, radius and unit;
/// GEORADIUSBYMEMBER has a member instead of the place.
size_t georadius_options_at(bool by_member) noexcept {
  return by_member ? 5 : 6;
}

command_class by_acl_log(argument_list args) noexcept {
  return args.size() == 2 || number(args, 2) ? read_only : accumulating;
}

command_class by_apart(const command_row& row, argument_list args) noexcept {
  size_t destination = 0;
  auto result = row.cls;
  positions_of(row, args).for_each([&](size_t i) {
    if (destination == 0)
      destination = i;
    else if (args[i] == args[destination])
      result = accumulating;
  });
  return result;
}

command_class by_bitfield(argument_list args) noexcept {
  for (size_t i = 2; i < args.size();) {
    if (same_word(args[i], "GET"))
      i += 3;
    else if (same_word(args[i], "OVERFLOW"))
      i += 2;
    else
      return accumulating;
  }
  return read_only;
}

/// Without REPLACE the second run finds what the first one made.
template <size_t N>
command_class by_replace(argument_list args, size_t from,
                         const option (&known)[N]) {
  auto replace = false;
  auto all_known = walk(args, from, known, [&](std::string_view word, size_t) {
    replace = replace || word == "REPLACE";
    return true;
  });
  return all_known && replace ? idempotent : accumulating;
}

/// A time that is not positive deletes the key: the second reply is 0. With a
/// condition the second run may find it no longer met, and answer 0 as well.
command_class by_expire(argument_list args) noexcept {
  if (!walk(args, 3, expire_options,
            [](std::string_view, size_t) { return true; }))
    return accumulating;
  return args.size() == 3 && number(args, 2) > 0 ? idempotent : convergent;
}

command_class by_georadius(argument_list args, bool by_member) noexcept {
  auto found = find_store(args, georadius_options_at(by_member),
                          georadius_options);
  if (!found.all_known)
    return accumulating;
  if (found.destination == 0)
    return read_only;
  return args[found.destination] == args[1] ? accumulating : idempotent;
}

/// A time of day that is past deletes the key: the second reply is nil.
command_class by_getex(argument_list args) noexcept {
  if (args.size() <= 2)
    return read_only;
  for (std::string_view word : {"EX", "PX", "PERSIST"})
    if (same_word(args[2], word))
      return idempotent;
  for (std::string_view word : {"EXAT", "PXAT"})
    if (same_word(args[2], word))
      return convergent;
  return accumulating;
}

command_class by_lrem(argument_list args) noexcept {
  return number(args, 2) == 0 ? convergent : accumulating;
}

/// Keeping the first n or the last n leaves nothing to trim the second time.
command_class by_ltrim(argument_list args) noexcept {
  auto start = number(args, 2);
  auto stop = number(args, 3);
  if (!start || !stop)
    return accumulating;
  auto keeps_first = start == 0 && (stop >= 0 || stop == -1);
  auto keeps_last = start < 0 && stop == -1;
  return keeps_first || keeps_last ? idempotent : accumulating;
}

command_class by_set(argument_list args) noexcept {
  auto plain = walk(args, 3, plain_set_options,
                    [](std::string_view, size_t) { return true; });
  return plain ? idempotent : accumulating;
}

/// With STORE it repeats, unless it reads what it has written: by name, or by
/// a BY or GET pattern that the destination may match.
command_class by_sort(argument_list args) noexcept {
  auto found = find_store(args, 2, sort_options);
  if (!found.all_known)
    return accumulating;
  if (found.destination == 0)
    return read_only;
  auto destination = args[found.destination];
  auto reads_itself = destination == args[1];
  walk(args, 2, sort_options, [&](std::string_view word, size_t i) {
    if (word == "BY" || word == "GET") {
      auto pattern = args[i + 1];
      auto star = pattern.find('*');
      if (star != pattern.npos
          && destination.starts_with(pattern.substr(0, star)))
        reads_itself = true;
    }
    return true;
  });
  return reads_itself ? accumulating : idempotent;
}

command_class by_xtrim(argument_list args) noexcept {
  return args.size() > 3 && args[3] == "~" ? accumulating : convergent;
}

/// Options end at the first score: a member may be called INCR.
command_class by_zadd(argument_list args) noexcept {
  for (size_t i = 2; i < args.size(); ++i) {
    auto is = [&](auto& x) { return same_word(args[i], x.word); };
    if (same_word(args[i], "INCR"))
      return accumulating;
    if (std::none_of(std::begin(zadd_options), std::end(zadd_options), is))
      break;
  }
  return convergent;
}

/// From the front to a place before the end, as many are left each time.
command_class by_zremrangebyrank(argument_list args) noexcept {
  auto start = number(args, 2);
  auto stop = number(args, 3);
  return start >= 0 && stop && stop < 0 ? convergent : accumulating;
}

key_positions by_position(const command_row& row, argument_list args) noexcept {
  if (row.first_key == 0)
    return {};
  auto size = static_cast<ptrdiff_t>(args.size());
  auto last = row.last_key < 0 ? size + row.last_key : row.last_key;
  auto end = std::clamp<ptrdiff_t>(last + 1, 0, size);
  return {.first = static_cast<size_t>(row.first_key),
          .end = static_cast<size_t>(end),
          .step = static_cast<size_t>(row.key_step)};
}

key_positions by_count(argument_list args, size_t count_at) noexcept {
  auto count = number(args, count_at);
  // A negative count is too large as well, once it is unsigned.
  if (!count || static_cast<uint64_t>(*count) > args.size() - count_at - 1)
    return all_positions(args);
  return {.first = count_at + 1,
          .end = count_at + 1 + static_cast<size_t>(*count)};
}

key_positions by_store_count(argument_list args) noexcept {
  auto result = by_count(args, 2);
  if (result.first > 1)
    result.before = 1;
  return result;
}

key_positions with_store(argument_list args, const store& found) noexcept {
  if (!found.all_known)
    return all_positions(args);
  return {.first = 1,
          .end = std::min<size_t>(2, args.size()),
          .after = found.destination};
}

/// One key, or "" and a list at the end behind KEYS.
key_positions by_migrate(argument_list args) noexcept {
  if (args.size() < 4)
    return all_positions(args);
  key_positions result{.first = 3, .end = 4};
  walk(args, 6, migrate_options, [&](std::string_view word, size_t i) {
    if (word != "KEYS" || i + 1 == args.size())
      return true;
    result = {.first = i + 1, .end = args.size()};
    return false;
  });
  return result;
}

/// As many keys as ids follow STREAMS.
key_positions by_streams(argument_list args) noexcept {
  auto result = all_positions(args);
  walk(args, 1, stream_options, [&](std::string_view word, size_t i) {
    if (word != "STREAMS")
      return true;
    auto count = args.size() - i - 1;
    if (count > 0 && count % 2 == 0)
      result = {.first = i + 1, .end = i + 1 + count / 2};
    return false;
  });
  return result;
}

bool has_block(argument_list args) noexcept {
  auto result = false;
  walk(args, 1, stream_options, [&](std::string_view word, size_t) {
    result = result || word == "BLOCK";
    return word != "STREAMS";
  });
  return result;
}

} // namespace

command_class class_of(const command_row& row, argument_list args) noexcept {
  switch (row.by) {
    case class_rule::none: return row.cls;
    case class_rule::acl_log: return by_acl_log(args);
    case class_rule::apart: return by_apart(row, args);
    case class_rule::bitfield: return by_bitfield(args);
    case class_rule::copy: return by_replace(args, 3, copy_options);
    case class_rule::expire: return by_expire(args);
    case class_rule::georadius: return by_georadius(args, false);
    case class_rule::georadiusbymember: return by_georadius(args, true);
    case class_rule::getex: return by_getex(args);
    case class_rule::lrem: return by_lrem(args);
    case class_rule::ltrim: return by_ltrim(args);
    case class_rule::restore: return by_replace(args, 4, restore_options);
    case class_rule::set: return by_set(args);
    case class_rule::sort: return by_sort(args);
    case class_rule::xread: return row.cls;
    case class_rule::xtrim: return by_xtrim(args);
    case class_rule::zadd: return by_zadd(args);
    case class_rule::zremrangebyrank: return by_zremrangebyrank(args);
  }
  return accumulating;
}

refusal_hint refusal_of(const command_row& row, argument_list args) noexcept {
  if (row.by == class_rule::xread && has_block(args))
    return refusal_hint::block_option;
  return row.refusal;
}

key_positions all_positions(argument_list args) noexcept {
  return {.first = 1, .end = args.size()};
}

key_positions positions_of(const command_row& row,
                           argument_list args) noexcept {
  switch (row.keys) {
    case key_rule::by_position: return by_position(row, args);
    case key_rule::count_at_1: return by_count(args, 1);
    case key_rule::count_at_2: return by_count(args, 2);
    case key_rule::store_count_at_2: return by_store_count(args);
    case key_rule::georadius:
      return with_store(args, find_store(args, georadius_options_at(false),
                                         georadius_options));
    case key_rule::georadiusbymember:
      return with_store(args, find_store(args, georadius_options_at(true),
                                         georadius_options));
    case key_rule::migrate: return by_migrate(args);
    case key_rule::sort:
      return with_store(args, find_store(args, 2, sort_options));
    case key_rule::streams: return by_streams(args);
  }
  return all_positions(args);
}

} // namespace redoubt::detail
