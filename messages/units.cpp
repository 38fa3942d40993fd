#include <redoubt/messages/units.hpp>

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <limits>

namespace redoubt {

namespace {

template <class T>
struct unit {
  std::string_view name;
  T factor;
};

// Largest first: values are written in the largest unit that divides them.
constexpr std::array<unit<int64_t>, 5> duration_units{{
  {"h", 3'600'000'000},
  {"m", 60'000'000},
  {"s", 1'000'000},
  {"ms", 1000},
  {"us", 1},
}};

constexpr std::array<unit<uint64_t>, 5> size_units{{
  {"TiB", uint64_t{1} << 40},
  {"GiB", uint64_t{1} << 30},
  {"MiB", uint64_t{1} << 20},
  {"KiB", uint64_t{1} << 10},
  {"B", 1},
}};

template <class T, size_t N>
std::optional<T> read(std::string_view text,
                      const std::array<unit<T>, N>& units) {
  T number{};
  auto last = text.data() + text.size();
  auto [end, code] = std::from_chars(text.data(), last, number);
  if (code == std::errc::invalid_argument)
    return std::nullopt;
  for (auto& [name, factor] : units) {
    if (name != std::string_view{end, static_cast<size_t>(last - end)})
      continue;
    constexpr auto largest = std::numeric_limits<T>::max();
    // A negative overflow counts as large, too: neither is of any use.
    auto limit = largest / factor;
    auto fits = code == std::errc{} && number <= limit;
    if constexpr (std::numeric_limits<T>::is_signed)
      fits = fits && number >= -limit;
    return fits ? number * factor : largest;
  }
  return std::nullopt;
}

template <class T, size_t N>
std::string write(T value, const std::array<unit<T>, N>& units) {
  auto i = units.begin();
  while (i->factor != 1 && (value == 0 || value % i->factor != 0))
    ++i;
  return fmt::format("{}{}", value / i->factor, i->name);
}

} // namespace

std::optional<std::chrono::microseconds> parse_duration(std::string_view text) {
  auto count = read(text, duration_units);
  if (!count)
    return std::nullopt;
  return std::chrono::microseconds{*count};
}

std::string duration_text(std::chrono::microseconds value) {
  // "0s" reads better than "0us".
  return value.count() == 0 ? "0s" : write(value.count(), duration_units);
}

std::optional<uint64_t> parse_size(std::string_view text) {
  return read(text, size_units);
}

std::string size_text(uint64_t value) {
  return write(value, size_units);
}

} // namespace redoubt
