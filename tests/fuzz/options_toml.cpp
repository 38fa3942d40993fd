// Options that can be read can be written and read again; a fault names its line
// and is one line; neither shows a secret.
//
// Input: a TOML text. One that begins with `u|` or `p|` is what follows an open
// URL or password with a canary in it.

#include <redoubt/tests/fuzz/target.hpp>

#include <redoubt/messages/options_toml.hpp>

#include <algorithm>
#include <string>
#include <vector>

using namespace redoubt;
using fuzz::check;
using fuzz::contains;

namespace {

constexpr std::string_view canary = "cAnArY";
constexpr std::string_view open_url = "[server]\nurl = \"redis://u:cAnArY";
constexpr std::string_view open_password = "[server]\npassword = \"cAnArY";

/// The text to read, and whether it has the canary only where secrets stand.
struct document {
  std::string text;
  bool has_secret = false;
};

document document_of(std::string_view input) {
  auto start = input.starts_with("u|")   ? open_url
               : input.starts_with("p|") ? open_password
                                         : std::string_view{};
  if (start.empty())
    return {std::string{input}};
  input.remove_prefix(2);
  return {std::string{start}.append(input), !contains(input, canary)};
}

runtime_options without_credentials(runtime_options x) {
  x.server.user.clear();
  x.server.password = secret{};
  return x;
}

bool is_one_line(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return c >= ' ' && c != 0x7f; });
}

void check_fault(const config_error& x, uint32_t lines) {
  auto text = to_string(x);
  check(x.file == "x.toml" && !x.what.empty(), "a fault says what", text);
  check(x.line >= 1 && x.line <= lines, "a fault names its line", text);
  check(is_one_line(text), "a fault is one line", text);
}

void check_faults(const std::vector<config_error>& errors,
                  const document& source) {
  auto lines = 1 + std::count(source.text.begin(), source.text.end(), '\n');
  for (auto& x : errors) {
    check_fault(x, static_cast<uint32_t>(lines));
    if (source.has_secret)
      check(!contains(to_string(x), canary), "a fault shows no secret",
            to_string(x));
  }
  check(std::is_sorted(errors.begin(), errors.end(),
                       [](auto& a, auto& b) { return a.line < b.line; }),
        "faults are in the order of their lines");
}

void check_round_trip(const runtime_options& x, const document& source) {
  auto text = to_toml(x);
  if (source.has_secret)
    check(!contains(text, canary), "what is written shows no secret", text);
  std::vector<config_error> errors;
  auto again = parse_options(text, "again.toml", errors);
  check(again.has_value(), "what is written can be read",
        errors.empty() ? text : to_string(errors[0]) + "\n" + text);
  check(*again == without_credentials(x), "what is written is read as the same",
        text);
  check(to_toml(*again) == text, "what is read is written as the same", text);
}

} // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto source = document_of(fuzz::text_of(data, size));
  std::vector<config_error> errors;
  auto x = parse_options(source.text, "x.toml", errors);
  check(x.has_value() == errors.empty(), "options or faults");
  if (x) {
    check(validate(*x).empty(), "what was read is valid");
    check_round_trip(*x, source);
  }
  check_faults(errors, source);
  return 0;
}
