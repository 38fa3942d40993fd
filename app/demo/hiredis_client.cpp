#include <redoubt/app/demo/hiredis_client.hpp>

#include <hiredis/hiredis.h>

namespace redoubt::demo {

namespace {

constexpr timeval limit{0, 500000};

struct reply_deleter {
  void operator()(redisReply* reply) const noexcept { freeReplyObject(reply); }
};

using reply_ptr = std::unique_ptr<redisReply, reply_deleter>;

raw_reply to_raw(const redisReply& x) {
  using kind = raw_reply::kind;
  switch (x.type) {
    case REDIS_REPLY_NIL: return {kind::nil, {}, 0};
    case REDIS_REPLY_STRING: return {kind::text, {x.str, x.len}, 0};
    case REDIS_REPLY_STATUS: return {kind::status, {x.str, x.len}, 0};
    case REDIS_REPLY_ERROR: return {kind::error, {x.str, x.len}, 0};
    case REDIS_REPLY_INTEGER: return {kind::integer, {}, x.integer};
    default: return {kind::other, {}, 0};
  }
}

} // namespace

void hiredis_client::context_deleter::operator()(
  redisContext* context) const noexcept {
  redisFree(context);
}

hiredis_client::hiredis_client(uint16_t port)
  : client(client_kind::hiredis), port_(port), thread_([this] { run(); }) {
}

hiredis_client::~hiredis_client() {
  {
    std::lock_guard guard{mutex_};
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void hiredis_client::issue(std::shared_ptr<recorder> to, uint32_t index) {
  {
    std::lock_guard guard{mutex_};
    jobs_.push_back({std::move(to), index});
  }
  changed_.notify_all();
}

vitals hiredis_client::observe() {
  vitals result;
  result.ready_connections = connected_ ? 1 : 0;
  return result;
}

void hiredis_client::run() {
  std::unique_lock guard{mutex_};
  for (;;) {
    changed_.wait(guard, [this] { return stopping_ || !jobs_.empty(); });
    if (stopping_)
      return;
    auto next = std::move(jobs_.front());
    jobs_.pop_front();
    guard.unlock();
    perform(next);
    connected_ = context_ != nullptr;
    guard.lock();
  }
}

void hiredis_client::perform(const job& x) {
  if (!context_ && !connect()) {
    x.to->fail(x.index, result::failed);
    return;
  }
  auto words = x.to->work().words(x.index);
  std::vector<const char*> texts;
  std::vector<size_t> sizes;
  for (auto& each : words) {
    texts.push_back(each.data());
    sizes.push_back(each.size());
  }
  reply_ptr reply{static_cast<redisReply*>(
    redisCommandArgv(context_.get(), static_cast<int>(texts.size()),
                     texts.data(), sizes.data()))};
  if (reply) {
    x.to->reply(x.index, to_raw(*reply));
    return;
  }
  // hiredis does not tell whether the command had left.
  x.to->fail(x.index, result::unknown);
  context_.reset();
}

bool hiredis_client::connect() {
  context_.reset(redisConnectWithTimeout("127.0.0.1", port_, limit));
  if (context_ && context_->err == 0
      && redisSetTimeout(context_.get(), limit) == REDIS_OK)
    return true;
  context_.reset();
  return false;
}

} // namespace redoubt::demo
