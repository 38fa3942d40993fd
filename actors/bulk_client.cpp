#include <redoubt/actors/bulk_client.hpp>

#include <caf/actor_cast.hpp>

#include <utility>

namespace redoubt {

namespace {

failure never_taken() {
  failure x;
  x.code = errc::actor_died;
  x.last_message = "the request actor is gone";
  return x;
}

} // namespace

bulk_client::bulk_client(caf::scheduled_actor* self, request_actor to,
                         handler on_outcome)
  : self_(self), on_outcome_(std::move(on_outcome)) {
  attach(std::move(to));
}

void bulk_client::attach(request_actor to) {
  if (to == to_ && !closed_)
    return;
  to_ = std::move(to);
  closed_ = false;
  auto number = ++handle_;
  // What was not flushed yet goes to the new one.
  for (auto& each : added_)
    slots_[static_cast<uint32_t>(each.id)].handle = number;
  // Runs where the request actor ends, after that has sent its last completions:
  // this message arrives behind them, which a down message would overtake.
  auto tell = [me = caf::actor_cast<caf::weak_actor_ptr>(self_), number] {
    if (auto x = me.lock())
      api::anon_send(caf::actor_cast<completion_sink>(x),
                     completions{{}, number});
  };
  to_->attach_functor(std::move(tell));
}

uint64_t bulk_client::add(command cmd, uint64_t key,
                          std::shared_ptr<const request_options> options) {
  if (free_.empty()) {
    free_.push_back(static_cast<uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  auto index = free_.back();
  free_.pop_back();
  auto& x = slots_[index];
  x.key = key;
  x.used = true;
  x.handle = handle_;
  ++outstanding_;
  auto id = id_of(index);
  added_.push_back({id, std::move(cmd), std::move(options)});
  return id;
}

void bulk_client::flush() {
  if (added_.empty())
    return;
  auto commands = std::exchange(added_, {});
  if (!closed_) {
    api::anon_send(to_, submit{sink_address(), std::move(commands)});
    return;
  }
  completions turned_away;
  for (auto& each : commands) {
    auto& item = turned_away.items.emplace_back();
    item.id = each.id;
    item.result = never_taken();
  }
  api::anon_send(sink_address(), std::move(turned_away));
}

void bulk_client::cancel(uint64_t id) {
  if (!closed_)
    api::anon_send(to_, redoubt::cancel{{id}, sink_address()});
}

completion_sink bulk_client::sink_address() const {
  return caf::actor_cast<completion_sink>(self_);
}

void bulk_client::take(completions& x) {
  for (auto& each : x.items)
    hand_out(each.id, each.result);
  if (x.end_of != 0)
    end(x.end_of);
  flush();
}

void bulk_client::hand_out(uint64_t id, outcome& result) {
  auto index = static_cast<uint32_t>(id);
  if (index >= slots_.size())
    return;
  auto& x = slots_[index];
  if (!x.used || x.generation != static_cast<uint32_t>(id >> 32))
    return;
  x.used = false;
  ++x.generation;
  free_.push_back(index);
  --outstanding_;
  on_outcome_(x.key, result);
}

/// What has no outcome when its request actor is gone was never taken.
void bulk_client::end(uint64_t handle) {
  std::vector<uint64_t> left;
  for (size_t i = 0; i < slots_.size(); ++i)
    if (slots_[i].used && slots_[i].handle == handle)
      left.push_back(id_of(static_cast<uint32_t>(i)));
  if (handle == handle_) {
    closed_ = true;
    added_.clear();
  }
  for (auto id : left) {
    outcome result{never_taken()};
    hand_out(id, result);
  }
}

uint64_t bulk_client::id_of(uint32_t index) const noexcept {
  return (static_cast<uint64_t>(slots_[index].generation) << 32) | index;
}

} // namespace redoubt
