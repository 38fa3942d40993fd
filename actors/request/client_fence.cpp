// Lost connections whose copies must not arrive after the retries of them.

#include <redoubt/actors/request/client.hpp>

#include <algorithm>
#include <utility>

namespace redoubt {

namespace {

/// How long to leave a server alone that cannot answer now.
constexpr std::chrono::milliseconds pause{20};

} // namespace

bool client::is_write_under_way(const request_slot& x, uint64_t link) const {
  return x.sent_on == link && x.so_far == fate::unknown
         && x.cls != command_class::read_only;
}

bool client::behind_fence(const request_slot& x) const {
  return std::any_of(fences_.begin(), fences_.end(), [&](auto& each) {
    return is_write_under_way(x, each.id);
  });
}

bool client::anyone_behind(uint64_t link) {
  for (uint32_t i = 0; i < table_.capacity(); ++i)
    if (table_[i].phase != request_phase::free
        && is_write_under_way(table_[i], link))
      return true;
  return false;
}

/// Called before the requests of a lost connection are looked at.
void client::put_up_fence(const link_closed& x, const link_state& lost) {
  if (!lost.client_name.empty() && lost.client_id != 0) {
    fences_.push_back(
      {lost.id, fence{lost.client_id, lost.client_name}, x.gave_up});
    return;
  }
  if (!x.gave_up)
    return;
  // Attempts of which we did not know until now that they cannot be repeated.
  for (uint32_t i = 0; i < table_.capacity(); ++i)
    if (table_[i].phase == request_phase::waiting
        && is_write_under_way(table_[i], lost.id))
      fail(i, table_[i].last_code, fate::unknown);
}

void client::ask_for_fences() {
  for (size_t i = 0; i < fences_.size() && link_ && link_->credit > 0;) {
    auto& x = fences_[i];
    if (x.question != 0 || x.not_before > now()) {
      ++i;
      continue;
    }
    if (!anyone_behind(x.id)) {
      fences_.erase(fences_.begin() + static_cast<ptrdiff_t>(i));
      continue;
    }
    x.question = ++last_question_;
    auto id = request_table::id_of(request_table::no_index, x.question);
    --link_->credit;
    auto ahead = static_cast<uint32_t>(link_->sent.size());
    link_->sent.push_back({id, 0, 0, now(), ahead, false});
    outbox_.push_back(submission{id, x.barrier.next().buffer(), 1,
                                 config_.defaults.timeouts.attempt});
    ++i;
  }
}

void client::on_fence_reply(link_reply& x) {
  auto at = std::find_if(fences_.begin(), fences_.end(), [&](auto& each) {
    return request_table::id_of(request_table::no_index, each.question) == x.id;
  });
  if (at == fences_.end())
    return;
  at->question = 0;
  auto verdict = x.code == errc::none ? at->barrier.on_reply(x.value)
                                      : fence::verdict::denied;
  switch (verdict) {
    case fence::verdict::more: break;
    case fence::verdict::again:
      at->not_before = now() + pause;
      api::send_at(this, client_actor{this}, at->not_before,
                   tick{0, tick_purpose::fence});
      break;
    case fence::verdict::done:
    case fence::verdict::denied:
      take_down_fence(static_cast<size_t>(at - fences_.begin()),
                      verdict == fence::verdict::denied);
  }
}

void client::take_down_fence(size_t index, bool denied) {
  auto lost = std::move(fences_[index]);
  fences_.erase(fences_.begin() + static_cast<ptrdiff_t>(index));
  if (denied && lost.gave_up)
    log_->warn("writes of connection {} are not sent again: the server lets us "
               "neither list nor kill it (CLIENT LIST, CLIENT KILL)",
               lost.id);
  for (uint32_t i = 0; i < table_.capacity(); ++i) {
    auto& x = table_[i];
    if (x.phase != request_phase::waiting || !is_write_under_way(x, lost.id))
      continue;
    x.sent_on = 0;
    lanes_.list(x.caller);
    if (denied && lost.gave_up)
      fail(i, x.last_code, fate::unknown);
  }
}

} // namespace redoubt
