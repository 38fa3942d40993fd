#pragma once

#include <redoubt/actors/supervisor/supervisor.hpp>

#include <caf/all.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace redoubt_test {

using namespace redoubt;
using namespace std::chrono_literals;

/// What a fake connection was told, and how far it got.
struct dial_record {
  uint64_t link = 0;
  uint32_t reactor = 0;
  api::time_point at;
  bool ready = false;
  bool gone = false;
  std::vector<submission> units;
  std::vector<uint32_t> owners;
  /// Units whose reply the test gave.
  size_t answered = 0;
  std::vector<caf::actor_addr> attached;
  std::vector<caf::actor_addr> detached;
  std::vector<errc> closed_with;
  /// It was to answer first what it had been given.
  bool closed_gently = false;
  /// It does not end when it is closed.
  bool deaf = false;
  /// Times that another supervisor took over.
  int adopted = 0;
};

/// A connection that writes down what it is told. Like a real one it ends when
/// it is closed, and says so; all else is up to the test.
class fake_connection : public connection_actor::base {
public:
  fake_connection(caf::actor_config& cfg, std::shared_ptr<dial_record> told,
                  link_observer observer)
    : connection_actor::base(cfg),
      told_(std::move(told)),
      observer_(std::move(observer)) {}

  behavior_type make_behavior() override {
    return {
      [this](submit_many& x) {
        told_->owners.push_back(x.owner);
        for (auto& unit : x.units)
          told_->units.push_back(std::move(unit));
      },
      [this](attach_client& x) {
        told_->attached.push_back(x.client.address());
      },
      [this](detach_client& x) {
        told_->detached.push_back(x.client.address());
      },
      [this](adopt_link& x) {
        observer_ = x.observer;
        ++told_->adopted;
        if (!told_->ready)
          send(observer_,
               link_progress{told_->link, connection_state::connecting});
        else
          send(
            observer_,
            link_up{
              told_->link, connection_actor{this}, 7, 1024, 1u << 20, 0, {}});
      },
      [this](close_link& x) {
        told_->closed_gently = x.when_answered;
        if (told_->deaf) {
          told_->closed_with.push_back(x.cause);
          return;
        }
        close(x.cause);
      },
      [](resolved&) {},
      [](io_event&) {},
      [](tick&) {},
    };
  }

  void on_exit() override { observer_ = nullptr; }

private:
  void close(errc cause) {
    told_->closed_with.push_back(cause);
    told_->gone = true;
    link_closed x;
    x.link = told_->link;
    x.cause = cause;
    x.text = "closed by the runtime";
    x.was_ready = told_->ready;
    send(observer_, std::move(x));
    quit();
  }

  std::shared_ptr<dial_record> told_;
  link_observer observer_;
};

/// What a fake request actor was told.
struct client_record {
  uint64_t id = 0;
  std::vector<gate> gates;
  std::vector<api::time_point> drains;
  int new_supervisors = 0;

  /// Permits that it was ever leased in `generation`.
  uint64_t permits(uint64_t generation) const {
    uint64_t sum = 0;
    for (auto& x : gates)
      if (x.generation == generation)
        sum += x.permits;
    return sum;
  }
};

/// A request actor that writes down what the supervisor tells it.
class recording_client : public client_actor::base {
public:
  recording_client(caf::actor_config& cfg, std::shared_ptr<client_record> told)
    : client_actor::base(cfg), told_(std::move(told)) {}

  behavior_type make_behavior() override {
    return {
      [](command&) { return reply{}; },
      [](command&, const request_options&) { return reply{}; },
      [](pipeline&) { return replies{}; },
      [](pipeline&, const request_options&) { return replies{}; },
      [](transaction&) { return replies{}; },
      [](transaction&, const request_options&) { return replies{}; },
      [](link_up&) {},
      [](link_replies&) {},
      [](submit&) {},
      [](cancel&) {},
      [](observe_attempts&) {},
      [](reconfigure_client&) {},
      [](link_closed&) {},
      [this](gate& x) { told_->gates.push_back(std::move(x)); },
      [this](drain_client& x) { told_->drains.push_back(x.deadline); },
      [this](new_supervisor&) { ++told_->new_supervisors; },
      [](tick&) {},
    };
  }

private:
  std::shared_ptr<client_record> told_;
};

/// A subscriber that acknowledges at once, or only when it is sent a `tick`.
class listener : public caf::event_based_actor {
public:
  using heard_events = std::shared_ptr<std::vector<event>>;

  listener(caf::actor_config& cfg, heard_events heard, bool acknowledges)
    : caf::event_based_actor(cfg),
      heard_(std::move(heard)),
      acknowledges_(acknowledges) {}

  caf::behavior make_behavior() override {
    return {
      [this](event& x) {
        heard_->push_back(std::move(x));
        auto promise = make_response_promise();
        open_.push_back(promise);
        if (acknowledges_)
          acknowledge();
        return promise;
      },
      [this](tick&) { acknowledge(); },
    };
  }

  /// A promise holds its actor: those left open would keep it forever.
  void on_exit() override { open_.clear(); }

private:
  void acknowledge() {
    for (auto& x : open_)
      x.deliver(caf::make_message());
    open_.clear();
  }

  heard_events heard_;
  bool acknowledges_;
  std::vector<caf::response_promise> open_;
};

} // namespace redoubt_test
