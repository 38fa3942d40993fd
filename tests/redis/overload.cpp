// A server that does one command per millisecond, over a real socket.
#define CAF_SUITE overload

#include <redoubt/app/lab/slow_server.hpp>
#include <redoubt/tests/support/service.hpp>

#include <redoubt/tests/support/check.hpp>

using namespace redoubt;
using namespace redoubt::test;
using namespace std::chrono_literals;

namespace {

runtime_options one_connection(const lab::slow_server& server) {
  auto x = options_for(server.port());
  x.pool.connections = 1;
  return x;
}

struct fixture {
  lab::slow_server server{1ms};
  runtime rt{one_connection(server)};
  request_actor handle = rt.client();
  caller me{rt};

  fixture() { CAF_REQUIRE(!rt.wait_ready(10s)); }

  /// Sends so many requests at once and takes no notice of the answers.
  void flood(caf::scoped_actor& runaway, size_t n) {
    for (size_t i = 0; i < n; ++i)
      runaway->send(handle, command{"GET", "flood"});
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(overload_tests, fixture)

CAF_TEST(beside a runaway caller of the same handle another one is answered) {
  caf::scoped_actor runaway{rt.system()};
  flood(runaway, 10000);
  for (int i = 0; i < 5; ++i)
    CAF_CHECK(me.ask(handle, command{"GET", "k"}).ok());
}

CAF_TEST(beside a runaway handle on the same connection another one is answered) {
  auto other = rt.client();
  caf::scoped_actor runaway{rt.system()};
  flood(runaway, 10000);
  for (int i = 0; i < 5; ++i)
    CAF_CHECK(me.ask(other, command{"GET", "k"}).ok());
}

CAF_TEST_FIXTURE_SCOPE_END()
