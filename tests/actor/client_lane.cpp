#define CAF_SUITE client_lane

#include "client_fixture.hpp"

using namespace redoubt_test;

namespace {

/// What the request actor of the other lane was given, and by whom.
struct given {
  std::vector<std::string> commands;
  std::vector<request_options> options;
  std::vector<caf::actor_id> callers;
  std::vector<std::vector<uint64_t>> cancelled;
  std::vector<client_options> defaults;
};

class other_lane : public client_actor::base {
public:
  other_lane(caf::actor_config& cfg, std::shared_ptr<given> to)
    : client_actor::base(cfg), to_(std::move(to)) {}

  behavior_type make_behavior() override {
    return {
      [](command&) { return reply{}; },
      [this](command& x, const request_options& o) {
        note(std::string{x.name()}, o);
        return reply::status("other");
      },
      [](pipeline&) { return replies{}; },
      [this](pipeline& x, const request_options& o) {
        note("pipeline of " + std::to_string(x.commands.size()), o);
        return replies{};
      },
      [](transaction&) { return replies{}; },
      [this](transaction& x, const request_options& o) {
        note("transaction of " + std::to_string(x.commands.size()), o);
        return replies{};
      },
      [](submit&) {},
      [this](cancel& x) {
        to_->cancelled.push_back(x.ids);
        to_->callers.push_back(current_sender()->id());
      },
      [](observe_attempts&) {},
      [this](reconfigure_client& x) { to_->defaults.push_back(x.options); },
      [](link_up&) {},
      [](link_replies&) {},
      [](link_closed&) {},
      [](gate&) {},
      [](drain_client&) {},
      [](new_supervisor&) {},
      [](tick&) {},
    };
  }

private:
  void note(std::string what, const request_options& o) {
    to_->commands.push_back(std::move(what));
    to_->options.push_back(o);
    to_->callers.push_back(current_sender() ? current_sender()->id() : 0);
  }

  std::shared_ptr<given> to_;
};

struct fixture : client_fixture {
  fixture() {
    config.bulk_lane = [this](bool make) {
      if (!other && make)
        other = sys.spawn<other_lane>(there);
      return other;
    };
    bulk.lane = link_lane::bulk;
  }

  ~fixture() override {
    config.bulk_lane = nullptr;
    if (other)
      caf::anon_send_exit(other, caf::exit_reason::kill);
  }

  std::shared_ptr<given> there = std::make_shared<given>();
  client_actor other;
  request_options bulk;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(client_lane_tests, fixture)

CAF_TEST(a request that names the bulk lane is answered by that lane) {
  start_connected();
  bulk.tag = 7;
  auto x = expect_reply(ask(command{"GET", "big"}, bulk));
  CAF_CHECK_EQUAL(x.text(), "other");
  CAF_CHECK(told->units.empty());
  CAF_REQUIRE_EQUAL(there->commands.size(), 1u);
  CAF_CHECK_EQUAL(there->commands[0], "GET");
  // It is the caller's, with the options that it has.
  CAF_CHECK_EQUAL(there->callers[0], self->id());
  CAF_CHECK_EQUAL(there->options[0].tag, 7u);
  // There it is a request like any other.
  CAF_CHECK(!there->options[0].lane.has_value());
}

CAF_TEST(pipelines and transactions name the bulk lane as well) {
  start_connected();
  std::vector<command> two{{"GET", "a"}, {"GET", "b"}};
  expect_outcomes(ask(pipeline{two}, bulk));
  expect_outcomes(ask(transaction{two}, bulk));
  CAF_CHECK(told->units.empty());
  CAF_CHECK(there->commands
            == (std::vector<std::string>{"pipeline of 2", "transaction of 2"}));
}

CAF_TEST(what nobody waits for goes over the bulk lane too) {
  start_connected();
  caf::anon_send(subject, command{"SET", "big", "x"}, bulk);
  consume_messages();
  CAF_CHECK(told->units.empty());
  CAF_CHECK_EQUAL(there->commands.size(), 1u);
}

CAF_TEST(nobody makes a bulk lane that nobody names) {
  start_connected();
  request_options shared;
  shared.lane = link_lane::shared;
  auto pending = ask(command{"GET", "a"}, shared);
  self->send(subject, cancel{{5}});
  consume_messages();
  CAF_CHECK(other == nullptr);
  CAF_CHECK_EQUAL(told->units.size(), 1u);
  answer_next(reply{});
  expect_reply(pending);
}

CAF_TEST(a dead bulk lane took nothing) {
  start_connected();
  expect_reply(ask(command{"GET", "big"}, bulk));
  caf::anon_send_exit(other, caf::exit_reason::kill);
  consume_messages();
  auto handle = ask(command{"INCR", "n"}, bulk);
  handle.receive([](reply&) { CAF_FAIL("answered"); },
                 [](caf::error& e) { CAF_CHECK(is_not_sent(e)); });
}

CAF_TEST(requests are cancelled by their caller in the bulk lane as well) {
  start_connected();
  expect_reply(ask(command{"GET", "big"}, bulk));
  self->send(subject, cancel{{5, 6}});
  consume_messages();
  CAF_REQUIRE_EQUAL(there->cancelled.size(), 1u);
  CAF_CHECK(there->cancelled[0] == (std::vector<uint64_t>{5, 6}));
  CAF_CHECK_EQUAL(there->callers.back(), self->id());
}

CAF_TEST(the bulk lane has the defaults of its handle) {
  start_connected();
  expect_reply(ask(command{"GET", "big"}, bulk));
  client_options next;
  next.timeouts.request = 7s;
  ask(reconfigure_client{next})
    .receive([] {}, [](caf::error&) { CAF_FAIL("refused"); });
  CAF_REQUIRE_EQUAL(there->defaults.size(), 1u);
  CAF_CHECK(there->defaults[0].timeouts.request == 7s);
  CAF_CHECK(there->defaults[0].lane == link_lane::bulk);
}

CAF_TEST(the lane of a handle cannot be changed) {
  start_connected();
  client_options next;
  next.lane = link_lane::bulk;
  ask(reconfigure_client{next})
    .receive([] { CAF_FAIL("taken"); },
             [](caf::error& e) {
               CAF_CHECK_EQUAL(failure_of(e)->last_message,
                               "client.lane: cannot be changed");
             });
}

CAF_TEST(a lane that a handle does not have is refused) {
  config.defaults.lane = link_lane::bulk;
  start_connected();
  request_options shared;
  shared.lane = link_lane::shared;
  auto why = expect_failure(ask(command{"GET", "a"}, shared));
  CAF_CHECK(why.code == errc::invalid_options);
  CAF_CHECK_EQUAL(why.last_message,
                  "lane: must be that of the client handle here");
  CAF_CHECK(why.outcome == fate::not_sent);
  // Its own is well.
  auto own = ask(command{"GET", "a"}, bulk);
  CAF_REQUIRE_EQUAL(told->units.size(), 1u);
  answer_next(reply{});
  expect_reply(own);
}

CAF_TEST(a drained handle hands nothing on) {
  start_connected();
  caf::anon_send(subject, drain_client{sched.clock().now()});
  consume_messages();
  auto why = expect_failure(ask(command{"GET", "a"}, bulk));
  CAF_CHECK(why.code == errc::shutting_down);
  CAF_CHECK(other == nullptr);
}

CAF_TEST_FIXTURE_SCOPE_END()
