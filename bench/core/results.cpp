#include <redoubt/bench/core/results.hpp>

#include <algorithm>

namespace redoubt::bench {

namespace {

template <class T>
const T* find_by_id(const std::vector<T>& all, std::string_view id) noexcept {
  auto i = std::find_if(all.begin(), all.end(),
                        [id](auto& x) { return x.id == id; });
  return i == all.end() ? nullptr : &*i;
}

} // namespace

const contender_result*
row_result::find(std::string_view contender) const noexcept {
  return find_by_id(contenders, contender);
}

std::vector<std::string_view> row_result::columns() const {
  std::vector<std::string_view> names;
  for (auto& kind : figure_kinds())
    if (std::any_of(contenders.begin(), contenders.end(),
                    [&](auto& x) { return x.medians.contains(kind.name); }))
      names.push_back(kind.name);
  return names;
}

const contender_result* row_result::reference() const noexcept {
  auto i = std::find_if(contenders.begin(), contenders.end(),
                        [](auto& x) { return x.id.starts_with("hiredis"); });
  return i == contenders.end() ? nullptr : &*i;
}

const row_result* results::find(std::string_view row) const noexcept {
  return find_by_id(rows, row);
}

} // namespace redoubt::bench
