#include <redoubt/messages/command.hpp>

#include <algorithm>
#include <utility>

namespace redoubt {

struct command::data {
  std::string wire;
  std::string name;
  size_t argument_count = 0;
  size_t largest_argument = 0;
  command_traits traits;
  /// Of a script that is called by its hash.
  std::shared_ptr<const std::string> script_text;
};

namespace {

void append_header(std::string& out, char kind, size_t value) {
  std::array<char, 24> digits;
  auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  out += kind;
  out.append(digits.data(), end.ptr);
  out += "\r\n";
}

/// Bytes of "$<n>\r\n" for the largest n, and of the CRLF that follows.
constexpr size_t header_room = 24;

} // namespace

command::command(std::initializer_list<detail::argument> arguments) {
  std::array<std::string_view, 16> small;
  if (arguments.size() <= small.size()) {
    std::transform(arguments.begin(), arguments.end(), small.begin(),
                   [](const detail::argument& x) { return x.view(); });
    *this = command{argument_list{small.data(), arguments.size()}};
    return;
  }
  std::vector<std::string_view> views;
  views.reserve(arguments.size());
  for (auto& x : arguments)
    views.push_back(x.view());
  *this = command{argument_list{views}};
}

command::command(const std::vector<std::string>& arguments) {
  std::vector<std::string_view> views{arguments.begin(), arguments.end()};
  *this = command{argument_list{views}};
}

command::command(argument_list arguments) : data_(encode(arguments)) {
}

command::command(argument_list arguments, command_class cls,
                 std::shared_ptr<const std::string> script_text) {
  auto result = encode(arguments);
  result->traits.cls = cls;
  result->script_text = std::move(script_text);
  data_ = std::move(result);
}

std::shared_ptr<command::data> command::encode(argument_list arguments) {
  if (arguments.empty() || arguments.front().empty())
    return nullptr;
  auto result = std::make_shared<data>();
  size_t room = header_room;
  for (auto x : arguments) {
    room += x.size() + header_room;
    result->largest_argument = std::max(result->largest_argument, x.size());
  }
  result->wire.reserve(room);
  append_header(result->wire, '*', arguments.size());
  for (auto x : arguments) {
    append_header(result->wire, '$', x.size());
    result->wire += x;
    result->wire += "\r\n";
  }
  result->name = arguments.front();
  for (auto& c : result->name)
    c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  result->argument_count = arguments.size();
  result->traits = traits_of(arguments);
  return result;
}

std::string_view command::wire() const noexcept {
  return data_ ? std::string_view{data_->wire} : std::string_view{};
}

std::shared_ptr<const std::string> command::buffer() const noexcept {
  return data_ ? std::shared_ptr<const std::string>{data_, &data_->wire}
               : nullptr;
}

std::string_view command::name() const noexcept {
  return data_ ? std::string_view{data_->name} : std::string_view{};
}

size_t command::argument_count() const noexcept {
  return data_ ? data_->argument_count : 0;
}

std::vector<std::string_view> command::arguments() const {
  std::vector<std::string_view> result;
  if (!data_)
    return result;
  result.reserve(data_->argument_count);
  // The wire was written above, so its headers can be trusted.
  auto pos = data_->wire.find('\n') + 1;
  for (size_t i = 0; i < data_->argument_count; ++i) {
    auto line_end = data_->wire.find('\n', pos);
    size_t length = 0;
    std::from_chars(data_->wire.data() + pos + 1, data_->wire.data() + line_end,
                    length);
    result.emplace_back(data_->wire.data() + line_end + 1, length);
    pos = line_end + 1 + length + 2;
  }
  return result;
}

command_class command::cls() const noexcept {
  return data_ ? data_->traits.cls : command_class::accumulating;
}

std::string_view command::refusal() const noexcept {
  return data_ ? data_->traits.refusal : "the command is empty";
}

std::string_view command::leased_refusal() const noexcept {
  return data_ ? data_->traits.leased_refusal : "the command is empty";
}

std::vector<std::string_view> command::keys() const {
  auto args = arguments();
  return args.empty() ? args : keys_of(args);
}

size_t command::largest_argument() const noexcept {
  return data_ ? data_->largest_argument : 0;
}

const std::shared_ptr<const std::string>&
command::script_text() const noexcept {
  static const std::shared_ptr<const std::string> none;
  return data_ ? data_->script_text : none;
}

command command::with_script_text() const {
  command result;
  if (!script_text())
    return result;
  auto args = arguments();
  args[0] = args[0] == "EVALSHA_RO" ? "EVAL_RO" : "EVAL";
  args[1] = *data_->script_text;
  auto whole = encode(args);
  whole->traits.cls = data_->traits.cls;
  result.data_ = std::move(whole);
  return result;
}

} // namespace redoubt
