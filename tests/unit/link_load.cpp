#define CAF_SUITE link_load

#include <redoubt/actors/request/link_load.hpp>

#include <redoubt/tests/support/check.hpp>

#include <algorithm>

using namespace redoubt;
using namespace std::chrono_literals;

namespace {

using std::chrono::microseconds;

struct fixture {
  /// `n` replies of a server that works off one command after the other, with
  /// `ahead` others before each.
  void serve(int n, microseconds round_trip, microseconds service,
             size_t ahead) {
    for (int i = 0; i < n; ++i)
      load.answered(round_trip + service * static_cast<int64_t>(ahead), ahead);
  }

  bool expects(microseconds wait, size_t ahead) {
    auto x = load.wait(ahead) - wait;
    return std::max(x, -x) < wait / 20 + 1us;
  }

  link_load load{0.25, 4};
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(link_load_tests, fixture)

CAF_TEST(a fresh link takes a hundred and then twice what it has borne) {
  CAF_CHECK(load.round_trip() == 0ms);
  CAF_CHECK(load.wait(1000) == 0ms);
  CAF_CHECK(load.has_room(127, 1ms));
  CAF_CHECK(!load.has_room(128, 1s));
  CAF_CHECK(load.judge(127, 1ms, 1ms, true) == send_when::now);
  CAF_CHECK(load.judge(128, 1ms, 1ms, true) == send_when::later);
  load.answered(100us, 127);
  CAF_CHECK(load.has_room(255, 500ms));
  CAF_CHECK(!load.has_room(256, 500ms));
  load.answered(100us, 255);
  CAF_CHECK(load.has_room(511, 500ms));
  load.answered(100us, 3);
  CAF_CHECK(load.has_room(511, 500ms));
}

CAF_TEST(a server that works off a queue shows its service time) {
  load.answered(200us, 0);
  serve(50, 200us, 1ms, 30);
  CAF_CHECK(load.round_trip() == 200us);
  CAF_CHECK(expects(10ms, 10));
  CAF_CHECK(expects(100ms, 100));
}

CAF_TEST(a long link is no busy server) {
  for (int i = 0; i < 100; ++i)
    load.answered(50ms, static_cast<size_t>(i % 30));
  CAF_CHECK(load.wait(100) == 0ms);
  CAF_CHECK(load.has_room(127, 200ms));
}

CAF_TEST(replies that were read late and together do not open the link) {
  // A server of 1 ms per command, read after 20 ms.
  for (size_t ahead = 0; ahead < 20; ++ahead)
    load.answered(20ms, ahead);
  CAF_CHECK(load.wait(1000) == 0ms);
  CAF_CHECK(load.has_room(127, 500ms));
  CAF_CHECK(!load.has_room(128, 500ms));
}

CAF_TEST(a request that has less time than the round trip does not stop the link) {
  for (int i = 0; i < 100; ++i)
    serve(1, 1ms, 1us, static_cast<size_t>(i));
  CAF_CHECK(load.has_room(100, 1s));
  CAF_CHECK(load.has_room(100, 1ms));
  CAF_CHECK(load.has_room(100, 100us));
  // A quarter of the round trip.
  for (int i = 0; i < 100; ++i)
    serve(1, 1ms, 5us, static_cast<size_t>(i));
  CAF_CHECK(load.has_room(49, 100us));
  CAF_CHECK(!load.has_room(55, 100us));
}

CAF_TEST(one slow command is forgotten after a few replies) {
  load.answered(100us, 0);
  for (size_t ahead = 0; ahead < 5; ++ahead)
    load.answered(400ms, ahead);
  CAF_CHECK(load.wait(10) > 100ms);
  serve(300, 100us, 1us, 3);
  CAF_CHECK(load.wait(10) < 1ms);
}

CAF_TEST(single commands make an old estimate fade) {
  load.answered(1ms, 0);
  serve(50, 1ms, 10ms, 500);
  CAF_CHECK(load.wait(10) > 50ms);
  for (int i = 0; i < 500; ++i)
    load.answered(20ms, 0);
  CAF_CHECK(load.wait(10) == 0ms);
  CAF_CHECK(!load.has_room(128, 500ms));
}

CAF_TEST(a slow command that nobody was before says nothing of the others) {
  load.answered(100us, 0);
  serve(50, 100us, 1ms, 10);
  for (int i = 0; i < 5; ++i)
    load.answered(400ms, 0);
  CAF_CHECK(expects(10ms, 10));
}

CAF_TEST(another link has a round trip of its own and the same server) {
  load.answered(1ms, 0);
  serve(50, 1ms, 2ms, 10);
  load.new_link();
  CAF_CHECK(load.round_trip() == 0ms);
  CAF_CHECK(expects(20ms, 10));
}

CAF_TEST(commands wait on the link for a share of their time and no longer) {
  load.answered(0ms, 0);
  serve(50, 0ms, 1ms, 10);
  CAF_CHECK(load.has_room(49, 200ms));
  CAF_CHECK(!load.has_room(51, 200ms));
  CAF_CHECK(load.has_room(120, 500ms));
}

CAF_TEST(the round trip takes no part of the share) {
  load.answered(100ms, 0);
  serve(50, 100ms, 1ms, 10);
  CAF_CHECK(load.has_room(24, 200ms));
  CAF_CHECK(!load.has_room(26, 200ms));
}

CAF_TEST(a few commands are always under way) {
  load.answered(0ms, 0);
  serve(50, 0ms, 1000ms, 10);
  CAF_CHECK(load.has_room(3, 200ms));
  CAF_CHECK(!load.has_room(4, 200ms));
  // Even if the link is longer than the time.
  load.answered(300ms, 0);
  CAF_CHECK(load.has_room(3, 1ms));
}

CAF_TEST(what cannot be answered in time is shed once the queue stands) {
  load.answered(1ms, 0);
  serve(50, 1ms, 1ms, 20);
  CAF_CHECK(load.judge(20, 200ms, 35ms, true) == send_when::now);
  CAF_CHECK(load.judge(20, 200ms, 25ms, true) == send_when::never);
  CAF_CHECK(load.judge(20, 200ms, 25ms, false) == send_when::now);
}

CAF_TEST(an idle link gets whatever time is left) {
  load.answered(1ms, 0);
  serve(50, 1ms, 100ms, 20);
  CAF_CHECK(load.judge(0, 200ms, 500us, true) == send_when::now);
  CAF_CHECK(load.judge(1, 200ms, 1ms, true) == send_when::never);
}

CAF_TEST(a full link is waited for) {
  load.answered(1ms, 0);
  serve(50, 1ms, 1ms, 20);
  CAF_CHECK(load.judge(60, 200ms, 150ms, true) == send_when::later);
  CAF_CHECK(load.judge(60, 200ms, 50ms, false) == send_when::later);
}

CAF_TEST(a share of nothing switches it off) {
  load = link_load{0, 4};
  load.answered(1ms, 0);
  serve(50, 1ms, 1ms, 20);
  CAF_CHECK(load.has_room(1000000, 1ms));
  CAF_CHECK(load.judge(1000, 200ms, 1ms, true) == send_when::now);
}

CAF_TEST(absurd numbers do not overflow) {
  load.answered(0ms, 0);
  load.answered(24h, 1);
  CAF_CHECK(load.wait(SIZE_MAX) > 0ms);
  CAF_CHECK(load.has_room(1, api::duration::max()));
  CAF_CHECK(!load.has_room(SIZE_MAX, api::duration::min()));
}

CAF_TEST_FIXTURE_SCOPE_END()
