#include <redoubt/messages/retry_text.hpp>

#include <redoubt/messages/retry_parser.hpp>

#include <fmt/format.h>

namespace redoubt {

namespace {

using std::chrono::milliseconds;

constexpr std::string_view stop_names =
  "a stop condition: stop_after, stop_after_delay, stop_before_deadline or "
  "stop_never";
constexpr std::string_view condition_names =
  "a condition: by_default, on_failure, on, on_errc, on_class, idempotent, "
  "message_contains, on_error, on_nil or on_reply";

/// `|`, `&`, `!` and parentheses, around the calls that `Derived` reads.
template <class Derived, class Part>
class logical_parser : protected part_parser<Part> {
public:
  using part_parser<Part>::part_parser;

  std::optional<Part> read() { return this->whole(either()); }

protected:
  using result = std::optional<Part>;
  using part_parser<Part>::words_;

  Derived& derived() { return static_cast<Derived&>(*this); }

  result either() {
    auto left = both();
    while (left && words_.is_sign('|')) {
      auto position = words_.current().position;
      words_.advance();
      auto right = both();
      if (!right)
        return right;
      left = this->make(position, [&] { return std::move(*left) | *right; });
    }
    return left;
  }

  result both() {
    auto left = operand();
    while (left && words_.is_sign('&')) {
      auto position = words_.current().position;
      words_.advance();
      auto right = operand();
      if (!right)
        return right;
      left = this->make(position, [&] { return std::move(*left) & *right; });
    }
    return left;
  }

  result operand() {
    if (!this->enter())
      return std::nullopt;
    auto inner = derived().prefixed();
    this->leave();
    return inner;
  }

  /// Parentheses or a call.
  result primary() {
    if (!words_.accept('('))
      return derived().call();
    auto inner = either();
    return inner && words_.expect(')') ? inner : std::nullopt;
  }
};

class stop_parser : public logical_parser<stop_parser, stop_condition> {
public:
  using logical_parser::logical_parser;

  result prefixed() { return primary(); }

  result call() {
    auto at = words_.current().position;
    std::string name;
    if (!words_.read(name, stop_names) || !words_.expect('('))
      return std::nullopt;
    if (name == "stop_after") {
      uint32_t attempts = 0;
      if (!words_.read(attempts))
        return std::nullopt;
      return closed(at, [&] { return stop_after(attempts); });
    }
    if (name == "stop_after_delay") {
      milliseconds delay{0};
      if (!words_.read(delay))
        return std::nullopt;
      return closed(at, [&] { return stop_after_delay(delay); });
    }
    if (name == "stop_before_deadline")
      return closed(at, [] { return stop_before_deadline(); });
    if (name == "stop_never")
      return closed(at, [] { return stop_never(); });
    return nothing(words_.fail(at, fmt::format("expected {}", stop_names)));
  }
};

class condition_parser
  : public logical_parser<condition_parser, retry_condition> {
public:
  using logical_parser::logical_parser;

  result prefixed() {
    if (!words_.accept('!'))
      return primary();
    auto inner = operand();
    return inner ? result{!std::move(*inner)} : std::nullopt;
  }

  result call() {
    auto at = words_.current().position;
    std::string name;
    if (!words_.read(name, condition_names) || !words_.expect('('))
      return std::nullopt;
    if (name == "by_default")
      return closed(at, [] { return by_default(); });
    if (name == "on_failure")
      return on_failure_call(at);
    if (name == "on")
      return any_of<fate>(at, "a fate: not_sent, refused, unknown or answered",
                          fate_from,
                          [](auto& all) { return redoubt::on(all); });
    if (name == "on_errc")
      return any_of<errc>(at, "the name of an error code", errc_from,
                          [](auto& all) { return on_errc(all); });
    if (name == "on_class")
      return any_of<command_class>(
        at, "a class: read_only, idempotent, convergent or accumulating",
        command_class_from, [](auto& all) { return on_class(all); });
    if (name == "idempotent")
      return closed(at, [] { return idempotent(); });
    if (name == "message_contains")
      return message_call(at);
    if (name == "on_error")
      return on_error_call(at);
    if (name == "on_nil")
      return closed(at, [] { return on_nil(); });
    if (name == "on_reply")
      return on_reply_call(at);
    return nothing(
      words_.fail(at, fmt::format("expected {}", condition_names)));
  }

private:
  bool is_name() const {
    return words_.current().what == retry_token::kind::name;
  }

  result on_failure_call(size_t at) {
    if (is_name())
      return nothing(words_.fail("predicates are for code only"));
    return closed(at, [] { return on_failure(); });
  }

  /// Names of one enum with commas between.
  template <class Enum, class From, class Make>
  result any_of(size_t at, std::string_view expected, From from,
                Make make_condition) {
    std::vector<Enum> values;
    do {
      auto position = words_.current().position;
      std::string name;
      if (!words_.read(name, expected))
        return std::nullopt;
      auto value = from(name);
      if (!value)
        return nothing(
          words_.fail(position, fmt::format("expected {}", expected)));
      values.push_back(*value);
    } while (words_.accept(','));
    return closed(at, [&] { return make_condition(values); });
  }

  result message_call(size_t at) {
    std::string text;
    if (!words_.read_text(text))
      return std::nullopt;
    return closed(at, [&] { return message_contains(text); });
  }

  result on_error_call(size_t at) {
    std::vector<std::string> words;
    do {
      if (!words_.read_text(words.emplace_back()))
        return std::nullopt;
    } while (words_.accept(','));
    return closed(at, [&] { return on_error(std::move(words)); });
  }

  result on_reply_call(size_t at) {
    if (is_name())
      return nothing(words_.fail("predicates are for code only"));
    if (words_.current().what == retry_token::kind::value) {
      int64_t number = 0;
      if (!words_.read(number))
        return std::nullopt;
      return closed(at, [&] { return on_reply(number); });
    }
    std::string text;
    if (words_.current().what != retry_token::kind::text)
      return nothing(words_.fail("expected a text in quotes or a number"));
    if (!words_.read_text(text))
      return std::nullopt;
    return closed(at, [&] { return on_reply(text); });
  }
};

} // namespace

std::string to_string(const retry_text_error& x) {
  return fmt::format("at {}: {}", x.position, x.what);
}

std::optional<stop_condition> parse_stop(std::string_view text,
                                         retry_text_error& error) {
  return stop_parser{text, error}.read();
}

std::optional<retry_condition> parse_condition(std::string_view text,
                                               retry_text_error& error) {
  return condition_parser{text, error}.read();
}

} // namespace redoubt
