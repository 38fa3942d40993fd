#define CAF_SUITE fence

#include <redoubt/actors/request/fence.hpp>

#include <redoubt/tests/support/check.hpp>

using namespace redoubt;

namespace {

using verdict = fence::verdict;

struct fixture {
  void check_asks(const command& expected) {
    auto asked = subject.next();
    CAF_CHECK_EQUAL(asked.wire(), expected.wire());
  }

  void check_verdict(const reply& answer, verdict expected) {
    CAF_CHECK(subject.on_reply(answer) == expected);
  }

  fence subject{7, "shop#1a.3"};
  command list{"CLIENT", "LIST", "ID", "7"};
  command kill{"CLIENT", "KILL", "ID", "7"};
  reply ours = reply::string("id=7 addr=127.0.0.1:5 laddr=127.0.0.1:6 fd=8 "
                             "name=shop#1a.3 age=1 idle=1 flags=N db=0\n");
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(fence_tests, fixture)

CAF_TEST(a connection that the server still knows by our name is killed) {
  check_asks(list);
  check_verdict(ours, verdict::more);
  check_asks(kill);
  check_verdict(reply::integer(1), verdict::done);
}

CAF_TEST(a connection that ended while it was looked up is as good as killed) {
  check_verdict(ours, verdict::more);
  check_verdict(reply::integer(0), verdict::done);
}

CAF_TEST(a connection that is gone needs no kill) {
  check_verdict(reply::string(""), verdict::done);
}

CAF_TEST(a connection of somebody else is left alone) {
  for (auto name : {"shop#1a.31", "shop#1a.", "", "other"}) {
    fence x{7, "shop#1a.3"};
    auto line = std::string{"id=7 addr=1:1 fd=8 name="} + name
                + " age=1 user=name=shop#1a.3\n";
    CAF_CHECK(x.on_reply(reply::string(line)) == verdict::done);
  }
}

CAF_TEST(the name may end the line) {
  check_verdict(reply::string("id=7 name=shop#1a.3\n"), verdict::more);
}

CAF_TEST(who may not ask is told so) {
  check_verdict(reply::error("NOPERM this user has no permissions to run the "
                             "'client|list' command"),
                verdict::denied);
  check_verdict(reply::error("ERR syntax error"), verdict::denied);
  check_verdict(reply::integer(1), verdict::denied);
  check_verdict(ours, verdict::more);
  check_verdict(reply::error("NOPERM no"), verdict::denied);
}

CAF_TEST(a server that is busy is asked again) {
  check_verdict(reply::error("BUSY Redis is busy running a script."),
                verdict::again);
  check_asks(list);
  check_verdict(ours, verdict::more);
  check_verdict(reply::error("LOADING Redis is loading the dataset in memory"),
                verdict::again);
  check_asks(kill);
}

CAF_TEST(bad credentials are no reason to ask again) {
  check_verdict(reply::error("NOAUTH Authentication required."),
                verdict::denied);
}

CAF_TEST(a fence that begins anew looks up again) {
  check_verdict(ours, verdict::more);
  subject.restart();
  check_asks(list);
}

CAF_TEST_FIXTURE_SCOPE_END()
