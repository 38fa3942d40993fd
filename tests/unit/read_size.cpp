#define CAF_SUITE read_size

#include <redoubt/actors/connection/read_size.hpp>
#include <redoubt/tests/support/check.hpp>

using redoubt::read_size;

namespace {

constexpr size_t room = 64 * 1024;

/// As if `n` replies of `each` bytes had come, one by one.
read_size after(size_t n, size_t each) {
  read_size x;
  for (size_t i = 0; i < n; ++i)
    x.learn(each, 1);
  return x;
}

} // namespace

CAF_TEST(a part of what is outstanding is read first) {
  auto x = after(10, 100);
  CAF_CHECK_EQUAL(x.first(400, 1, room), 10000u);
}

CAF_TEST(few replies are read at once) {
  auto x = after(10, 100);
  CAF_CHECK_EQUAL(x.first(1, 1, room), read_size::least);
}

CAF_TEST(the first part of very many is bounded) {
  auto x = after(10, 100);
  CAF_CHECK_EQUAL(x.first(100000, 1, room), read_size::most);
}

CAF_TEST(what nobody asks on for is not read in parts) {
  auto x = after(10, 100);
  CAF_CHECK_EQUAL(x.first(100, 5000, room), 2500u);
  CAF_CHECK_EQUAL(x.first(75, 5000, room), read_size::most);
  CAF_CHECK_EQUAL(x.first(60, 5001, room), 1500u);
}

CAF_TEST(large replies are read as fast as the kernel gives them) {
  auto x = after(1, read_size::large_reply);
  CAF_CHECK_EQUAL(x.first(100, 1, room), room);
}

CAF_TEST(a reply that has not ended yet counts by what came of it) {
  auto x = after(10, 100);
  for (int i = 0; i < 4; ++i)
    x.learn(1024, 0);
  CAF_CHECK_EQUAL(x.first(10, 1, room), room);
  // Then its size is known, and one of a hundred bytes is no change yet.
  x.learn(1024, 1);
  CAF_CHECK_EQUAL(x.first(10, 2, room), room);
}

CAF_TEST(small replies after large ones are read in parts again) {
  auto x = after(1, 1 << 20);
  for (int i = 0; i < 100; ++i)
    x.learn(6400, 64);
  CAF_CHECK_EQUAL(x.first(64, 1, room), 1600u);
}

CAF_TEST(a small buffer bounds all) {
  auto x = after(10, 100);
  CAF_CHECK_EQUAL(x.first(400, 1, 512), 512u);
  CAF_CHECK_EQUAL(after(1, 1 << 20).first(1, 1, 512), 512u);
}
