#define CAF_SUITE liveness

#include <redoubt/actors/connection/liveness.hpp>

#include <redoubt/tests/support/check.hpp>

using namespace redoubt;
using namespace std::chrono_literals;
using verdict = liveness::verdict;

namespace {

// A PING after 5 s of silence, answered within 500 ms; a command may be
// unanswered for twice its patience.
struct fixture {
  pool_options options;

  static api::time_point at(api::duration since) {
    return api::time_point{1000s + since};
  }

  liveness started() const { return liveness{options, at(0s)}; }

  static verdict idle(const liveness& x, api::duration now) {
    return x.check(nullptr, at(now));
  }

  /// The verdict while a command sent at `since` awaits its reply.
  static verdict busy(const liveness& x, api::duration since,
                      std::chrono::milliseconds patience, api::duration now) {
    liveness::awaited oldest{at(since), patience, false};
    return x.check(&oldest, at(now));
  }

  /// The verdict while a PING sent at `since` awaits its reply.
  static verdict pinged(const liveness& x, api::duration since,
                        api::duration now) {
    liveness::awaited oldest{at(since), 0ms, true};
    return x.check(&oldest, at(now));
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(liveness_tests, fixture)

CAF_TEST(an idle link is asked for a sign of life after the interval) {
  auto x = started();
  CAF_CHECK(idle(x, 0s) == verdict::alive);
  CAF_CHECK(idle(x, 4999ms) == verdict::alive);
  CAF_CHECK(idle(x, 5s) == verdict::send_ping);
  CAF_CHECK(idle(x, 1h) == verdict::send_ping);
}

CAF_TEST(bytes that arrive put the question off) {
  auto x = started();
  x.read(at(4s));
  CAF_CHECK(idle(x, 8999ms) == verdict::alive);
  CAF_CHECK(idle(x, 9s) == verdict::send_ping);
}

CAF_TEST(a link that awaits a reply is not asked) {
  auto x = started();
  CAF_CHECK(busy(x, 0s, 10s, 6s) == verdict::alive);
  CAF_CHECK(pinged(x, 5s, 5499ms) == verdict::alive);
}

CAF_TEST(a command unanswered for twice its patience makes a dead link) {
  auto x = started();
  CAF_CHECK(busy(x, 1s, 500ms, 1999ms) == verdict::alive);
  CAF_CHECK(busy(x, 1s, 500ms, 2s) == verdict::dead);
}

CAF_TEST(the factor is an option) {
  options.dead_link_factor = 5;
  auto x = started();
  CAF_CHECK(busy(x, 1s, 500ms, 3499ms) == verdict::alive);
  CAF_CHECK(busy(x, 1s, 500ms, 3500ms) == verdict::dead);
}

CAF_TEST(any byte ends a silence) {
  auto x = started();
  x.read(at(1900ms));
  CAF_CHECK(busy(x, 1s, 500ms, 2899ms) == verdict::alive);
  CAF_CHECK(busy(x, 1s, 500ms, 2900ms) == verdict::dead);
}

CAF_TEST(a silence starts no earlier than the command) {
  auto x = started();
  CAF_CHECK(busy(x, 1h, 500ms, 1h + 999ms) == verdict::alive);
  CAF_CHECK(busy(x, 1h, 500ms, 1h + 1s) == verdict::dead);
}

CAF_TEST(a PING unanswered for its timeout makes a dead link) {
  auto x = started();
  CAF_CHECK(pinged(x, 5s, 5499ms) == verdict::alive);
  CAF_CHECK(pinged(x, 5s, 5500ms) == verdict::dead);
}

CAF_TEST(a half-open link that idles is noticed in interval plus timeout) {
  auto x = started();
  auto asked = 0s + 5s;
  CAF_CHECK(idle(x, asked) == verdict::send_ping);
  CAF_CHECK(pinged(x, asked, 5500ms) == verdict::dead);
}

CAF_TEST(the link is looked at four times per PING timeout) {
  CAF_CHECK_EQUAL(started().interval().count(), 125);
  options.ping_timeout = 100ms;
  CAF_CHECK_EQUAL(started().interval().count(), 25);
}

CAF_TEST(a short PING interval makes for a closer look as well) {
  options.ping_interval = 200ms;
  CAF_CHECK_EQUAL(started().interval().count(), 50);
}

CAF_TEST(the link is looked at neither all the time nor hardly ever) {
  options.ping_timeout = 1ms;
  CAF_CHECK_EQUAL(started().interval().count(), 5);
  options.ping_timeout = 1h;
  options.ping_interval = 1h;
  CAF_CHECK_EQUAL(started().interval().count(), 250);
}

CAF_TEST_FIXTURE_SCOPE_END()
