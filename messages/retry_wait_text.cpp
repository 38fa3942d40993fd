#include <redoubt/messages/retry_text.hpp>

#include <redoubt/messages/retry_parser.hpp>

#include <fmt/format.h>

namespace redoubt {

namespace {

using std::chrono::milliseconds;

constexpr std::string_view wait_names =
  "a wait: no_wait, fixed, uniform, incrementing, exponential, "
  "exponential_jitter, equal_jitter, decorrelated_jitter, slow_for, at_most "
  "or chain";
class wait_parser : part_parser<wait_strategy> {
public:
  using part_parser::part_parser;

  result read() { return whole(sum()); }

private:
  result sum() {
    auto left = operand();
    while (left && words_.is_sign('+')) {
      auto position = words_.current().position;
      words_.advance();
      auto right = operand();
      if (!right)
        return right;
      left = make(position, [&] { return std::move(*left) + *right; });
    }
    return left;
  }

  result operand() {
    if (!enter())
      return std::nullopt;
    auto inner = words_.accept('(') ? sum_in_parentheses() : call();
    leave();
    return inner;
  }

  result sum_in_parentheses() {
    auto inner = sum();
    return inner && words_.expect(')') ? inner : std::nullopt;
  }

  result call() {
    auto at = words_.current().position;
    std::string name;
    if (!words_.read(name, wait_names) || !words_.expect('('))
      return std::nullopt;
    if (name == "no_wait")
      return closed(at, [] { return no_wait(); });
    if (name == "fixed")
      return fixed_call(at);
    if (name == "uniform")
      return uniform_call(at);
    if (name == "incrementing")
      return incrementing_call(at);
    if (name == "exponential")
      return growing_call(at, &exponential, 2.0);
    if (name == "exponential_jitter")
      return growing_call(at, &exponential_jitter, 2.0);
    if (name == "equal_jitter")
      return growing_call(at, &equal_jitter, 2.0);
    if (name == "decorrelated_jitter")
      return growing_call(at, &decorrelated_jitter, 3.0);
    if (name == "slow_for")
      return slow_call(at);
    if (name == "at_most")
      return at_most_call(at);
    if (name == "chain")
      return chain_call(at);
    if (name == "from_failure")
      return nothing(words_.fail(at, "from_failure is for code only"));
    return nothing(words_.fail(at, fmt::format("expected {}", wait_names)));
  }

  result fixed_call(size_t at) {
    milliseconds wait{0};
    if (!words_.read(wait))
      return std::nullopt;
    return closed(at, [&] { return fixed(wait); });
  }

  bool read_two(milliseconds& a, milliseconds& b) {
    return words_.read(a) && words_.expect(',') && words_.read(b);
  }

  result uniform_call(size_t at) {
    milliseconds low{0};
    milliseconds high{0};
    if (!read_two(low, high))
      return std::nullopt;
    return closed(at, [&] { return uniform(low, high); });
  }

  result incrementing_call(size_t at) {
    milliseconds start{0};
    milliseconds step{0};
    milliseconds max{0};
    if (!read_two(start, step) || !words_.expect(',') || !words_.read(max))
      return std::nullopt;
    return closed(at, [&] { return incrementing(start, step, max); });
  }

  using growing = wait_strategy (*)(milliseconds, milliseconds, double);

  result growing_call(size_t at, growing make_wait, double factor) {
    milliseconds base{0};
    milliseconds max{0};
    if (!read_two(base, max) || (words_.accept(',') && !words_.read(factor)))
      return std::nullopt;
    return closed(at, [&] { return make_wait(base, max, factor); });
  }

  result slow_call(size_t at) {
    auto usual = sum();
    if (!usual || !words_.expect(','))
      return std::nullopt;
    auto slow = sum();
    if (!slow)
      return slow;
    return closed(at, [&] { return slow_for(std::move(*usual), *slow); });
  }

  result at_most_call(size_t at) {
    milliseconds max{0};
    auto wait = sum();
    if (!wait || !words_.expect(',') || !words_.read(max))
      return std::nullopt;
    return closed(at, [&] { return at_most(std::move(*wait), max); });
  }

  result chain_call(size_t at) {
    std::vector<wait_stretch> parts;
    do {
      uint32_t times = 1;
      auto counted = words_.current().what == retry_token::kind::value;
      if (counted && (!words_.read(times) || !words_.expect('*')))
        return std::nullopt;
      auto wait = counted ? operand() : sum();
      if (!wait)
        return wait;
      parts.emplace_back(times, std::move(*wait));
    } while (words_.accept(','));
    return closed(at, [&] { return chain(std::move(parts)); });
  }
};

} // namespace

std::optional<wait_strategy> parse_wait(std::string_view text,
                                        retry_text_error& error) {
  return wait_parser{text, error}.read();
}

} // namespace redoubt
