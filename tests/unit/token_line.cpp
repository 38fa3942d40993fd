#define CAF_SUITE token_line

#include <redoubt/actors/request/token_line.hpp>

#include <redoubt/tests/support/check.hpp>

#include <vector>

using namespace redoubt;

namespace {

std::vector<uint64_t> drain(token_line& x) {
  std::vector<uint64_t> result;
  while (!x.empty())
    result.push_back(x.pop());
  return result;
}

constexpr auto nobody = token_line::nobody;
constexpr auto in_advance = token_line::in_advance;

} // namespace

CAF_TEST(those who ask are answered in order) {
  token_line x;
  x.push(7);
  x.push(in_advance);
  x.push(3);
  CAF_CHECK(drain(x) == (std::vector<uint64_t>{7, in_advance, 3}));
}

CAF_TEST(the places of those who are gone are kept) {
  token_line x;
  for (uint64_t id = 0; id < 10; ++id)
    x.push(id);
  x.shorten([](uint64_t id) { return id % 4 != 0; });
  CAF_CHECK_EQUAL(x.size(), 6u);
  x.push(10);
  x.push(in_advance);
  x.shorten([](uint64_t id) { return id != 8; });
  CAF_CHECK_EQUAL(x.size(), 4u);
  CAF_CHECK(
    drain(x)
    == (std::vector<uint64_t>{nobody, nobody, nobody, nobody, nobody, nobody,
                              nobody, nobody, 8, nobody, nobody, in_advance}));
}

CAF_TEST(a line of those who are gone is one entry) {
  token_line x;
  for (uint64_t id = 0; id < 100'000; ++id) {
    x.push(id);
    if (x.size() > 100)
      x.shorten([](uint64_t) { return true; });
  }
  CAF_CHECK(x.size() <= 101);
  size_t places = 0;
  for (; !x.empty(); ++places)
    x.pop();
  CAF_CHECK_EQUAL(places, 100'000u);
}
