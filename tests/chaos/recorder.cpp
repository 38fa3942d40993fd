#include <redoubt/tests/chaos/recorder.hpp>

#include <stdexcept>
#include <utility>

namespace redoubt::chaos {

namespace {

void note(operation& x, const reply& value) {
  x.kind = to_string(value.kind());
  x.repeated = value.repeated;
  x.value = value.kind() == reply_kind::integer ? std::to_string(value.number())
                                                : token_in(value.text());
  if (!value.is_error()) {
    x.became = ending::ok;
    return;
  }
  // A copy of an earlier attempt may have run, and then the reply says so.
  x.became = value.repeated ? ending::unknown : ending::failed;
  x.outcome = value.repeated ? fate::unknown : fate::answered;
  x.errc = "reply";
}

void note(operation& x, const failure& why) {
  x.became = why.outcome == fate::unknown ? ending::unknown : ending::failed;
  x.outcome = why.outcome;
  x.errc = to_string(why.code);
  x.value = why.last_message;
}

} // namespace

recorder::recorder(const std::string& path) : file_(path) {
  if (!file_)
    throw std::runtime_error("cannot write " + path);
}

microseconds recorder::now() const {
  return std::chrono::duration_cast<std::chrono::microseconds>(clock::now()
                                                               - began_)
    .count();
}

// -- callers ----------------------------------------------------------------------

uint64_t recorder::next_id() {
  std::lock_guard guard{mutex_};
  return ++last_id_;
}

void recorder::begin(std::vector<operation> all) {
  std::lock_guard guard{mutex_};
  auto at = now();
  for (auto& each : all) {
    each.invoked = at;
    auto id = each.id;
    pending_.emplace(id, std::move(each));
  }
}

void recorder::end(uint64_t id, const outcome& result) {
  std::lock_guard guard{mutex_};
  auto i = pending_.find(id);
  if (i == pending_.end()) {
    write(line_of_another_answer(id));
    return;
  }
  auto x = std::move(i->second);
  pending_.erase(i);
  x.done = now();
  x.answers = 1;
  std::visit([&](auto& y) { note(x, y); }, result);
  if (x.became == ending::ok) {
    last_success_ = x.done;
    if (first_ < 0 && x.done >= since_)
      first_ = x.done;
  }
  settle(x);
  changed_.notify_all();
}

void recorder::abandon(uint64_t caller) {
  std::lock_guard guard{mutex_};
  for (auto i = pending_.begin(); i != pending_.end();) {
    if (i->second.caller != caller) {
      ++i;
      continue;
    }
    auto x = std::move(i->second);
    i = pending_.erase(i);
    x.done = now();
    x.became = ending::unknown;
    x.outcome = fate::unknown;
    x.abandoned = true;
    x.errc = "abandoned";
    settle(x);
  }
}

size_t recorder::rested() const {
  std::lock_guard guard{mutex_};
  return rested_;
}

microseconds recorder::first_success(microseconds since, microseconds until) {
  std::unique_lock guard{mutex_};
  since_ = since;
  first_ = last_success_ >= since ? last_success_ : -1;
  changed_.wait_until(guard, began_ + std::chrono::microseconds{until},
                      [&] { return first_ >= 0; });
  since_ = never;
  return first_;
}

// -- the rest ---------------------------------------------------------------------

void recorder::add(dial_sample x) {
  std::lock_guard guard{mutex_};
  write(line_of(x));
}

void recorder::add(breaker_edge x) {
  std::lock_guard guard{mutex_};
  write(line_of(x));
}

void recorder::add(const strike& x) {
  std::lock_guard guard{mutex_};
  write(line_of(x));
  // Whoever looks on sees how far it is.
  file_.flush();
}

void recorder::add(stall x) {
  std::lock_guard guard{mutex_};
  write(line_of(x));
}

void recorder::finish(const run_facts& run, const final_state& final) {
  std::lock_guard guard{mutex_};
  for (auto& [id, each] : pending_)
    settle(each);
  pending_.clear();
  write(line_of(run));
  file_ << lines_of(final);
  file_.close();
  if (!file_)
    throw std::runtime_error("the history could not be written");
}

void recorder::settle(const operation& x) {
  write(line_of(x));
  rested_ += x.last ? 1 : 0;
}

void recorder::write(const std::string& line) {
  file_ << line << '\n';
}

} // namespace redoubt::chaos
