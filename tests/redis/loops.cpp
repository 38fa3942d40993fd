#define CAF_SUITE loops

// What status tells of the I/O threads.

#include <redoubt/tests/redis/faulty.hpp>

#include <thread>

using namespace redoubt;
using namespace redoubt::test;
using namespace std::chrono_literals;

namespace {

/// A service that does what it must not: it blocks the reactor that it lives on.
class blocking_service : public caf::event_based_actor {
public:
  using caf::event_based_actor::event_based_actor;

  caf::behavior make_behavior() override {
    return {[](int) {
      std::this_thread::sleep_for(60ms);
      return 1;
    }};
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(loops_tests, faulty_service)

CAF_TEST(each reactor is told and one that a service blocks stands out) {
  options.threads.reactors = 2;
  start();
  auto guest = rt->spawn_pinned<blocking_service>();
  CAF_CHECK_EQUAL(status().reactors.size(), 2u);
  me->self()
    ->request(guest, caf::infinite, 1)
    .receive([](int) {}, [](caf::error&) { CAF_FAIL("no answer"); });
  auto longest = 0us;
  for (auto& each : status().reactors) {
    longest = std::max(longest, each.longest_turn);
    CAF_CHECK(each.busy >= 0 && each.busy <= 1);
  }
  CAF_CHECK(longest >= 60ms);
}

CAF_TEST_FIXTURE_SCOPE_END()
