#include <redoubt/messages/options_toml.hpp>

#include <redoubt/messages/option_suggestion.hpp>
#include <redoubt/messages/options_keys.hpp>
#include <redoubt/messages/retry_text.hpp>
#include <redoubt/messages/toml_parser.hpp>
#include <redoubt/messages/units.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>

namespace redoubt {

namespace {

// A value that its field cannot hold becomes the field's largest. No range of
// `validate` reaches that far, so that its message, which names the range,
// stands for both.
template <class T>
constexpr T out_of_range = std::numeric_limits<T>::max();

/// Whole numbers are numbers, too. The library gives only those as `double` that
/// lose nothing by it.
std::optional<double> number_of(const toml::node& value) {
  if (auto whole = value.value_exact<int64_t>())
    return static_cast<double>(*whole);
  return value.value_exact<double>();
}

/// Puts a TOML value into a slot. Answers an empty text or what is expected,
/// never the value itself: it may be a secret in the wrong place.
class assignment {
public:
  /// `options` has the retry policies that a value may name.
  assignment(const toml::node& value, const runtime_options& options)
    : value_(value), options_(options) {}

  std::string operator()(profile* field) {
    auto text = value_.value_exact<std::string_view>();
    if (text == "default")
      *field = profile::standard;
    else if (text == "article")
      *field = profile::article;
    else
      return R"(must be "default" or "article")";
    return {};
  }

  std::string operator()(endpoint* field) {
    auto text = value_.value_exact<std::string_view>();
    if (!text)
      return "must be a text, as in \"redis://127.0.0.1:6379\"";
    std::string fault;
    if (auto parsed = parse_endpoint(*text, fault))
      *field = std::move(*parsed);
    return fault;
  }

  std::string operator()(hidden_text field) { return (*this)(field.value); }

  std::string operator()(secret* field) {
    std::string text;
    auto fault = (*this)(&text);
    if (fault.empty())
      *field = secret{std::move(text)};
    return fault;
  }

  std::string operator()(std::string* field) {
    auto text = value_.value_exact<std::string>();
    if (!text)
      return "must be a text in quotes";
    *field = std::move(*text);
    return {};
  }

  std::string operator()(bool* field) {
    auto flag = value_.value_exact<bool>();
    if (!flag)
      return "must be true or false";
    *field = *flag;
    return {};
  }

  std::string operator()(uint32_t* field) {
    auto number = value_.value_exact<int64_t>();
    if (!number)
      return "must be a whole number";
    *field = *number >= 0 && *number < out_of_range<uint32_t>
               ? static_cast<uint32_t>(*number)
               : out_of_range<uint32_t>;
    return {};
  }

  std::string operator()(double* field) {
    auto number = number_of(value_);
    if (!number)
      return "must be a number";
    *field = *number;
    return {};
  }

  std::string operator()(uint64_t* field) {
    if (auto number = value_.value_exact<int64_t>()) {
      *field = *number >= 0 ? static_cast<uint64_t>(*number)
                            : out_of_range<uint64_t>;
      return {};
    }
    auto text = value_.value_exact<std::string_view>();
    auto size = text ? parse_size(*text) : std::nullopt;
    if (!size)
      return fmt::format("must be {}", size_syntax);
    *field = *size;
    return {};
  }

  std::string operator()(std::chrono::microseconds* field) {
    auto text = value_.value_exact<std::string_view>();
    auto duration = text ? parse_duration(*text) : std::nullopt;
    if (!duration)
      return fmt::format("must be {}", duration_syntax);
    *field = *duration;
    return {};
  }

  std::string operator()(std::chrono::milliseconds* field) {
    std::chrono::microseconds value{0};
    if (auto fault = (*this)(&value); !fault.empty())
      return fault;
    *field = std::chrono::floor<std::chrono::milliseconds>(value);
    // Beyond a day the range is what is wrong.
    if (*field != value && value < std::chrono::hours{24})
      return "must be a whole number of milliseconds";
    return {};
  }

  std::string operator()(on_open_policy* field) {
    auto text = value_.value_exact<std::string_view>();
    for (auto x : {on_open_policy::fail_fast, on_open_policy::wait})
      if (text == to_string(x)) {
        *field = x;
        return {};
      }
    return R"(must be "fail_fast" or "wait")";
  }

  std::string operator()(link_lane* field) {
    auto text = value_.value_exact<std::string_view>();
    for (auto x : {link_lane::shared, link_lane::bulk})
      if (text == to_string(x)) {
        *field = x;
        return {};
      }
    return R"(must be "shared" or "bulk")";
  }

  std::string operator()(window_kind* field) {
    auto text = value_.value_exact<std::string_view>();
    for (auto x : {window_kind::time, window_kind::count})
      if (text == to_string(x)) {
        *field = x;
        return {};
      }
    return R"(must be "time" or "count")";
  }

  std::string operator()(hedge_mode* field) {
    auto text = value_.value_exact<std::string_view>();
    for (auto x : {hedge_mode::off, hedge_mode::fixed, hedge_mode::p95})
      if (text == to_string(x)) {
        *field = x;
        return {};
      }
    return R"(must be "off", "fixed" or "p95")";
  }

  std::string operator()(std::vector<double>* field) {
    auto list = value_.as_array();
    std::vector<double> values;
    for (size_t i = 0; list != nullptr && i < list->size(); ++i)
      if (auto each = number_of(*list->get(i)))
        values.push_back(*each);
    if (list == nullptr || values.size() != list->size())
      return "must be a list of numbers, as in [0.25, 0.5]";
    *field = std::move(values);
    return {};
  }

  std::string operator()(retry_policy* field) {
    auto text = value_.value_exact<std::string_view>();
    auto policy = text ? find_policy(options_, *text) : std::nullopt;
    if (policy) {
      *field = *policy;
      return {};
    }
    std::string known = R"("default", "article")";
    for (auto& [name, other] : options_.policies)
      known += fmt::format(R"(, "{}")", name);
    return fmt::format("must be the name of a retry policy; there are: {}",
                       known);
  }

private:
  const toml::node& value_;
  const runtime_options& options_;
};

/// The library quotes the text it stumbled over, which may be a secret: only
/// its name for what it was reading is fit to be shown.
std::string syntax_fault(std::string_view description) {
  constexpr std::string_view start = "Error while parsing ";
  std::string what = "is not valid TOML";
  if (description.starts_with(start)) {
    description.remove_prefix(start.size());
    auto end = description.find_first_of(":'\"");
    what += fmt::format(" (while reading {})", description.substr(0, end));
  }
  return what + "; texts, durations and sizes stand in double quotes";
}

bool is_section(std::string_view name) {
  auto keys = option_keys();
  return std::any_of(keys.begin(), keys.end(),
                     [=](auto& x) { return x.section() == name; });
}

class reader {
public:
  reader(std::string_view file, std::vector<config_error>& errors)
    : file_(file), errors_(errors) {}

  std::optional<runtime_options> read(std::string_view text) {
    auto parsed = toml::parse(text);
    if (!parsed) {
      auto& error = parsed.error();
      fault(error.source().begin.line, "", syntax_fault(error.description()));
      return std::nullopt;
    }
    collect(parsed.table());
    apply();
    check_ranges();
    std::stable_sort(errors_.begin(), errors_.end(),
                     [](auto& a, auto& b) { return a.line < b.line; });
    if (!errors_.empty())
      return std::nullopt;
    return std::move(sheet_.options);
  }

private:
  struct found {
    const toml::node* value;
    uint32_t line;
  };

  void fault(uint32_t line, std::string key, std::string what) {
    errors_.push_back({file_, line, std::move(key), std::move(what)});
  }

  /// Finds the keys of the file and reports those that nobody knows.
  void collect(const toml::table& root) {
    for (auto&& [key, value] : root) {
      auto line = key.source().begin.line;
      if (key == "retry")
        read_policies(value, line);
      else if (!is_section(key))
        collect_key(std::string{key.str()}, value, line);
      else if (auto section = value.as_table())
        for (auto&& [leaf, leaf_value] : *section)
          collect_key(fmt::format("{}.{}", key.str(), leaf.str()), leaf_value,
                      leaf.source().begin.line);
      else
        fault(line, std::string{key.str()},
              fmt::format("must be a section, as in [{}]", key.str()));
    }
  }

  void collect_key(std::string name, const toml::node& value, uint32_t line) {
    auto keys = option_keys();
    if (std::any_of(keys.begin(), keys.end(),
                    [&](auto& x) { return x.name == name; })) {
      found_.emplace(std::move(name), found{&value, line});
      return;
    }
    auto is_section_name = value.is_table() || value.is_array_of_tables();
    suggestion near{name};
    if (is_section_name)
      near.offer_sections();
    else
      near.offer_keys();
    fault(line, shown(name),
          fmt::format("is no known {}; {}", is_section_name ? "section" : "key",
                      near.text()));
  }

  /// The sections `[retry.<name>]`.
  void read_policies(const toml::node& value, uint32_t line) {
    auto sections = value.as_table();
    if (sections == nullptr) {
      fault(line, "retry",
            "must be sections of policies, as in [retry.patient]");
      return;
    }
    for (auto&& [name, section] : *sections) {
      auto at = name.source().begin.line;
      auto key = "retry." + shown(name.str());
      if (auto what = policy_name_fault(name.str()); !what.empty())
        fault(at, key, what);
      else if (auto parts = section.as_table())
        read_policy(std::string{name.str()}, *parts);
      else
        fault(at, key, fmt::format("must be a section, as in [{}]", key));
    }
  }

  void read_policy(const std::string& name, const toml::table& parts) {
    retry_policy usual;
    auto wait = usual.wait();
    auto stop = usual.stop();
    auto when = usual.when();
    for (auto&& [leaf, value] : parts) {
      auto line = leaf.source().begin.line;
      auto key = fmt::format("retry.{}.{}", name, shown(leaf.str()));
      auto text = value.value_exact<std::string_view>();
      if (leaf == "wait")
        read_part(line, key, text, parse_wait, wait);
      else if (leaf == "stop")
        read_part(line, key, text, parse_stop, stop);
      else if (leaf == "when")
        read_part(line, key, text, parse_condition, when);
      else
        fault(line, key, "is no known key; there are: wait, stop and when");
    }
    // Also one with a fault, lest its name become another.
    policies_.emplace(name, retry_policy{wait, stop, when});
  }

  template <class Part, class Parse>
  void read_part(uint32_t line, const std::string& key,
                 std::optional<std::string_view> text, Parse parse,
                 Part& part) {
    if (!text) {
      fault(line, key, "must be a text in quotes");
      return;
    }
    retry_text_error error;
    if (auto parsed = parse(*text, error))
      part = std::move(*parsed);
    else
      fault(line, key, to_string(error));
  }

  void apply() {
    sheet_.options.policies = policies_;
    for (auto& key : option_keys()) {
      auto i = found_.find(key.name);
      if (i == found_.end())
        continue;
      auto slot = key.slot(sheet_);
      auto what = std::visit(assignment{*i->second.value, sheet_.options},
                             slot);
      if (!what.empty())
        fault(i->second.line, std::string{key.name}, std::move(what));
      // The first of all keys, so nothing that the file sets is lost.
      if (std::holds_alternative<profile*>(slot)
          && sheet_.basis == profile::article) {
        sheet_.options = runtime_options::article();
        sheet_.options.policies = policies_;
      }
    }
  }

  void check_ranges() {
    // A key with a fault still has its default, of which no complaint is due.
    std::vector<std::string> faulty;
    for (auto& x : errors_)
      if (found_.contains(x.key))
        faulty.push_back(x.key);
    for (auto& [key, what] : validate(sheet_.options)) {
      auto concerns = [&own = key, &text = what](std::string_view name) {
        return own == name || text.find(name) != std::string::npos;
      };
      if (std::none_of(faulty.begin(), faulty.end(), concerns))
        fault(line_of(concerns, key), key, what);
    }
  }

  /// The line of `key`; if it is absent, of another key that the fault is
  /// about.
  template <class Predicate>
  uint32_t line_of(Predicate concerns, std::string_view key) const {
    if (auto i = found_.find(key); i != found_.end())
      return i->second.line;
    for (auto& [name, where] : found_)
      if (concerns(name))
        return where.line;
    return 0;
  }

  std::string file_;
  std::vector<config_error>& errors_;
  option_sheet sheet_;
  std::map<std::string, retry_policy, std::less<>> policies_;
  std::map<std::string, found, std::less<>> found_;
};

} // namespace

std::string to_string(const config_error& x) {
  auto result = x.file;
  if (x.line != 0)
    result += fmt::format(":{}", x.line);
  if (!x.key.empty())
    result += fmt::format(": {}", x.key);
  return result + ": " + x.what;
}

std::optional<runtime_options>
parse_options(std::string_view text, std::string_view file,
              std::vector<config_error>& errors) {
  errors.clear();
  return reader{file, errors}.read(text);
}

} // namespace redoubt
