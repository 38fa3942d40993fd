#define CAF_SUITE client_bulk

#include "client_fixture.hpp"

#include <redoubt/actors/bulk_client.hpp>

using namespace redoubt_test;

namespace {

/// Writes down what it is sent.
struct completed {
  std::vector<completion> items;
  size_t messages = 0;
};

class recording_sink : public completion_sink::base {
public:
  recording_sink(caf::actor_config& cfg, std::shared_ptr<completed> to)
    : completion_sink::base(cfg), to_(std::move(to)) {}

  behavior_type make_behavior() override {
    return {[this](completions& x) {
      ++to_->messages;
      for (auto& each : x.items)
        to_->items.push_back(std::move(each));
    }};
  }

private:
  std::shared_ptr<completed> to_;
};

struct go {
  std::function<void(bulk_client&)> run;
};

} // namespace

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(go)

namespace {

struct finished {
  std::vector<std::pair<uint64_t, outcome>> outcomes;
  std::function<void(bulk_client&)> after;
};

/// A service actor with a bulk client.
class driver : public caf::event_based_actor {
public:
  driver(caf::actor_config& cfg, const request_actor& to,
         std::shared_ptr<finished> out)
    : caf::event_based_actor(cfg),
      out_(std::move(out)),
      redis_(this, to, [this](uint64_t key, outcome& x) {
        out_->outcomes.emplace_back(key, x);
        if (out_->after)
          out_->after(redis_);
      }) {}

  caf::behavior make_behavior() override {
    return {
      [this](go& x) { x.run(redis_); },
      [this](completions& x) { redis_.take(x); },
    };
  }

private:
  std::shared_ptr<finished> out_;
  bulk_client redis_;
};

struct fixture : client_fixture {
  fixture() : sink(sys.spawn<recording_sink>(done)) {}

  ~fixture() override {
    caf::anon_send_exit(sink, caf::exit_reason::kill);
    if (service)
      caf::anon_send_exit(service, caf::exit_reason::kill);
    consume_messages();
  }

  void submit_all(std::vector<bulk_command> commands) {
    caf::anon_send(subject, submit{sink, std::move(commands)});
    consume_messages();
  }

  void cancel_all(std::vector<uint64_t> ids) {
    caf::anon_send(subject, cancel{std::move(ids), sink});
    consume_messages();
  }

  const failure& why(size_t i) {
    return std::get<failure>(done->items.at(i).result);
  }

  void start_service() {
    service = sys.spawn<driver>(subject, out);
    consume_messages();
  }

  void drive(std::function<void(bulk_client&)> what) {
    caf::anon_send(service, go{std::move(what)});
    consume_messages();
  }

  std::shared_ptr<completed> done = std::make_shared<completed>();
  completion_sink sink;
  std::shared_ptr<finished> out = std::make_shared<finished>();
  caf::actor service;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(client_bulk_tests, fixture)

// -- submit ---------------------------------------------------------------------

CAF_TEST(commands of one message go out in one and each is completed by its id) {
  start_connected();
  submit_all(
    {{7, command{"GET", "a"}, nullptr}, {9, command{"GET", "b"}, nullptr}});
  CAF_CHECK_EQUAL(told->messages, 1u);
  CAF_CHECK(sent() == (std::vector{wire({"GET", "a"}), wire({"GET", "b"})}));
  answer_next(reply::string("1"));
  answer_next(reply::error("WRONGTYPE no"));
  CAF_REQUIRE_EQUAL(done->items.size(), 2u);
  CAF_CHECK_EQUAL(done->items[0].id, 7u);
  CAF_CHECK_EQUAL(std::get<reply>(done->items[0].result).text(), "1");
  CAF_CHECK_EQUAL(done->items[1].id, 9u);
  CAF_CHECK(std::get<reply>(done->items[1].result).is_error());
}

CAF_TEST(replies of one turn are completed by one message) {
  start_connected();
  submit_all(
    {{1, command{"GET", "a"}, nullptr}, {2, command{"GET", "b"}, nullptr}});
  link_replies x;
  x.link = last_link;
  for (auto& unit : told->units)
    x.items.push_back({unit.id, errc::none, reply{}});
  caf::anon_send(subject, x);
  consume_messages();
  CAF_CHECK_EQUAL(done->messages, 1u);
  CAF_CHECK_EQUAL(done->items.size(), 2u);
}

CAF_TEST(each command of a submit may have options of its own) {
  start_connected();
  auto brief = std::make_shared<request_options>();
  brief->deadline = 50ms;
  submit_all(
    {{1, command{"GET", "a"}, brief}, {2, command{"GET", "b"}, nullptr}});
  pass(55ms);
  CAF_REQUIRE_EQUAL(done->items.size(), 1u);
  CAF_CHECK_EQUAL(done->items[0].id, 1u);
  CAF_CHECK(why(0).code == errc::deadline_exceeded);
  CAF_CHECK(why(0).outcome == fate::unknown);
}

CAF_TEST(bad commands of a submit cost nobody else anything) {
  start_connected();
  submit_all({{1, command{}, nullptr},
              {2, command{"GET", "a"}, nullptr},
              {3, command{"SUBSCRIBE", "a"}, nullptr}});
  CAF_REQUIRE_EQUAL(done->items.size(), 2u);
  CAF_CHECK(why(0).code == errc::invalid_command);
  CAF_CHECK(why(1).code == errc::invalid_command);
  CAF_CHECK(sent() == std::vector{wire({"GET", "a"})});
}

CAF_TEST(a sink keeps its order when its connection is lost) {
  start_connected();
  submit_all({{1, command{"SET", "k", "1"}, nullptr},
              {2, command{"SET", "k", "2"}, nullptr}});
  lose_link(2);
  submit_all({{3, command{"GET", "k"}, nullptr}});
  link_up_now();
  pass(200ms);
  CAF_CHECK(sent()
            == (std::vector{wire({"SET", "k", "1"}), wire({"SET", "k", "2"}),
                            wire({"GET", "k"})}));
}

CAF_TEST(a request actor that dies completes what it took) {
  start_connected();
  submit_all({{1, command{"GET", "a"}, nullptr}});
  caf::anon_send_exit(subject, caf::exit_reason::kill);
  consume_messages();
  CAF_REQUIRE_EQUAL(done->items.size(), 1u);
  CAF_CHECK(why(0).code == errc::actor_died);
  CAF_CHECK(why(0).outcome == fate::unknown);
}

CAF_TEST(a submit that the mailbox has no room for is turned away as a whole) {
  auto turned_away = [&](auto message) {
    auto x = caf::make_mailbox_element(nullptr, caf::make_message_id(), {},
                                       std::move(message));
    return client::turn_away(*x);
  };
  CAF_CHECK(!turned_away(tick{}));
  CAF_CHECK(turned_away(submit{sink,
                               {{4, command{"GET", "a"}, nullptr},
                                {5, command{"GET", "b"}, nullptr}}}));
  consume_messages();
  CAF_REQUIRE_EQUAL(done->items.size(), 2u);
  CAF_CHECK_EQUAL(done->items[1].id, 5u);
  for (size_t i = 0; i < 2; ++i) {
    CAF_CHECK(why(i).code == errc::overloaded);
    CAF_CHECK(why(i).outcome == fate::not_sent);
  }
}

CAF_TEST(what is sent without a request and finds no room is dropped) {
  auto turned_away = [](auto&&... message) {
    auto x = caf::make_mailbox_element(nullptr, caf::make_message_id(), {},
                                       std::move(message)...);
    return client::turn_away(*x);
  };
  command get{"GET", "k"};
  request_options o;
  CAF_CHECK(turned_away(command{get}));
  CAF_CHECK(turned_away(command{get}, request_options{o}));
  CAF_CHECK(turned_away(pipeline{{get}}));
  CAF_CHECK(turned_away(pipeline{{get}}, request_options{o}));
  CAF_CHECK(turned_away(transaction{{get}}));
  CAF_CHECK(turned_away(transaction{{get}}, request_options{o}));
  CAF_CHECK(turned_away(cancel{{1}}));
  CAF_CHECK(!turned_away(link_replies{}));
  CAF_CHECK(!turned_away(gate{}));
}

CAF_TEST(commands of a submit beyond the queue are overloaded) {
  config.limits.queue = 2;
  start();
  submit_all({{1, command{"GET", "a"}, nullptr},
              {2, command{"GET", "b"}, nullptr},
              {3, command{"GET", "c"}, nullptr}});
  CAF_REQUIRE_EQUAL(done->items.size(), 1u);
  CAF_CHECK_EQUAL(done->items[0].id, 3u);
  CAF_CHECK(why(0).code == errc::overloaded);
}

// -- cancel ---------------------------------------------------------------------

CAF_TEST(what is cancelled before it was sent is never sent) {
  start();
  submit_all({{1, command{"GET", "a"}, nullptr},
              {2, command{"GET", "b"}, nullptr},
              {3, command{"GET", "c"}, nullptr}});
  cancel_all({1, 3, 99});
  CAF_REQUIRE_EQUAL(done->items.size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    CAF_CHECK(why(i).code == errc::cancelled);
    CAF_CHECK(why(i).outcome == fate::not_sent);
  }
  link_up_now();
  CAF_CHECK(sent() == std::vector{wire({"GET", "b"})});
}

CAF_TEST(what is cancelled while it is under way is unknown and not sent again) {
  start_connected();
  submit_all(
    {{1, command{"GET", "a"}, nullptr}, {2, command{"GET", "b"}, nullptr}});
  cancel_all({1});
  CAF_REQUIRE_EQUAL(done->items.size(), 1u);
  CAF_CHECK(why(0).code == errc::cancelled);
  CAF_CHECK(why(0).outcome == fate::unknown);
  answer_next(reply::string("late"));
  answer_next(reply::string("b"));
  CAF_REQUIRE_EQUAL(done->items.size(), 2u);
  CAF_CHECK_EQUAL(done->items[1].id, 2u);
  CAF_CHECK_EQUAL(std::get<reply>(done->items[1].result).text(), "b");
}

CAF_TEST(a retry that is cancelled is not sent) {
  start_connected();
  submit_all({{1, command{"GET", "a"}, nullptr}});
  lose_link(1);
  cancel_all({1});
  CAF_REQUIRE_EQUAL(done->items.size(), 1u);
  CAF_CHECK(why(0).outcome == fate::unknown);
  link_up_now();
  pass(200ms);
  CAF_CHECK(sent().empty());
}

CAF_TEST(a request is cancelled by its tag by its sender alone) {
  start_connected();
  request_options o;
  o.tag = 5;
  auto mine = ask(command{"GET", "a"}, o);
  auto untagged = ask(command{"GET", "b"});
  caf::scoped_actor other{sys};
  other->send(subject, cancel{{5, 0}});
  consume_messages();
  self->send(subject, cancel{{0}});
  consume_messages();
  CAF_CHECK(self->mailbox().empty());
  self->send(subject, cancel{{5}});
  consume_messages();
  CAF_CHECK(expect_failure(mine).code == errc::cancelled);
  answer_next(reply{});
  answer_next(reply{});
  expect_reply(untagged);
}

CAF_TEST(a sink cannot cancel requests of another) {
  start_connected();
  submit_all({{1, command{"GET", "a"}, nullptr}});
  auto elsewhere = std::make_shared<completed>();
  auto other = sys.spawn<recording_sink>(elsewhere);
  caf::anon_send(subject, cancel{{1}, other});
  consume_messages();
  CAF_CHECK(done->items.empty());
  answer_next(reply{});
  CAF_CHECK_EQUAL(done->items.size(), 1u);
}

// -- bulk_client ------------------------------------------------------------------

CAF_TEST(a bulk client hands out each outcome with its key) {
  start_connected();
  start_service();
  drive([](bulk_client& x) {
    x.add(command{"GET", "a"}, 70);
    x.add(command{"GET", "b"}, 71);
    CAF_CHECK_EQUAL(x.outstanding(), 2u);
  });
  CAF_CHECK(sent().empty());
  drive([](bulk_client& x) { x.flush(); });
  CAF_CHECK_EQUAL(told->messages, 1u);
  answer_next(reply::string("1"));
  answer_next(reply::string("2"));
  CAF_REQUIRE_EQUAL(out->outcomes.size(), 2u);
  CAF_CHECK_EQUAL(out->outcomes[1].first, 71u);
  CAF_CHECK_EQUAL(std::get<reply>(out->outcomes[1].second).text(), "2");
  drive([](bulk_client& x) { CAF_CHECK_EQUAL(x.outstanding(), 0u); });
}

CAF_TEST(what the handler adds is sent by itself) {
  start_connected();
  start_service();
  auto left = 3;
  out->after = [&left](bulk_client& x) {
    if (left-- > 0)
      x.add(command{"GET", "again"}, 1);
  };
  drive([](bulk_client& x) {
    x.add(command{"GET", "a"}, 1);
    x.flush();
  });
  for (int i = 0; i < 4; ++i)
    answer_next(reply{});
  CAF_CHECK_EQUAL(out->outcomes.size(), 4u);
}

CAF_TEST(a bulk client takes commands back) {
  start_connected();
  start_service();
  drive([](bulk_client& x) {
    auto id = x.add(command{"GET", "a"}, 1);
    x.flush();
    x.cancel(id);
    x.cancel(id + 1);
  });
  CAF_REQUIRE_EQUAL(out->outcomes.size(), 1u);
  CAF_CHECK(std::get<failure>(out->outcomes[0].second).code == errc::cancelled);
}

CAF_TEST(a bulk client answers what its dead request actor never took) {
  start_connected();
  start_service();
  drive([](bulk_client& x) {
    x.add(command{"GET", "taken"}, 1);
    x.flush();
  });
  // Dies with the second submit in its mailbox.
  caf::anon_send_exit(subject, caf::exit_reason::kill);
  caf::anon_send(service, go{[](bulk_client& x) {
                   x.add(command{"GET", "never taken"}, 2);
                   x.flush();
                   x.add(command{"GET", "never sent"}, 3);
                 }});
  consume_messages();
  CAF_REQUIRE_EQUAL(out->outcomes.size(), 3u);
  std::sort(out->outcomes.begin(), out->outcomes.end(),
            [](auto& a, auto& b) { return a.first < b.first; });
  auto fate_of = [&](size_t i) {
    return std::get<failure>(out->outcomes[i].second).outcome;
  };
  CAF_CHECK(fate_of(0) == fate::unknown);
  CAF_CHECK(fate_of(1) == fate::not_sent);
  CAF_CHECK(fate_of(2) == fate::not_sent);
}

CAF_TEST(a bulk client of a dead request actor turns commands away) {
  start_connected();
  start_service();
  caf::anon_send_exit(subject, caf::exit_reason::kill);
  consume_messages();
  auto left = 2;
  out->after = [&left](bulk_client& x) {
    if (left-- > 0)
      x.add(command{"GET", "again"}, 1);
  };
  drive([](bulk_client& x) {
    CAF_CHECK(x.closed());
    x.add(command{"GET", "a"}, 1);
    x.flush();
    CAF_CHECK_EQUAL(x.outstanding(), 1u);
  });
  CAF_CHECK_EQUAL(out->outcomes.size(), 3u);
}

CAF_TEST(a bulk client goes on with a new handle) {
  start_connected();
  start_service();
  auto first = subject;
  start_connected();
  drive([this](bulk_client& x) {
    x.add(command{"GET", "a"}, 1);
    x.attach(subject);
    x.flush();
  });
  caf::anon_send_exit(first, caf::exit_reason::kill);
  consume_messages();
  CAF_CHECK(out->outcomes.empty());
  CAF_CHECK(sent() == std::vector{wire({"GET", "a"})});
  answer_next(reply{});
  CAF_CHECK_EQUAL(out->outcomes.size(), 1u);
  drive([](bulk_client& x) { CAF_CHECK(!x.closed()); });
}

CAF_TEST_FIXTURE_SCOPE_END()
