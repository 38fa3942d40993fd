#include <redoubt/messages/command_class.hpp>

#include <redoubt/messages/command_rules.hpp>

#include <array>
#include <cstdint>
#include <iterator>
#include <utility>

namespace redoubt {

namespace {

using namespace detail;

constexpr command_row rows[] = {
#define REDOUBT_COMMAND(name, arity, flags, first, last, step, cls, by, keys,  \
                        refusal)                                               \
  {name,                                                                       \
   command_class::cls,                                                         \
   class_rule::by,                                                             \
   key_rule::keys,                                                             \
   refusal_hint::refusal,                                                      \
   std::string_view{flags}.find("container") != std::string_view::npos,        \
   std::string_view{name}.find(' ') != std::string_view::npos,                 \
   first,                                                                      \
   last,                                                                       \
   step},
#include <redoubt/messages/command_table.inc>
#undef REDOUBT_COMMAND
};

/// In upper case. `constexpr` and branch-free: it runs for each character of
/// each command's name.
constexpr char folded(char c) noexcept {
  auto letter = static_cast<unsigned char>(c - 'a') < 26;
  return static_cast<char>(c ^ (letter ? 0x20 : 0));
}

constexpr bool same_name(std::string_view text,
                         std::string_view upper) noexcept {
  if (text.size() != upper.size())
    return false;
  for (size_t i = 0; i < text.size(); ++i)
    if (folded(text[i]) != upper[i])
      return false;
  return true;
}

/// Mixes length and four characters, which tell names apart well enough: a
/// hash of all would take longer than the comparison that has to follow.
constexpr uint32_t hash_of(std::string_view name) noexcept {
  auto at = [&](size_t i) {
    return static_cast<uint32_t>(static_cast<unsigned char>(folded(name[i])));
  };
  auto size = name.size();
  return static_cast<uint32_t>(size) * 0x9e3779b1u + at(0) * 0x85ebca77u
         + at(size / 3) * 0xc2b2ae3du + at(size / 2) * 0x27d4eb2fu
         + at(size * 3 / 4) * 0x165667b1u;
}

/// A command's name as it is given, and its subcommand if it has one. Neither
/// of the two may be empty.
struct split_name {
  std::string_view command;
  std::optional<std::string_view> subcommand;

  constexpr uint32_t hash() const noexcept {
    auto result = hash_of(command);
    if (subcommand)
      result = result * 31 + hash_of(*subcommand);
    return result ^ (result >> 16);
  }

  constexpr bool is(std::string_view upper) const noexcept {
    if (!subcommand)
      return same_name(command, upper);
    auto size = command.size();
    return upper.size() == size + 1 + subcommand->size() && upper[size] == ' '
           && same_name(command, upper.substr(0, size))
           && same_name(*subcommand, upper.substr(size + 1));
  }
};

/// Hash table with linear probing. More than twice the rows, so that most
/// names are found at their first slot and unknown ones end soon.
constexpr size_t slot_count = 1024;
constexpr uint16_t empty_slot = 0xffff;
static_assert(std::size(rows) * 2 < slot_count);

constexpr auto slots = [] {
  std::array<uint16_t, slot_count> result{};
  result.fill(empty_slot);
  for (size_t i = 0; i < std::size(rows); ++i) {
    auto name = rows[i].name;
    auto space = name.find(' ');
    split_name key{name.substr(0, space), {}};
    if (space != name.npos)
      key.subcommand = name.substr(space + 1);
    auto slot = key.hash() % slot_count;
    while (result[slot] != empty_slot)
      slot = (slot + 1) % slot_count;
    result[slot] = static_cast<uint16_t>(i);
  }
  return result;
}();

const command_row* find(const split_name& name) noexcept {
  for (auto slot = name.hash() % slot_count; slots[slot] != empty_slot;
       slot = (slot + 1) % slot_count)
    if (name.is(rows[slots[slot]].name))
      return &rows[slots[slot]];
  return nullptr;
}

/// The row of a command or subcommand; null if it is not in the table.
const command_row* row_of(argument_list args) noexcept {
  if (args.empty() || args[0].empty())
    return nullptr;
  auto row = find({args[0], {}});
  // "CONFIG GET" as one argument is no command; a collision might find it.
  if (row == nullptr || row->subcommand)
    return nullptr;
  if (!row->container || args.size() == 1)
    return row;
  return args[1].empty() ? nullptr : find({args[0], args[1]});
}

std::string_view text_of(refusal_hint hint) noexcept {
  switch (hint) {
    case refusal_hint::none: return {};
    case refusal_hint::block_option:
      return "BLOCK is not supported over a shared connection; leave it out or "
             "lease a connection";
    case refusal_hint::blocking:
      return "blocking is not supported over a shared connection; lease a "
             "connection";
    case refusal_hint::closing:
      return "the runtime closes its connections by itself; send a `drain`, or "
             "a `release_connection` to a leased one";
    case refusal_hint::connection_state:
      return "changing the connection's state is not supported over a shared "
             "connection; lease a connection";
    case refusal_hint::database:
      return "the database is the same for all of a shared connection; set it "
             "as the endpoint's db or lease a connection";
    case refusal_hint::hello:
      return "the runtime speaks RESP2 and logs in by itself; set the "
             "endpoint's user and password";
    case refusal_hint::http:
      return "the server takes this for HTTP and closes the connection";
    case refusal_hint::login:
      return "the runtime logs in by itself; set the endpoint's user and "
             "password";
    case refusal_hint::name:
      return "the runtime names its connections by itself; set client_name in "
             "its options";
    case refusal_hint::reply_mode:
      return "the runtime needs the reply of every command";
    case refusal_hint::reset:
      return "it undoes the login and the choice of the database";
    case refusal_hint::shutdown:
      return "it ends the server instead of answering; use redis-cli or what "
             "started the server";
    case refusal_hint::stream:
      return "streaming is not supported: it answers other than once";
    case refusal_hint::subscription:
      return "subscribing is not supported: it answers other than once";
    case refusal_hint::transaction:
      return "send a `transaction`: the runtime adds MULTI and EXEC";
    case refusal_hint::watch:
      return "watching is not supported over a shared connection; lease a "
             "connection";
  }
  return {};
}

/// What one caller may do to a connection that nobody else uses, and that is closed
/// when it is done.
bool may_go_over_leased(refusal_hint hint) noexcept {
  switch (hint) {
    case refusal_hint::none:
    case refusal_hint::block_option:
    case refusal_hint::blocking:
    case refusal_hint::connection_state:
    case refusal_hint::database:
    case refusal_hint::watch: return true;
    case refusal_hint::closing:
    case refusal_hint::hello:
    case refusal_hint::http:
    case refusal_hint::login:
    case refusal_hint::name:
    case refusal_hint::reply_mode:
    case refusal_hint::reset:
    case refusal_hint::shutdown:
    case refusal_hint::stream:
    case refusal_hint::subscription:
    case refusal_hint::transaction: return false;
  }
  return false;
}

constexpr std::pair<command_class, std::string_view> class_names[] = {
  {command_class::read_only, "read_only"},
  {command_class::idempotent, "idempotent"},
  {command_class::convergent, "convergent"},
  {command_class::accumulating, "accumulating"},
};

} // namespace

std::string_view to_string(command_class value) noexcept {
  for (auto& [cls, name] : class_names)
    if (cls == value)
      return name;
  return "?";
}

std::optional<command_class>
command_class_from(std::string_view name) noexcept {
  for (auto& [cls, text] : class_names)
    if (text == name)
      return cls;
  return std::nullopt;
}

command_traits traits_of(argument_list arguments) noexcept {
  auto row = row_of(arguments);
  if (row == nullptr)
    return {};
  auto hint = refusal_of(*row, arguments);
  auto text = text_of(hint);
  return {class_of(*row, arguments), text,
          may_go_over_leased(hint) ? std::string_view{} : text};
}

std::vector<std::string_view> keys_of(argument_list arguments) {
  auto row = row_of(arguments);
  auto positions = row ? positions_of(*row, arguments)
                       : all_positions(arguments);
  // What writes without naming keys (CONFIG SET, PUBLISH) must still not
  // overtake its like.
  if (row && row->keys == key_rule::by_position && row->first_key == 0
      && class_of(*row, arguments) != command_class::read_only)
    positions = all_positions(arguments);
  std::vector<std::string_view> result;
  positions.for_each([&](size_t i) { result.push_back(arguments[i]); });
  return result;
}

} // namespace redoubt
