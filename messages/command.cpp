#include <redoubt/messages/command.hpp>

#include <algorithm>
#include <new>
#include <utility>

namespace redoubt {

/// What is known of a command. Its bytes stand behind it, in the same block of memory:
/// those of the wire, and then its name in upper case.
struct command::data {
  char* bytes = nullptr;
  size_t wire_size = 0;
  size_t name_size = 0;
  size_t argument_count = 0;
  size_t largest_argument = 0;
  command_traits traits;
  /// Of a script that is called by its hash.
  std::shared_ptr<const std::string> script_text;

  std::string_view wire() const noexcept { return {bytes, wire_size}; }
  std::string_view name() const noexcept {
    return {bytes + wire_size, name_size};
  }
};

namespace {

/// Gives what it makes room for some bytes behind it, and tells where that is while it
/// is made.
template <class T>
class roomy_allocator {
public:
  using value_type = T;

  roomy_allocator(size_t room, char*& where) noexcept
    : room_(room), where_(&where) {}

  template <class U>
  roomy_allocator(const roomy_allocator<U>& other) noexcept
    : room_(other.room_), where_(other.where_) {}

  T* allocate(size_t n) {
    auto size = n * sizeof(T);
    auto block = static_cast<char*>(::operator new(size + room_));
    *where_ = block + size;
    return reinterpret_cast<T*>(block);
  }

  void deallocate(T* x, size_t) noexcept { ::operator delete(x); }

  template <class U>
  bool operator==(const roomy_allocator<U>&) const noexcept {
    return true;
  }

private:
  template <class>
  friend class roomy_allocator;

  size_t room_;
  char** where_;
};

constexpr size_t digits_of(size_t value) noexcept {
  size_t n = 1;
  for (; value >= 10; value /= 10)
    ++n;
  return n;
}

/// Bytes of "$<value>\r\n".
constexpr size_t header_size(size_t value) noexcept {
  return 1 + digits_of(value) + 2;
}

char* write_header(char* out, char kind, size_t value) noexcept {
  *out++ = kind;
  out = std::to_chars(out, out + digits_of(value), value).ptr;
  *out++ = '\r';
  *out++ = '\n';
  return out;
}

char* write(char* out, std::string_view text) noexcept {
  return std::copy(text.begin(), text.end(), out);
}

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
  auto name = arguments.front();
  auto size = header_size(arguments.size());
  size_t largest = 0;
  for (auto x : arguments) {
    size += header_size(x.size()) + x.size() + 2;
    largest = std::max(largest, x.size());
  }
  char* bytes = nullptr;
  auto result = std::allocate_shared<data>(
    roomy_allocator<data>{size + name.size(), bytes});
  result->bytes = bytes;
  result->wire_size = size;
  result->name_size = name.size();
  auto out = write_header(bytes, '*', arguments.size());
  for (auto x : arguments) {
    out = write_header(out, '$', x.size());
    out = write(out, x);
    out = write(out, "\r\n");
  }
  std::transform(name.begin(), name.end(), out, [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  result->argument_count = arguments.size();
  result->largest_argument = largest;
  result->traits = traits_of(arguments);
  return result;
}

std::string_view command::wire() const noexcept {
  return data_ ? data_->wire() : std::string_view{};
}

shared_bytes command::buffer() const noexcept {
  return data_ ? shared_bytes{data_, data_->wire()} : shared_bytes{};
}

std::string_view command::name() const noexcept {
  return data_ ? data_->name() : std::string_view{};
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
  auto wire = data_->wire();
  auto pos = wire.find('\n') + 1;
  for (size_t i = 0; i < data_->argument_count; ++i) {
    auto line_end = wire.find('\n', pos);
    size_t length = 0;
    std::from_chars(wire.data() + pos + 1, wire.data() + line_end, length);
    result.emplace_back(wire.data() + line_end + 1, length);
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
