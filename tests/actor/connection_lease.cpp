#define CAF_SUITE connection_lease

#include <redoubt/actors/request/connection_lease.hpp>

#include <redoubt/actors/log.hpp>
#include <redoubt/messages/script.hpp>

#include <caf/all.hpp>
#include <caf/test/dsl.hpp>
#include <redoubt/tests/support/check.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

using namespace redoubt;
using namespace std::chrono_literals;

namespace {

struct link_record {
  std::vector<submission> units;
  size_t messages = 0;
  std::vector<errc> closed_with;
};

/// Writes down what it is given; the test answers.
class fake_link : public connection_actor::base {
public:
  fake_link(caf::actor_config& cfg, std::shared_ptr<link_record> to)
    : connection_actor::base(cfg), to_(std::move(to)) {}

  behavior_type make_behavior() override {
    return {
      [this](submit_many& x) {
        CAF_CHECK_EQUAL(x.owner, 3u);
        ++to_->messages;
        for (auto& unit : x.units)
          to_->units.push_back(std::move(unit));
      },
      [](attach_client&) {},
      [](detach_client&) {},
      [](adopt_link&) {},
      [this](close_link& x) { to_->closed_with.push_back(x.cause); },
      [](resolved&) {},
      [](io_event&) {},
      [](tick&) {},
    };
  }

private:
  std::shared_ptr<link_record> to_;
};

request_options within(std::chrono::milliseconds deadline) {
  request_options x;
  x.deadline = deadline;
  return x;
}

class fixture : public test_coordinator_fixture<> {
public:
  fixture() {
    logger_for("request")->set_level(spdlog::level::off);
    config.request_timeout = 2s;
    link = sys.spawn<fake_link>(told);
  }

  ~fixture() override {
    for (auto& x : {caf::actor_cast<caf::actor>(subject),
                    caf::actor_cast<caf::actor>(link)})
      if (x)
        caf::anon_send_exit(x, caf::exit_reason::kill);
    consume_messages();
  }

  void start() {
    subject = sys.spawn<connection_lease>(config);
    consume_messages();
  }

  void start_connected() {
    start();
    come_up();
  }

  void come_up() {
    link_up x;
    x.link = 1;
    x.connection = link;
    x.owner = 3;
    tell(std::move(x));
  }

  template <class Message>
  void tell(Message x) {
    caf::anon_send(subject, std::move(x));
    consume_messages();
  }

  template <class... Ts>
  auto ask(Ts... xs) {
    auto handle = self->request(subject, caf::infinite, std::move(xs)...);
    consume_messages();
    return handle;
  }

  /// The server answers the first unanswered unit.
  void answer(reply value) {
    CAF_REQUIRE(answered < told->units.size());
    link_replies x;
    x.link = 1;
    x.items.push_back(
      {told->units[answered++].id, errc::none, std::move(value)});
    tell(std::move(x));
  }

  void close(uint64_t written, errc cause = errc::disconnected) {
    link_closed x;
    x.link = 1;
    x.taken_up_to = told->units.size();
    x.written_up_to = written;
    x.cause = cause;
    x.text = "gone";
    tell(std::move(x));
  }

  bool closing() const { return !told->closed_with.empty(); }

  void pass(std::chrono::milliseconds time) {
    for (; time > 0ms; time -= 1ms) {
      advance_time(1ms);
      consume_messages();
    }
  }

  template <class Handle>
  reply expect_reply(Handle&& handle) {
    reply result;
    CAF_REQUIRE(!self->mailbox().empty());
    handle.receive([&](reply& x) { result = std::move(x); },
                   [](caf::error& e) { CAF_ERROR(describe(e)); });
    return result;
  }

  template <class Answer = reply, class Handle>
  failure expect_failure(Handle&& handle) {
    failure result;
    CAF_REQUIRE(!self->mailbox().empty());
    handle.receive([](Answer&) { CAF_ERROR("answered"); },
                   [&](caf::error& e) { result = failure_of(e).value(); });
    return result;
  }

  void check_failure(const failure& x, errc code, fate became) {
    CAF_CHECK_EQUAL(to_string(x.code), to_string(code));
    CAF_CHECK_EQUAL(to_string(x.outcome), to_string(became));
  }

  lease_config config;
  lease_actor subject;
  std::shared_ptr<link_record> told = std::make_shared<link_record>();
  connection_actor link;
  size_t answered = 0;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(connection_lease_tests, fixture)

CAF_TEST(commands go out at once and in their order) {
  start_connected();
  auto first = ask(command{"GET", "a"});
  auto second = ask(command{"GET", "b"});
  CAF_REQUIRE_EQUAL(told->units.size(), 2u);
  command expected{"GET", "b"};
  CAF_CHECK_EQUAL(*told->units[1].wire, expected.wire());
  answer(reply::string("1"));
  answer(reply::string("2"));
  CAF_CHECK_EQUAL(expect_reply(first).text(), "1");
  CAF_CHECK_EQUAL(expect_reply(second).text(), "2");
}

CAF_TEST(what comes before the connection is sent once it is there) {
  start();
  auto first = ask(command{"GET", "a"});
  auto second = ask(command{"GET", "b"});
  CAF_CHECK(told->units.empty());
  come_up();
  CAF_REQUIRE_EQUAL(told->units.size(), 2u);
  answer(reply::string("1"));
  answer(reply::string("2"));
  CAF_CHECK_EQUAL(expect_reply(first).text(), "1");
  CAF_CHECK_EQUAL(expect_reply(second).text(), "2");
}

CAF_TEST(a lost connection tells what cannot have run) {
  start_connected();
  auto first = ask(command{"INCR", "a"});
  auto second = ask(command{"INCR", "b"});
  auto third = ask(command{"INCR", "c"});
  answer(reply::integer(1));
  close(2);
  CAF_CHECK_EQUAL(expect_reply(first).number(), 1);
  auto why = expect_failure(second);
  check_failure(why, errc::disconnected, fate::unknown);
  CAF_CHECK_EQUAL(why.last_message, "gone");
  check_failure(expect_failure(third), errc::disconnected, fate::not_sent);
}

CAF_TEST(nothing is sent twice whatever the server says) {
  start_connected();
  auto x = ask(command{"GET", "a"});
  answer(reply::error("LOADING Redis is loading the dataset in memory"));
  check_failure(expect_failure(x), errc::loading, fate::refused);
  auto wrong = ask(command{"GET", "a"});
  answer(reply::error("WRONGTYPE Operation against a key"));
  CAF_CHECK(expect_reply(wrong).is_error());
  pass(3s);
  CAF_CHECK_EQUAL(told->units.size(), 2u);
}

CAF_TEST(a deadline that passes ends the lease) {
  start_connected();
  auto first = ask(command{"BLPOP", "q", 0}, within(100ms));
  auto second = ask(command{"GET", "a"});
  auto third = ask(command{"GET", "b"});
  pass(99ms);
  CAF_CHECK(!closing());
  pass(2ms);
  CAF_REQUIRE(closing());
  check_failure(expect_failure(first), errc::deadline_exceeded, fate::unknown);
  // The connection knows what became of the rest.
  close(2, errc::disconnected);
  auto why = expect_failure(second);
  check_failure(why, errc::disconnected, fate::unknown);
  CAF_CHECK_EQUAL(why.last_message, "a deadline passed over a command");
  check_failure(expect_failure(third), errc::disconnected, fate::not_sent);
}

CAF_TEST(the time that a command blocks for is not taken from its deadline) {
  start_connected();
  auto first = ask(command{"BLPOP", "q", 3});
  auto second = ask(command{"BLPOP", "q", 3});
  auto third = ask(command{"GET", "a"});
  pass(4'999ms);
  answer(reply{});
  pass(3'000ms);
  CAF_CHECK(!closing());
  answer(reply{});
  answer(reply::string("v"));
  CAF_CHECK(expect_reply(first).is_nil());
  CAF_CHECK(expect_reply(second).is_nil());
  CAF_CHECK_EQUAL(expect_reply(third).text(), "v");
  auto last = ask(command{"GET", "a"});
  pass(2'001ms);
  CAF_CHECK(closing());
  check_failure(expect_failure(last), errc::deadline_exceeded, fate::unknown);
}

CAF_TEST(the time that answered commands could have blocked for is over) {
  start_connected();
  auto last = ask(command{"BLPOP", "q", 30});
  for (int i = 0; i < 100; ++i) {
    auto next = ask(command{"BLPOP", "q", 30});
    answer(reply{});
    expect_reply(last);
    last = next;
  }
  pass(62'001ms);
  CAF_CHECK(closing());
  check_failure(expect_failure(last), errc::deadline_exceeded, fate::unknown);
}

CAF_TEST(a command that blocks for ever needs a deadline) {
  start_connected();
  auto why = expect_failure(ask(command{"BLPOP", "q", 0}));
  check_failure(why, errc::invalid_options, fate::not_sent);
  CAF_CHECK_EQUAL(why.last_message,
                  "deadline: a command that blocks for ever needs one");
  auto taken = ask(command{"BLPOP", "q", 0}, within(1s));
  CAF_CHECK_EQUAL(told->units.size(), 1u);
  answer(reply{});
  CAF_CHECK(expect_reply(taken).is_nil());
}

CAF_TEST(a deadline that was over at the start sends nothing) {
  start_connected();
  check_failure(expect_failure(ask(command{"GET", "a"}, within(0ms))),
                errc::deadline_exceeded, fate::not_sent);
  CAF_CHECK(told->units.empty());
  CAF_CHECK(!closing());
}

CAF_TEST(options that promise more than one try are refused by name) {
  start_connected();
  auto refused = [&](std::string_view name, auto set) {
    request_options x;
    set(x);
    auto why = expect_failure(ask(command{"GET", "a"}, x));
    check_failure(why, errc::invalid_options, fate::not_sent);
    CAF_CHECK_EQUAL(why.last_message.substr(0, why.last_message.find(':')),
                    name);
  };
  refused("retry", [](auto& x) { x.retry = retry_policy{}; });
  refused("attempts", [](auto& x) { x.attempts = 2; });
  refused("hedge", [](auto& x) { x.hedge = {hedge_mode::fixed, 5ms}; });
  refused("lane", [](auto& x) { x.lane = link_lane::bulk; });
  refused("fallback", [](auto& x) {
    x.fallback = std::make_shared<const fallback>(reply::string("stale"));
  });
  CAF_CHECK(told->units.empty());
}

CAF_TEST(a command that is refused holds up no other) {
  start_connected();
  auto why = expect_failure(ask(command{"SUBSCRIBE", "c"}));
  check_failure(why, errc::invalid_command, fate::not_sent);
  auto x = ask(command{"WATCH", "a"});
  answer(reply::status("OK"));
  CAF_CHECK_EQUAL(expect_reply(x).text(), "OK");
}

CAF_TEST(what is under way is bounded) {
  config.limits.in_flight = 2;
  start_connected();
  auto first = ask(command{"GET", "a"});
  auto second = ask(command{"GET", "b"});
  check_failure(expect_failure(ask(command{"GET", "c"})), errc::overloaded,
                fate::not_sent);
  answer(reply::string("1"));
  auto third = ask(command{"GET", "c"});
  CAF_CHECK_EQUAL(told->units.size(), 3u);
  answer(reply::string("2"));
  answer(reply::string("3"));
  expect_reply(first);
  expect_reply(second);
  CAF_CHECK_EQUAL(expect_reply(third).text(), "3");
}

CAF_TEST(bytes under way are bounded) {
  config.limits.queue_bytes = 100;
  start_connected();
  auto large = ask(command{"SET", "a", std::string(200, 'x')});
  CAF_CHECK_EQUAL(told->units.size(), 1u);
  check_failure(expect_failure(ask(command{"GET", "a"})), errc::overloaded,
                fate::not_sent);
  answer(reply::status("OK"));
  expect_reply(large);
}

CAF_TEST(a pipeline is answered command by command) {
  start_connected();
  pipeline x;
  x.commands = {command{"GET", "a"}, command{"MULTI"}, command{"GET", "b"}};
  auto handle = ask(x);
  CAF_REQUIRE_EQUAL(told->units.size(), 2u);
  CAF_CHECK_EQUAL(told->messages, 1u);
  answer(reply::string("1"));
  close(1);
  handle.receive(
    [&](replies& all) {
      CAF_REQUIRE_EQUAL(all.outcomes.size(), 3u);
      CAF_CHECK_EQUAL(std::get<reply>(all.outcomes[0]).text(), "1");
      check_failure(std::get<failure>(all.outcomes[1]), errc::invalid_command,
                    fate::not_sent);
      check_failure(std::get<failure>(all.outcomes[2]), errc::disconnected,
                    fate::not_sent);
    },
    [](caf::error& e) { CAF_ERROR(describe(e)); });
}

CAF_TEST(a transaction is one unit) {
  start_connected();
  transaction x;
  x.commands = {command{"SET", "a", 1}, command{"INCR", "a"}};
  auto handle = ask(x);
  CAF_REQUIRE_EQUAL(told->units.size(), 1u);
  CAF_CHECK_EQUAL(told->units[0].replies, 4u);
  std::vector<reply> all;
  all.push_back(reply::status("OK"));
  all.push_back(reply::status("QUEUED"));
  all.push_back(reply::status("QUEUED"));
  all.push_back(reply{});
  answer(reply::array(std::move(all)));
  auto why = expect_failure<replies>(handle);
  check_failure(why, errc::transaction_aborted, fate::answered);
  CAF_CHECK_EQUAL(why.last_message, "a watched key changed");
}

CAF_TEST(a transaction with a member that is refused is not sent) {
  start_connected();
  transaction x;
  x.commands = {command{"SET", "a", 1}, command{"SUBSCRIBE", "c"}};
  check_failure(expect_failure<replies>(ask(x)), errc::invalid_command,
                fate::not_sent);
  CAF_CHECK(told->units.empty());
}

CAF_TEST(a script brings its text along) {
  start_connected();
  script one{"return 1"};
  auto x = ask(one.call({}, {}));
  CAF_REQUIRE_EQUAL(told->units.size(), 1u);
  CAF_CHECK(told->units[0].wire->find("return 1") != std::string::npos);
  answer(reply::integer(1));
  expect_reply(x);
}

CAF_TEST(a lease that is idle for too long ends and says so) {
  config.idle = 500ms;
  start_connected();
  pass(400ms);
  auto x = ask(command{"BLPOP", "q", 1});
  pass(900ms);
  CAF_CHECK(!closing());
  answer(reply{});
  expect_reply(x);
  pass(499ms);
  CAF_CHECK(!closing());
  pass(2ms);
  CAF_CHECK(closing());
  close(1);
  auto why = expect_failure(ask(command{"GET", "a"}));
  check_failure(why, errc::disconnected, fate::not_sent);
  CAF_CHECK_EQUAL(why.last_message,
                  "the lease is over: it was idle for 500 ms");
}

CAF_TEST(a lease without a limit may be idle for long) {
  start_connected();
  pass(100s);
  CAF_CHECK(!closing());
}

CAF_TEST(what is unanswered when it is given back is cancelled) {
  start_connected();
  auto x = ask(command{"BLPOP", "q", 1});
  tell(release_connection{});
  CAF_CHECK(closing());
  close(1);
  check_failure(expect_failure(x), errc::cancelled, fate::unknown);
  // Who gave it back needs no reason.
  CAF_CHECK(
    api::is_terminated(*caf::actor_cast<caf::abstract_actor*>(subject)));
}

CAF_TEST(a holder that dies ends the lease) {
  auto holder = std::make_unique<caf::scoped_actor>(sys);
  config.holder = caf::actor_cast<caf::strong_actor_ptr>(*holder);
  start_connected();
  config.holder = nullptr;
  CAF_CHECK(!closing());
  holder.reset();
  consume_messages();
  CAF_CHECK(closing());
  close(0);
  // Nobody is left to be told.
  CAF_CHECK(
    api::is_terminated(*caf::actor_cast<caf::abstract_actor*>(subject)));
}

CAF_TEST(a lease that is over answers for a minute and is gone then) {
  start_connected();
  close(0);
  check_failure(expect_failure(ask(command{"GET", "a"})), errc::disconnected,
                fate::not_sent);
  pass(59s);
  check_failure(expect_failure(ask(command{"GET", "a"})), errc::disconnected,
                fate::not_sent);
  pass(2s);
  auto why = expect_failure(ask(command{"GET", "a"}));
  check_failure(why, errc::actor_died, fate::not_sent);
}

CAF_TEST(a drain waits for what is under way and takes nothing new) {
  start_connected();
  auto x = ask(command{"BLPOP", "q", 1});
  tell(drain_client{sched.clock().now() + 500ms});
  check_failure(expect_failure(ask(command{"GET", "a"})), errc::shutting_down,
                fate::not_sent);
  CAF_CHECK(!closing());
  answer(reply{});
  CAF_CHECK(closing());
  expect_reply(x);
}

CAF_TEST(a drain gives up what is under way at its limit) {
  start_connected();
  auto x = ask(command{"BLPOP", "q", 1});
  tell(drain_client{sched.clock().now() + 500ms});
  pass(501ms);
  CAF_CHECK(closing());
  close(1);
  check_failure(expect_failure(x), errc::shutting_down, fate::unknown);
}

CAF_TEST(all are answered when the actor is killed) {
  start_connected();
  auto x = ask(command{"INCR", "a"});
  caf::anon_send_exit(subject, caf::exit_reason::kill);
  consume_messages();
  check_failure(expect_failure(x), errc::actor_died, fate::unknown);
}

CAF_TEST(an answer out of order ends the lease) {
  start_connected();
  auto x = ask(command{"GET", "a"});
  link_replies wrong;
  wrong.link = 1;
  wrong.items.push_back({77, errc::none, reply::string("not yours")});
  tell(std::move(wrong));
  CAF_REQUIRE(closing());
  CAF_CHECK(told->closed_with[0] == errc::protocol_error);
  close(1, errc::protocol_error);
  check_failure(expect_failure(x), errc::protocol_error, fate::unknown);
}

CAF_TEST_FIXTURE_SCOPE_END()
