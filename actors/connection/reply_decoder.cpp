#include <redoubt/actors/connection/reply_decoder.hpp>

#include <fmt/format.h>
#include <hiredis/hiredis.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <new>

namespace redoubt {

namespace {

/// Bytes within which the announced length of a string has to end.
constexpr size_t longest_length = 32;

} // namespace

redisReplyObjectFunctions reply_decoder::object_functions{
  on_string, on_array, on_integer, on_nil, on_free};

void reply_decoder::deleter::operator()(redisReader* reader) const noexcept {
  redisReaderFree(reader);
}

reply_decoder::reply_decoder(const limit_options& limits)
  : bulk_limit_(limits.reply_bytes),
    element_limit_(limits.reply_elements),
    depth_limit_(limits.reply_depth),
    reader_(redisReaderCreateWithFunctions(&object_functions)) {
  if (!reader_)
    throw std::bad_alloc{};
  reader_->privdata = this;
}

void reply_decoder::feed(const char* data, size_t size) {
  // A failure shows in the next call of redisReaderGetReply.
  redisReaderFeed(reader_.get(), data, size);
}

reply_decoder::result reply_decoder::next(reply& out) {
  if (!error_.empty())
    return exceeded_ ? result::too_deep : result::broken;
  void* object = nullptr;
  if (redisReaderGetReply(reader_.get(), &object) != REDIS_OK) {
    if (error_.empty())
      error_ = reader_->errstr;
    return exceeded_ ? result::too_deep : result::broken;
  }
  if (object == nullptr) {
    if (!pending_is_too_large())
      return result::need_more;
    return exceeded_ ? result::too_deep : result::broken;
  }
  out = std::move(root_);
  root_ = reply{};
  elements_ = 0;
  return result::got;
}

void reply_decoder::exceed(std::string what) {
  exceeded_ = true;
  error_ = std::move(what);
}

bool reply_decoder::pending_is_too_large() {
  // hiredis waits for all bytes of a bulk string before it creates an object;
  // its announced length is judged before those bytes pile up.
  auto& r = *reader_;
  if (r.pos >= r.len || r.ridx < 0)
    return false;
  // The reader has taken the type, its position is behind it.
  if (r.rstack[r.ridx].type != REDIS_REPLY_STRING) {
    // A line that has no end yet.
    // Its carriage return may be here already.
    if (r.len - r.pos <= bulk_limit_ + 1)
      return false;
    exceed(fmt::format("a line exceeds the limit of {} bytes", bulk_limit_));
    return true;
  }
  auto begin = r.buf + r.pos;
  auto room = std::min(r.len - r.pos, longest_length);
  auto end = static_cast<const char*>(std::memchr(begin, '\r', room));
  if (end == nullptr) {
    if (room < longest_length)
      return false;
    error_ = "a length that does not end";
    return true;
  }
  int64_t size = 0;
  std::from_chars(begin, end, size);
  if (size <= 0 || static_cast<uint64_t>(size) <= bulk_limit_)
    return false;
  exceed(fmt::format("a string of {} bytes exceeds the limit of {}", size,
                     bulk_limit_));
  return true;
}

// -- object functions -----------------------------------------------------------

reply_decoder& reply_decoder::self(const redisReadTask* task) noexcept {
  return *static_cast<reply_decoder*>(task->privdata);
}

reply* reply_decoder::place(const redisReadTask* task) noexcept {
  if (task->parent == nullptr)
    return &self(task).root_;
  auto& parent = *static_cast<reply*>(task->parent->obj);
  return &parent.elements_[static_cast<size_t>(task->idx)];
}

void* reply_decoder::on_string(const redisReadTask* task, char* data,
                               size_t size) {
  auto& decoder = self(task);
  try {
    if (size > decoder.bulk_limit_) {
      decoder.exceed(fmt::format("a string of {} bytes exceeds the limit of {}",
                                 size, decoder.bulk_limit_));
      return nullptr;
    }
    if (task->type == REDIS_REPLY_STRING) {
      // The reader takes the two bytes behind a bulk string unseen.
      if (data[size] != '\r' || data[size + 1] != '\n') {
        decoder.error_ = "a string does not end where its length says";
        return nullptr;
      }
    }
    if (task->type == REDIS_REPLY_ERROR && size == 0) {
      decoder.error_ = "an error without a text";
      return nullptr;
    }
    auto x = place(task);
    x->kind_ = task->type == REDIS_REPLY_STRING   ? reply_kind::string
               : task->type == REDIS_REPLY_STATUS ? reply_kind::status
                                                  : reply_kind::error;
    x->text_.assign(data, size);
    return x;
  } catch (const std::bad_alloc&) {
    decoder.error_ = "out of memory";
    return nullptr;
  }
}

void* reply_decoder::on_array(const redisReadTask* task, int size) {
  auto& decoder = self(task);
  uint32_t depth = 1;
  for (auto x = task->parent; x != nullptr; x = x->parent)
    ++depth;
  // Counted over the whole reply: small arrays inside large ones are many too.
  if (size < 0
      || static_cast<uint32_t>(size)
           > decoder.element_limit_ - decoder.elements_) {
    decoder.exceed(fmt::format("a reply of more than {} elements exceeds the "
                               "limit",
                               decoder.element_limit_));
    return nullptr;
  }
  if (depth > decoder.depth_limit_) {
    decoder.exceed(fmt::format("arrays are nested deeper than the limit of {}",
                               decoder.depth_limit_));
    return nullptr;
  }
  try {
    auto x = place(task);
    x->kind_ = reply_kind::array;
    x->elements_.resize(static_cast<size_t>(size));
    decoder.elements_ += static_cast<uint32_t>(size);
    return x;
  } catch (const std::bad_alloc&) {
    decoder.error_ = "out of memory";
    return nullptr;
  }
}

void* reply_decoder::on_integer(const redisReadTask* task, long long value) {
  auto x = place(task);
  x->kind_ = reply_kind::integer;
  x->number_ = value;
  return x;
}

void* reply_decoder::on_nil(const redisReadTask* task) {
  auto x = place(task);
  x->kind_ = reply_kind::nil;
  return x;
}

void reply_decoder::on_free(void*) {
  // Objects live inside the decoder.
}

} // namespace redoubt
