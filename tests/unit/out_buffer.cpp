#define CAF_SUITE out_buffer

#include <redoubt/actors/connection/out_buffer.hpp>
#include <redoubt/actors/random.hpp>
#include <redoubt/app/lab/socket.hpp>
#include <redoubt/tests/unit/seed.hpp>

#include <redoubt/tests/support/check.hpp>

#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <memory>
#include <string>

using namespace redoubt;
using redoubt::test::seed_of_this_run;
using result = out_buffer::result;

namespace {

/// From this size on a command is shared; below it is copied.
constexpr size_t share_from = 16 * 1024;

std::atomic<int> pipe_signals{0};

void count_signal(int) {
  ++pipe_signals;
}

/// `n` bytes that tell their place.
std::string text_of(size_t n, size_t from = 0) {
  std::string text(n, '\0');
  for (size_t i = 0; i < n; ++i)
    text[i] = static_cast<char>((from + i) * 2654435761u >> 13);
  return text;
}

std::shared_ptr<const std::string> shared(std::string text) {
  return std::make_shared<const std::string>(std::move(text));
}

// A buffer in front of a socket that takes little, and the other end of it.
struct fixture {
  fixture() {
    int ends[2];
    CAF_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends)
                == 0);
    near = lab::unique_fd{ends[0]};
    far = lab::unique_fd{ends[1]};
    int size = 32 * 1024;
    ::setsockopt(near.get(), SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  }

  result write() { return out.write_to(system_transport(), near.get()); }

  /// Takes at most `limit` bytes off the other end.
  std::string take(size_t limit = SIZE_MAX) {
    std::string all;
    std::array<char, 8192> room;
    while (all.size() < limit) {
      auto n = ::recv(far.get(), room.data(),
                      std::min(room.size(), limit - all.size()), 0);
      if (n <= 0)
        break;
      all.append(room.data(), static_cast<size_t>(n));
    }
    return all;
  }

  /// Writes and takes until all has passed.
  std::string pass_all() {
    std::string all;
    while (write() == result::blocked)
      all += take();
    return all + take();
  }

  out_buffer out;
  lab::unique_fd near;
  lab::unique_fd far;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(out_buffer_tests, fixture)

CAF_TEST(a new buffer is empty and writes nothing) {
  CAF_CHECK(out.empty());
  CAF_CHECK(write() == result::done);
  CAF_CHECK_EQUAL(out.written(), 0u);
  CAF_CHECK_EQUAL(take(), "");
}

CAF_TEST(small commands arrive in order) {
  out.append("one");
  out.append(shared("two"));
  out.append("three");
  CAF_CHECK(!out.empty());
  CAF_CHECK_EQUAL(out.appended(), 11u);
  CAF_CHECK_EQUAL(out.written(), 0u);
  CAF_CHECK(write() == result::done);
  CAF_CHECK(out.empty());
  CAF_CHECK_EQUAL(out.written(), 11u);
  CAF_CHECK_EQUAL(take(), "onetwothree");
}

CAF_TEST(small and large commands arrive in the order they were appended) {
  std::string all;
  for (size_t n : {size_t{1}, share_from - 1, share_from, share_from + 1,
                   size_t{5}, size_t{300000}, size_t{300000}, size_t{0},
                   size_t{7}, share_from, size_t{0}}) {
    auto text = text_of(n, all.size());
    all += text;
    out.append(shared(text));
    CAF_CHECK_EQUAL(out.appended(), all.size());
  }
  CAF_CHECK(pass_all() == all);
  CAF_CHECK(out.empty());
  CAF_CHECK_EQUAL(out.written(), all.size());
}

CAF_TEST(more pieces than one system call takes arrive in order) {
  std::string all;
  for (int i = 0; i < 100; ++i) {
    auto large = text_of(share_from + static_cast<size_t>(i), all.size());
    auto small = text_of(static_cast<size_t>(i), all.size());
    out.append(shared(large));
    out.append(small);
    all += large + small;
  }
  CAF_CHECK(pass_all() == all);
}

CAF_TEST(a socket that is full leaves the rest for later) {
  auto all = text_of(500000);
  out.append(all);
  CAF_CHECK(write() == result::blocked);
  CAF_CHECK(!out.empty());
  CAF_CHECK_GREATER(out.written(), 0u);
  CAF_CHECK_LESS(out.written(), all.size());
  CAF_CHECK(write() == result::blocked);
  CAF_CHECK(pass_all() == all);
  CAF_CHECK(out.empty());
}

CAF_TEST(written counts the bytes that the kernel took and no other) {
  std::string all;
  for (size_t n : {size_t{1000}, size_t{200000}, size_t{300}, size_t{50000}}) {
    out.append(shared(text_of(n, all.size())));
    all += text_of(n, all.size());
  }
  size_t seen = 0;
  while (write() == result::blocked) {
    auto got = take();
    CAF_CHECK(got == all.substr(seen, got.size()));
    seen += got.size();
    CAF_CHECK_EQUAL(out.written(), seen);
  }
  seen += take().size();
  CAF_CHECK_EQUAL(out.written(), seen);
  CAF_CHECK_EQUAL(seen, all.size());
}

CAF_TEST(what is appended while the socket is full goes behind the rest) {
  auto all = text_of(200000);
  out.append(shared(all));
  CAF_CHECK(write() == result::blocked);
  out.append("small");
  out.append(shared(text_of(100000)));
  all += "small" + text_of(100000);
  CAF_CHECK(pass_all() == all);
}

CAF_TEST(a large command is shared with its sender and then let go) {
  auto large = shared(text_of(200000));
  out.append(large);
  CAF_CHECK_EQUAL(large.use_count(), 2);
  CAF_CHECK(write() == result::blocked);
  CAF_CHECK_EQUAL(large.use_count(), 2);
  pass_all();
  CAF_CHECK_EQUAL(large.use_count(), 1);
}

CAF_TEST(a small command is copied so that its sender may forget it) {
  auto small = shared(text_of(share_from - 1));
  out.append(small);
  CAF_CHECK_EQUAL(small.use_count(), 1);
  CAF_CHECK(pass_all() == *small);
}

CAF_TEST(a closed peer is an error and no signal) {
  struct sigaction count {};
  struct sigaction old {};
  count.sa_handler = count_signal;
  ::sigaction(SIGPIPE, &count, &old);
  out.append("lost");
  far.close();
  auto first = write();
  auto code = errno;
  CAF_CHECK(first == result::failed);
  CAF_CHECK_EQUAL(code, EPIPE);
  CAF_CHECK(write() == result::failed);
  ::sigaction(SIGPIPE, &old, nullptr);
  CAF_CHECK_EQUAL(pipe_signals.load(), 0);
  CAF_CHECK_EQUAL(out.written(), 0u);
  CAF_CHECK(!out.empty());
}

CAF_TEST(random appends and takings lose and mix nothing) {
  auto seed = seed_of_this_run();
  CAF_MESSAGE("REDOUBT_SEED=" << seed);
  random_source random{seed};
  size_t appended = 0;
  size_t seen = 0;
  for (int i = 0; i < 20000; ++i) {
    switch (random.next() % 8) {
      case 0:
      case 1: {
        auto n = random.next() % 200;
        out.append(text_of(n, appended));
        appended += n;
        break;
      }
      case 2: {
        auto n = share_from - 2 + random.next() % 4;
        out.append(shared(text_of(n, appended)));
        appended += n;
        break;
      }
      case 3: {
        auto got = take(random.next() % 50000);
        if (got != text_of(got.size(), seen))
          CAF_FAIL("wrong bytes in step " << i << ", REDOUBT_SEED=" << seed);
        seen += got.size();
        break;
      }
      default: write();
    }
    if (out.appended() != appended || out.written() < seen
        || out.empty() != (out.written() == appended))
      CAF_FAIL("wrong counts in step " << i << ", REDOUBT_SEED=" << seed);
  }
  seen += pass_all().size();
  CAF_CHECK_EQUAL(seen, appended);
}

CAF_TEST_FIXTURE_SCOPE_END()
