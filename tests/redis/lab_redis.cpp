// The private redis-server and the prober, with a gate between them.
#define CAF_SUITE lab_redis

#include <redoubt/tests/support/check.hpp>

#include <redoubt/app/lab/fault_gate.hpp>
#include <redoubt/app/lab/private_redis.hpp>
#include <redoubt/app/lab/prober.hpp>
#include <redoubt/tests/support/wait.hpp>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace redoubt;
using namespace redoubt::lab;
using namespace redoubt::test;
using namespace std::literals;

namespace {

bool is_alive(pid_t pid) {
  std::ifstream status{"/proc/" + std::to_string(pid) + "/stat"};
  std::string id;
  std::string name;
  std::string state;
  status >> id >> name >> state;
  return !state.empty() && state != "Z";
}

/// State of a process as the kernel names it: R, S, T …
char state_of(pid_t pid) {
  std::ifstream status{"/proc/" + std::to_string(pid) + "/stat"};
  std::string id;
  std::string name;
  char state = 0;
  status >> id >> name >> state;
  return state;
}

/// The text of what `action` throws.
template <class Action>
std::string thrown_by(Action action) {
  try {
    action();
  } catch (const std::exception& error) {
    return error.what();
  }
  return {};
}

} // namespace

CAF_TEST(a private redis answers and leaves nothing behind) {
  std::string folder;
  pid_t pid = 0;
  {
    private_redis redis;
    folder = redis.folder();
    pid = redis.pid();
    CAF_CHECK_EQUAL(redis.command({"SET", "k", "v\r\n"}), "OK");
    CAF_CHECK_EQUAL(redis.command({"GET", "k"}), "v\r\n");
    CAF_CHECK_EQUAL(redis.command({"INCR", "n"}), "1");
    CAF_CHECK_EQUAL(redis.command({"GET", "none"}), "(nil)");
    CAF_CHECK_EQUAL(redis.command({"MGET", "n", "none"}), "1\n(nil)");
    CAF_CHECK(redis.command({"INCR", "k"}).starts_with("ERR value is not"));
    CAF_CHECK_EQUAL(redis.command({"CONFIG", "GET", "save"}), "save\n");
    CAF_CHECK(is_alive(pid));
  }
  CAF_CHECK(!is_alive(pid));
  CAF_CHECK(!std::filesystem::exists(folder));
}

CAF_TEST(a killed server comes back empty on the same port) {
  private_redis redis;
  auto port = redis.port();
  redis.command({"SET", "k", "v"});
  redis.kill();
  CAF_CHECK_EQUAL(redis.pid(), 0);
  CAF_CHECK(!thrown_by([&] { redis.command({"PING"}); }).empty());
  redis.start();
  CAF_CHECK_EQUAL(redis.port(), port);
  CAF_CHECK_EQUAL(redis.command({"GET", "k"}), "(nil)");
  CAF_CHECK_EQUAL(redis.command({"CONFIG", "GET", "port"}),
                  "port\n" + std::to_string(port));
}

CAF_TEST(a server that dies by itself is noticed and started again) {
  private_redis redis;
  redis.command({"PING"});
  auto pid = redis.pid();
  ::kill(pid, SIGKILL);
  // Once all its threads are gone, writing to its socket raises a SIGPIPE.
  siginfo_t info{};
  CAF_REQUIRE_EQUAL(
    ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT), 0);
  CAF_CHECK(!thrown_by([&] { redis.command({"PING"}); }).empty());
  redis.start();
  CAF_CHECK_EQUAL(redis.command({"PING"}), "PONG");
}

CAF_TEST(a server that is shut down ends in good order) {
  private_redis redis;
  redis.shutdown();
  CAF_CHECK_EQUAL(redis.pid(), 0);
  CAF_CHECK_NOT_EQUAL(redis.log_tail().find("bye bye"), std::string::npos);
}

CAF_TEST(a stopped server is frozen and ends with its owner) {
  pid_t pid = 0;
  {
    private_redis redis;
    pid = redis.pid();
    redis.stop();
    CAF_CHECK_EQUAL(state_of(pid), 'T');
    redis.cont();
    CAF_CHECK_EQUAL(redis.command({"PING"}), "PONG");
    redis.stop();
  }
  CAF_CHECK(!is_alive(pid));
}

CAF_TEST(a server dies with the process that started it) {
  int ends[2];
  CAF_REQUIRE_EQUAL(::pipe(ends), 0);
  auto child = ::fork();
  if (child == 0) {
    private_redis redis;
    auto pid = redis.pid();
    [[maybe_unused]] auto n = ::write(ends[1], &pid, sizeof(pid));
    n = ::write(ends[1], redis.folder().c_str(), redis.folder().size() + 1);
    ::raise(SIGKILL);
  }
  struct {
    pid_t pid;
    char folder[200];
  } told{};
  ::waitpid(child, nullptr, 0);
  CAF_REQUIRE(::read(ends[0], &told, sizeof(told)) > 0);
  ::close(ends[0]);
  ::close(ends[1]);
  CAF_CHECK_GREATER(told.pid, 0);
  CAF_CHECK(eventually([&] { return !is_alive(told.pid); }));
  std::filesystem::remove_all(told.folder);
}

CAF_TEST(arguments and a password reach the server) {
  redis_options options;
  options.password = "hush";
  options.arguments = {"--maxclients", "12"};
  private_redis redis{options};
  CAF_CHECK_EQUAL(redis.command({"CONFIG", "GET", "maxclients"}),
                  "maxclients\n12");
}

CAF_TEST(a server that cannot start says why) {
  CAF_CHECK_EQUAL(thrown_by([] {
                    private_redis{{.arguments = {},
                                   .password = {},
                                   .program = "no-such-redis-server"}};
                  }),
                  "no-such-redis-server is not in PATH: install Redis");
  auto text = thrown_by([] {
    redis_options options;
    options.arguments = {"--no-such-option", "1"};
    private_redis redis{options};
  });
  CAF_CHECK_NOT_EQUAL(text.find("did not start"), std::string::npos);
  CAF_CHECK_NOT_EQUAL(text.find("no-such-option"), std::string::npos);
}

CAF_TEST(a server that loads is started when it serves or earlier on demand) {
  for (auto early : {true, false}) {
    redis_options options;
    options.arguments = {"--enable-debug-command",
                         "yes",
                         "--key-load-delay",
                         "300",
                         "--loading-process-events-interval-bytes",
                         "1024"};
    options.may_be_loading = early;
    private_redis redis{options};
    redis.command({"DEBUG", "POPULATE", "1000"});
    CAF_CHECK_EQUAL(redis.command({"SAVE"}), "OK");
    redis.kill();
    redis.start();
    auto text = redis.command({"GET", "key:1"});
    CAF_CHECK_EQUAL(text.starts_with("LOADING"), early);
    CAF_CHECK(eventually([&] { return redis.command({"DBSIZE"}) == "1000"; }));
  }
}

CAF_TEST(a prober tells when the server is back) {
  private_redis redis;
  fault_gate gate{address::tcp(redis.port())};
  prober probe{gate.port()};
  gate.refuse();
  probe.arm();
  CAF_CHECK(!probe.wait(50ms));
  auto back = prober::clock::now();
  gate.pass();
  auto pong = probe.wait(5s);
  CAF_REQUIRE(pong);
  CAF_CHECK(*pong >= back);
  CAF_CHECK(*pong < back + 1s);
  CAF_CHECK(probe.first_pong() == pong);
  probe.arm();
  CAF_CHECK(probe.wait(5s) > pong);
}

CAF_TEST(a prober ends by itself and dials no more than it may) {
  private_redis redis;
  fault_gate gate{address::tcp(redis.port())};
  gate.hold();
  prober probe{gate.port(), 200ms};
  probe.arm();
  CAF_CHECK(eventually([&] { return gate.accepted() > 20; }));
  CAF_CHECK(!probe.wait(400ms));
  CAF_CHECK(eventually([&] { return gate.living() == 0; }));
  CAF_CHECK_LESS(gate.accepted(), 202u);
  auto dialled = gate.accepted();
  CAF_CHECK(!probe.wait(50ms));
  CAF_CHECK_EQUAL(gate.accepted(), dialled);
}

CAF_TEST(a prober that is armed from later on counts nothing earlier) {
  private_redis redis;
  prober probe{redis.port()};
  auto from = prober::clock::now() + 100ms;
  probe.arm(from);
  CAF_CHECK(probe.wait(5s) > from);
}
