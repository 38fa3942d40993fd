// Replies come out of their bytes the same however these arrive, within the
// limits; skipping a reply that is too deep finds its end as reading it does.
//
// Input: a byte that cuts the rest into pieces, a byte that chooses limits, RESP.

#include <redoubt/tests/fuzz/target.hpp>

#include <redoubt/actors/connection/reply_decoder.hpp>
#include <redoubt/actors/random.hpp>

#include <algorithm>
#include <utility>
#include <vector>

using namespace redoubt;
using fuzz::check;
using result = reply_decoder::result;

namespace {

/// The deepest limit that there is.
constexpr uint32_t deepest = 7;

/// What a decoder makes of some bytes.
struct decoded {
  struct item {
    bool too_deep;
    reply value;

    bool operator==(const item&) const = default;
  };

  std::vector<item> items;
  result end = result::need_more;

  bool failed() const { return end != result::need_more; }
};

limit_options limits_of(uint8_t choice) {
  static constexpr uint64_t bytes[] = {1, 8, 64, 4096};
  static constexpr uint32_t elements[] = {1, 16, 1024};
  static constexpr uint32_t depths[] = {1, 3, deepest};
  limit_options x;
  x.reply_bytes = bytes[choice % 4];
  x.reply_elements = elements[choice / 4 % 3];
  x.reply_depth = depths[choice / 12 % 3];
  return x;
}

uint32_t depth_of(const reply& x) {
  uint32_t inner = 0;
  for (auto& each : x.elements())
    inner = std::max(inner, depth_of(each));
  return inner + (x.kind() == reply_kind::array ? 1 : 0);
}

uint64_t elements_of(const reply& x) {
  uint64_t sum = x.elements().size();
  for (auto& each : x.elements())
    sum += elements_of(each);
  return sum;
}

uint64_t longest_in(const reply& x) {
  uint64_t most = x.text().size();
  for (auto& each : x.elements())
    most = std::max(most, longest_in(each));
  return most;
}

void check_limits(const reply& x, const limit_options& limits) {
  check(depth_of(x) <= limits.reply_depth, "a reply keeps the limit of depth");
  check(elements_of(x) <= limits.reply_elements,
        "a reply keeps the limit of elements");
  check(longest_in(x) <= limits.reply_bytes, "a reply keeps that of bytes");
}

void check_end(reply_decoder& subject, result end) {
  check(subject.error().empty() == (end == result::need_more),
        "whoever fails says why, and nobody else");
  if (end == result::need_more)
    return;
  static constexpr std::string_view good = "+OK\r\n";
  subject.feed(good.data(), good.size());
  reply none;
  check(subject.next(none) == end, "whoever failed reads nothing any more");
}

/// Feeds pieces of `size(left)` bytes, taking what is there after each.
template <class Size>
decoded decode(std::string_view bytes, const limit_options& limits, Size size) {
  reply_decoder subject{limits};
  decoded x;
  while (!bytes.empty() && x.end == result::need_more) {
    auto part = bytes.substr(0, size());
    bytes.remove_prefix(part.size());
    subject.feed(part.data(), part.size());
    for (reply next; (x.end = subject.next(next)) == result::got
                     || x.end == result::too_deep;) {
      if (x.end == result::got)
        check_limits(next, limits);
      else
        check(next.is_error(), "a reply that is too deep becomes an error");
      x.items.push_back({x.end == result::too_deep, std::move(next)});
    }
  }
  check_end(subject, x.end);
  return x;
}

void check_same(const decoded& a, const decoded& b, std::string_view property) {
  check(a.items == b.items, property, "the replies differ");
  check(a.end == b.end, property, "the verdicts differ");
}

/// `shallow` skips some of what `deep` reads.
void check_skipped(const decoded& shallow, const decoded& deep,
                   uint32_t depth) {
  auto both = std::min(shallow.items.size(), deep.items.size());
  for (size_t i = 0; i < both; ++i) {
    auto& x = shallow.items[i];
    auto& y = deep.items[i];
    if (x.too_deep)
      check(y.too_deep || depth_of(y.value) > depth,
            "only what is too deep is skipped");
    else
      check(x == y, "what follows a skipped reply is read as ever");
  }
  // A number that is none may be seen at different places by the two.
  if (!shallow.failed() && !deep.failed())
    check(shallow.items.size() == deep.items.size(),
          "skipping ends where reading ends");
  else
    check(both == std::max(shallow.items.size(), deep.items.size()),
          "what cannot be read cannot be skipped");
}

} // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto bytes = fuzz::text_of(data, size);
  auto cut = fuzz::take_byte(bytes);
  auto limits = limits_of(fuzz::take_byte(bytes));
  random_source random{cut};
  auto whole = decode(bytes, limits, [] { return SIZE_MAX; });
  auto pieces = decode(bytes, limits,
                       [&] { return 1 + random.next() % (1u + cut % 32u); });
  check_same(whole, pieces, "pieces give what the whole gives");
  auto single = decode(bytes, limits, [] { return size_t{1}; });
  check_same(whole, single, "single bytes give what the whole gives");
  auto shallow = limits;
  shallow.reply_depth = 1;
  limits.reply_depth = deepest;
  check_skipped(decode(bytes, shallow, [] { return SIZE_MAX; }),
                decode(bytes, limits, [] { return SIZE_MAX; }), 1);
  return 0;
}
