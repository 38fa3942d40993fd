#define CAF_SUITE client_fallback

#include "client_fixture.hpp"

using namespace redoubt_test;

namespace {

/// What the oldest open question is answered with; an error if there is none.
struct verdict {
  std::optional<reply> value;
};

} // namespace

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(verdict)

namespace {

using questions = std::vector<std::pair<std::string, failure>>;
using cache_actor = fallback_actor::extend_with<api::interface<void(verdict)>>;

/// Notes what it is asked, and answers when it is told to.
class cache : public cache_actor::base {
public:
  cache(caf::actor_config& cfg, std::shared_ptr<questions> to)
    : cache_actor::base(cfg), to_(std::move(to)) {}

  behavior_type make_behavior() override {
    return {
      [this](const command& cmd, const failure& why) -> caf::result<reply> {
        open_.push_back(make_response_promise<reply>());
        to_->emplace_back(cmd.wire(), why);
        return caf::delegated<reply>{};
      },
      [this](verdict& x) {
        auto promise = std::move(open_.front());
        open_.erase(open_.begin());
        if (x.value)
          promise.deliver(std::move(*x.value));
        else
          promise.deliver(make_error(caf::sec::runtime_error));
      },
    };
  }

  void on_exit() override { open_.clear(); }

private:
  std::shared_ptr<questions> to_;
  std::vector<caf::typed_response_promise<reply>> open_;
};

struct fixture : client_fixture {
  ~fixture() override {
    caf::anon_send_exit(who, caf::exit_reason::kill);
    consume_messages();
  }

  static request_options with(fallback x) {
    request_options options;
    options.fallback = std::make_shared<const fallback>(std::move(x));
    return options;
  }

  /// Has the fallback answer what it was asked first.
  void stand_in(std::optional<reply> value) {
    caf::anon_send(who, verdict{std::move(value)});
    consume_messages();
  }

  std::shared_ptr<questions> asked = std::make_shared<questions>();
  cache_actor who = sys.spawn<cache>(asked);
  const command get{"GET", "k"};
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(client_fallback_tests, fixture)

CAF_TEST(a value answers at once while the breaker is open) {
  start_connected();
  set_gate(breaker_state::open, 1);
  auto x = expect_reply(ask(get, with(reply::string("old"))));
  CAF_CHECK_EQUAL(x.text(), "old");
  CAF_CHECK(x.stale);
}

CAF_TEST(what the server answers is not stale) {
  start_connected();
  auto answer = ask(get, with(reply::string("old")));
  answer_next(reply::string("new"));
  auto x = expect_reply(answer);
  CAF_CHECK_EQUAL(x.text(), "new");
  CAF_CHECK(!x.stale);
}

CAF_TEST(a value answers when the deadline is over) {
  start();
  auto options = with(reply::integer(7));
  options.deadline = 100ms;
  auto answer = ask(get, options);
  pass(110ms);
  CAF_CHECK_EQUAL(expect_reply(answer).number(), 7);
}

CAF_TEST(an actor is asked when the attempts are spent and told why) {
  start_connected();
  auto options = with(who);
  options.attempts = 1;
  auto answer = ask(get, options);
  answer_next(reply::error("LOADING Redis is loading the dataset in memory"));
  CAF_REQUIRE_EQUAL(asked->size(), 1u);
  CAF_CHECK_EQUAL((*asked)[0].first, get.wire());
  CAF_CHECK((*asked)[0].second.code == errc::loading);
  CAF_CHECK((*asked)[0].second.outcome == fate::refused);
  stand_in(reply::string("cached"));
  auto x = expect_reply(answer);
  CAF_CHECK_EQUAL(x.text(), "cached");
  CAF_CHECK(x.stale);
  pass(100ms);
  CAF_CHECK_EQUAL(told->reports.back().counters.fallbacks, 1u);
}

CAF_TEST(an actor may stand in for a write and is told its fate) {
  start_connected();
  auto answer = ask(command{"INCR", "k"}, with(who));
  lose_link(1);
  CAF_REQUIRE_EQUAL(asked->size(), 1u);
  CAF_CHECK((*asked)[0].second.outcome == fate::unknown);
  stand_in(reply::integer(0));
  CAF_CHECK(expect_reply(answer).stale);
}

CAF_TEST(an actor that has no answer leaves the failure as it was) {
  start_connected();
  set_gate(breaker_state::open, 1);
  auto answer = ask(get, with(who));
  auto silent = ask(get, with(who));
  CAF_REQUIRE_EQUAL(asked->size(), 2u);
  stand_in(std::nullopt);
  CAF_CHECK(expect_failure(answer).code == errc::circuit_open);
  pass(2005ms);
  CAF_CHECK(expect_failure(silent).code == errc::circuit_open);
}

CAF_TEST(a dead actor leaves the failure as it was) {
  start_connected();
  set_gate(breaker_state::open, 1);
  caf::anon_send_exit(who, caf::exit_reason::kill);
  consume_messages();
  CAF_CHECK(expect_failure(ask(get, with(who))).code == errc::circuit_open);
}

CAF_TEST(what waits for an actor is answered when the request actor dies) {
  start_connected();
  set_gate(breaker_state::open, 1);
  auto answer = ask(get, with(who));
  caf::anon_send_exit(subject, caf::exit_reason::kill);
  consume_messages();
  CAF_CHECK(expect_failure(answer).code == errc::circuit_open);
}

CAF_TEST(a dying request actor asks nobody) {
  start();
  auto answer = ask(get, with(who));
  auto value = ask(get, with(reply::string("old")));
  caf::anon_send_exit(subject, caf::exit_reason::kill);
  consume_messages();
  CAF_CHECK(asked->empty());
  CAF_CHECK(expect_failure(answer).code == errc::actor_died);
  CAF_CHECK_EQUAL(expect_reply(value).text(), "old");
}

CAF_TEST(a drain waits for actors that were asked until its limit) {
  start_connected();
  set_gate(breaker_state::open, 1);
  auto answer = ask(get, with(who));
  caf::anon_send(subject, drain_client{sched.clock().now() + 50ms});
  consume_messages();
  CAF_CHECK(told->drained.empty());
  pass(60ms);
  CAF_CHECK(expect_failure(answer).code == errc::circuit_open);
  CAF_REQUIRE_EQUAL(told->drained.size(), 1u);
  CAF_CHECK_EQUAL(told->drained[0].abandoned, 1u);
}

CAF_TEST(what waits for an actor can be cancelled) {
  start_connected();
  set_gate(breaker_state::open, 1);
  auto options = with(who);
  options.tag = 5;
  auto answer = ask(get, options);
  self->send(subject, cancel{{5}});
  consume_messages();
  CAF_CHECK(expect_failure(answer).code == errc::cancelled);
  stand_in(reply::string("late"));
}

CAF_TEST(what is cancelled or wrong in itself has no fallback) {
  start();
  auto options = with(reply::string("old"));
  options.tag = 5;
  auto answer = ask(get, options);
  self->send(subject, cancel{{5}});
  consume_messages();
  CAF_CHECK(expect_failure(answer).code == errc::cancelled);
  CAF_CHECK(expect_failure(ask(command{"SUBSCRIBE", "c"}, with(who))).code
            == errc::invalid_command);
  CAF_CHECK(asked->empty());
}

CAF_TEST(a value cannot stand in for a write nor anything for a transaction) {
  start_connected();
  auto write = expect_failure(ask(command{"SET", "k", 1}, with(reply{})));
  CAF_CHECK(write.code == errc::invalid_command);
  CAF_CHECK(write.outcome == fate::not_sent);
  transaction x;
  x.commands = {get};
  ask(x, with(who))
    .receive([](replies&) { CAF_FAIL("replied"); },
             [](caf::error& e) {
               CAF_CHECK(failure_of(e)->code == errc::invalid_command);
             });
  CAF_CHECK(told->units.empty());
}

CAF_TEST(the fallback of a handle stands in where it can) {
  config.defaults.fallback = std::make_shared<const fallback>(
    reply::string("old"));
  start_connected();
  set_gate(breaker_state::open, 1);
  CAF_CHECK_EQUAL(expect_reply(ask(get)).text(), "old");
  CAF_CHECK(expect_failure(ask(command{"SET", "k", 1})).code
            == errc::circuit_open);
  pipeline x;
  x.commands = {get, command{"INCR", "n"}, get};
  auto all = expect_outcomes(ask(x));
  CAF_CHECK(std::get<reply>(all.at(0)).stale);
  CAF_CHECK(std::get<failure>(all.at(1)).code == errc::circuit_open);
  CAF_CHECK(std::get<reply>(all.at(2)).stale);
}

CAF_TEST(no more actors are asked at a time than are affordable) {
  start_connected();
  set_gate(breaker_state::open, 1);
  auto options = with(who);
  for (int i = 0; i < 1024; ++i)
    self->send(subject, get, options);
  consume_messages();
  CAF_CHECK_EQUAL(asked->size(), 1024u);
  CAF_CHECK(expect_failure(ask(get, options)).code == errc::circuit_open);
}

CAF_TEST_FIXTURE_SCOPE_END()
