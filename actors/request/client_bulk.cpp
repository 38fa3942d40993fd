// Many commands in one message, and requests that are taken back.

#include <redoubt/actors/request/client.hpp>

#include <caf/mailbox_element.hpp>

#include <unordered_set>
#include <utility>

namespace redoubt {

void client::on_submit(submit& x) {
  if (!x.sink || x.commands.empty())
    return;
  auto caller = x.sink.id();
  auto& channel = channels_[caller];
  if (!channel)
    channel = std::make_unique<bulk_channel>(x.sink, ready_channels_);
  for (auto& each : x.commands) {
    channel->open();
    admit(each.cmd, each.options.get(), caller, answer{channel.get(), each.id},
          each.id);
  }
}

void client::flush_channels() {
  for (auto channel : std::exchange(ready_channels_, {})) {
    api::send(this, channel->sink(), completions{channel->take()});
    if (channel->idle())
      channels_.erase(channel->sink().id());
  }
}

bool client::turn_away(const caf::mailbox_element& x) {
  auto& content = x.content();
  // Sent as plain messages, nobody waits for what becomes of these.
  if (content.match_elements<command>()
      || content.match_elements<command, request_options>()
      || content.match_elements<pipeline>()
      || content.match_elements<pipeline, request_options>()
      || content.match_elements<transaction>()
      || content.match_elements<transaction, request_options>()
      || content.match_elements<cancel>())
    return true;
  if (!content.match_elements<submit>())
    return false;
  auto& turned_away = content.get_as<submit>(0);
  failure why;
  why.code = errc::overloaded;
  why.last_message = "the mailbox is full";
  completions all;
  for (auto& each : turned_away.commands)
    all.items.push_back({each.id, why});
  api::anon_send(turned_away.sink, std::move(all));
  return true;
}

void client::on_cancel(const cancel& x) {
  auto bulk = static_cast<bool>(x.sink);
  auto caller = bulk ? x.sink.id() : caller_of_current();
  std::unordered_set<uint64_t> wanted{x.ids.begin(), x.ids.end()};
  // Without a sink, 0 is what all those have that were given no tag.
  if (!bulk)
    wanted.erase(0);
  for (uint32_t i = 0; i < table_.capacity(); ++i) {
    auto& each = table_[i];
    if (each.phase == request_phase::free || each.caller != caller
        || each.to.is_bulk() != bulk || !wanted.contains(each.tag))
      continue;
    auto in_flight = each.phase == request_phase::in_flight;
    if (in_flight && tallies(each))
      ++tally_.returned;
    fail(i, errc::cancelled, in_flight ? fate::unknown : each.so_far);
  }
  for (auto i = fallbacks_.begin(); i != fallbacks_.end();) {
    auto number = i->first;
    auto& each = (i++)->second;
    if (each.caller != caller || each.to.is_bulk() != bulk
        || !wanted.contains(each.tag))
      continue;
    each.why.code = errc::cancelled;
    end_fallback(number, nullptr);
  }
  cancel_in_other_lane(x);
  pump();
}

} // namespace redoubt
