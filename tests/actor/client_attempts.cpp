#define CAF_SUITE client_attempts

#include "client_fixture.hpp"

using namespace redoubt_test;

namespace {

struct seen_events {
  std::vector<attempt_event> events;
  std::vector<size_t> batches;
  uint64_t dropped = 0;
};

/// An observer that acknowledges at once, or never.
class recording_observer : public caf::event_based_actor {
public:
  recording_observer(caf::actor_config& cfg, std::shared_ptr<seen_events> seen,
                     bool acknowledges)
    : caf::event_based_actor(cfg),
      seen_(std::move(seen)),
      acknowledges_(acknowledges) {}

  caf::behavior make_behavior() override {
    return {
      [this](attempt_events& x) {
        seen_->batches.push_back(x.events.size());
        seen_->dropped += x.dropped;
        for (auto& each : x.events)
          seen_->events.push_back(std::move(each));
        auto promise = make_response_promise();
        if (acknowledges_)
          promise.deliver(caf::make_message());
        else
          open_.push_back(promise);
        return promise;
      },
    };
  }

  void on_exit() override { open_.clear(); }

private:
  std::shared_ptr<seen_events> seen_;
  bool acknowledges_;
  std::vector<caf::response_promise> open_;
};

struct fixture : client_fixture {
  using kind = attempt_event::kind;

  ~fixture() override {
    if (observer)
      caf::anon_send_exit(observer, caf::exit_reason::kill);
  }

  void observe(bool acknowledges = true) {
    observer = caf::actor_cast<attempt_observer>(
      sys.spawn<recording_observer>(seen, acknowledges));
    self->send(subject, observe_attempts{observer});
    consume_messages();
  }

  /// The events so far, one word for each.
  std::string told_of() const {
    std::string result;
    for (auto& x : seen->events) {
      result += (result.empty() ? "" : " ") + std::string{to_string(x.what)}
                + std::to_string(x.attempt);
      if (x.what == kind::ends)
        result += ":" + std::string{to_string(x.code)};
    }
    return result;
  }

  std::shared_ptr<seen_events> seen = std::make_shared<seen_events>();
  attempt_observer observer;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(client_attempts_tests, fixture)

CAF_TEST(an observer sees each attempt and each wait) {
  start_connected();
  observe();
  request_options o;
  o.operation = "load-user";
  o.tag = 7;
  o.retry = retry_policy{fixed(50ms), stop_after(2)};
  auto answer = ask(command{"GET", "k"}, o);
  answer_next(reply::error("TRYAGAIN Multiple keys request"));
  pass(55ms);
  answer_next(reply::string("v"));
  expect_reply(answer);
  CAF_CHECK_EQUAL(told_of(),
                  "begins1 ends1:try_again waits1 begins2 ends2:none");
  auto& refused = seen->events.at(1);
  CAF_CHECK(refused.outcome == fate::refused);
  CAF_CHECK(seen->events.at(2).wait == 50ms);
  CAF_CHECK(seen->events.at(3).elapsed >= 50ms);
  CAF_CHECK(seen->events.at(4).outcome == fate::answered);
  for (auto& x : seen->events) {
    CAF_CHECK_EQUAL(x.command, "GET");
    CAF_CHECK_EQUAL(x.operation, "load-user");
    CAF_CHECK_EQUAL(x.tag, 7u);
  }
}

CAF_TEST(the events of one turn come in one message) {
  start_connected();
  observe();
  auto all = ask(pipeline{{command{"GET", "a"}, command{"GET", "b"}}});
  CAF_CHECK_EQUAL(seen->batches, std::vector<size_t>{2});
  lose_link(0);
  CAF_CHECK_EQUAL(seen->batches, (std::vector<size_t>{2, 2}));
  CAF_CHECK_EQUAL(told_of(),
                  "begins1 begins1 ends1:disconnected ends1:disconnected");
  link_up_now();
  answer_next(reply{});
  answer_next(reply{});
  expect_outcomes(all);
}

CAF_TEST(every attempt that begins ends) {
  start_connected();
  observe();
  request_options brief;
  brief.deadline = 20ms;
  brief.tag = 1;
  auto late = ask(command{"GET", "k"}, brief);
  pass(25ms);
  expect_failure(late);
  brief.deadline = 1s;
  auto cancelled = ask(command{"GET", "k"}, brief);
  self->send(subject, cancel{{1}});
  consume_messages();
  expect_failure(cancelled);
  auto timed_out = ask(command{"INCR", "k"});
  pass(505ms);
  expect_failure(timed_out);
  auto whole = ask(transaction{{command{"INCR", "k"}}});
  answer_next(reply{});
  answer_next(reply{});
  answer_next(reply{});
  answer_next(reply::array({reply::status("OK"), reply::status("QUEUED"),
                            reply::array({reply::integer(1)})}));
  expect_outcomes(whole);
  CAF_CHECK_EQUAL(told_of(),
                  "begins1 ends1:deadline_exceeded begins1 ends1:cancelled "
                  "begins1 ends1:attempt_timeout begins1 ends1:none");
  CAF_CHECK_EQUAL(seen->events.back().command, "MULTI");
}

CAF_TEST(an observer that does not keep up loses events beyond the limit) {
  config.limits.subscriber_events = 3;
  start_connected();
  observe(false);
  for (int i = 0; i < 3; ++i) {
    auto answer = ask(command{"GET", "k"});
    answer_next(reply{});
    expect_reply(answer);
  }
  CAF_CHECK_EQUAL(seen->events.size(), 3u);
}

CAF_TEST(an observer that was sent away or died is told nothing more) {
  start_connected();
  observe();
  self->send(subject, observe_attempts{observer, false});
  consume_messages();
  auto first = ask(command{"GET", "k"});
  answer_next(reply{});
  expect_reply(first);
  CAF_CHECK(seen->events.empty());
  observe();
  caf::anon_send_exit(observer, caf::exit_reason::kill);
  consume_messages();
  for (int i = 0; i < 3; ++i) {
    auto answer = ask(command{"GET", "k"});
    answer_next(reply{});
    expect_reply(answer);
  }
  CAF_CHECK(seen->events.empty());
}

CAF_TEST_FIXTURE_SCOPE_END()
