#include <redoubt/messages/option_suggestion.hpp>

#include <redoubt/messages/options_keys.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace redoubt {

namespace {

/// Edit distance of two words (Levenshtein).
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    auto diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      auto replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

} // namespace

suggestion::suggestion(std::string_view name)
  : section_(name.substr(0, name.rfind('.'))),
    leaf_(name.substr(name.rfind('.') + 1)),
    allowed_(1 + leaf_.size() / 4) {
}

void suggestion::offer_keys() {
  for (auto& key : option_keys())
    // The right name in the wrong section is one step away.
    offer(key.name,
          distance(leaf_, key.leaf()) + (section_ == key.section() ? 0 : 1));
}

void suggestion::offer_sections() {
  for (auto& key : option_keys())
    offer(key.section(), distance(leaf_, key.section()));
}

std::string suggestion::text() const {
  return best_.empty() ? "`redoubt config` prints all there are"
                       : fmt::format("did you mean {}?", best_);
}

void suggestion::offer(std::string_view candidate, size_t steps) {
  if (steps > allowed_ || (!best_.empty() && steps == allowed_))
    return;
  best_ = candidate;
  allowed_ = steps;
}

std::string shown(std::string_view name) {
  constexpr size_t room = 60;
  std::string result{name.substr(0, room)};
  for (auto& c : result)
    c = c > ' ' && c < 0x7f ? c : '?';
  return name.size() > room ? result + "..." : result;
}

} // namespace redoubt
