#pragma once

#include "client_fixture.hpp"

#include <map>

namespace redoubt_test {

/// What became of the requests of one caller, by their numbers.
struct seen_answers {
  struct answer {
    bool replied = false;
    failure why;
    api::time_point at;
  };

  std::map<uint64_t, answer> answers;

  size_t replied() const {
    size_t n = 0;
    for (auto& [id, x] : answers)
      n += x.replied ? 1 : 0;
    return n;
  }

  size_t failed(errc code) const {
    size_t n = 0;
    for (auto& [id, x] : answers)
      n += !x.replied && x.why.code == code ? 1 : 0;
    return n;
  }
};

class crowd_sink : public completion_sink::base {
public:
  crowd_sink(caf::actor_config& cfg, std::shared_ptr<seen_answers> to)
    : completion_sink::base(cfg), to_(std::move(to)) {}

  behavior_type make_behavior() override {
    return {[this](completions& all) {
      for (auto& x : all.items) {
        auto& mine = to_->answers[x.id];
        mine.at = api::now(this);
        mine.replied = std::holds_alternative<reply>(x.result);
        if (!mine.replied)
          mine.why = std::get<failure>(x.result);
      }
    }};
  }

private:
  std::shared_ptr<seen_answers> to_;
};

/// Many callers before one request actor, and a server that takes its time.
class crowd_fixture : public client_fixture {
public:
  struct member {
    completion_sink sink;
    std::shared_ptr<seen_answers> seen = std::make_shared<seen_answers>();
    uint64_t last = 0;
  };

  ~crowd_fixture() override {
    for (auto& each : crowd)
      caf::anon_send_exit(each->sink, caf::exit_reason::kill);
    consume_messages();
  }

  member& join() {
    crowd.push_back(std::make_unique<member>());
    crowd.back()->sink = sys.spawn<crowd_sink>(crowd.back()->seen);
    return *crowd.back();
  }

  using options_ptr = std::shared_ptr<const request_options>;

  static options_ptr with_priority(request_priority x) {
    request_options o;
    o.priority = x;
    return std::make_shared<const request_options>(o);
  }

  static options_ptr with_deadline(std::chrono::milliseconds x) {
    request_options o;
    o.deadline = x;
    return std::make_shared<const request_options>(o);
  }

  /// `n` requests at once; answers the number of the first. Each is a GET of
  /// `name` and its number.
  uint64_t submit(member& who, const std::string& name, size_t n,
                  options_ptr options = nullptr) {
    auto first = who.last + 1;
    std::vector<bulk_command> commands;
    for (size_t i = 0; i < n; ++i) {
      ++who.last;
      commands.push_back(
        {who.last, command{"GET", name + std::to_string(who.last)}, options});
    }
    caf::anon_send(subject, redoubt::submit{who.sink, std::move(commands)});
    consume_messages();
    return first;
  }

  /// The server works for `time`: one command per millisecond, one after the
  /// other.
  void serve(std::chrono::milliseconds time) {
    for (; time > 0ms; time -= 1ms) {
      advance_time(1ms);
      consume_messages();
      if (answered < told->units.size())
        answer_next(reply{});
    }
  }

  /// Keys that the link was given, without what surrounds them.
  std::vector<std::string> keys_sent() const {
    std::vector<std::string> result;
    for (auto& unit : told->units) {
      std::string text{*unit.wire};
      text.resize(text.size() - 2);
      result.push_back(text.substr(text.rfind('\n') + 1));
    }
    return result;
  }

  std::vector<std::unique_ptr<member>> crowd;
};

} // namespace redoubt_test
